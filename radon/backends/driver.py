"""What a backend is made of: the contract of a Store, what a backend guarantees, and how a store fails.

Owns no storage. A store moves bytes: it knows no record, no atom and no turn; what is in a frame is the domain's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from radon.abi.errors import StoreError
from radon.atoms.manifest import Delivery, Durability, Order


@dataclass(frozen=True, slots=True)
class Guarantees:
    """What a backend offers, in the words of `[require]`; the defaults promise nothing."""

    delivery: Delivery = "at-most-once"
    durability: Durability = "none"  # what a commit outlives: nothing, `kill -9` of the process, a power cut
    order: Order = "none"  # "pair": messages of one sender to one receiver arrive as they were sent


class Image(NamedTuple):
    """A domain as its store has it: restore `snapshot`, then apply `tail` in order."""

    epoch: int  # of the new owner; greater than every earlier one
    snapshot: bytes | None  # None: none was ever taken; may be empty, which is another thing
    tail: list[bytes]  # the log frames behind the snapshot


class StoreSize(NamedTuple):
    """Bytes, as the store occupies them: with its own overhead, so good for deciding and not for accounting."""

    log: int  # frames that no snapshot covers yet
    snapshots: int
    total: int  # everything, space that is free for reuse included
    limit: int  # where commits are answered StoreFull; 0: nowhere


class Store(Protocol):
    """Durable home of domains: for each a log of frames and the newest snapshot; and a few named records.

    Every method may block on a disk or a network, and none is asynchronous: call from a thread that may wait.
    Calls for one domain never overlap; calls for different domains, `write`, `size` and `backup` may come from any
    thread at any time. Arguments are read before the call returns and never kept by reference if mutable. Domains
    are numbers below 2**32. Every failure is a StoreError; after any of them the store is usable, and what the failed
    call was to do may have happened or not (never in part): `open` the domain again and go on from its image
    (rule 14). Fenced, StoreFull and ValueError say more: nothing has happened.
    """

    @property
    def durability(self) -> Durability:
        """What outlives what when `commit`, `snapshot`, `open` and `write` have returned."""

    @property
    def keeps(self) -> bool:
        """Does `open` find what was committed? Else domains need not say what that is."""

    def open(self, domain: int) -> Image:
        """Become the owner of `domain` under a new epoch, which fences every earlier owner.

        A domain that was never heard of is empty. Raises StoreDamaged.
        """

    def commit(self, domain: int, epoch: int, frames: Sequence[bytes]) -> None:
        """Append `frames` to the log in order, all or none; durable on return. No frames: only the fence is checked.

        Raises Fenced when `epoch` is not that of the newest `open`, and StoreFull.
        """

    def snapshot(self, domain: int, epoch: int, covered: int, frame: bytes) -> None:
        """Let `frame` stand for the first `covered` frames of the log, which are dropped. Durable on return.

        `covered` is a log position: not above `position`, nor below that of the last snapshot (ValueError). Whoever
        opens the domain meanwhile or after a crash finds the old snapshot with its tail or the new one with its.
        A log that reached the limit can still be cut this way, if the snapshot is small against the limit.
        Raises Fenced, StoreFull.
        """

    def position(self, domain: int) -> int:
        """How many frames were ever appended to the log of `domain`."""

    def read(self, name: str) -> bytes | None:
        """A record of the deployment. It may be empty; absence is None. Raises StoreDamaged."""

    def write(self, name: str, value: bytes | None) -> None:
        """Set or (None) remove a record; durable on return. Not fenced. `name`: 1 to 256 bytes. Raises StoreFull."""

    def size(self) -> StoreSize:
        """For `ps`, metrics, and for deciding when to take a snapshot. Cheap."""

    def backup(self, directory: Path) -> None:
        """Copy the store as it is at one moment into `directory` (absent or empty), while commits go on.

        The copy opens like the original. A store of durability "none" has nothing to copy and raises StoreError; so
        does a directory that is in use. An unfinished copy cannot be opened.
        """

    def close(self) -> None:
        """Let go of everything. Idempotent; nothing else may be called after it."""


class Fenced(StoreError):
    """This epoch may write no more: the domain has a newer owner. Nothing has happened; stop, or open it again."""

    @staticmethod
    def of(domain: int, epoch: int, newest: int) -> Fenced:
        """`newest`: the epoch of the owner; 0 when the domain was never opened."""
        if not newest:
            return Fenced(f"domain {domain} is not open: open it before writing to it")
        return Fenced(f"domain {domain} was opened again (epoch {newest}): epoch {epoch} may write no more")


class StoreFull(StoreError):
    """No room, on the disk or under the store's limit. Nothing has happened; make room and commit again."""


class StoreBusy(StoreError):
    """Another process has the data directory. Stop that one, or use another directory."""


class StoreVersion(StoreError):
    """The directory was written by another version, or by another program. Nothing was touched."""


class StoreDamaged(StoreError):
    """What was read is not what was written. Go back to a backup; the message says where the damage is."""
