"""A disk that is full, a directory that is not ours, data that are damaged: one clear line, and nothing is lost."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from errno import EIO, EMFILE, ENOSPC
from pathlib import Path
from random import Random
from typing import Any

import pytest

import radon
from radon.abi.errors import RadonError, StoreError, Unavailable
from radon.backends.driver import StoreBusy, StoreDamaged, StoreVersion
from radon.backends.monolith import Monolith
from radon.backends.stores import logfile
from radon.backends.stores.lmdb import LmdbStore
from tests.backends.conftest import Make
from tests.backends.desk import ask

MIB = 1 << 20


# ---- no room ----


@pytest.mark.usefixtures("hasty")
def test_state_that_outgrows_its_limit_is_refused_and_none_is_lost(make: Make, tmp_path: Path) -> None:
    deployment = Monolith.open(make(), LmdbStore(tmp_path, fsync=False, limit=2 * MIB))
    kept: list[str] = []
    reason = ""
    while not reason:
        try:
            ask(deployment, f"agent/{len(kept)}", "put 60000", f"note {len(kept)}")
            kept.append(f"agent/{len(kept)}")
        except Unavailable as error:
            reason = str(error)
    assert "full at its limit of 2097152 bytes; raise the limit or delete state" in reason
    assert len(kept) > 10
    for _ in range(3):
        with pytest.raises(Unavailable, match="full at its limit"):
            ask(deployment, kept[0], "note another")
    deployment.stop()
    deployment = Monolith.open(None, LmdbStore(tmp_path, limit=20 * MIB))
    for number, agent in enumerate(kept):
        assert ask(deployment, agent, "notes") == f"{number}"
    assert ask(deployment, "agent/more", "put 60000") == ""
    deployment.stop()


FILL = """
import resource, sys, radon
from pathlib import Path
from radon.backends import runner
runner.RETRY_LAST = 0.05
kinds = {"agent": {"module": "agent.wasm", "grants": ["agent/*"]}}
manifest = radon.Manifest.of({"application": {"name": "full"}, "kinds": kinds}, base=sys.argv[1])
data = Path(sys.argv[2])
with radon.BlockingRuntime(manifest, store="lmdb", data=data) as app:
    app.call("agent/a", b"count 1")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((data / "data.mdb").stat().st_size + 300_000, hard))
    done = 0
    while True:
        try:
            app.call(f"agent/{done}", b"put 60000")
            done += 1
        except radon.Unavailable as error:
            print(error)
            break
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    while True:
        try:
            print(done > 0, app.call("agent/a", b"count 1", once="again").decode())
            break
        except radon.Unavailable:
            pass
"""


def test_a_disk_that_refuses_writes_is_told_and_the_deployment_goes_on_when_it_takes_them(
    agent_folder: Path, tmp_path: Path
) -> None:
    """A limit on the size of files, for a process of its own, is what comes nearest to a disk that is full."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    run = subprocess.run(
        [sys.executable, "-c", FILL, str(agent_folder), str(tmp_path)], capture_output=True, text=True, timeout=50
    )
    assert run.returncode == 0, run.stderr
    told, after = run.stdout.splitlines()
    assert told.startswith(f"{tmp_path}: ")
    assert "the disk" in told
    assert after == "True 2"


@pytest.mark.usefixtures("hasty")
def test_calls_of_the_system_that_fail_now_and_then_are_told_and_nothing_is_lost_or_done_twice(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(32)
    deployment = Monolith.open(make(), LmdbStore(tmp_path))

    def sometimes(call: Callable[..., Any]) -> Callable[..., Any]:
        def either(*arguments: Any, **options: Any) -> Any:
            code = random.choice([EIO, ENOSPC, EMFILE] + [0] * 20)
            if code:
                raise OSError(code, os.strerror(code))
            return call(*arguments, **options)

        return either

    told: set[str] = set()
    with monkeypatch.context() as patch:
        for name in ("pwritev", "fdatasync", "fsync", "ftruncate", "posix_fallocate"):
            patch.setattr(logfile.os, name, sometimes(getattr(os, name)))
        for number in range(1, 31):
            while True:
                try:
                    assert ask(deployment, "agent/a", "count 1", once=f"key {number}") == str(number)
                    break
                except Unavailable as error:
                    told.add(str(error).removesuffix("; the message may or may not have been handled"))
            if number % 10 == 0:
                with suppress(RadonError):
                    deployment.snapshot()
    assert told
    assert all(line.startswith(f"{tmp_path}: ") for line in told)
    deployment.stop()
    deployment = Monolith.open(None, LmdbStore(tmp_path))
    assert ask(deployment, "agent/a", "total") == "30"
    deployment.stop()


# ---- a directory that cannot be used ----


def test_a_directory_in_use_is_refused_and_its_owner_is_named(make: Make, tmp_path: Path) -> None:
    with radon.BlockingRuntime(make(), store="lmdb", data=tmp_path) as app:
        with (
            pytest.raises(StoreBusy, match="in use by this process already; stop it, or use another directory"),
            radon.BlockingRuntime(make(), store="lmdb", data=tmp_path),
        ):
            pass
        code = "import sys, pathlib; from radon.backends.stores import lmdb; lmdb.LmdbStore(pathlib.Path(sys.argv[1]))"
        run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
        assert "StoreBusy" in run.stderr
        assert "in use by process" in run.stderr
        assert app.call("agent/a", b"count 1") == b"1"


def test_data_of_another_version_are_refused_and_left_alone(make: Make, tmp_path: Path) -> None:
    with radon.BlockingRuntime(make(), store="lmdb", data=tmp_path) as app:
        app.call("agent/a", b"count 1")
    version = (tmp_path / "VERSION").read_text()
    (tmp_path / "VERSION").write_text("radon store 99\n")
    before = (tmp_path / "data.mdb").read_bytes()
    with (
        pytest.raises(StoreVersion, match="its VERSION is 'radon store 99', this Radon reads"),
        radon.BlockingRuntime(make(), store="lmdb", data=tmp_path),
    ):
        pass
    assert (tmp_path / "data.mdb").read_bytes() == before
    (tmp_path / "VERSION").write_text(version)
    with radon.BlockingRuntime(make(), store="lmdb", data=tmp_path) as app:
        assert app.call("agent/a", b"total") == b"1"


def test_a_path_that_is_no_directory_is_refused_by_name(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match="file: not usable as a data directory"),
        radon.BlockingRuntime(make(), store="lmdb", data=tmp_path / "file"),
    ):
        pass


@pytest.mark.usefixtures("hasty")
def test_nothing_is_acknowledged_that_goes_into_a_file_which_was_removed(make: Make, tmp_path: Path) -> None:
    data = tmp_path / "data"
    deployment = Monolith.open(make(), LmdbStore(data))
    ask(deployment, "agent/a", "note once")
    data.rename(tmp_path / "moved")
    ask(deployment, "agent/a", "note twice")  # it has another name, and that is one
    shutil.rmtree(tmp_path / "moved")
    lost = r"removed while in use: data\.mdb, commits\.[0-9a-f]+; until process \d+ ends"
    with pytest.raises(Unavailable, match=lost) as raised:
        ask(deployment, "agent/a", "note lost")
    LmdbStore(tmp_path / "new").close()
    saved = re.search("`(.*)`", str(raised.value))
    assert saved is not None
    subprocess.run(saved[1], shell=True, check=True, cwd=tmp_path / "new")
    deployment.stop()
    deployment = Monolith.open(None, LmdbStore(tmp_path / "new"))
    assert ask(deployment, "agent/a", "notes") == "once\ntwice"
    deployment.stop()


# ---- damage ----


def snapshotted(app: radon.BlockingRuntime) -> None:
    app.deployment.snapshot()


def logged(app: radon.BlockingRuntime) -> None:
    """It is in the log already."""


@pytest.mark.parametrize(
    ("write", "where"),
    [(snapshotted, b"a note to be found again"), (logged, b"a note to be found again"), (logged, b"cabi_realloc")],
    ids=["snapshot", "log", "application"],
)
def test_damaged_data_are_refused_and_nothing_is_made_of_them(
    make: Make, tmp_path: Path, write: Callable[[radon.BlockingRuntime], None], where: bytes
) -> None:
    with radon.BlockingRuntime(make(), store="lmdb", data=tmp_path) as app:
        app.call("agent/a", b"note a note to be found again")
        write(app)
    file = tmp_path / "data.mdb"
    whole = file.read_bytes()
    assert where in whole
    file.write_bytes(whole.replace(where, bytes(len(where))))
    for application in (make(), make()):
        with (
            pytest.raises(StoreDamaged, match="fails its checksum; go back to a backup"),
            radon.BlockingRuntime(application, store="lmdb", data=tmp_path),
        ):
            pass
    file.write_bytes(whole)
    with radon.BlockingRuntime(make(), store="lmdb", data=tmp_path) as app:
        assert app.call("agent/a", b"notes") == b"a note to be found again"


def test_a_backup_taken_under_load_opens_with_whole_turns(make: Make, tmp_path: Path) -> None:
    with radon.BlockingRuntime(make(), store="lmdb", data=tmp_path / "data", durability="async") as app:
        for number in range(50):
            app.send("agent/a", b"note %d\nto agent/b note %d" % (number, number))
            if number == 25:
                app.deployment.backup(tmp_path / "backup")
        assert len(app.call("agent/b", b"until 50").split()) == 50
    with radon.BlockingRuntime(make(), store="lmdb", data=tmp_path / "backup") as app:
        first = app.call("agent/a", b"until 26").split()
        assert first[:26] == [b"%d" % number for number in range(26)]
        assert app.call("agent/b", b"until %d" % len(first)).split() == first


def test_every_error_of_a_start_is_one_of_radons(make: Make, tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"another program's")
    with (
        pytest.raises(RadonError, match=r"holds a data\.mdb but no VERSION"),
        radon.BlockingRuntime(make(), store="lmdb", data=tmp_path),
    ):
        pass
