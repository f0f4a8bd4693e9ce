"""What a transaction has read and wants to write, and how it ends. Like `operations.py` it does not say how it waits.

Reads are optimistic: a version is remembered with each, and all of them are looked at again in the end, by the shards
themselves while they lock what will be written. So two transactions that read each other's keys cannot both happen.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import uniform

from radon.abi.errors import Invalid, TooLarge, Unavailable
from radon.kv.messages import FORMAT, NO_FLAGS, PARTS_MAX, Answer, Flag, Op, Part, Status, items, request, run
from radon.kv.operations import (
    Ask,
    Conflict,
    Key,
    Locked,
    Operations,
    Steps,
    checked,
    encoded,
    expiry_of,
    fail,
    shard_of,
    value_in,
)

TRIES = 60
"""How often a client tries what another transaction is in the way of; with the pauses between, some five seconds."""


def pause_before(attempt: int) -> float:
    """Seconds before another attempt, the first of which is 1: growing, and of chance lest two meet again."""
    return uniform(0.5, 1.0) * min(0.1, 0.001 * 2.0**attempt)


class Work:
    """Of one transaction over a store of the kind `kind`."""

    def __init__(self, operations: Operations, kind: str, coordinators: str) -> None:
        self._operations = operations
        self._kind = kind
        self._coordinators = coordinators
        self._seen: dict[bytes, Answer] = {}
        self._changes: dict[bytes, tuple[bytes | None, Flag, int]] = {}  # value or none, flags, expiry

    def get_many(self, keys: Iterable[Key]) -> Steps[list[bytes | None]]:
        """The values as this transaction sees them. Raises Locked while one is about to change."""
        names = [encoded(key) for key in keys]
        unknown = dict.fromkeys(name for name in names if name not in self._changes and name not in self._seen)
        self._seen.update((yield from self._operations.found(unknown)))
        return [self._value(name) for name in names]

    def _value(self, name: bytes) -> bytes | None:
        return self._changes[name][0] if name in self._changes else value_in(self._seen[name])

    def put(self, key: Key, value: bytes, ttl: float | None, keep_ttl: bool) -> None:
        flags, expiry = expiry_of(ttl)
        self._changes[encoded(key)] = value, flags | (Flag.KEEP_EXPIRY if keep_ttl else NO_FLAGS), expiry

    def delete(self, key: Key) -> None:
        self._changes[encoded(key)] = None, NO_FLAGS, 0

    # ---- the end ----

    def commit(self, coordinators: int) -> Steps[None]:
        """Make it happen, by one of so many coordinators. Raises Conflict, or Locked: look again in a moment."""
        parts = self._parts()
        if not self._changes:
            yield from self._still_so(parts)
        elif len(parts) == 1:
            ((shard, requests),) = parts.items()
            (answer,) = yield [Ask(shard, request(Op.BATCH, payload=items(requests)))]
            _happened(answer)
        else:
            if len(parts) > PARTS_MAX:
                raise TooLarge(f"a transaction is about {PARTS_MAX} shards at most, not {len(parts)}")
            body = run(Part(self._kind, shard, tuple(requests)) for shard, requests in parts.items())
            (answer,) = yield [Ask(next(iter(parts)) % coordinators, body, self._coordinators)]
            if answer.status in (Status.INVALID, Status.UNSUPPORTED) and not answer.value:
                raise Invalid(f'{self._coordinators} cannot do that; is it a std:txkv with the grant "{self._kind}/*"?')
            _happened(answer)

    @property
    def writes(self) -> bool:
        return bool(self._changes)

    @property
    def needs_coordinator(self) -> bool:
        return self.writes and len(self._parts()) > 1

    def _parts(self) -> dict[int, list[bytes]]:
        """The requests of each shard. A key is named once: where it was read and is written, by the write."""
        parts: dict[int, list[bytes]] = {}
        for name in {**self._seen, **self._changes}:
            shard = shard_of(name, self._operations.shards)
            parts.setdefault(shard, []).append(self._change(name) if name in self._changes else self._check(name))
        return parts

    def _check(self, name: bytes) -> bytes:
        return request(Op.GET, name, flags=Flag.IF_VERSION | Flag.NO_VALUE, version=self._seen[name].version)

    def _change(self, name: bytes) -> bytes:
        value, flags, expiry = self._changes[name]
        condition = Flag.IF_VERSION if name in self._seen else NO_FLAGS
        version = self._seen[name].version if name in self._seen else 0
        if value is None:
            return request(Op.DELETE, name, flags=condition, version=version)
        return request(Op.PUT, name, value, flags=flags | condition, version=version, expiry=expiry)

    def _still_so(self, parts: dict[int, list[bytes]]) -> Steps[None]:
        """That what was read was all there at one moment: between the last read and the first of these."""
        if len(self._seen) < 2:
            return
        answers = yield [Ask(shard, request(Op.BATCH, payload=items(checks))) for shard, checks in parts.items()]
        for answer in answers:
            if answer.status is Status.LOCKED:
                raise Locked("a transaction that is under way has a key; look again")
            _happened(answer)


class Snapshot:
    """What many keys stood for at one moment: read, and read again until nothing has changed in between."""

    def __init__(self, operations: Operations, keys: Iterable[Key]) -> None:
        self._operations = operations
        self._found: dict[bytes, Answer] = {}
        self._names = [encoded(key) for key in keys]
        self._stale = list(dict.fromkeys(self._names))

    def take(self) -> Steps[list[bytes | None]]:
        """Raises Locked while one is about to change; may then be called again, and goes on."""
        while True:
            if self._stale:
                self._found.update((yield from self._operations.found(self._stale)))
                self._stale = []
            now = (yield from self._operations.versions_of(self._found)) if len(self._found) > 1 else {}
            self._stale = [name for name, version in now.items() if version != self._found[name].version]
            if not self._stale:
                return [value_in(self._found[name]) for name in self._names]


def ask_for_coordinators(kind: str) -> Steps[int]:
    """How many there are, which they know from their manifest."""
    (answer,) = yield [Ask(0, request(Op.INFO), kind)]
    it = checked(answer)
    shards = int.from_bytes(it.value[:4], "little")
    if it.version != FORMAT or not shards:
        raise Invalid(f"{kind} is no std:txkv, or not of this version of Radon")
    return shards


def _happened(answer: Answer) -> None:
    match answer.status:
        case Status.OK | Status.ABSENT:
            return
        case Status.CONFLICT | Status.LOCKED:
            raise Conflict("another transaction was faster, or is under way; nothing was changed; run it again")
        case Status.UNANSWERED:
            raise Unavailable("a shard did not answer the coordinator; nothing was changed; try again")
        case _:
            fail(answer.status)
