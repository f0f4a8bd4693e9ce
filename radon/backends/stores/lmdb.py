"""Domains in a directory: a log of frames, snapshots in parts, named records, all in one LMDB environment.

Owns the layout and the order of steps below. Refuses to know what a frame means, and how LMDB is driven.

    domains     domain:u32                                  epoch, covered, generation, parts: u64 each
    log         domain:u32 position:u64                     a frame
    snapshots   domain:u32 generation:u64 part:u32          PART_BYTES of a snapshot, the last part fewer
    records     name                                        a value

All numbers are big-endian, so that what belongs to a domain lies together and in order.

A snapshot is written part by part, in transactions of their own, under the next generation. One transaction makes
that generation the current one; only then what it supersedes is swept away, in steps. A crash in between leaves
parts of another generation or frames below `covered`, which nobody reads and the next sweep deletes. So no step needs
memory or contiguous pages for more than a part, and other domains commit between the steps.

Durability. LMDB writes pages aside, flushes them, then writes a meta page that points to them, and flushes that.
"machine" keeps both flushes. "process" (fsync=False) is MDB_NOMETASYNC: it leaves out the second, so a power cut may
undo the last commit and finds an intact tree. MDB_NOSYNC leaves out both and would be many times faster, but where the
file system does not keep the order of writes (the usual ones do not) a power cut may leave a meta page on the disk
without the pages that it points to: a lost database. MDB_MAPASYNC has the same fault.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from radon.abi.errors import StoreError
from radon.atoms.manifest import Durability
from radon.backends.driver import Fenced, Image, StoreSize
from radon.backends.stores.directory import Directory, make, seal
from radon.backends.stores.environment import Environment, Transaction

LIMIT_BYTES = 64 << 30
PART_BYTES = 4 << 20
SWEEP_ENTRIES = 10_000
"""Deleted in one transaction at most."""

_DOMAIN = struct.Struct(">I")
_ENTRY = struct.Struct(">IQ")
_PART = struct.Struct(">IQI")
_ROW = struct.Struct(">QQQQ")
_BEHIND = b"\xff" * 12
"""Behind a domain's number, the end of all its keys: neither positions nor generations ever get there."""


class _Row(NamedTuple):
    epoch: int
    covered: int
    generation: int
    parts: int  # 0: no snapshot was ever taken


class LmdbStore:
    """A Store in a directory that this process alone may have open.

    `fsync`: durability "machine", else "process". `limit`: bytes of the data file beyond which commits and writes
    raise StoreFull; `open` and `snapshot` may use an eighth more, so that a full log can be cut.
    Raises StoreBusy, StoreVersion, StoreDamaged, and StoreError when the directory cannot be used.
    """

    def __init__(self, directory: Path, *, fsync: bool = True, limit: int = LIMIT_BYTES) -> None:
        self.durability: Durability = "machine" if fsync else "process"
        self.keeps = True
        self._home = Directory(directory)
        try:
            tables = ("domains", "log", "snapshots", "records")
            self._env = Environment(directory, tables, fsync=fsync, limit=limit)
            try:
                self._home.made()
            except BaseException:
                self._env.close()
                raise
        except BaseException:
            self._home.release()
            raise

    def open(self, domain: int) -> Image:
        def take(txn: Transaction) -> Image:
            row = _row(txn, domain)
            parts = [txn.need("snapshots", _PART.pack(domain, row.generation, part)) for part in range(row.parts)]
            snapshot = b"".join(parts) if parts else None
            log = range(row.covered, _end(txn, domain, row))
            tail = [bytes(txn.need("log", _ENTRY.pack(domain, position))) for position in log]
            _set_row(txn, domain, row._replace(epoch=row.epoch + 1))
            return Image(row.epoch + 1, snapshot, tail)

        image = self._env.write(take, reserve=True)
        self._sweep(domain, image.epoch)
        return image

    def commit(self, domain: int, epoch: int, frames: Sequence[bytes]) -> None:
        def append(txn: Transaction) -> None:
            row = _owned(txn, domain, epoch)
            for position, frame in enumerate(frames, _end(txn, domain, row)):
                txn.put("log", _ENTRY.pack(domain, position), frame)

        self._env.write(append)

    def snapshot(self, domain: int, epoch: int, covered: int, frame: bytes) -> None:
        def check(txn: Transaction) -> int:
            row = _owned(txn, domain, epoch)
            end = _end(txn, domain, row)
            if not row.covered <= covered <= end:
                raise ValueError(f"a snapshot covers {row.covered} to {end} frames, not {covered}")
            return row.generation + 1

        generation = self._env.read(check)
        self._sweep(domain, epoch)  # parts that a failed attempt left under this generation
        view = memoryview(frame)
        parts = [view[at : at + PART_BYTES] for at in range(0, len(view), PART_BYTES)] or [view]
        try:
            for number, part in enumerate(parts):
                self._write_part(domain, epoch, _PART.pack(domain, generation, number), part)
            self._switch(domain, _Row(epoch, covered, generation, len(parts)))
        finally:
            self._sweep(domain, epoch)

    def position(self, domain: int) -> int:
        return self._env.read(lambda txn: _end(txn, domain, _row(txn, domain)))

    def read(self, name: str) -> bytes | None:
        def look(txn: Transaction) -> bytes | None:
            value = txn.get("records", name.encode())
            return None if value is None else bytes(value)

        return self._env.read(look)

    def write(self, name: str, value: bytes | None) -> None:
        key = name.encode()
        self._env.write(lambda txn: txn.delete("records", key) if value is None else txn.put("records", key, value))

    def size(self) -> StoreSize:
        log, snapshots = self._env.read(lambda txn: (txn.occupied("log"), txn.occupied("snapshots")))
        return StoreSize(log, snapshots, self._env.total(), self._env.limit)

    def backup(self, directory: Path) -> None:
        """The copy gets its VERSION last, so that one which was cut off is refused as no whole data directory."""
        try:
            make(directory)
            if any(directory.iterdir()):
                raise StoreError(f"{directory}: not empty; a backup needs a directory of its own")
            self._env.copy(directory / "data.mdb")
            seal(directory)
        except OSError as error:
            raise StoreError(f"{directory}: cannot hold a backup: {error.strerror}") from error

    def close(self) -> None:
        self._env.close()
        self._home.release()

    def _write_part(self, domain: int, epoch: int, key: bytes, part: memoryview) -> None:
        def put(txn: Transaction) -> None:
            _owned(txn, domain, epoch)
            txn.put("snapshots", key, part)

        self._env.write(put, reserve=True)

    def _switch(self, domain: int, row: _Row) -> None:
        def put(txn: Transaction) -> None:
            _owned(txn, domain, row.epoch)
            _set_row(txn, domain, row)

        self._env.write(put, reserve=True)

    def _sweep(self, domain: int, epoch: int) -> None:
        """Delete what no reader of this domain looks at. Fenced, lest it takes the parts that a new owner writes.

        A failure is not told: the call that it belongs to has had its effect, and the next sweep goes on.
        """

        def step(txn: Transaction) -> int:
            row = _owned(txn, domain, epoch)
            left = SWEEP_ENTRIES
            left -= txn.delete_range("log", _ENTRY.pack(domain, 0), _ENTRY.pack(domain, row.covered), left)
            current, following = _PART.pack(domain, row.generation, 0), _PART.pack(domain, row.generation + 1, 0)
            left -= txn.delete_range("snapshots", _PART.pack(domain, 0, 0), current, left)
            left -= txn.delete_range("snapshots", following, _DOMAIN.pack(domain) + _BEHIND, left)
            return SWEEP_ENTRIES - left

        def ripen(txn: Transaction) -> None:
            _set_row(txn, domain, _owned(txn, domain, epoch))

        with suppress(StoreError):
            if self._env.write(step, reserve=True):
                while self._env.write(step, reserve=True):
                    pass
                # LMDB uses pages again two transactions after the one that freed them. In a full store none but this
                # one, which has the reserve, could come between.
                self._env.write(ripen, reserve=True)


def _row(txn: Transaction, domain: int) -> _Row:
    found = txn.get("domains", _DOMAIN.pack(domain))
    return _Row(0, 0, 0, 0) if found is None else _Row(*_ROW.unpack(found))


def _set_row(txn: Transaction, domain: int, row: _Row) -> None:
    txn.put("domains", _DOMAIN.pack(domain), _ROW.pack(*row))


def _owned(txn: Transaction, domain: int, epoch: int) -> _Row:
    row = _row(txn, domain)
    if row.epoch != epoch or not epoch:
        raise Fenced.of(domain, epoch, row.epoch)
    return row


def _end(txn: Transaction, domain: int, row: _Row) -> int:
    """The log's next position: behind its last frame, or at `covered` when the snapshot stands for all of it."""
    last = txn.last("log", _ENTRY.pack(domain, row.covered), _DOMAIN.pack(domain) + _BEHIND)
    return row.covered if last is None else int(_ENTRY.unpack(last)[1]) + 1
