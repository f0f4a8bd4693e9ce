"""The store `lmdb`: the conformance suite, and what only a directory on a disk can meet."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from errno import EIO, EMFILE, ENOMEM, ENOSPC
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import lmdb
import pytest

from radon.abi.errors import Invalid, StoreError
from radon.backends.driver import Fenced, StoreBusy, StoreDamaged, StoreFull, StoreVersion
from radon.backends.stores import STORES, environment, logfile, open_store
from radon.backends.stores import directory as directory_module
from radon.backends.stores.lmdb import LmdbStore
from radon.testing.stores import StoreFactory, StoreSuite
from tests.backends.stores import a_file_limit, filled

MIB = 1 << 20


@pytest.fixture(name="open_store", params=[True, False], ids=["fsync", "async"])
def open_lmdb(request: pytest.FixtureRequest) -> StoreFactory:
    return lambda directory: LmdbStore(directory, fsync=request.param)


class TestLmdbStore(StoreSuite): ...


# ---- registration ----


def test_the_stores_are_known_by_name(tmp_path: Path) -> None:
    for name, durabilities in {"memory": ("none", "none"), "lmdb": ("machine", "process")}.items():
        for fsync, durability in zip((True, False), durabilities, strict=True):
            with closing(open_store(name, tmp_path / "d", fsync=fsync)) as store:
                assert store.durability == durability
    assert set(STORES) == {"memory", "lmdb"}


def test_an_unknown_store_is_refused_with_the_names_of_the_known(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="unknown store 'lmbd'; known: memory, lmdb"):
        open_store("lmbd", tmp_path)


# ---- the directory ----


def test_a_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    home = filled(tmp_path / "new" / "data", [b"a"])
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "data.mdb").stat().st_mode & 0o777 == 0o600


def test_a_second_store_in_this_process_is_refused(tmp_path: Path) -> None:
    with closing(LmdbStore(tmp_path)), pytest.raises(StoreBusy, match="in use by this process already"):
        LmdbStore(tmp_path)
    LmdbStore(tmp_path).close()


def test_a_directory_that_another_process_has_is_refused_with_its_number_until_it_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from radon.backends.stores.lmdb import LmdbStore;"
        "store = LmdbStore(pathlib.Path(sys.argv[1])); print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        with pytest.raises(StoreBusy, match=f"in use by process {child.pid}; stop it"):
            LmdbStore(tmp_path)
        child.kill()
        child.wait()
        LmdbStore(tmp_path).close()


def test_a_directory_of_another_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    home = filled(tmp_path / "store", [b"a"])
    (home / "VERSION").write_text("radon store 9\n")
    before = (home / "data.mdb").read_bytes()
    with pytest.raises(StoreVersion, match="VERSION is 'radon store 9', this Radon reads 'radon store 3'; export"):
        LmdbStore(home)
    assert (home / "data.mdb").read_bytes() == before


def test_a_directory_without_log_files_is_taken_over_and_closed_to_those_who_know_none(tmp_path: Path) -> None:
    home = filled(tmp_path / "store", [b"a"])
    (home / "VERSION").write_text("radon store 2\n")
    with closing(LmdbStore(home)) as store:
        assert (home / "VERSION").read_text() == "radon store 3\n"
        assert store.open(0).tail == [b"a"]


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    lmdb.open(str(tmp_path)).close()
    with pytest.raises(StoreVersion, match="no VERSION"):
        LmdbStore(tmp_path)


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file: not usable as a data directory: File exists"):
        LmdbStore(tmp_path / "file")


# ---- damage ----


def test_a_flipped_bit_in_a_frame_is_damage_and_not_a_shorter_log(tmp_path: Path) -> None:
    home = filled(tmp_path / "store", [b"first", b"the last frame"])
    data = bytearray((home / "data.mdb").read_bytes())
    for at in (at for at in range(len(data)) if data.startswith(b"the last frame", at)):
        data[at] ^= 1
    (home / "data.mdb").write_bytes(data)
    with closing(LmdbStore(home)) as store, pytest.raises(StoreDamaged, match=r"log entry 0{23}1 fails .* backup"):
        store.open(0)


def test_a_hole_in_the_log_is_damage(tmp_path: Path) -> None:
    home = filled(tmp_path / "store", [b"a", b"b", b"c"])
    with lmdb.open(str(home), max_dbs=4) as env, env.begin(write=True) as txn:
        assert txn.delete((1).to_bytes(12, "big"), db=env.open_db(b"log", txn=txn))
    with closing(LmdbStore(home)) as store, pytest.raises(StoreDamaged, match=r"log entry 1 of domain 0 is missing"):
        store.open(0)


def test_a_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    home = filled(tmp_path / "store", [b"a"])
    (home / "data.mdb").write_bytes(b"x" * 20_000)
    with pytest.raises(StoreDamaged, match=r"data.mdb is damaged"):
        LmdbStore(home)


def test_a_file_that_was_cut_short_is_damage_and_no_crash(tmp_path: Path) -> None:
    home = filled(tmp_path / "store", [bytes(n) for n in range(0, 9000, 9)])
    whole = (home / "data.mdb").stat().st_size
    for share in (0.9, 0.5, 0.1):
        os.truncate(home / "data.mdb", int(whole * share))
        with pytest.raises(StoreDamaged, match="backup"), closing(LmdbStore(home)) as store:
            store.open(0)


def test_a_database_that_claims_more_than_can_be_mapped_may_be_damage(tmp_path: Path) -> None:
    home = filled(tmp_path / "store", [b"a"])
    data = bytearray((home / "data.mdb").read_bytes())
    for meta in (0, os.sysconf("SC_PAGESIZE")):
        data[meta + 136 : meta + 144] = bytes([0xFF] * 6 + [0, 0])  # mm_last_pg
    (home / "data.mdb").write_bytes(data)
    with pytest.raises(StoreError, match=r"data.mdb cannot be mapped.* or it is damaged: go back to a backup"):
        LmdbStore(home)


@pytest.mark.parametrize(("lose", "how"), [(Path.unlink, "is gone"), (lambda file: os.truncate(file, 0), "is empty")])
def test_data_that_are_lost_are_not_begun_anew(tmp_path: Path, lose: Callable[[Path], None], how: str) -> None:
    home = filled(tmp_path / "store", [b"a"])
    lose(home / "data.mdb")
    for _ in range(2):
        with pytest.raises(StoreDamaged, match=f"its data.mdb {how}; go back to a backup"):
            LmdbStore(home)


def test_a_directory_whose_making_was_cut_off_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as cut:
        cut.setattr(directory_module, "seal", Mock(side_effect=OSError(ENOSPC, "No space left on device")))
        with pytest.raises(StoreFull, match="disk is full"):
            LmdbStore(tmp_path)
    (tmp_path / "data.mdb").write_bytes(b"half a page")
    filled(tmp_path, [b"a"])
    assert not (tmp_path / "NEW").exists()
    with closing(LmdbStore(tmp_path)) as store:
        assert store.open(0).tail == [b"a"]


# ---- room ----


def test_the_map_grows_with_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "MAP_BYTES", 1 << 16)
    frames = [bytes([n]) * 50_000 for n in range(40)]
    with closing(LmdbStore(tmp_path)) as store:
        epoch = store.open(0).epoch
        for frame in frames:
            store.commit(0, epoch, [frame])
        assert store.open(0).tail == frames
    with closing(LmdbStore(tmp_path)) as store:
        assert store.open(0).tail == frames


def test_a_full_store_takes_all_or_nothing_and_goes_on_after_a_snapshot(tmp_path: Path) -> None:
    with closing(LmdbStore(tmp_path, fsync=False, limit=MIB)) as store:
        epoch = store.open(0).epoch

        def fill() -> None:
            for n in count():
                store.commit(0, epoch, [b"%d" % n, bytes(5_000)])

        with pytest.raises(StoreFull, match=f"full at its limit of {MIB} bytes"):
            fill()
        taken, odd = divmod(store.position(0), 2)
        assert taken > 100
        assert not odd
        with pytest.raises(StoreFull):
            store.write("bundle", bytes(MIB))
        with pytest.raises(StoreFull):
            store.snapshot(0, epoch, 2 * taken, bytes(2 * MIB))
        image = store.open(0)
        assert image.snapshot is None
        assert image.tail[::2] == [b"%d" % n for n in range(taken)]
        store.snapshot(0, image.epoch, 2 * taken, bytes(20_000))
        cut = store.size()
        assert cut.total <= MIB + MIB // 8
        epoch = image.epoch
        with pytest.raises(StoreFull):
            fill()
        assert store.position(0) > 3 * taken, "not even half of the room came back"
        assert store.size().total <= MIB, "commits used the reserve"


def test_a_store_that_was_filled_and_cut_many_times_stays_as_small(tmp_path: Path) -> None:
    with closing(LmdbStore(tmp_path, fsync=False)) as store:
        epoch = store.open(0).epoch
        for n in range(1, 101):
            store.commit(0, epoch, [bytes(100_000)])
            store.snapshot(0, epoch, n, bytes(100_000))
        assert store.size().total < 2 * MIB


def test_a_disk_that_refuses_a_write_leaves_the_store_usable(tmp_path: Path) -> None:
    with closing(LmdbStore(tmp_path / "store")) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [bytes(100_000)])
        with a_file_limit(150_000), pytest.raises(StoreError, match=str(tmp_path)):
            store.commit(0, epoch, [bytes(100_000)])
        assert store.position(0) == 1
        store.commit(0, epoch, [b"after"])
        assert store.open(0).tail == [bytes(100_000), b"after"]


def test_an_address_space_that_ends_leaves_the_store_usable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "MAP_BYTES", MIB)
    with closing(LmdbStore(tmp_path)) as store:
        epoch = store.open(0).epoch

        def fill() -> None:
            for n in range(64):
                store.snapshot(0, epoch, 0, bytes((n + 1) * 4 * MIB))

        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        with open("/proc/self/statm", encoding="ascii") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 64 * MIB, hard))
        try:
            with pytest.raises(StoreFull, match="limit of address space"):
                fill()
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        store.commit(0, epoch, [b"after"])
        assert store.open(0).tail == [b"after"]


class Panicking:
    """An environment whose meta page could not be written: it begins nothing any more."""

    def __init__(self, env: lmdb.Environment) -> None:
        self.close, self.info, self.stat = env.close, env.info, env.stat

    def begin(self, **_: Any) -> Any:
        raise lmdb.PanicError("mdb_txn_begin: MDB_PANIC")


@pytest.mark.parametrize("failing", ["write", "commit", "open", "read"])
def test_a_handle_that_panicked_is_opened_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    with closing(LmdbStore(tmp_path)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"before"])
        with pytest.raises(Fenced):
            store.commit(0, epoch + 1, [])  # after a failure the next call looks into LMDB
        monkeypatch.setattr(store._env, "_env", Panicking(store._env._env))
        {
            "write": lambda: store.write("bundle", b"other"),
            "commit": lambda: store.commit(0, epoch, []),
            "open": lambda: store.open(1),
            "read": lambda: store.read("bundle"),
        }[failing]()
        store.write("bundle", b"after")
        store.commit(0, epoch, [b"after"])
        assert store.read("bundle") == b"after"
        assert store.open(0).tail == [b"before", b"after"]


def test_a_handle_that_cannot_be_opened_anew_at_once_is_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(LmdbStore(tmp_path)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"before"])
        monkeypatch.setattr(store._env, "_env", Panicking(store._env._env))
        with monkeypatch.context() as patch:
            patch.setattr(lmdb, "open", Mock(side_effect=OSError(EMFILE, "Too many open files")))
            for _ in range(2):
                with pytest.raises(StoreError, match="Too many open files"):
                    store.write("bundle", b"lost")
            with pytest.raises(StoreError, match="Too many open files"):
                store.open(0)
        assert store.open(0).tail == [b"before"]
        monkeypatch.setattr(store._env, "_env", Panicking(store._env._env))
        (tmp_path / "data.mdb").rename(tmp_path / "elsewhere")
        with pytest.raises(StoreDamaged, match="is gone; go back"):
            store.write("bundle", b"lost")
        (tmp_path / "elsewhere").rename(tmp_path / "data.mdb")
        assert store.open(0).tail == [b"before"]


def test_a_log_file_that_cannot_be_mapped_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(LmdbStore(tmp_path)) as store:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"a"])
        with monkeypatch.context() as patch:
            patch.setattr(logfile, "mmap", Mock(side_effect=OSError(ENOMEM, "Cannot allocate memory")))
            with pytest.raises(StoreError, match="cannot be mapped"):
                store.snapshot(0, epoch, 0, b"")
        assert store.open(0).tail == [b"a"]


def test_a_lock_that_cannot_be_emptied_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LmdbStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(directory_module.os, "ftruncate", Mock(side_effect=OSError(EIO, "Input/output error")))
        store.close()
    LmdbStore(tmp_path).close()
