"""One atom as its domain has it between turns: its state, its mailbox, and all else that is its own. Plain data.

Durable but for `undo`. What changes it is `image.py`, record by record; the state writes of a running turn alone are
its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sortedcontainers import SortedDict

from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address, Delivery
from radon.host.journal import Journal
from radon.host.limits import ENTRY_OVERHEAD
from radon.host.mailbox import Mailbox

Buckets = dict[str, "SortedDict[bytes, bytes]"]
Watch = tuple[int, bytes, Address]  # token, request, watcher

LISTENER = "@listener"
"""The kind of a topic's subscriber outside of the domain; it goes with the process, and no snapshot has it."""


class Atom:
    """One atom between turns, and the state writes of the turn that it is in."""

    __slots__ = (
        "asked", "buckets", "children", "fetching", "journal", "kept", "key", "kind", "life", "mailbox", "parent",
        "subscribers", "timers", "undo", "used", "volatile", "watchers",
    )  # fmt: skip

    def __init__(self, kind: str, key: str) -> None:
        self.kind = kind
        self.key = key
        self.life = 0  # incarnation: a step number of its own; 0: not alive (or a system address)
        self.parent = NOWHERE
        self.volatile = False  # a connection's atom: nothing about it is recorded
        self.fetching = False  # its turn waits for an object of another domain
        self.buckets: Buckets = {}
        self.used = 0  # bytes of state, as the quota counts them
        self.undo: dict[tuple[str, bytes], bytes | None] = {}  # first old value of each key written in this turn
        self.mailbox = Mailbox()
        self.timers: dict[int, int] = {}  # token -> due
        self.kept: dict[int, Delivery] = {}
        self.asked: dict[bytes, r.Asked] = {}
        self.watchers: dict[Watch, None] = {}
        self.children: dict[Address, int] = {}  # ended ones: exit status
        self.subscribers: dict[Address, None] = {}  # of a topic
        self.journal: Journal | None = None

    @property
    def address(self) -> Address:
        """Bound to this life."""
        return Address(self.kind, self.key, self.life)

    def write(self, bucket: str, key: bytes, value: bytes | None) -> bytes | None:
        """Set or (None) remove an entry, keep `used` true; answers the old value."""
        entries = self.buckets.get(bucket)
        if entries is None:
            if value is None:
                return None
            entries = self.buckets[bucket] = SortedDict()
        old: bytes | None = entries.get(key)
        if old is not None:
            self.used -= len(key) + len(old) + ENTRY_OVERHEAD
        if value is not None:
            entries[key] = value
            self.used += len(key) + len(value) + ENTRY_OVERHEAD
        elif old is not None:
            del entries[key]
            if not entries:
                del self.buckets[bucket]
        return old

    def roll_back(self) -> None:
        """Undo the state writes of the running turn."""
        for (bucket, key), old in self.undo.items():
            self.write(bucket, key, old)
        self.undo = {}

    def entries(self) -> Iterator[r.Put]:
        """The committed state, in order of bucket and key."""
        old = self.undo
        for bucket in sorted({*self.buckets, *(name for name, _ in old)}):
            live: Mapping[bytes, bytes] = self.buckets.get(bucket, {})
            if not old:
                yield from (r.Put(bucket, key, value) for key, value in live.items())
                continue
            before = {key: value for (name, key), value in old.items() if name == bucket}
            for key in sorted({*live, *before}):
                value = before[key] if key in before else live[key]
                if value is not None:
                    yield r.Put(bucket, key, value)
