"""The client of `kv` for coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from itertools import count
from types import TracebackType
from typing import Any, Protocol, TypeVar

from radon.kv.clients import Client
from radon.kv.messages import Answer, ReplicaOp, parse
from radon.kv.operations import (
    ALWAYS,
    PAGE,
    Ask,
    Condition,
    Conflict,
    Entry,
    Key,
    Locked,
    Operations,
    Scan,
    Steps,
    Versions,
    ask_for_operations,
    encoded,
    naming,
)
from radon.kv.transactions import TRIES, Snapshot, Work, ask_for_coordinators, pause_before

T = TypeVar("T")

Pause = Callable[[int], Awaitable[None]]
"""Waits before the attempt of this number; the first, which waits for nobody, is 0."""


async def sleep_before(attempt: int) -> None:
    await asyncio.sleep(pause_before(attempt))


class Caller(Protocol):
    """What a client needs of `radon.Runtime`."""

    async def call(self, address: str, body: bytes = b"", *, timeout: Any = ..., once: Any = ...) -> bytes: ...


class Kv(Client[Caller, Pause]):
    """A key-value store: the kind `kind` of a running application, whose module is "std:kv".

    Each method is one question to the shard of its key, and so atomic; those of many keys are one question to each
    shard, atomic within it. Keys are bytes or text, values bytes, both may be empty. A `ttl` is in seconds. What
    changes something takes `once`, a name for what is to be done: asking again with it, after a Timeout or a crash, is
    safe.

    A replicated store, whose module is "std:kvr", is used in the same way, through replica `near` of each shard. An
    object of this class is a session with it: what it has written or read it reads, whichever replica answers. What one
    owner of a key would have to decide - conditions, `compare_and_set`, `append` and their like - raises Unsupported.

    Raises TooLarge, Exhausted, Locked, Unsupported, Behind, Timeout, and what `Runtime.call` raises.
    """

    def _default_pause(self) -> Pause:
        return sleep_before

    async def operations(self) -> Operations:
        """What it can do, now that the number of shards is known."""
        return self._operations or self._serve(await self._drive(ask_for_operations()))

    # ---- one key ----

    async def get(self, key: Key) -> bytes | None:
        """The value, or None."""
        return await self._drive((await self.operations()).get(key))

    async def entry(self, key: Key) -> Entry | None:
        """The value with its version, expiry and tag, or None."""
        return await self._drive((await self.operations()).entry(key))

    async def part(self, key: Key, offset: int, length: int) -> bytes | None:
        """At most `length` bytes of the value from `offset` on, or None."""
        return await self._drive((await self.operations()).part(key, offset, length))

    async def length(self, key: Key) -> int | None:
        """How many bytes the value has, or None."""
        return await self._drive((await self.operations()).length(key))

    async def exists(self, key: Key) -> bool:
        return await self.length(key) is not None

    async def put(
        self, key: Key, value: bytes, *, ttl: float | None = None, keep_ttl: bool = False, when: Condition = ALWAYS,
        tag: int = 0, after: Versions | None = None, once: str = "",
    ) -> int:  # fmt: skip
        """Put a value; the entry's new version, or 0 where `when` did not hold and nothing was changed.

        Without `ttl` it stays for ever, with `keep_ttl` as long as the value that it replaces would have. Of a
        replicated store it replaces what is there `after` those versions were read; None: all that the replica has.
        """
        return await self._drive((await self.operations()).put(key, value, ttl, keep_ttl, when, tag, after), once)

    async def swap(self, key: Key, value: bytes, *, once: str = "") -> bytes | None:
        """Put a value and get what was there before."""
        return await self._drive((await self.operations()).swap(key, value), once)

    async def delete(self, key: Key, *, when: Condition = ALWAYS, once: str = "") -> bool:
        """True: there was something, and it is gone."""
        return await self._drive((await self.operations()).delete(key, when), once)

    async def take(self, key: Key, *, once: str = "") -> bytes | None:
        """Delete a value and get it."""
        return await self._drive((await self.operations()).take(key), once)

    async def compare_and_set(self, key: Key, expected: bytes | None, value: bytes, *, once: str = "") -> bool:
        """Put a value if the one there is `expected`; None: if there is none."""
        return await self._drive((await self.operations()).compare_and_set(key, expected, value), once)

    async def add(self, key: Key, delta: int = 1, *, ttl: float | None = None, once: str = "") -> int:
        """Add to a decimal number, which begins as 0, and with `ttl` then; the sum. Raises NotANumber."""
        return await self._drive((await self.operations()).add(key, delta, ttl), once)

    async def append(self, key: Key, more: bytes, *, once: str = "") -> int:
        """Add bytes at the end of a value, which begins empty; its new length."""
        return await self._drive((await self.operations()).append(key, more), once)

    async def write(self, key: Key, offset: int, data: bytes, *, once: str = "") -> int:
        """Write over a value from `offset` on, with zeros in a gap; its new length."""
        return await self._drive((await self.operations()).write(key, offset, data), once)

    async def expire(self, key: Key, ttl: float | None, *, once: str = "") -> bool:
        """Let an entry live so long from now, or for ever (None). False: there is none."""
        return await self._drive((await self.operations()).expire(key, ttl), once)

    # ---- replicated stores ----

    async def versions(self, key: Key) -> Versions:
        """The values of which none has replaced another, as concurrent puts leave them where that is "causal"."""
        return await self._drive((await self.operations()).versions(key))

    async def insert(self, key: Key, element: bytes, *, once: str = "") -> bool:
        """Add an element to a set, which begins empty. Wins over a `remove` at the same time."""
        return await self._drive((await self.operations()).change_set(ReplicaOp.INSERT, key, element), once)

    async def remove(self, key: Key, element: bytes, *, once: str = "") -> bool:
        """False: it is not there."""
        return await self._drive((await self.operations()).change_set(ReplicaOp.REMOVE, key, element), once)

    async def members(self, key: Key) -> list[bytes]:
        """The elements of a set, in the order of their bytes."""
        return await self._drive((await self.operations()).members(key))

    # ---- many keys ----

    async def get_many(self, keys: Iterable[Key]) -> list[bytes | None]:
        """The values, in the order of the keys."""
        return await self._drive((await self.operations()).get_many(keys))

    async def put_many(self, values: Mapping[Key, bytes], *, ttl: float | None = None, once: str = "") -> None:
        """Put all of them. Those of one shard are there at the same moment, or none is."""
        await self._drive((await self.operations()).put_many(values, ttl), once)

    async def delete_many(self, keys: Iterable[Key], *, once: str = "") -> int:
        """How many there were."""
        return await self._drive((await self.operations()).delete_many(keys), once)

    async def scan(
        self, start: Key = b"", end: Key | None = None, *, page: int = PAGE, values: bool = True
    ) -> AsyncIterator[tuple[bytes, Entry]]:
        """The entries from `start` up to `end` in the order of their keys, over all shards.

        Each page of a shard is of one moment, `page` entries at most; what changes meanwhile may be missed or seen.
        Without `values` those are empty, and less is transferred.
        """
        scan = Scan(
            (await self.operations()).shards, encoded(start), None if end is None else encoded(end), page, values
        )
        while (found := await self._drive(scan.step())) is not None:
            for entry in found:
                yield entry

    # ---- transactions ----

    async def snapshot(self, keys: Iterable[Key]) -> list[bytes | None]:
        """The values that all of the keys had at one moment, whatever shards they are in. It never conflicts."""
        return await self._patiently(Snapshot(await self.operations(), keys).take)

    def transaction(self, *, once: str = "") -> Transaction:
        """Reads and writes of any keys that happen together when the block is left, or not at all.

            async with kv.transaction() as t:
                apples = await t.get("apples")
                t.put("pears", apples)

        Serializable: as if nobody else had done anything meanwhile. Leaving it raises Conflict where somebody has; then
        nothing was changed, and the block may be run again, as `transact` does. Left by an exception it does nothing.
        """
        return Transaction(self, once)

    async def transact(self, work: Callable[[Transaction], Awaitable[T]], *, once: str = "", tries: int = TRIES) -> T:
        """Run `work` in a transaction, again after a pause for as long as it conflicts; what it returned."""
        for attempt in count(1):
            try:
                async with self.transaction(once=f"{once} {attempt}" if once else "") as transaction:
                    result = await work(transaction)
                return result
            except Conflict:
                if attempt == tries:
                    raise
                await self._pause(attempt)
        raise AssertionError("unreachable")

    async def _begin(self) -> Work:
        return Work(await self.operations(), self._kind, self._coordinators)

    async def _commit(self, work: Work, once: str) -> None:
        if work.needs_coordinator and not self._number_of_coordinators:
            self._number_of_coordinators = await self._drive(ask_for_coordinators(self._coordinators))
        await self._patiently(lambda: work.commit(self._number_of_coordinators), once if work.writes else "")

    # ---- asking ----

    async def _patiently(self, steps: Callable[[], Steps[T]], once: str = "") -> T:
        """What only waits for the end of another transaction is tried again."""
        for attempt in range(1, TRIES):
            try:
                return await self._drive(steps(), once)
            except Locked:
                await self._pause(attempt)
        return await self._drive(steps(), once)

    async def _drive(self, steps: Steps[T], once: str = "") -> T:
        if self._session is not None:
            steps = self._session.steps(steps)
        try:
            asks = next(steps)
            while True:
                asks = steps.send(await self._ask_all(asks, once))
        except StopIteration as end:
            value: T = end.value
            return value

    async def _ask_all(self, asks: list[Ask], once: str) -> list[Answer]:
        questions = [self._ask(ask, naming(once, self._kind, number, ask.again)) for number, ask in enumerate(asks)]
        return [await questions[0]] if len(questions) == 1 else await asyncio.gather(*questions)

    async def _ask(self, ask: Ask, named: Mapping[str, str]) -> Answer:
        address = f"{ask.kind or self._kind}/{ask.key}"
        return parse(await self._app.call(address, ask.body, timeout=self._timeout, **named))


class Transaction:
    """What `Kv.transaction` gives. Only one coroutine uses it."""

    def __init__(self, kv: Kv, once: str) -> None:
        self._kv = kv
        self._once = once
        self._work: Work

    async def __aenter__(self) -> Transaction:
        self._work = await self._kv._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self._kv._commit(self._work, self._once)

    async def get(self, key: Key) -> bytes | None:
        """The value, or None; that of this transaction where it has put or deleted one."""
        return (await self.get_many([key]))[0]

    async def get_many(self, keys: Iterable[Key]) -> list[bytes | None]:
        """The values, in the order of the keys."""
        names = list(keys)
        return await self._kv._patiently(lambda: self._work.get_many(names))

    def put(self, key: Key, value: bytes, *, ttl: float | None = None, keep_ttl: bool = False) -> None:
        """Put a value in the end; as `Kv.put`."""
        self._work.put(key, value, ttl, keep_ttl)

    def delete(self, key: Key) -> None:
        """Delete it in the end, if it is there."""
        self._work.delete(key)
