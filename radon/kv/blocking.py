"""The client of `kv` for threads: what `event_loop.py` has, method by method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from radon.kv.messages import Answer, ReplicaOp, parse
from radon.kv.operations import (
    ALWAYS,
    PAGE,
    Ask,
    Condition,
    Entry,
    Key,
    Operations,
    Scan,
    Steps,
    Versions,
    ask_for_operations,
    encoded,
    naming,
)
from radon.kv.sessions import Session

T = TypeVar("T")


class Caller(Protocol):
    """What a client needs of `radon.BlockingRuntime`."""

    def call(self, address: str, body: bytes = b"", *, timeout: Any = ..., once: Any = ...) -> bytes: ...


class BlockingKv:
    """As `Kv`, over a `radon.BlockingRuntime`."""

    def __init__(
        self, app: Caller, kind: str = "kv", *, shards: int | None = None, timeout: float | None = 5.0,
        replicas: int = 1, near: int = 0,
    ) -> None:  # fmt: skip
        """See `Kv`."""
        self._app = app
        self._kind = kind
        self._timeout = timeout
        self._near = near
        self._operations: Operations | None = None
        self._session: Session | None = None
        if shards is not None:
            self._serve(Operations(shards, replicas))

    @property
    def operations(self) -> Operations:
        """What it can do; asks for the number of shards at first."""
        if self._operations is None:
            self._serve(self._drive(ask_for_operations()))
        assert self._operations is not None
        return self._operations

    def _serve(self, operations: Operations) -> None:
        self._operations = operations
        self._session = Session(operations.replicas, self._near) if operations.replicas > 1 else None

    # ---- one key ----

    def get(self, key: Key) -> bytes | None:
        """See `Kv.get`."""
        return self._drive(self.operations.get(key))

    def entry(self, key: Key) -> Entry | None:
        """See `Kv.entry`."""
        return self._drive(self.operations.entry(key))

    def part(self, key: Key, offset: int, length: int) -> bytes | None:
        """See `Kv.part`."""
        return self._drive(self.operations.part(key, offset, length))

    def length(self, key: Key) -> int | None:
        """See `Kv.length`."""
        return self._drive(self.operations.length(key))

    def exists(self, key: Key) -> bool:
        return self.length(key) is not None

    def put(
        self, key: Key, value: bytes, *, ttl: float | None = None, keep_ttl: bool = False, when: Condition = ALWAYS,
        tag: int = 0, after: Versions | None = None, once: str = "",
    ) -> int:  # fmt: skip
        """See `Kv.put`."""
        return self._drive(self.operations.put(key, value, ttl, keep_ttl, when, tag, after), once)

    def swap(self, key: Key, value: bytes, *, once: str = "") -> bytes | None:
        """See `Kv.swap`."""
        return self._drive(self.operations.swap(key, value), once)

    def delete(self, key: Key, *, when: Condition = ALWAYS, once: str = "") -> bool:
        """See `Kv.delete`."""
        return self._drive(self.operations.delete(key, when), once)

    def take(self, key: Key, *, once: str = "") -> bytes | None:
        """See `Kv.take`."""
        return self._drive(self.operations.take(key), once)

    def compare_and_set(self, key: Key, expected: bytes | None, value: bytes, *, once: str = "") -> bool:
        """See `Kv.compare_and_set`."""
        return self._drive(self.operations.compare_and_set(key, expected, value), once)

    def add(self, key: Key, delta: int = 1, *, ttl: float | None = None, once: str = "") -> int:
        """See `Kv.add`."""
        return self._drive(self.operations.add(key, delta, ttl), once)

    def append(self, key: Key, more: bytes, *, once: str = "") -> int:
        """See `Kv.append`."""
        return self._drive(self.operations.append(key, more), once)

    def write(self, key: Key, offset: int, data: bytes, *, once: str = "") -> int:
        """See `Kv.write`."""
        return self._drive(self.operations.write(key, offset, data), once)

    def expire(self, key: Key, ttl: float | None, *, once: str = "") -> bool:
        """See `Kv.expire`."""
        return self._drive(self.operations.expire(key, ttl), once)

    # ---- replicated stores ----

    def move(self, near: int) -> None:
        """See `Kv.move`."""
        self._near = near
        if self._session is not None:
            self._session.move(near)

    def versions(self, key: Key) -> Versions:
        """See `Kv.versions`."""
        return self._drive(self.operations.versions(key))

    def insert(self, key: Key, element: bytes, *, once: str = "") -> bool:
        """See `Kv.insert`."""
        return self._drive(self.operations.change_set(ReplicaOp.INSERT, key, element), once)

    def remove(self, key: Key, element: bytes, *, once: str = "") -> bool:
        """See `Kv.remove`."""
        return self._drive(self.operations.change_set(ReplicaOp.REMOVE, key, element), once)

    def members(self, key: Key) -> list[bytes]:
        """See `Kv.members`."""
        return self._drive(self.operations.members(key))

    # ---- many keys ----

    def get_many(self, keys: Iterable[Key]) -> list[bytes | None]:
        """See `Kv.get_many`."""
        return self._drive(self.operations.get_many(keys))

    def put_many(self, values: Mapping[Key, bytes], *, ttl: float | None = None, once: str = "") -> None:
        """See `Kv.put_many`."""
        self._drive(self.operations.put_many(values, ttl), once)

    def delete_many(self, keys: Iterable[Key], *, once: str = "") -> int:
        """See `Kv.delete_many`."""
        return self._drive(self.operations.delete_many(keys), once)

    def scan(
        self, start: Key = b"", end: Key | None = None, *, page: int = PAGE, values: bool = True
    ) -> Iterator[tuple[bytes, Entry]]:
        """See `Kv.scan`."""
        scan = Scan(self.operations.shards, encoded(start), None if end is None else encoded(end), page, values)
        while (found := self._drive(scan.step())) is not None:
            yield from found

    # ---- asking ----

    def _drive(self, steps: Steps[T], once: str = "") -> T:
        if self._session is not None:
            steps = self._session.steps(steps)
        try:
            asks = next(steps)
            while True:
                asks = steps.send(
                    [self._ask(ask, naming(once, self._kind, number, ask.again)) for number, ask in enumerate(asks)]
                )
        except StopIteration as end:
            value: T = end.value
            return value

    def _ask(self, ask: Ask, named: Mapping[str, str]) -> Answer:
        return parse(self._app.call(f"{self._kind}/{ask.key}", ask.body, timeout=self._timeout, **named))
