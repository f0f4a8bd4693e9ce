"""Flushes of the log file, in the background of an async store above all, and those that fail."""

from __future__ import annotations

from contextlib import closing
from errno import EIO
from pathlib import Path
from threading import Event

import pytest

from radon.abi.errors import StoreError
from radon.backends.driver import StoreDamaged
from radon.backends.stores import lmdb as store_module
from radon.backends.stores import logfile
from radon.backends.stores.lmdb import LmdbStore
from radon.backends.stores.logfile import LogFile
from tests.backends.stores import KilledStore, failing


@pytest.fixture(autouse=True)
def only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "FLUSH_SECONDS", 1e6)


def test_without_fsync_the_log_is_flushed_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "FLUSH_SECONDS", 0.001)
    flushed, flush = Event(), LogFile.flush

    def tell(file: LogFile) -> None:
        flush(file)
        flushed.set()

    monkeypatch.setattr(LogFile, "flush", tell)
    with closing(LmdbStore(tmp_path, fsync=False)) as store:
        epoch = store.open(0).epoch
        for frame in (b"a", b"b"):
            flushed.clear()
            store.commit(0, epoch, [frame])
            assert flushed.wait(20)


def test_after_a_flush_that_failed_nothing_is_committed_before_another_one_has_written_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux tells of pages that did not reach the disk once, and keeps them as if they had."""
    with closing(LmdbStore(tmp_path, fsync=False)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"before"])
        store._flush()
        store.commit(0, epoch, [b"a" * 100])
        written = []
        with monkeypatch.context() as patch:
            patch.setattr(logfile.os, "fdatasync", failing(OSError(EIO, "Input/output error")))
            patch.setattr(logfile.os, "pwrite", lambda file, data, at: written.append(bytes(data)) or len(data))
            with pytest.raises(StoreError, match="Input/output error; look at the disk"):
                store._flush()
            with pytest.raises(StoreError, match="nothing is committed before a flush succeeds"):
                store.commit(0, epoch, [b"refused"])
            store._flush()
        assert len(written) == 1
        assert written[0].endswith(b"a" * 100)
        assert b"before" not in written[0]
        store.commit(0, epoch, [b"after"])
        assert store.open(0).tail == [b"before", b"a" * 100, b"after"]


@pytest.mark.parametrize("error", [OSError(EIO, "Input/output error"), MemoryError()])
def test_what_the_system_has_no_more_after_a_flush_that_failed_is_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It may have dropped the pages, and read the old ones back from the disk."""
    with closing(KilledStore(tmp_path, fsync=False)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"before"])
        store._flush()
        safe = store.size().log
        store.commit(0, epoch, [b"dropped"])
        with monkeypatch.context() as patch:
            patch.setattr(logfile.os, "fdatasync", failing(error))
            with pytest.raises((StoreError, MemoryError)):
                store._flush()
        (path,) = tmp_path.glob("commits.*")
        with path.open("r+b") as file:
            file.seek(safe)
            file.write(bytes(30))
        for _ in range(2):
            with pytest.raises(StoreDamaged, match=rf"the commit at byte {safe} fails its checksum"):
                store._flush()
            with pytest.raises(StoreError, match="fails its checksum"):
                store.commit(0, epoch, [b"after"])


def test_the_background_goes_on_after_any_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "FLUSH_SECONDS", 0.001)
    failed, flushed = Event(), Event()

    def flush(file: LogFile) -> None:
        if not failed.is_set():
            failed.set()
            raise MemoryError
        flushed.set()

    with closing(LmdbStore(tmp_path, fsync=False)) as store, monkeypatch.context() as patch:
        patch.setattr(LogFile, "flush", flush)
        store.commit(0, store.open(0).epoch, [b"a"])
        assert failed.wait(20)
        assert flushed.wait(20)


def test_after_a_start_only_what_may_be_missing_on_the_disk_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(KilledStore(tmp_path, fsync=False)) as store:
        epoch = store.open(0).epoch
        for frame in (b"a" * 1000, b"b" * 1000):
            store.commit(0, epoch, [frame])
        store._flush()
        store.commit(0, epoch, [b"known by this one"])
        store.commit(0, epoch, [b"last"])
    written = []
    write = logfile.os.pwrite
    monkeypatch.setattr(logfile.os, "pwrite", lambda *given: written.append(bytes(given[1])) or write(*given))
    with closing(LmdbStore(tmp_path, fsync=False)) as store:
        assert len(store.open(0).tail) == 4
    assert b"known by this one" in written[0]
    assert b"last" in written[1]
    assert len(written) == 2
