"""The room that a log file takes on the disk, leaves there, and hands on to the next one."""

from __future__ import annotations

import os
from contextlib import closing
from errno import ENOSPC
from pathlib import Path
from types import SimpleNamespace

import pytest

from radon.abi.errors import StoreError
from radon.backends.driver import StoreFull
from radon.backends.stores import logfile
from radon.backends.stores.lmdb import LmdbStore
from tests.backends.stores import KilledStore, failing

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
        disk.f_bavail = disk.f_blocks - os.fstat(file).st_size // SECTOR
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
        store.commit(0, epoch, [b"a"])
        assert next(tmp_path.glob("commits.*")).stat().st_size < 32_000
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


def test_a_link_in_place_of_a_spare_file_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"text")
    with closing(LmdbStore(tmp_path / "data")) as store:
        (tmp_path / "data" / logfile.SPARE).symlink_to(precious)
        epoch = store.open(0).epoch
        with pytest.raises(StoreError, match="Too many levels of symbolic links"):
            store.commit(0, epoch, [b"a"])
        store.commit(0, epoch, [b"a"])
        assert store.open(0).tail == [b"a"]
    assert precious.read_bytes() == b"text"
