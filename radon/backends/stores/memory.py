"""The store that forgets: domains live as long as the object does. The reference for what a store does.

Owns plain dicts and one lock. Refuses to pretend: it has nothing to back up, and a second one starts empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from radon.abi.errors import StoreError
from radon.atoms.manifest import Durability
from radon.backends.driver import Fenced, Image, StoreSize


@dataclass(slots=True)
class _Domain:
    epoch: int = 0
    covered: int = 0  # log frames that the snapshot stands for
    snapshot: bytes | None = None
    tail: list[bytes] = field(default_factory=list)

    @property
    def position(self) -> int:
        return self.covered + len(self.tail)


class MemoryStore:
    """A Store whose commits outlive nothing. A domain that is opened again has what was committed (rule 14), unless
    `keeps` is false: then only records are kept.
    """

    durability: Durability = "none"

    def __init__(self, *, keeps: bool = True) -> None:
        self.keeps = keeps
        self._domains: dict[int, _Domain] = {}
        self._records: dict[str, bytes] = {}
        self._lock = Lock()  # `size` walks over what other domains' writers change

    def open(self, domain: int) -> Image:
        with self._lock:
            found = self._domains.setdefault(domain, _Domain())
            found.epoch += 1
            return Image(found.epoch, found.snapshot, list(found.tail))

    def commit(self, domain: int, epoch: int, frames: Sequence[bytes]) -> None:
        with self._lock:
            owned = self._owned(domain, epoch)
            if self.keeps:
                owned.tail.extend(frames)

    def snapshot(self, domain: int, epoch: int, covered: int, frame: bytes) -> None:
        with self._lock:
            found = self._owned(domain, epoch)
            if not found.covered <= covered <= found.position:
                raise ValueError(f"a snapshot covers {found.covered} to {found.position} frames, not {covered}")
            del found.tail[: covered - found.covered]
            found.covered, found.snapshot = covered, frame

    def position(self, domain: int) -> int:
        with self._lock:
            return self._domains[domain].position if domain in self._domains else 0

    def read(self, name: str) -> bytes | None:
        with self._lock:
            return self._records.get(name)

    def write(self, name: str, value: bytes | None) -> None:
        with self._lock:
            if value is None:
                self._records.pop(name, None)
            else:
                self._records[name] = value

    def size(self) -> StoreSize:
        with self._lock:
            log = sum(len(frame) for domain in self._domains.values() for frame in domain.tail)
            snapshots = sum(len(domain.snapshot or b"") for domain in self._domains.values())
            return StoreSize(log, snapshots, log + snapshots + sum(map(len, self._records.values())), limit=0)

    def backup(self, directory: Path) -> None:
        raise StoreError(f"cannot back up to {directory}: the store 'memory' has no files; use the store 'lmdb'")

    def close(self) -> None:
        with self._lock:
            self._domains.clear()
            self._records.clear()

    def _owned(self, domain: int, epoch: int) -> _Domain:
        found = self._domains.get(domain)
        newest = found.epoch if found is not None else 0
        if found is None or newest != epoch:
            raise Fenced.of(domain, epoch, newest)
        return found
