"""One LMDB environment: its transactions, the growth of its map, checksums, and LMDB's errors in our words.

Owns the map and the handles. Refuses to know what is in a table: keys and values are bytes. Every value has in front
the CRC of its key and itself; LMDB's transactions leave no torn tail, so what fails the check is damage, never dropped.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import lmdb

from radon.backends.driver import StoreDamaged, StoreFull
from radon.backends.stores.directory import sync
from radon.backends.stores.failures import WAY_OUT, rescue, translated

if TYPE_CHECKING:
    from lmdb import _Database

T = TypeVar("T")

MAP_BYTES = 1 << 30
"""Address space to begin with; it doubles when it is full. The file itself grows as pages are used."""


class Transaction:
    """What a function handed to `Environment.write` or `read` may do. Views that it gets end with the next `put`."""

    __slots__ = ("_path", "_tables", "_txn")

    def __init__(self, txn: lmdb.Transaction[memoryview], tables: dict[str, _Database], path: Path) -> None:
        self._txn = txn
        self._tables = tables
        self._path = path

    def get(self, table: str, key: bytes) -> memoryview | None:
        """Raises StoreDamaged."""
        value = self._txn.get(key, db=self._tables[table])
        if value is None:
            return None
        if int.from_bytes(value[:4], "big") != zlib.crc32(value[4:], zlib.crc32(key)):
            raise StoreDamaged(f"{self._path}: {table} entry {key.hex()} fails its checksum; {WAY_OUT}")
        return value[4:]

    def need(self, table: str, key: bytes) -> memoryview:
        """`get` for what must be there. Raises StoreDamaged."""
        value = self.get(table, key)
        if value is None:
            raise StoreDamaged(f"{self._path}: {table} entry {key.hex()} is missing; {WAY_OUT}")
        return value

    def put(self, table: str, key: bytes, value: bytes | memoryview) -> None:
        crc = zlib.crc32(value, zlib.crc32(key))
        self._txn.put(key, b"".join((crc.to_bytes(4, "big"), value)), db=self._tables[table])

    def delete(self, table: str, key: bytes) -> None:
        """Absent is as good."""
        self._txn.delete(key, db=self._tables[table])

    def last(self, table: str, first: bytes, end: bytes) -> bytes | None:
        """The greatest key from `first` to below `end`."""
        with self._txn.cursor(self._tables[table]) as cursor:
            found = cursor.prev() if cursor.set_range(end) else cursor.last()
            key = bytes(cursor.key()) if found else b""
            return key if found and key >= first else None

    def keys(self, table: str) -> list[bytes]:
        with self._txn.cursor(self._tables[table]) as cursor:
            return [bytes(key) for key in cursor.iternext(values=False)]

    def delete_range(self, table: str, first: bytes, end: bytes, most: int) -> int:
        """Delete up to `most` entries from `first` to below `end`; answers how many it was."""
        count = 0
        with self._txn.cursor(self._tables[table]) as cursor:
            more = cursor.set_range(first)
            while more and count < most and bytes(cursor.key()) < end:
                cursor.delete()
                count += 1
                more = bool(cursor.key())  # a delete leaves the cursor on the next entry, or on none
        return count

    def occupied(self, table: str) -> int:
        """Bytes of the pages of a table."""
        stat = self._txn.stat(self._tables[table])
        return (stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]) * stat["psize"]


class Environment:
    """Threads may share it. `write` and `read` take turns; copies are made beside them.

    `limit`: bytes of the file beyond which `write` raises StoreFull; with `reserve` it may use an eighth more, so
    that what makes room has room. `check()` may raise before anything is written; `give_way()` tells whether it has
    made room on a disk that is full. Raises StoreDamaged, StoreVersion, StoreError.
    """

    def __init__(
        self, path: Path, tables: Sequence[str], *,
        limit: int, check: Callable[[], None], give_way: Callable[[], bool],
    ) -> None:  # fmt: skip
        self.limit = limit - limit % os.sysconf("SC_PAGESIZE")
        self._path = path
        self._names = tables
        self._check, self._give_way = check, give_way
        self._map = min(MAP_BYTES, self.limit)
        self._turn = Lock()  # LMDB has one writer anyway, and between two turns the map may move
        self._still = Lock()  # held by whoever reads the map outside a turn: it must not move then
        self._file = -1  # data.mdb as it was opened, to see whether it still has a name; -1: it is not open
        self.total = 0  # bytes of the file that were ever used; free pages among them are used again
        self._open()

    def write(self, act: Callable[[Transaction], T], *, reserve: bool = False) -> T:
        """Run `act` as one transaction: all of it, durable, or nothing. It runs again when the map had to grow."""
        with self._turn:
            self._check()
            try:
                while True:
                    try:
                        with self._begin(write=True) as txn:
                            return act(Transaction(txn, self._tables, self._path))
                    except lmdb.MapFullError:
                        self._grow(self.limit + self.limit // 8 if reserve else self.limit)
                    except lmdb.Error as error:
                        failure = translated(error, self._path)
                        if not (isinstance(failure, StoreFull) and self._give_way()):
                            raise failure from error
            finally:
                if self._file >= 0:
                    if self._map > self.limit:  # the reserve is for this call alone
                        self._resize(self.limit)
                    self._look()

    def read(self, act: Callable[[Transaction], T]) -> T:
        with self._turn:
            try:
                with self._begin(write=False) as txn:
                    return act(Transaction(txn, self._tables, self._path))
            except lmdb.Error as error:
                raise translated(error, self._path) from error

    @contextmanager
    def frozen(self) -> Iterator[Callable[[Path], None]]:
        """The environment as it is now: what is yielded writes that, without the free pages, to an empty file, durable
        but for its name. Others go on, but who needs a larger map waits for the end."""
        with self._still:
            try:
                begun = self._env.begin(buffers=True)
            except lmdb.Error as error:
                raise translated(error, self._path) from error
            with begun as txn:
                yield lambda file: self._copy(txn, file)

    @property
    def rescue(self) -> str | None:
        """None, or how to save data.mdb after it was removed: what is written into it then is lost with the process."""
        return rescue(self._file, self._path / "data.mdb") if self._file >= 0 else None

    def close(self) -> None:
        """Idempotent."""
        with self._turn, self._still:
            self._let_go()

    def _begin(self, *, write: bool) -> lmdb.Transaction[memoryview]:
        """After a meta page was not written LMDB wants no more of this handle. A new one finds the truth."""
        if self._file < 0:
            self._reopen()
        try:
            return self._env.begin(write=write, buffers=True)
        except lmdb.PanicError:
            self._reopen()
            return self._env.begin(write=write, buffers=True)

    def _open(self) -> None:
        try:
            self._env = lmdb.open(str(self._path), map_size=self._map, max_dbs=len(self._names), mode=0o600)
        except (lmdb.Error, OSError) as error:
            raise translated(error, self._path) from error
        try:
            # A file that was cut short would end the process with SIGBUS; as zeros it is damage that LMDB or a
            # checksum reports. A sound file can be short too, by pages that were taken and freed in one transaction.
            self._look()
            data = self._path / "data.mdb"
            if data.stat().st_size < self.total:
                os.truncate(data, self.total)
            self._tables = {name: self._env.open_db(name.encode()) for name in self._names}
            # What a killed process wrote last may not be on the disk yet; others act on what they read.
            self._env.sync(True)
            sync(self._path)
            self._file = os.open(data, os.O_RDONLY | os.O_CLOEXEC)
        except (lmdb.Error, OSError) as error:
            self._env.close()
            raise translated(error, self._path) from error

    def _copy(self, txn: lmdb.Transaction[memoryview], file: Path) -> None:
        try:
            fd = os.open(file, os.O_WRONLY)
            try:
                self._env.copyfd(fd, compact=True, txn=txn)
                os.fsync(fd)
            finally:
                os.close(fd)
        except (lmdb.Error, OSError) as error:
            raise translated(error, file.parent) from error

    def _look(self) -> None:
        self.total = (self._env.info()["last_pgno"] + 1) * self._env.stat()["psize"]

    def _reopen(self) -> None:
        """If it fails, the next who has the turn tries again."""
        self._check()
        if not (self._path / "data.mdb").exists():  # else an empty one would be made in its place
            raise StoreDamaged(f"{self._path}: its data.mdb is gone; {WAY_OUT}")
        with self._still:
            self._let_go()
            self._open()

    def _let_go(self) -> None:
        self._env.close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def full(self) -> StoreFull:
        return StoreFull(f"{self._path}: full at its limit of {self.limit} bytes; raise the limit or delete state")

    def _grow(self, ceiling: int) -> None:
        if self._map >= ceiling:
            raise self.full()
        self._resize(min(self._map * 2, ceiling))

    def _resize(self, size: int) -> None:
        """LMDB keeps the map at least as large as what is used; then `size` is only where growth goes on."""
        try:
            with self._still:
                self._env.set_mapsize(size)
        except lmdb.Error as error:
            self._reopen()  # the old map is gone with the failed attempt at the new one
            raise StoreFull(f"{self._path}: cannot map {size} bytes; raise the limit of address space") from error
        self._map = size
