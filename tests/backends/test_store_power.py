"""Power cuts at seeded moments of seeded lives of a store, with any part of what was not flushed yet.

With fsync every acknowledged commit is there. Without, all domains are back at the same moment, which is not before the
last flush. A commit is there whole or not at all, and the store is never damaged.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from radon.abi.errors import StoreError
from radon.backends.stores import lmdb as store_module
from radon.backends.stores import logfile
from radon.backends.stores.lmdb import LmdbStore
from radon.backends.stores.logfile import LogFile
from tests.backends.power import SECTOR, Disk, recorded
from tests.backends.stores import KilledStore

DOMAINS = 3
ACTS = 25  # in the life of a store
CUTS = 15  # of the power, in each life


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several transactions for what is usually one, so that cuts come between them, and nothing unless it is asked."""
    monkeypatch.setattr(store_module, "PART_BYTES", 300)
    monkeypatch.setattr(store_module, "FLUSH_SECONDS", 1e6)
    monkeypatch.setattr(logfile, "FIRST_STEP", 4 * SECTOR)
    monkeypatch.setattr(logfile, "LAST_STEP", 8 * SECTOR)


def frame(domain: int, position: int) -> bytes:
    return b"%d.%d " % (domain, position) * (1 + position * 7 % 40)


def snapshot(domain: int, covered: int) -> bytes:
    return b"%d up to %d " % (domain, covered) * 50


class Moment(NamedTuple):
    commits: int  # of all domains, acknowledged
    durable: int  # of these, what a power cut must not take


class Life:
    """A store that is used by several domains, closed and killed now and then."""

    def __init__(self, home: Path, disk: Disk, random: Random, *, fsync: bool) -> None:
        self.ends = [(0,) * DOMAINS]  # the positions of all domains after each commit, in their order
        self.failed: list[tuple[int, tuple[int, ...]]] = []  # likewise, of commits that were refused, behind how many
        self.moments = [Moment(0, 0)]  # after each number of steps of the disk
        self._disk, self._random, self._fsync = disk, random, fsync
        self._open = lambda: KilledStore(home, fsync=fsync)
        self._begin()

    def live(self) -> None:
        acts = [self._commit] * 12 + [self._snapshot] * 2 + [self._flush] * 2
        acts += [self._reopen, self._kill, self._write, self._fail]
        for _ in range(ACTS):
            with suppress(StoreError):  # after a failed flush
                self._random.choice(acts)()
        self._store.close()
        self._reached(0)

    def _begin(self) -> None:
        self._store = self._open()
        self._epochs = [self._store.open(domain).epoch for domain in range(DOMAINS)]
        ends = tuple(self._store.position(domain) for domain in range(DOMAINS))
        if ends != self.ends[-1]:  # the process was killed before it could take back what it had refused
            assert (len(self.ends) - 1, ends) in self.failed
            self.ends.append(ends)
        self._reached(len(self.ends) - 1)

    def _reached(self, durable: int) -> None:
        steps, last = len(self._disk), self.moments[-1]
        self.moments += [last] * (steps - len(self.moments))
        self.moments[steps:] = [Moment(len(self.ends) - 1, max(last.durable, durable))]

    def _commit(self) -> None:
        domain, count = self._random.randrange(DOMAINS), self._random.randrange(1, 4)
        begin = self.ends[-1][domain]
        after = list(self.ends[-1])
        after[domain] += count
        self.ends.append(tuple(after))
        frames = [frame(domain, position) for position in range(begin, begin + count)]
        try:
            self._store.commit(domain, self._epochs[domain], frames)
        except StoreError:
            self.failed.append((len(self.ends) - 2, self.ends.pop()))
            raise
        self._reached(len(self.ends) - 1 if self._fsync else 0)

    def _snapshot(self) -> None:
        domain = self._random.randrange(DOMAINS)
        covered = self._random.randint(self._store._covered[domain], self.ends[-1][domain])
        self._store.snapshot(domain, self._epochs[domain], covered, snapshot(domain, covered))
        self._reached(len(self.ends) - 1)

    def _flush(self) -> None:
        self._store._flush()
        self._reached(len(self.ends) - 1)

    def _fail(self) -> None:
        """One flush that comes soon, or two."""
        self._disk.failing = self._random.randint(1, 2)
        try:
            self._random.choice([self._commit, self._snapshot, self._flush])()
        finally:
            self._disk.failing = 0

    def _write(self) -> None:
        self._store.write("name", b"value")

    def _reopen(self) -> None:
        LmdbStore.close(self._store)
        self._reached(len(self.ends) - 1)
        self._begin()

    def _kill(self) -> None:
        self._store.close()
        self._begin()


def check(home: Path, life: Life, moment: Moment, *, fsync: bool) -> None:
    """Open what is left, twice, with a commit in between."""
    with closing(KilledStore(home, fsync=fsync)) as store:
        images = [store.open(domain) for domain in range(DOMAINS)]
        ends = tuple(store.position(domain) for domain in range(DOMAINS))
        # One commit more may be there that was under way.
        failed = [end for behind, end in life.failed if moment.durable <= behind <= moment.commits]
        assert ends in life.ends[moment.durable : moment.commits + 2] + failed, (ends, moment)
        for domain, (_, found, tail) in enumerate(images):
            covered = ends[domain] - len(tail)
            assert tail == [frame(domain, position) for position in range(covered, ends[domain])]
            assert found == (snapshot(domain, covered) if covered else None) or found == snapshot(domain, 0)
        store.commit(0, images[0].epoch, [b"after"])
    with closing(LmdbStore(home, fsync=fsync)) as store:
        assert store.open(0).tail == [*images[0].tail, b"after"]
        assert [store.open(domain).tail for domain in range(1, DOMAINS)] == [image.tail for image in images[1:]]


def cut_the_power(folder: Path, seed: int, *, fsync: bool) -> None:
    random = Random(seed)
    home = folder / "home"
    LmdbStore(home).close()
    with recorded(home) as disk:
        life = Life(home, disk, random, fsync=fsync)
        life.live()
    for number in range(CUTS):
        steps = random.randint(1, len(disk))
        disk.leave(steps, random, left := folder / str(number))
        check(left, life, life.moments[steps], fsync=fsync)


@pytest.mark.parametrize("fsync", [True, False], ids=["fsync", "async"])
@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(n, marks=pytest.mark.slow) for n in range(6, 500))])
def test_a_power_cut_takes_nothing_that_was_durable_and_nothing_by_halves(
    tmp_path: Path, seed: int, fsync: bool
) -> None:
    cut_the_power(tmp_path, seed, fsync=fsync)


# ---- mistakes that are found ----


def unflushed_names(patch: pytest.MonkeyPatch) -> None:
    """A new file is named before the directory has it."""
    patch.setattr(logfile, "sync", lambda path: None)


def unflushed_commits(patch: pytest.MonkeyPatch) -> None:
    """With fsync, commits are acknowledged that are not flushed."""
    patch.setattr(Disk, "fdatasync", lambda self, file: None)


def unflushed_moves(patch: pytest.MonkeyPatch) -> None:
    """LMDB gets frames of a file that is not flushed."""
    patch.setattr(LogFile, "flush", lambda self: None)
    patch.setattr(Life, "_flush", lambda self: None)


def believed_flushes(patch: pytest.MonkeyPatch) -> None:
    """After a flush that failed another one is tried, and believed."""
    patch.setattr(LogFile, "_write_again", lambda self, end: None)


def claimed_flushes(patch: pytest.MonkeyPatch) -> None:
    """Each commit says that those before it were flushed."""

    class Head:
        size, unpack_from = logfile._HEAD.size, logfile._HEAD.unpack_from

        @staticmethod
        def pack(domain: int, position: int, flushed: bool, *rest: int, pack: Any = logfile._HEAD.pack) -> Any:
            return pack(domain, position, True, *rest)

    patch.setattr(logfile, "_HEAD", Head)


@pytest.mark.parametrize(
    ("mistake", "fsync"),
    [
        (unflushed_names, True),
        (unflushed_commits, True),
        (unflushed_moves, False),
        (believed_flushes, False),
        (claimed_flushes, False),
    ],
)
def test_a_mistake_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None], fsync: bool
) -> None:
    mistake(monkeypatch)
    for seed in range(7, 50):  # the first one finds what takes a snapshot of some length
        try:
            cut_the_power(tmp_path / str(seed), seed, fsync=fsync)
        except (AssertionError, StoreError):
            return
    pytest.fail("nothing was noticed")
