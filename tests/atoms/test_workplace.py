"""Where a build works: whatever ends it, nothing of it stays for long, and no other build is disturbed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from radon.atoms import workplace as module
from radon.atoms.workplace import BUILD, sweep, workplace

WORKER = """\
import sys
from pathlib import Path
from radon.atoms.workplace import workplace
with workplace(Path(sys.argv[1])) as folder:
    (folder / "half").write_bytes(b"done")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_it_is_there_for_as_long_as_somebody_works_there(tmp_path: Path) -> None:
    with workplace(tmp_path) as first, workplace(tmp_path) as second:
        (first / "inner").mkdir()
        (first / "inner" / "file").touch()
        sweep(tmp_path)
        assert {first, second} == set(tmp_path.iterdir())
    assert not any(tmp_path.iterdir())


def test_it_goes_with_the_error_of_who_works_there(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), workplace(tmp_path):
        _ = 1 // 0
    assert not any(tmp_path.iterdir())


def test_what_a_killed_process_left_goes_and_that_of_one_that_works_stays(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        killed, working = (Path(worker.stdout.readline().rstrip()) for worker in workers if worker.stdout)
        workers[0].kill()
        workers[0].wait()
        assert (killed / "half").exists()
        with workplace(tmp_path) as folder:
            assert set(tmp_path.iterdir()) == {working, folder}
        assert (working / "half").exists()
        workers[1].communicate("")
        assert not any(tmp_path.iterdir())
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


@pytest.mark.parametrize("moment", ["before it is opened", "before it is locked"])
def test_one_that_a_sweep_takes_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    swept: list[Path] = []

    def sweep_once(folder: Path) -> None:
        if not swept:
            swept.append(folder)
            sweep(tmp_path)
            assert not folder.exists()

    if moment == "before it is opened":
        make = tempfile.mkdtemp

        def mkdtemp(prefix: str, dir: Path) -> str:
            made = make(prefix=prefix, dir=dir)
            sweep_once(Path(made))
            return made

        monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    else:
        lock = module.fcntl.flock

        def flock(descriptor: int, how: int) -> None:
            sweep_once(Path(f"/proc/self/fd/{descriptor}").readlink())
            lock(descriptor, how)

        monkeypatch.setattr(module.fcntl, "flock", flock)
    with workplace(tmp_path) as folder:
        assert swept != [folder]
        assert [*tmp_path.iterdir()] == [folder]


def test_without_locks_it_works_and_sweeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, how: int) -> None:
        raise OSError(9, "Bad file descriptor")

    (tmp_path / f"{BUILD}other").mkdir()
    monkeypatch.setattr(module.fcntl, "flock", flock)
    with workplace(tmp_path) as folder:
        assert folder.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == [f"{BUILD}other"]


def test_what_is_no_folder_of_a_build_stays(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"{BUILD}link").symlink_to(elsewhere)
    (tmp_path / f"{BUILD}file").touch()
    before = set(tmp_path.iterdir())
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == before
