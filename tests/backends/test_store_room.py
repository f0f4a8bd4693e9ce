"""The room that a log file takes on the disk, leaves there, and hands on to the next one."""

from __future__ import annotations

import os
from contextlib import closing
from errno import ENOSPC
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lmdb
import pytest

from radon.backends.driver import StoreFull
from radon.backends.stores import environment, logfile
from radon.backends.stores.lmdb import LmdbStore
from tests.backends.stores import KilledStore, failing, filled

SECTOR = 512


def test_a_disk_without_room_for_more_than_the_commit_takes_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile.os, "posix_fallocate", failing(OSError(ENOSPC, "No space left on device"), times=100))
    with closing(LmdbStore(tmp_path)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"a"])
        with monkeypatch.context() as patch:
            patch.setattr(logfile.os, "pwritev", failing(OSError(ENOSPC, "No space left on device")))
            with pytest.raises(StoreFull, match="the disk is full; make room on it"):
                store.commit(0, epoch, [b"b"])
        assert store.open(0).tail == [b"a"]


def test_a_log_leaves_as_much_room_on_the_disk_as_it_takes_to_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SimpleNamespace(f_blocks=200_000 // SECTOR, f_bavail=0, f_frsize=SECTOR)

    def look(file: int) -> SimpleNamespace:
        disk.f_bavail = disk.f_blocks - -(-os.fstat(file).st_size // SECTOR)
        return disk

    monkeypatch.setattr(logfile, "FIRST_STEP", 4 * SECTOR)
    monkeypatch.setattr(logfile, "LAST_STEP", 8 * SECTOR)
    monkeypatch.setattr(logfile.os, "fstatvfs", look)
    with closing(LmdbStore(tmp_path)) as store:
        epoch = store.open(0).epoch

        def fill() -> None:
            while True:
                store.commit(0, epoch, [bytes(1000)])

        for _ in range(2):
            with pytest.raises(StoreFull, match="the disk is full; make room on it"):
                fill()
            assert 90_000 < next(tmp_path.glob("commits.*")).stat().st_size <= 100_000
            store.snapshot(0, epoch, store.position(0), b"all of it")
        disk.f_blocks -= 70_000 // SECTOR  # others took it
        with pytest.raises(StoreFull, match="the disk is full; make room on it"):
            fill()
        assert 60_000 < next(tmp_path.glob("commits.*")).stat().st_size <= 65_000
        store.snapshot(0, epoch, store.position(0), b"all of it")
        disk.f_blocks = 0  # unknown
        store.commit(0, epoch, [bytes(200_000)])


def cut(store: LmdbStore, epoch: int) -> Path:
    """Ends the log file, which is that of domain 0. Answers where the spare one is."""
    store.snapshot(0, epoch, store.position(0), b"all")
    (left,) = store._path.glob("commits.*")
    assert left.name == logfile.SPARE
    return left


@pytest.mark.parametrize("fsync", [True, False], ids=["fsync", "async"])
def test_the_room_of_a_file_is_used_again_and_nothing_in_it_is_found(tmp_path: Path, fsync: bool) -> None:
    with closing(KilledStore(tmp_path, fsync=fsync)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"old"] * 100)
        store.commit(0, epoch, [b"old"])
        inode = cut(store, epoch).stat().st_ino
        store.commit(0, epoch, [b"new"])
        assert next(tmp_path.glob("commits.*")).stat().st_ino == inode
    with closing(LmdbStore(tmp_path, fsync=fsync)) as store:
        assert store.open(0)[1:] == (b"all", [b"new"])


def test_a_spare_file_outlives_a_kill_and_no_close(tmp_path: Path) -> None:
    with closing(KilledStore(tmp_path)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"a"])
        inode = cut(store, epoch).stat().st_ino
    with closing(LmdbStore(tmp_path)) as store:
        store.commit(0, store.open(0).epoch, [b"b"])
        assert next(tmp_path.glob("commits.*")).stat().st_ino == inode
    assert not list(tmp_path.glob("commits.*"))


def test_of_a_long_file_a_part_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "SPARE_BYTES", 1000)
    with closing(LmdbStore(tmp_path)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [bytes(5000)])
        assert cut(store, epoch).stat().st_size == 1000
        store.commit(0, epoch, [bytes(5000)])
        assert store.open(0).tail == [bytes(5000)]


def test_a_spare_file_that_was_removed_is_not_missed(tmp_path: Path) -> None:
    with closing(LmdbStore(tmp_path)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"a"])
        cut(store, epoch).unlink()
        store.commit(0, epoch, [b"b"])
        assert store.open(0).tail == [b"b"]


@pytest.mark.parametrize("what", ["symlink", "hard link", "pipe", "directory"])
def test_what_is_in_place_of_a_spare_file_and_not_ours_is_left_alone(tmp_path: Path, what: str) -> None:
    precious, spare = tmp_path / "precious", tmp_path / "data" / logfile.SPARE
    precious.write_bytes(b"text")
    with closing(LmdbStore(tmp_path / "data")) as store:
        match what:
            case "symlink":
                spare.symlink_to(precious)
            case "hard link":
                spare.hardlink_to(precious)
            case "pipe":
                os.mkfifo(spare)
            case "directory":
                spare.mkdir()
        epoch = store.open(0).epoch
        for frame in (b"a", b"b"):
            store.commit(0, epoch, [frame])
            store.snapshot(0, epoch, store.position(0), b"all")
        store.commit(0, epoch, [b"c"])
        assert store.open(0)[1:] == (b"all", [b"c"])
    assert precious.read_bytes() == b"text"
    with closing(LmdbStore(tmp_path / "data")) as store:
        assert store.open(0)[1:] == (b"all", [b"c"])


def test_a_file_of_the_user_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "commits.csv").write_text("1;2")
    filled(tmp_path, [b"a"])
    assert (tmp_path / "commits.csv").read_text() == "1;2"


def test_a_full_disk_gets_the_room_back_that_was_kept_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LMDB needs it."""
    begin, failing_times = environment.Environment._begin, [0]

    def full(self: environment.Environment, *, write: bool) -> Any:
        if write and failing_times[0]:
            failing_times[0] -= 1
            raise lmdb.DiskError("No space left on device", ENOSPC)
        return begin(self, write=write)

    monkeypatch.setattr(environment.Environment, "_begin", full)
    monkeypatch.setattr(environment, "translated", lambda error, path: StoreFull(str(error)))
    with closing(LmdbStore(tmp_path)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"a"])
        spare = cut(store, epoch)
        size = store.size().total
        failing_times[0] = 1
        store.write("name", b"value")
        assert not spare.exists()
        assert store.size().total < size
        store.commit(0, epoch, [bytes(3 * logfile.FIRST_STEP)])
        assert cut(store, epoch).stat().st_size > 2 * logfile.FIRST_STEP
        store.commit(0, epoch, [b"b"])
        failing_times[0] = 1
        store.write("name", b"value")
        (file,) = tmp_path.glob("commits.*")
        assert file.stat().st_size == store._file._room < 2 * logfile.FIRST_STEP
        failing_times[0] = 1  # and there is no more to give
        with pytest.raises(StoreFull, match="No space"):
            store.write("name", b"other")
        assert store.open(0).tail == [b"b"]
