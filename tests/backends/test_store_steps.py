"""The store `lmdb`: its snapshots are written in steps, and its backups are taken beside commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from errno import ENOSPC
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import lmdb
import pytest

from radon.abi.errors import StoreError
from radon.backends.driver import StoreFull, StoreVersion
from radon.backends.stores import directory, environment
from radon.backends.stores import lmdb as store_module
from radon.backends.stores.lmdb import LmdbStore
from radon.testing.stores import check_against_model
from tests.backends.stores import a_file_limit, failing, filled


def test_steps_of_any_size_answer_as_the_model_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "PART_BYTES", 16)
    monkeypatch.setattr(store_module, "SWEEP_ENTRIES", 2)
    check_against_model(lambda home: LmdbStore(home, fsync=False), tmp_path)


def entries(directory: Path) -> tuple[int, int]:
    """How many frames and how many parts of snapshots are in a closed store, read by anyone or not."""
    with lmdb.open(str(directory), max_dbs=4) as env, env.begin() as txn:
        log, snapshots = (txn.stat(env.open_db(name, txn=txn))["entries"] for name in (b"log", b"snapshots"))
    return log, snapshots


class PowerCut(BaseException):
    """Nothing of ours may catch this."""


def test_a_snapshot_cut_off_at_any_step_leaves_the_old_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "PART_BYTES", 10)
    monkeypatch.setattr(store_module, "SWEEP_ENTRIES", 2)
    old, new = (b"old " * 8, [b"2", b"3", b"4"]), (b"new " * 9, [b"4"])  # four parts each
    write = environment.Environment.write
    seen = []
    for steps in count():
        with closing(LmdbStore(tmp_path / str(steps), fsync=False)) as store:
            epoch = store.open(0).epoch
            store.commit(0, epoch, [b"%d" % n for n in range(5)])
            store.snapshot(0, epoch, 2, old[0])
            left = iter(range(steps))

            def cut(self: Any, act: Any, left: Iterator[int] = left, **options: Any) -> Any:
                if next(left, None) is None:
                    raise PowerCut
                return write(self, act, **options)

            finished = False
            with monkeypatch.context() as patch:
                patch.setattr(environment.Environment, "write", cut)
                try:
                    store.snapshot(0, epoch, 4, new[0])
                    finished = True
                except PowerCut:
                    pass
        with closing(LmdbStore(tmp_path / str(steps), fsync=False)) as store:
            image = store.open(0)
        assert image[1:] in (old, new)
        assert entries(tmp_path / str(steps)) == (len(image.tail), 4), "the leavings were not swept"
        seen.append(image[1:] == new)
        if finished:
            break
    assert seen == sorted(seen), "once the new snapshot is there, it stays"
    assert seen.count(False) >= 4
    assert seen.count(True) >= 3


def test_a_backup_beside_a_busy_writer_is_a_prefix_of_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "MAP_BYTES", 1 << 16)  # so that the map grows meanwhile
    frames = [b"%d" % n * 500 for n in range(3000)]
    started = Event()
    with closing(LmdbStore(tmp_path / "store", fsync=False)) as store:
        epoch = store.open(0).epoch

        def write() -> None:
            for frame in frames:
                store.commit(0, epoch, [frame])
                started.set()

        writer = Thread(target=write)
        writer.start()
        started.wait()
        try:
            for n in range(5):
                store.backup(tmp_path / f"backup {n}")
        finally:
            writer.join()
        assert store.open(0).tail == frames
    lengths = []
    for n in range(5):
        with closing(LmdbStore(tmp_path / f"backup {n}")) as copy:
            tail = copy.open(0).tail
            assert tail == frames[: len(tail)]
            lengths.append(len(tail))
    assert lengths == sorted(lengths)
    assert lengths[0] > 0


def test_a_backup_whose_process_was_killed_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = filled(tmp_path / "store", [bytes(100_000)])
    with closing(LmdbStore(home)) as store, monkeypatch.context() as patch, a_file_limit(50_000):
        patch.setattr(Path, "unlink", failing(PowerCut()))
        with pytest.raises(PowerCut):
            store.backup(tmp_path / "backup")
    with pytest.raises(StoreVersion, match="not a whole Radon data directory"):
        LmdbStore(tmp_path / "backup")


@pytest.mark.parametrize("there", [False, True])
def test_a_backup_that_failed_leaves_nothing_and_can_be_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    backup = tmp_path / "backup"
    if there:
        backup.mkdir()
    with closing(LmdbStore(filled(tmp_path / "home", [b"a"]))) as store:
        with monkeypatch.context() as patch:
            patch.setattr(directory.os, "fsync", failing(OSError(ENOSPC, "No space left on device"), times=100))
            with pytest.raises(StoreFull, match="backup: the disk is full; make room on it"):
                store.backup(backup)
        assert backup.exists() == there
        assert not there or not list(backup.iterdir())
        store.backup(backup)
    with closing(LmdbStore(backup)) as store:
        assert store.open(0).tail == [b"a"]


def test_a_backup_that_comes_while_another_one_is_taken_leaves_that_alone(tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    with closing(LmdbStore(filled(tmp_path / "home", [b"a"]))) as store, directory.made_anew(backup):
        (backup / "data.mdb").write_bytes(b"theirs")
        with pytest.raises(StoreError, match="backup: not empty; a backup needs a directory of its own"):
            store.backup(backup)
        assert (backup / "data.mdb").read_bytes() == b"theirs"
