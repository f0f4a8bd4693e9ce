"""What one shard of kv has to answer, by docs/kv.md: a dict and the time.

Versions are the shard's to choose, those of absences too. The model says ANY where there is a new one, and learns it
when it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from radon.kv.messages import BATCH_MAX, NO_FLAGS, Answer, Flag, Op, Status

ANY = -1
"""A version that no answer has shown yet; it is higher than every one before."""

CONDITIONS = Flag.IF_ABSENT | Flag.IF_PRESENT | Flag.IF_VERSION
SINGLE = range(Op.GET, Op.EXPIRE + 1)

TAKES = {
    Op.INFO: (NO_FLAGS, ""),
    Op.GET: (CONDITIONS | Flag.NO_VALUE | Flag.BOUNDED, "key"),
    Op.PUT: (CONDITIONS | Flag.KEEP_EXPIRY | Flag.RELATIVE | Flag.GIVE_OLD, "key tag expiry payload"),
    Op.DELETE: (CONDITIONS | Flag.GIVE_OLD, "key"),
    Op.COMPARE: (Flag.KEEP_EXPIRY | Flag.RELATIVE | Flag.GIVE_OLD, "key tag version expiry payload"),
    Op.ADD: (CONDITIONS | Flag.RELATIVE, "key tag expiry payload"),
    Op.APPEND: (CONDITIONS | Flag.RELATIVE, "key tag expiry payload"),
    Op.WRITE: (Flag.IF_ABSENT | Flag.IF_PRESENT | Flag.RELATIVE, "key tag version expiry payload"),
    Op.EXPIRE: (CONDITIONS | Flag.RELATIVE | Flag.GIVE_OLD, "key expiry"),
    Op.BATCH: (NO_FLAGS, "key payload"),
    Op.SCAN: (Flag.NO_VALUE | Flag.BOUNDED, "key version"),
    Op.COMMAND: (NO_FLAGS, "payload"),
    Op.FETCH: (CONDITIONS, "key"),
    Op.STORE: (CONDITIONS | Flag.KEEP_EXPIRY | Flag.RELATIVE, "key tag expiry payload"),
    Op.PREPARE: (NO_FLAGS, "key payload"),
    Op.COMMIT: (NO_FLAGS, "key"),
    Op.ABORT: (NO_FLAGS, "key"),
}
"""The table of docs/kv.md: the flags and fields of each operation."""


@dataclass(frozen=True)
class Request:
    """A request before it is bytes; `items` are those of a batch or a transaction."""

    op: Op
    key: bytes = b""
    payload: bytes = b""
    flags: Flag = NO_FLAGS
    tag: int = 0
    version: int = 0
    expiry: int = 0
    items: tuple[Request, ...] = ()

    def well_formed(self) -> bool:
        flags, words = TAKES[self.op]
        fields = set(words.split())
        if Flag.IF_VERSION in self.flags:
            fields.add("version")
        if Flag.BOUNDED in self.flags:
            fields |= {"version", "expiry"} if self.op is Op.GET else {"payload"}
        used = {name for name in ("key", "tag", "version", "expiry") if getattr(self, name)}
        used |= {"payload"} if self.payload or self.items else set()
        both = Flag.IF_VERSION | Flag.BOUNDED
        return not self.flags & ~flags and both not in self.flags and used <= fields


class Item(NamedTuple):
    value: bytes
    tag: int
    version: int
    expiry: int


NOTHING = Item(b"", 0, 0, 0)


def plain(status: Status, version: int = 0, value: bytes = b"") -> Answer:
    return Answer(status, 0, version, 0, value)


class Shard:
    def __init__(self) -> None:
        self.items: dict[bytes, Item] = {}
        self.locks: dict[bytes, tuple[bytes, bool]] = {}  # key -> who, whether it will be written
        self.prepared: dict[bytes, tuple[Request, ...]] = {}
        self.absences: dict[bytes, int] = {}  # versions of keys that are not there, as far as they were shown
        self.outdated: dict[bytes, int] = {}  # those of keys that have been there since
        self.came: set[bytes] = set()  # in this turn
        self.now = 0

    def find(self, key: bytes) -> Item | None:
        item = self.items.get(key)
        return None if item is None or 0 < item.expiry <= self.now else item

    def live(self) -> Iterator[tuple[bytes, Item]]:
        return ((key, item) for key in sorted(self.items) if (item := self.find(key)) is not None)

    # ---- messages ----

    def run(self, given: Request) -> Answer | list[Answer]:
        """The answer; those in a batch if it went well."""
        if not given.well_formed():
            return plain(Status.INVALID)
        before = dict(self.items), dict(self.locks), dict(self.prepared)
        match given.op:
            case Op.BATCH:
                answer = self.batch(given)
            case Op.PREPARE:
                answer = self.prepare(given)
            case Op.COMMIT | Op.ABORT:
                answer = self.end(given)
            case _:
                answer = self.single(given, b"")
        if isinstance(answer, Answer) and answer.status > Status.ABSENT:
            self.items, self.locks, self.prepared = before
            self.came.clear()
        while self.came:
            key = self.came.pop()
            if key in self.absences:
                self.outdated[key] = self.absences.pop(key)
        return answer

    def batch(self, given: Request) -> Answer | list[Answer]:
        if len(given.key) not in (0, 16):
            return plain(Status.INVALID)
        answers = []
        for number, item in enumerate(given.items):
            if number >= BATCH_MAX:
                return plain(Status.TOO_LARGE, number)
            answer = self.single(item, b"") if item.op in SINGLE and item.well_formed() else plain(Status.INVALID)
            if answer.status > Status.ABSENT:
                return plain(answer.status, number)
            answers.append(answer)
        return answers

    def prepare(self, given: Request) -> Answer:
        if len(given.key) != 16 or not given.items:
            return plain(Status.INVALID)
        if given.key in self.prepared:
            return plain(Status.OK)
        for number, item in enumerate(given.items):
            status = self.take(item, given.key)
            if status is not Status.OK:
                return plain(status, number)
        self.prepared[given.key] = given.items
        return plain(Status.OK, len(given.items))

    def take(self, item: Request, name: bytes) -> Status:
        if item.op not in (Op.GET, Op.PUT, Op.DELETE) or not item.well_formed():
            return Status.INVALID
        holder, written = self.locks.get(item.key, (name, False))
        if holder != name:
            return Status.LOCKED
        if not self.holds(item, self.find(item.key)):
            return Status.CONFLICT
        self.locks[item.key] = name, written or item.op is not Op.GET
        return Status.OK

    def end(self, given: Request) -> Answer:
        if not given.key or len(given.key) % 16:
            return plain(Status.INVALID)
        if given.key not in self.prepared:
            return plain(Status.ABSENT)
        items = self.prepared.pop(given.key)
        for item in items:
            self.locks.pop(item.key, None)
        for item in items if given.op is Op.COMMIT else ():
            if item.op is not Op.GET:
                flags = item.flags & (Flag.KEEP_EXPIRY | Flag.RELATIVE)
                self.single(replace(item, flags=flags), given.key)
        return plain(Status.OK, len(items))

    # ---- one key ----

    def holds(self, given: Request, item: Item | None) -> bool:
        versions = {0, self.absence(given.key)} if item is None else {item.version}
        return not (
            (Flag.IF_ABSENT in given.flags and item is not None)
            or (Flag.IF_PRESENT in given.flags and item is None)
            or (Flag.IF_VERSION in given.flags and given.version not in versions)
        )

    def single(self, given: Request, name: bytes) -> Answer:
        holder, written = self.locks.get(given.key, (name, False))
        if holder != name and (written or given.op is not Op.GET):
            return plain(Status.LOCKED, 0, holder)
        item = self.find(given.key)
        old = item or NOTHING
        give = Flag.GIVE_OLD in given.flags
        shown = Answer(Status.OK, old.tag, old.version, old.expiry, old.value if give else b"")
        if not self.holds(given, item):
            return shown._replace(status=Status.CONFLICT)
        match given.op:
            case Op.GET:
                return self.get(given, item)
            case Op.DELETE:
                self.items.pop(given.key, None)
                return shown if item is not None else plain(Status.ABSENT)
            case Op.PUT:
                self.set(given.key, Item(given.payload, given.tag, ANY, self.expiry(given, item)))
            case Op.EXPIRE:
                if item is None:
                    return plain(Status.ABSENT)
                self.set(given.key, old._replace(version=ANY, expiry=self.expiry(given, item)))
            case Op.COMPARE:
                if given.version > len(given.payload):
                    return plain(Status.INVALID)
                expected, value = given.payload[: given.version], given.payload[given.version :]
                if item is not None and item.tag != given.tag:
                    return plain(Status.WRONG_TAG)
                if item is None or item.value != expected:
                    return shown._replace(status=Status.CONFLICT)
                self.set(given.key, Item(value, given.tag, ANY, self.expiry(given, item)))
            case _:
                return self.revise(given, item)
        new = self.items[given.key]
        if give:
            return shown if item is not None else plain(Status.ABSENT)
        return Answer(Status.OK, new.tag, ANY, new.expiry, b"")

    def absence(self, key: bytes) -> int:
        return ANY if key in self.items else self.absences.get(key, ANY)

    def set(self, key: bytes, item: Item) -> None:
        self.items[key] = item
        self.came.add(key)

    def get(self, given: Request, item: Item | None) -> Answer:
        if item is None:
            return plain(Status.ABSENT, self.absence(given.key))
        value = item.value
        if Flag.NO_VALUE in given.flags:
            value = len(value).to_bytes(8, "little")
        elif Flag.BOUNDED in given.flags:
            value = value[given.version : given.version + given.expiry]
        return Answer(Status.OK, item.tag, item.version, item.expiry, value)

    def expiry(self, given: Request, item: Item | None) -> int:
        if Flag.KEEP_EXPIRY in given.flags and item is not None:
            return item.expiry
        relative = Flag.RELATIVE in given.flags and given.expiry
        return min(given.expiry + (self.now if relative else 0), 2**64 - 1)

    def revise(self, given: Request, item: Item | None) -> Answer:
        """Add, append and write."""
        old = item or NOTHING
        if item is not None and item.tag != given.tag:
            return Answer(Status.WRONG_TAG, old.tag, old.version, old.expiry, b"")
        if given.op is Op.ADD:
            if len(given.payload) != 8:
                return plain(Status.INVALID)
            if item is not None and not _is_number(old.value):
                return plain(Status.NOT_A_NUMBER)
            total = int(old.value or b"0") + int.from_bytes(given.payload, "little", signed=True)
            if not -(2**63) <= total < 2**63:
                return plain(Status.OVERFLOW)
            value = shown = b"%d" % total
        else:
            offset = len(old.value) if given.op is Op.APPEND else given.version
            if offset + len(given.payload) > 8 << 20:
                return plain(Status.TOO_LARGE)
            value = old.value[:offset].ljust(offset, b"\0") + given.payload + old.value[offset + len(given.payload) :]
            shown = len(value).to_bytes(8, "little")
        expiry = old.expiry if item is not None else self.expiry(given, None)
        self.set(given.key, Item(value, given.tag, ANY, expiry))
        return Answer(Status.OK, given.tag, ANY, expiry, shown)


def _is_number(text: bytes) -> bool:
    try:
        return -(2**63) <= int(text) < 2**63 and b"%d" % int(text) == text
    except ValueError:
        return False
