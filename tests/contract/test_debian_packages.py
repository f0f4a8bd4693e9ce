"""The `debian` marker of tests/conftest.py, on a tree of its own with a package manager that has nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(CONFTEST, tmp_path / "tests" / "conftest.py")
    (tmp_path / "pytest.toml").write_text('[pytest]\nmarkers = ["debian(package)"]\n')
    (tmp_path / "debian-packages.txt").write_text("# a comment\nlisted-one  # why\n")
    query = tmp_path / "bin" / "dpkg-query"
    query.write_text("#!/bin/sh\nexit 1\n")
    query.chmod(0o755)
    return tmp_path


def run_test_that_needs(package: str, tree: Path, **env: str) -> subprocess.CompletedProcess[str]:
    (tree / "tests" / "test_it.py").write_text(
        f"import pytest\n\n@pytest.mark.debian({package!r})\ndef test_it(): pass\n"
    )
    env = {**os.environ, "CI": "", "PATH": f"{tree / 'bin'}:{os.environ['PATH']}", **env}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", "tests"]
    return subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True)


def test_a_missing_package_skips_the_test_and_is_named(tree: Path) -> None:
    run = run_test_that_needs("listed-one", tree)
    assert run.returncode == 0, run.stdout
    assert "needs the Debian package listed-one: apt-get install listed-one" in run.stdout
    assert "1 skipped" in run.stdout


def test_in_ci_a_missing_package_fails_the_test(tree: Path) -> None:
    run = run_test_that_needs("listed-one", tree, CI="true")
    assert run.returncode == 1, run.stdout
    assert "needs the Debian package listed-one" in run.stdout


def test_a_package_that_is_not_listed_fails_the_test_everywhere(tree: Path) -> None:
    run = run_test_that_needs("unlisted-one", tree)
    assert run.returncode == 1, run.stdout
    assert "'unlisted-one' is not in debian-packages.txt" in run.stdout
