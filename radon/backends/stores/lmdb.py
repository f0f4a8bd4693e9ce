"""Domains in a directory: a log of frames, snapshots in parts, named records, in an LMDB environment and a log file.

Owns the order of the steps below. Refuses to know what a frame means, what lies where in a table, how LMDB is driven,
and how a commit lies in a log file.

Commits of all domains go into the log file, in one order. A snapshot, a backup and `close` end it: one transaction
moves what is still needed of it into the table `log`, makes the snapshot the current one and forgets the file; the next
commit begins another. So what LMDB holds and what the log file adds are, together, always the state of one moment. A
file that LMDB does not name is left over from a crash, or a spare one: mere room for the next.

A snapshot is written part by part, in transactions of their own, under the next generation. The transaction above makes
that generation the current one; only then what it supersedes is swept away, in steps. A crash in between leaves
parts of another generation or frames below `covered`, which nobody reads and the next sweep deletes. So no step needs
memory or contiguous pages for more than a part, and other domains commit between the steps.

Durability. With `fsync` a commit is flushed before it returns ("machine"). Without, the log file is flushed every
FLUSH_SECONDS ("process") and before LMDB takes over any of it: a power cut undoes the last commits, of all domains back
to the same moment. LMDB's transactions, which are rare, are always flushed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread

from radon.abi.errors import StoreError
from radon.atoms.manifest import Durability
from radon.backends.driver import Fenced, Image, StoreSize
from radon.backends.stores.directory import Directory, made_anew, seal
from radon.backends.stores.environment import Environment, Transaction
from radon.backends.stores.failures import told
from radon.backends.stores.logfile import NAMES, SPARE, LogFile, name_of
from radon.backends.stores.tables import (
    BEHIND,
    DOMAIN,
    ENTRY,
    PART,
    Row,
    log_end,
    missing,
    move,
    owned_row,
    row_of,
    set_row,
)

log = logging.getLogger(__name__)

LIMIT_BYTES = 64 << 30
PART_BYTES = 4 << 20
SWEEP_ENTRIES = 10_000
"""Deleted in one transaction at most."""

FLUSH_SECONDS = 1.0


class LmdbStore:
    """A Store in a directory that this process alone may have open.

    `fsync`: durability "machine", else "process". `limit`: bytes beyond which commits and writes raise StoreFull;
    `open` and `snapshot` may use an eighth more, and for as long as a snapshot is written the log file is not counted,
    so that a full log can be cut.
    Raises StoreBusy, StoreVersion, StoreDamaged, and StoreError when the directory cannot be used.
    """

    def __init__(self, directory: Path, *, fsync: bool = True, limit: int = LIMIT_BYTES) -> None:
        self.durability: Durability = "machine" if fsync else "process"
        self.keeps = True
        self._path, self._fsync = directory, fsync
        self._cutting = Lock()  # held while the log file is being ended
        self._turn = Lock()  # held by whoever looks at or changes what follows; taken after `_cutting`
        self._known = False  # is what follows as the directory has it?
        self._epochs: dict[int, int] = {}
        self._covered: dict[int, int] = {}
        self._ends: dict[int, int] = {}  # of logs: the next positions
        self._file: LogFile | None = None
        self._closed = Event()
        with ExitStack() as undo:
            self._home = Directory(directory)
            undo.callback(self._home.release)
            tables = ("domains", "log", "snapshots", "records", "files")
            self._env = Environment(directory, tables, limit=limit, check=self._check_there, give_way=self._give_way)
            undo.callback(self._env.close)
            undo.callback(self._let_go)
            with self._alone():
                self._home.made()
            undo.pop_all()
        self._flusher = Thread(target=self._flush_again_and_again, name="radon-store-flush", daemon=True)
        if not fsync:
            self._flusher.start()

    def open(self, domain: int) -> Image:
        def take(txn: Transaction) -> tuple[Row, bytes | None, dict[int, bytes]]:
            row = row_of(txn, domain)
            parts = [txn.need("snapshots", PART.pack(domain, row.generation, part)) for part in range(row.parts)]
            keys = {place: ENTRY.pack(domain, place) for place in range(row.covered, log_end(txn, domain, row))}
            frames = {place: bytes(frame) for place in keys if (frame := txn.get("log", keys[place])) is not None}
            row = row._replace(epoch=row.epoch + 1)
            set_row(txn, domain, row)
            return row, b"".join(parts) if parts else None, frames

        with self._alone():
            row, snapshot, frames = self._env.write(take, reserve=True)
            for position, frame in self._file.frames(domain) if self._file else ():
                if position >= row.covered:
                    frames.setdefault(position, bytes(frame))
            end = max(frames, default=row.covered - 1) + 1
            if gaps := set(range(row.covered, end)) - frames.keys():
                raise missing(self._path, domain, min(gaps))
            self._epochs[domain], self._covered[domain], self._ends[domain] = row.epoch, row.covered, end
        self._sweep(domain, row.epoch)
        return Image(row.epoch, snapshot, [frames[position] for position in range(row.covered, end)])

    def commit(self, domain: int, epoch: int, frames: Sequence[bytes]) -> None:
        with self._alone():
            self._own(domain, epoch)
            if frames:
                file = self._file or self._begin_file()
                self._check_there(file)
                if self._env.total + file.end + sum(map(len, frames)) > self._env.limit:
                    raise self._env.full()
                file.append(domain, self._ends[domain], frames)
                self._ends[domain] += len(frames)

    def snapshot(self, domain: int, epoch: int, covered: int, frame: bytes) -> None:
        with self._alone():
            self._own(domain, epoch)
            least, most = self._covered[domain], self._ends[domain]
        if not least <= covered <= most:
            raise ValueError(f"a snapshot covers {least} to {most} frames, not {covered}")
        self._sweep(domain, epoch)  # parts that a failed attempt left under this generation
        generation = self._env.read(lambda txn: owned_row(txn, domain, epoch)).generation + 1
        view = memoryview(frame)
        parts = [view[at : at + PART_BYTES] for at in range(0, len(view), PART_BYTES)] or [view]
        try:
            for number, part in enumerate(parts):
                self._write_part(domain, epoch, PART.pack(domain, generation, number), part)
            with self._ended(domain, Row(epoch, covered, generation, len(parts))):
                pass
        finally:
            self._sweep(domain, epoch)

    def position(self, domain: int) -> int:
        with self._alone():
            return self._ends.get(domain, 0)

    def read(self, name: str) -> bytes | None:
        def look(txn: Transaction) -> bytes | None:
            value = txn.get("records", name.encode())
            return None if value is None else bytes(value)

        return self._env.read(look)

    def write(self, name: str, value: bytes | None) -> None:
        key = name.encode()
        self._env.write(lambda txn: txn.delete("records", key) if value is None else txn.put("records", key, value))

    def size(self) -> StoreSize:
        with self._alone():
            end, room = (self._file.end, self._file.size) if self._file else (0, self._spare_bytes())
        log, snapshots = self._env.read(lambda txn: (txn.occupied("log"), txn.occupied("snapshots")))
        return StoreSize(log + end, snapshots, self._env.total + room, self._env.limit)

    def backup(self, directory: Path) -> None:
        """The copy gets its VERSION last, so that one which was cut off is refused as no whole data directory."""
        with told(directory), made_anew(directory):
            with ExitStack() as stack:
                with self._ended():
                    copy = stack.enter_context(self._env.frozen())
                copy(directory / "data.mdb")
            seal(directory)

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        if not self._fsync:
            self._flusher.join()
        with suppress(StoreError), self._ended():
            pass
        if self._file is not None:  # there was no room, say; the next owner reads it
            with suppress(StoreError):
                self._file.flush()
        self._let_go()
        with suppress(OSError):
            (self._path / SPARE).unlink()
        self._env.close()
        self._home.release()

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()

    # ---- the log file ----

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Have the turn. After a failure the next one learns anew what there is, as a new process does."""
        with self._turn:
            if not self._known:
                self._learn()
            self._known = False
            yield
            self._known = True

    def _learn(self) -> None:
        def look(txn: Transaction) -> tuple[bytes, dict[int, Row], dict[int, int]]:
            rows = {DOMAIN.unpack(key)[0]: row_of(txn, DOMAIN.unpack(key)[0]) for key in txn.keys("domains")}
            ends = {domain: log_end(txn, domain, row) for domain, row in rows.items()}
            return bytes(txn.get("files", b"log") or b""), rows, ends

        token, rows, self._ends = self._env.read(look)
        if self._file is not None and self._file.token != token:
            self._file.close()
            self._file = None
        if self._file is not None:
            self._file.cut_back()
        with told(self._path):
            for path in self._path.glob(NAMES):
                if path.name != name_of(token):
                    path.unlink()
        if token and self._file is None:
            self._file = LogFile.open(self._path, token, flush=self._fsync)
        for domain, positions in self._file.positions.items() if self._file else ():
            end = self._ends.get(domain, 0)
            if positions.start > end:
                raise missing(self._path, domain, end)
            self._ends[domain] = max(end, positions.stop)
        self._epochs = {domain: row.epoch for domain, row in rows.items()}
        self._covered = {domain: row.covered for domain, row in rows.items()}

    def _own(self, domain: int, epoch: int) -> None:
        newest = self._epochs.get(domain, 0)
        if newest != epoch or not epoch:
            raise Fenced.of(domain, epoch, newest)

    def _begin_file(self) -> LogFile:
        file = LogFile.create(self._path, flush=self._fsync)
        try:
            self._env.write(lambda txn: txn.put("files", b"log", file.token), reserve=True)
        except BaseException:
            file.close()  # and if it is not named, it is removed as soon as that is known
            raise
        self._file = file
        return file

    @contextmanager
    def _ended(self, domain: int = 0, row: Row | None = None) -> Iterator[None]:
        """End the log file and, in the same moment, make `row` that of `domain`; then have the turn.

        Most of what is still needed of the file is moved before, in steps, while others commit.
        """
        with self._cutting:
            with self._alone():
                covered = self._covered if row is None else {**self._covered, domain: row.covered}
                file, goal = self._file, self._file.end if self._file else 0
                at = 0 if any(end > covered.get(each, 0) for each, end in self._ends.items()) else goal
            if file is not None:
                file.flush()  # else a power cut could leave LMDB with frames whose predecessors are gone
            while file is not None and at + PART_BYTES < goal:
                at = self._env.write(partial(move, file, at, covered, PART_BYTES), reserve=True)

            def end(txn: Transaction) -> None:
                if row is not None:
                    owned_row(txn, domain, row.epoch)
                    set_row(txn, domain, row)
                if self._file is not None:
                    move(self._file, at, covered, self._file.end, txn)
                    txn.delete("files", b"log")

            with self._alone():
                self._env.write(end, reserve=True)
                if row is not None:
                    self._covered[domain] = row.covered
                ended, self._file = self._file, None
                if ended is not None:
                    ended.retire()
                yield

    def _flush_again_and_again(self) -> None:
        while not self._closed.wait(FLUSH_SECONDS):
            try:
                self._flush()
            except Exception as error:  # the next one may succeed, whatever it was
                log.error("%s; nothing is committed before a flush succeeds", error)

    def _flush(self) -> None:
        if (file := self._file) is not None:
            file.flush()

    def _give_way(self) -> bool:
        """Is there room now, on a disk that was full, which our log file kept for what comes?"""
        if (file := self._file) is not None:
            with suppress(StoreError):  # it may be closed meanwhile
                return file.shrink()
        with suppress(OSError):
            (self._path / SPARE).unlink()
            return True
        return False

    def _spare_bytes(self) -> int:
        with suppress(OSError):
            return (self._path / SPARE).lstat().st_size
        return 0

    def _check_there(self, file: LogFile | None = None) -> None:
        """What is written into a file that has no name any more is lost with the process, so nothing is. Whoever has
        the turn may ask for the log file too."""
        if self._env.rescue or (file and file.rescue):
            with suppress(OSError):  # it may be closed meanwhile
                removed = [each.rescue for each in (self._env, self._file) if each and each.rescue]
                names = ", ".join(each.split()[-1] for each in removed)
                rescue = f"until process {os.getpid()} ends, `{'; '.join(removed)}` saves that"
                raise StoreError(f"{self._path}: removed while in use: {names}; {rescue}")

    # ---- snapshots ----

    def _write_part(self, domain: int, epoch: int, key: bytes, part: memoryview) -> None:
        def put(txn: Transaction) -> None:
            owned_row(txn, domain, epoch)
            txn.put("snapshots", key, part)

        self._env.write(put, reserve=True)

    def _sweep(self, domain: int, epoch: int) -> None:
        """Delete what no reader of this domain looks at. Fenced, lest it takes the parts that a new owner writes.

        A failure is not told: the call that it belongs to has had its effect, and the next sweep goes on.
        """

        def step(txn: Transaction) -> int:
            row = owned_row(txn, domain, epoch)
            left = SWEEP_ENTRIES
            left -= txn.delete_range("log", ENTRY.pack(domain, 0), ENTRY.pack(domain, row.covered), left)
            current, following = PART.pack(domain, row.generation, 0), PART.pack(domain, row.generation + 1, 0)
            left -= txn.delete_range("snapshots", PART.pack(domain, 0, 0), current, left)
            left -= txn.delete_range("snapshots", following, DOMAIN.pack(domain) + BEHIND, left)
            return SWEEP_ENTRIES - left

        def ripen(txn: Transaction) -> None:
            set_row(txn, domain, owned_row(txn, domain, epoch))

        with suppress(StoreError):
            if self._env.write(step, reserve=True):
                while self._env.write(step, reserve=True):
                    pass
                # LMDB uses pages again two transactions after the one that freed them. In a full store none but this
                # one, which has the reserve, could come between.
                self._env.write(ripen, reserve=True)
