"""The log file: what a power cut, a full disk, damage and a killed process leave of it, and what is made of that."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from errno import EIO
from itertools import count
from pathlib import Path
from typing import Any

import lmdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radon.abi.errors import StoreError
from radon.backends.driver import StoreDamaged, StoreFull
from radon.backends.stores import environment, logfile
from radon.backends.stores import lmdb as store_module
from radon.backends.stores.lmdb import LmdbStore
from radon.backends.stores.logfile import Commit, LogFile
from radon.testing.stores import check_against_model
from tests.backends.stores import KilledStore, failing

SECTOR = 512
FRAMES = [[b"one"], [b"two" * 400, b""], [b"three" * 300]]


def written(directory: Path, commits: Sequence[Sequence[bytes]] = FRAMES, *, flush: bool = True) -> LogFile:
    """A closed file in a directory of its own; the commits are those of domain 0."""
    directory.mkdir()
    file = LogFile.create(directory, flush=flush)
    position = 0
    for frames in commits:
        file.append(0, position, frames)
        position += len(frames)
    file.close()
    return file


def found(file: LogFile, *, flush: bool = True) -> list[list[bytes]]:
    with closing(LogFile.open(file.path.parent, file.token, flush=flush)) as opened:
        return [[bytes(frame) for frame in commit.frames] for commit in opened.commits()]


def places(file: LogFile) -> list[int]:
    """Where each commit ends, the beginning of the first one in front."""
    with closing(LogFile.open(file.path.parent, file.token, flush=True)) as opened:
        ends = [commit.end for commit in opened.commits()]
    first = len(logfile.MAGIC) + len(file.token)
    return [first, *ends]


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Path]:
    return (tmp_path / str(number) for number in count())


# ---- what a power cut leaves ----


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_is_torn_off_the_last_commit_takes_it_away_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = written(tmp_path_factory.mktemp("log") / "log")
    *_, begin, end = places(file)
    content = bytearray(file.path.read_bytes())
    sectors = range(begin // SECTOR, (end - 1) // SECTOR + 1)
    kept = data.draw(st.sets(st.sampled_from(sectors)))
    rotten = data.draw(st.sampled_from([b"\0", b"\xff"]))
    for sector in set(sectors) - kept:
        for at in range(max(begin, sector * SECTOR), min(end, (sector + 1) * SECTOR)):
            content[at] = rotten[0]
    file.path.write_bytes(content[: data.draw(st.just(end) | st.integers(begin, end))])
    survivors = FRAMES if file.path.read_bytes()[begin:end] == content[begin:end] and kept == set(sectors) else None
    assert found(file) == (survivors or FRAMES[:-1])
    with closing(LogFile.open(file.path.parent, file.token, flush=True)) as opened:
        opened.append(0, 3, [b"after"])
    assert found(file) == [*(survivors or FRAMES[:-1]), [b"after"]]


def test_a_hole_in_what_was_not_flushed_ends_the_log_there_for_good(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    same = [b"x" * 100]
    file = written(tmp_path / "log", [same] * 5, flush=False)
    hole = places(file)[2]
    content = bytearray(file.path.read_bytes())
    content[hole : hole + SECTOR // 8] = bytes(SECTOR // 8)
    file.path.write_bytes(content)
    assert found(file, flush=False) == [same] * 2
    assert "2 commits that were not flushed before a power cut are lost" in caplog.text
    with closing(LogFile.open(file.path.parent, file.token, flush=False)) as opened:
        opened.append(0, 2, same)  # as long as what was lost: what came behind that must not come back
    assert found(file) == [same] * 3


# ---- damage ----


def test_a_flipped_bit_anywhere_in_front_of_the_last_commit_is_damage(tmp_path: Path) -> None:
    file = written(tmp_path / "log", [[b"a"], [b"b" * 20], [b"c"]])
    content = file.path.read_bytes()
    for at in range(places(file)[-2]):
        file.path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        with pytest.raises(StoreDamaged, match=r"the commit at byte \d+ fails its checksum; go back to a backup"):
            found(file)


@pytest.mark.parametrize("size", [0, 5, 19])
def test_a_file_without_its_beginning_is_damage(tmp_path: Path, size: int) -> None:
    file = written(tmp_path / "log")
    os.truncate(file.path, size)
    with pytest.raises(StoreDamaged, match="byte 0 fails"):
        found(file)


def test_damage_that_is_met_while_the_file_is_in_use_is_told(tmp_path: Path) -> None:
    file = written(tmp_path / "log")
    with closing(LogFile.open(file.path.parent, file.token, flush=True)) as opened:
        os.truncate(file.path, places(file)[1])
        with pytest.raises(StoreDamaged, match="fails its checksum"):
            list(opened.commits())


def test_a_store_whose_log_file_was_removed_is_damaged(tmp_path: Path, homes: Iterator[Path]) -> None:
    home = next(homes)
    crashed(home, b"a")
    next(home.glob("commits.*")).unlink()
    with pytest.raises(StoreDamaged, match=r"its commits\.[0-9a-f]{16} is gone; go back to a backup"):
        LmdbStore(home)


def test_a_store_that_is_refused_keeps_no_file_open(homes: Iterator[Path]) -> None:
    home = next(homes)
    with closing(KilledStore(home)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"a"])
        store.snapshot(0, epoch, 1, b"one")
        store.commit(0, epoch, [b"b"])
    with lmdb.open(str(home), max_dbs=5) as env, env.begin(write=True) as txn:
        assert txn.delete((0).to_bytes(4, "big"), db=env.open_db(b"domains", txn=txn))
    before = os.listdir("/proc/self/fd")
    with pytest.raises(StoreDamaged, match="log entry 0 of domain 0 is missing"):
        LmdbStore(home)
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_failed_commit_leaves_nothing_that_another_domain_overwrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(LmdbStore(tmp_path)) as store:
        first, second = store.open(0).epoch, store.open(1).epoch
        store.commit(0, first, [b"before"])
        with monkeypatch.context() as patch:
            patch.setattr(logfile, "range", failing(MemoryError()), raising=False)
            with pytest.raises(MemoryError):
                store.commit(0, first, [b"failed"])
        store.commit(1, second, [b"after"])
        assert store.open(0).tail == [b"before"]
        assert store.open(1).tail == [b"after"]


def test_a_log_file_of_another_time_beside_an_older_database_is_damage(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    crashed(old, b"a", b"b")
    shutil.copytree(old, new)
    with closing(LmdbStore(new)) as store:
        store.commit(0, store.open(0).epoch, [b"c"])
    with closing(KilledStore(new)) as store:
        store.commit(0, store.open(0).epoch, [b"d"])
    shutil.copy(old / "data.mdb", new / "data.mdb")
    with pytest.raises(StoreDamaged, match="is gone"):
        LmdbStore(new)


# ---- writes that fail ----


@pytest.mark.parametrize("call", ["pwritev", "fdatasync"])
def test_a_commit_that_failed_is_not_found_and_the_next_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with closing(KilledStore(tmp_path)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"before"])
        with monkeypatch.context() as patch:
            patch.setattr(logfile.os, call, failing(OSError(EIO, "Input/output error")))
            with pytest.raises(StoreError, match="look at the disk"):
                store.commit(0, epoch, [b"failed" * 1000])
        assert store.position(0) == 1
        store.commit(0, epoch, [b"after"])
        assert store.open(0).tail == [b"before", b"after"]
    with closing(LmdbStore(tmp_path)) as store:
        assert store.open(0).tail == [b"before", b"after"]


def test_a_log_that_cannot_be_cut_back_takes_nothing_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(LmdbStore(tmp_path)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"before"])
        with monkeypatch.context() as patch:
            patch.setattr(logfile.os, "fdatasync", failing(OSError(EIO, "Input/output error"), times=3))
            for attempt in (store.commit, store.commit):
                with pytest.raises(StoreError):
                    attempt(0, epoch, [b"failed"])
            with pytest.raises(StoreError):
                store.open(0)
        store.commit(0, epoch, [b"after"])
        assert store.open(0).tail == [b"before", b"after"]


def test_a_write_that_was_cut_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwritev
    monkeypatch.setattr(logfile.os, "pwritev", lambda fd, parts, at: write(fd, [b"".join(parts)[:7]], at))
    file = written(tmp_path / "log")
    assert found(file) == FRAMES


def test_more_frames_than_one_call_takes_are_one_commit(tmp_path: Path) -> None:
    frames = [b"%d" % number for number in range(5000)]
    assert found(written(tmp_path / "log", [frames])) == [frames]


# ---- killed at any step ----


def crashed(home: Path, *commits: bytes) -> None:
    """Leave a store with these commits of domain 0, frame by frame, in its log file."""
    with closing(KilledStore(home)) as store:
        epoch = store.open(0).epoch
        for frame in commits:
            store.commit(0, epoch, [frame])


@pytest.mark.parametrize("fsync", [True, False], ids=["fsync", "async"])
def test_a_store_that_is_killed_again_and_again_answers_as_the_model_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsync: bool
) -> None:
    monkeypatch.setattr(store_module, "PART_BYTES", 200)
    check_against_model(lambda home: KilledStore(home, fsync=fsync), tmp_path)


class Killed(BaseException):
    """Nothing of ours may catch this."""


def test_a_store_that_is_killed_at_any_step_of_a_snapshot_keeps_the_commits_of_all_domains(
    homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "PART_BYTES", 64)
    frames = [b"%d" % number * 20 for number in range(12)]
    old, new = (None, frames), (b"snapshot", frames[9:])
    seen = []
    for steps in count():
        left = iter(range(steps))

        def step(act: Callable[..., Any], left: Iterator[int] = left) -> Callable[..., Any]:
            def either(*arguments: Any, **options: Any) -> Any:
                if next(left, None) is None:
                    raise Killed
                return act(*arguments, **options)

            return either

        home = next(homes)
        finished = False
        with closing(KilledStore(home)) as store:
            first, second = store.open(0).epoch, store.open(1).epoch
            for frame in frames:
                store.commit(0, first, [frame])
                store.commit(1, second, [frame[::-1]])
            with monkeypatch.context() as patch:
                patch.setattr(environment.Environment, "write", step(environment.Environment.write))
                patch.setattr(logfile.os, "rename", step(os.rename))
                patch.setattr(logfile, "sync", step(logfile.sync))
                try:
                    store.snapshot(0, first, 9, b"snapshot")
                    store.commit(0, first, [b"after"])
                    finished = True
                except Killed:
                    pass
        with closing(LmdbStore(home)) as store:
            image, other = store.open(0), store.open(1)
        assert image[1:] in (old, new, (b"snapshot", [*frames[9:], b"after"]))
        assert other[1:] == (None, [frame[::-1] for frame in frames])
        assert not list(home.glob("commits.*")), "a closed store is its data.mdb"
        seen.append(len(image.tail))
        if finished:
            break
    assert len(seen) > 8
    assert {len(frames), 3, 4} == set(seen)


def test_a_closed_store_that_found_no_room_for_its_log_has_it_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LmdbStore(tmp_path)
    store.commit(0, store.open(0).epoch, [b"a"])
    with monkeypatch.context() as patch:
        patch.setattr(environment.Environment, "write", failing(StoreFull("no room")))
        store.close()
    assert list(tmp_path.glob("commits.*"))
    with closing(LmdbStore(tmp_path)) as store:
        assert store.open(0).tail == [b"a"]


def test_a_commit_tells_where_it_lies(tmp_path: Path) -> None:
    file = written(tmp_path / "log", [[b"a"], [b"b", b"c"]])
    with closing(LogFile.open(file.path.parent, file.token, flush=True)) as opened:
        first, second = opened.commits()
        assert list(opened.commits(first.end)) == [second]
        assert second == Commit(0, 1, True, [memoryview(b"b"), memoryview(b"c")], second.end)
