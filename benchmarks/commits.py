"""What does a durable commit take, and what in other stores? 400 bytes and 256 KiB at a time, each on the disk before
the next one begins.

The floor writes into room that was written before, and flushes: less a disk cannot do. The peers are an append that
makes the file longer, which is what an append-only file does, LMDB, and SQLite in WAL mode with synchronous=FULL.
Commits wait for the disk, so it is the clock that is read.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import lmdb
from _measure import RUNS, report

from radon.backends.stores.lmdb import LmdbStore

COMMITS = 200

Commit = Callable[[bytes], object]


@contextmanager
def ours(folder: Path) -> Iterator[Commit]:
    with closing(LmdbStore(folder)) as store:
        epoch = store.open(0).epoch
        yield lambda data: store.commit(0, epoch, [data])


@contextmanager
def file(path: Path, room: int) -> Iterator[Commit]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    os.pwrite(descriptor, bytes(room), 0)
    os.fsync(descriptor)
    end = 0

    def commit(data: bytes) -> None:
        nonlocal end
        if room and end + len(data) > room:
            end = 0
        os.pwrite(descriptor, data, end)
        os.fdatasync(descriptor)
        end += len(data)

    yield commit
    os.close(descriptor)


@contextmanager
def lmdb_itself(folder: Path) -> Iterator[Commit]:
    with lmdb.open(str(folder), map_size=8 << 30) as environment:
        numbers = iter(range(1 << 40))

        def commit(data: bytes) -> None:
            with environment.begin(write=True) as transaction:
                transaction.put(next(numbers).to_bytes(8, "big"), data)

        yield commit


@contextmanager
def sqlite(path: Path) -> Iterator[Commit]:
    with closing(sqlite3.connect(path, isolation_level=None)) as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=FULL")
        base.execute("CREATE TABLE log (data BLOB)")
        yield lambda data: base.execute("INSERT INTO log VALUES (?)", (data,))


def seconds(commit: Commit, data: bytes) -> float:
    """The median of one."""
    times = []
    for _ in range(COMMITS):
        begin = time.perf_counter()
        commit(data)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main() -> None:
    for size, count in ((400, RUNS), (256 << 10, 5)):
        data = os.urandom(size)
        with TemporaryDirectory(dir=Path.cwd()) as name, ExitStack() as stack:  # /tmp may be memory
            folder = Path(name)
            ways = {
                "floor": file(folder / "floor", 64 << 20),
                "Radon's store": ours(folder / "radon"),
                "a file that grows": file(folder / "grows", 0),
                "LMDB": lmdb_itself(folder / "lmdb"),
                "SQLite, WAL": sqlite(folder / "sqlite"),
            }
            commits = {way: stack.enter_context(each) for way, each in ways.items()}
            taken: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(count):
                for way, commit in commits.items():
                    taken[way].append(seconds(commit, data))
            floor = statistics.median(taken.pop("floor"))
            for way, times in taken.items():
                report(f"a durable commit of {size} bytes, {way}", times, floor)


if __name__ == "__main__":
    main()
