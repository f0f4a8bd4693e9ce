"""What a client of `kv` does, without saying how it waits: each operation yields requests and returns what came of it.

So the client of an event loop and the one that blocks are the same operations, driven in two ways.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple, NoReturn, TypeVar

from radon.abi.errors import Exhausted, Invalid, RadonError, TooLarge
from radon.host.hash import stable_hash
from radon.kv.messages import (
    BATCH_MAX,
    FOR_EVER,
    FORMAT,
    NO_FLAGS,
    Answer,
    Flag,
    Op,
    ReplicaOp,
    Status,
    items,
    parse_info,
    parse_length,
    parse_many,
    parse_page,
    request,
    split_items,
)

T = TypeVar("T")

Key = bytes | str
"""Any bytes, also none; text stands for its UTF-8."""

PAGE = 256
"""Entries of a shard that a scan asks for at once."""


class Conflict(RadonError):
    """Another transaction was faster, or is under way. Nothing was changed; try again, from the first read on."""


class Locked(Conflict):
    """A transaction that is under way has the key. Try again."""


class NotANumber(RadonError):
    """`add`: the value is no decimal number of 64 bits, or the sum would be none."""


class Unsupported(RadonError):
    """The store cannot do this, because nobody in it can decide it alone."""


class Ask(NamedTuple):
    """A request for one shard."""

    shard: int
    body: bytes
    kind: str = ""  # another one than the store's
    replica: int = 0
    again: int = 0  # how often it was asked before
    context: bytes = b""  # what a change of a replicated store may replace; empty: all that the replica has

    @property
    def key(self) -> str:
        """Of the atom that is asked."""
        return f"#{self.shard}+{self.replica}" if self.replica else f"#{self.shard}"


Steps = Generator[list[Ask], list[Answer], T]
"""An operation: yields requests that may be under way together, is sent their answers in the same order."""


class Entry(NamedTuple):
    """What a key stands for."""

    value: bytes
    version: int  # another one after each change, and never one that this key had before
    expiry: int  # ns since 1970; 0: never
    tag: int


@dataclass(frozen=True, slots=True)
class Condition:
    """When a put or a delete is to happen: `ALWAYS`, `IF_ABSENT`, `IF_PRESENT`, or `if_version(n)`."""

    flag: Flag = NO_FLAGS
    version: int = 0


ALWAYS = Condition()
IF_ABSENT = Condition(Flag.IF_ABSENT)
IF_PRESENT = Condition(Flag.IF_PRESENT)


def naming(once: str, kind: str, number: int, again: int) -> dict[str, str]:
    """How `call` is told that a question, the `number`th of those asked together, is to be handled once."""
    return {"once": f"{once} {kind} {number}" + f".{again}" * bool(again)} if once else {}


def if_version(version: int) -> Condition:
    """If the entry, or its absence, has this version; 0: if there is none."""
    return Condition(Flag.IF_VERSION, version)


def encoded(key: Key) -> bytes:
    return key.encode() if isinstance(key, str) else bytes(key)


def shard_of(key: Key, shards: int) -> int:
    """Where a key lives: the atom "kind/#N". For text that is where Radon sends "kind/KEY" (rule 17)."""
    return stable_hash(encoded(key)) % shards


def checked(answer: Answer) -> Answer:
    """`answer`, unless it says that something is wrong with what was asked, or with the shard. Raises."""
    if answer.status > Status.CONFLICT:
        fail(answer.status)
    return answer


def fail(status: Status) -> NoReturn:
    match status:
        case Status.LOCKED:
            raise Locked("a transaction that is under way has the key; try again")
        case Status.NOT_A_NUMBER:
            raise NotANumber("the value is no decimal number of 64 bits")
        case Status.OVERFLOW:
            raise NotANumber("the sum does not fit into 64 bits")
        case Status.TOO_LARGE:
            raise TooLarge("a key, value or batch is too large, or the answer would be; see limits.message")
        case Status.EXHAUSTED:
            raise Exhausted("the shard is full; see limits.state of its kind")
        case Status.WRONG_TAG:
            raise Invalid("the entry has another tag")
        case Status.UNSUPPORTED:
            raise Unsupported(
                "the store does not do this; where it is replicated (std:kvr), nobody owns a key and could decide it: "
                "use a kind of std:kv for that"
            )
        case _:
            raise Invalid(f"the shard answered {status.name.lower()}; is it older than this client?")


def expiry_of(ttl: float | None) -> tuple[Flag, int]:
    if ttl is None:
        return NO_FLAGS, 0
    if not ttl > 0:
        raise Invalid(f"a time to live is more than 0 seconds, not {ttl}")
    return Flag.RELATIVE, max(1, int(ttl * 1e9)) if ttl < 1e10 else FOR_EVER


class Versions(NamedTuple):
    """What stands under a key of a replicated store: values of which none has replaced another, the newest first."""

    entries: list[Entry]
    context: bytes  # all that had been seen then; a put that says it replaces just that


def value_in(answer: Answer) -> bytes | None:
    return None if answer.status is Status.ABSENT else answer.value


def _entry(answer: Answer) -> Entry | None:
    if answer.status is Status.ABSENT:
        return None
    return Entry(answer.value, answer.version, answer.expiry, answer.tag)


class Operations:
    """Those of a store with so many shards."""

    def __init__(self, shards: int, replicas: int = 1) -> None:
        self.shards = shards
        self.replicas = replicas

    def _one(self, key: Key, body: bytes, context: bytes = b"") -> Generator[list[Ask], list[Answer], Answer]:
        (answer,) = yield [Ask(shard_of(key, self.shards), body, context=context)]
        return checked(answer)

    def entry(self, key: Key) -> Steps[Entry | None]:
        return _entry((yield from self._one(key, request(Op.GET, encoded(key)))))

    def get(self, key: Key) -> Steps[bytes | None]:
        found = yield from self.entry(key)
        return None if found is None else found.value

    def part(self, key: Key, offset: int, length: int) -> Steps[bytes | None]:
        body = request(Op.GET, encoded(key), flags=Flag.BOUNDED, version=offset, expiry=length)
        it = yield from self._one(key, body)
        return None if it.status is Status.ABSENT else it.value

    def length(self, key: Key) -> Steps[int | None]:
        it = yield from self._one(key, request(Op.GET, encoded(key), flags=Flag.NO_VALUE))
        return None if it.status is Status.ABSENT else parse_length(it)

    def put(
        self, key: Key, value: bytes, ttl: float | None, keep_ttl: bool, when: Condition, tag: int,
        after: Versions | None = None,
    ) -> Steps[int]:  # fmt: skip
        flags, expiry = expiry_of(ttl)
        flags |= when.flag | (Flag.KEEP_EXPIRY if keep_ttl else NO_FLAGS)
        body = request(Op.PUT, encoded(key), value, flags=flags, tag=tag, version=when.version, expiry=expiry)
        it = yield from self._one(key, body, after.context if after is not None else b"")
        return it.version if it.status is Status.OK else 0

    def swap(self, key: Key, value: bytes) -> Steps[bytes | None]:
        it = yield from self._one(key, request(Op.PUT, encoded(key), value, flags=Flag.GIVE_OLD))
        return it.value if it.status is Status.OK else None

    def delete(self, key: Key, when: Condition) -> Steps[bool]:
        it = yield from self._one(key, request(Op.DELETE, encoded(key), flags=when.flag, version=when.version))
        return it.status is Status.OK

    def take(self, key: Key) -> Steps[bytes | None]:
        it = yield from self._one(key, request(Op.DELETE, encoded(key), flags=Flag.GIVE_OLD))
        return it.value if it.status is Status.OK else None

    def compare_and_set(self, key: Key, expected: bytes | None, value: bytes) -> Steps[bool]:
        if expected is None:
            return bool((yield from self.put(key, value, None, False, IF_ABSENT, 0)))
        it = yield from self._one(key, request(Op.COMPARE, encoded(key), expected + value, version=len(expected)))
        return it.status is Status.OK

    def add(self, key: Key, delta: int, ttl: float | None) -> Steps[int]:
        flags, expiry = expiry_of(ttl)
        if not -(2**63) <= delta < 2**63:
            raise NotANumber(f"{delta} does not fit into 64 bits")
        payload = delta.to_bytes(8, "little", signed=True)
        it = yield from self._one(key, request(Op.ADD, encoded(key), payload, flags=flags, expiry=expiry))
        return int(it.value)

    def append(self, key: Key, more: bytes) -> Steps[int]:
        return parse_length((yield from self._one(key, request(Op.APPEND, encoded(key), more))))

    def write(self, key: Key, offset: int, data: bytes) -> Steps[int]:
        return parse_length((yield from self._one(key, request(Op.WRITE, encoded(key), data, version=offset))))

    def expire(self, key: Key, ttl: float | None) -> Steps[bool]:
        flags, expiry = expiry_of(ttl)
        it = yield from self._one(key, request(Op.EXPIRE, encoded(key), flags=flags, expiry=expiry))
        return it.status is Status.OK

    # ---- replicated stores ----

    def versions(self, key: Key) -> Steps[Versions]:
        it = yield from self._one(key, request(ReplicaOp.VERSIONS, encoded(key)))
        context, found = it.value[: 8 * self.replicas], parse_many(it.value[8 * self.replicas :])
        return Versions([Entry(each.value, each.version, each.expiry, each.tag) for each in found], context)

    def change_set(self, op: ReplicaOp, key: Key, element: bytes) -> Steps[bool]:
        it = yield from self._one(key, request(op, encoded(key), element))
        return it.status is Status.OK

    def members(self, key: Key) -> Steps[list[bytes]]:
        return list(split_items((yield from self.get(key)) or b""))

    # ---- many keys ----

    def found(self, names: Iterable[bytes]) -> Steps[dict[bytes, Answer]]:
        """What each GET is answered; an absence has a version too."""
        return (yield from self._batches({name: request(Op.GET, name) for name in names}, halve=True))

    def versions_of(self, names: Iterable[bytes]) -> Steps[dict[bytes, int]]:
        answers = yield from self._batches({name: request(Op.GET, name, flags=Flag.NO_VALUE) for name in names})
        return {name: it.version for name, it in answers.items()}

    def get_many(self, keys: Iterable[Key]) -> Steps[list[bytes | None]]:
        names = [encoded(key) for key in keys]
        found = yield from self.found(names)
        return [value_in(found[name]) for name in names]

    def put_many(self, values: Mapping[Key, bytes], ttl: float | None) -> Steps[None]:
        flags, expiry = expiry_of(ttl)
        entries = {encoded(key): value for key, value in values.items()}
        yield from self._batches({
            name: request(Op.PUT, name, value, flags=flags, expiry=expiry) for name, value in entries.items()
        })  # fmt: skip

    def delete_many(self, keys: Iterable[Key]) -> Steps[int]:
        answers = yield from self._batches({name: request(Op.DELETE, name) for name in map(encoded, keys)})
        return sum(it.status is Status.OK for it in answers.values())

    def _batches(self, requests: Mapping[bytes, bytes], halve: bool = False) -> Steps[dict[bytes, Answer]]:
        """One batch for each shard, or several where that is too many. `halve`: also where the answer is too long."""
        by_shard: dict[int, list[bytes]] = {}
        for name in requests:
            by_shard.setdefault(shard_of(name, self.shards), []).append(name)
        parts = [
            (shard, names[begin : begin + BATCH_MAX])
            for shard, names in sorted(by_shard.items())
            for begin in range(0, len(names), BATCH_MAX)
        ]
        found: dict[bytes, Answer] = {}
        while parts:
            answers = yield [
                Ask(shard, request(Op.BATCH, payload=items(requests[name] for name in names))) for shard, names in parts
            ]
            asked, parts = parts, []
            for (shard, names), answer in zip(asked, answers, strict=True):
                if halve and answer.status is Status.TOO_LARGE and len(names) > 1:
                    middle = len(names) // 2
                    parts += [(shard, names[:middle]), (shard, names[middle:])]
                else:
                    found.update(zip(names, map(checked, parse_many(checked(answer).value)), strict=True))
        return found


def ask_for_operations() -> Steps[Operations]:
    """What a store can do: its shards know from the manifest how many they are."""
    (answer,) = yield [Ask(0, request(Op.INFO))]
    info = parse_info(checked(answer))
    if info.format != FORMAT:
        raise Invalid(f"the store speaks format {info.format}, this client {FORMAT}; use the Radon that it comes from")
    if not info.shards:
        raise Invalid("the store does not know how many shards it has; say shards=")
    return Operations(info.shards, info.replicas)


class Scan:
    """The entries of all shards in the order of their keys: ask for pages while there are some to ask for."""

    def __init__(self, shards: int, start: bytes, end: bytes | None, page: int, values: bool) -> None:
        self._flags = (NO_FLAGS if values else Flag.NO_VALUE) | (NO_FLAGS if end is None else Flag.BOUNDED)
        self._end = end or b""
        self._page = page
        self._starts = dict.fromkeys(range(shards), start)  # of shards whose entries known so far are used up
        self._resumes: dict[int, bytes] = {}
        self._entries: list[tuple[bytes, int, Entry]] = []  # a heap
        self._left = [0] * shards  # of each shard's entries in the heap

    def step(self) -> Steps[list[tuple[bytes, Entry]] | None]:
        """The next entries, or None behind the last."""
        if not self._starts and not self._entries:
            return None
        shards = list(self._starts)
        answers = yield [
            Ask(shard, request(Op.SCAN, start, self._end, flags=self._flags, version=self._page))
            for shard, start in self._starts.items()
        ]
        for shard, answer in zip(shards, answers, strict=True):
            self._take(shard, answer)
        found = []
        while self._entries and not self._starts:
            key, shard, entry = heappop(self._entries)
            found.append((key, entry))
            self._left[shard] -= 1
            self._use_up(shard)
        return found

    def _take(self, shard: int, answer: Answer) -> None:
        if answer.status is Status.TOO_LARGE and self._page > 1:
            self._page //= 2  # and it is asked again
            return
        entries, resume = parse_page(checked(answer).value)
        del self._starts[shard]
        for key, it in entries:
            heappush(self._entries, (key, shard, Entry(it.value, it.version, it.expiry, it.tag)))
        self._left[shard] += len(entries)
        if resume is not None:
            self._resumes[shard] = resume
        self._use_up(shard)

    def _use_up(self, shard: int) -> None:
        if not self._left[shard] and shard in self._resumes:
            self._starts[shard] = self._resumes.pop(shard)
