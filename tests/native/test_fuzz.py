"""The machinery of `make fuzz`: every target, on its seeds and on what once failed. More is found in more time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = sorted(path.stem for path in (ROOT / "tests" / "fuzz").glob("*.c"))


@pytest.mark.slow
@pytest.mark.timeout(300)  # it compiles all sources, for sanitizers, on what may be a busy machine
@pytest.mark.debian("clang", "libclang-rt-dev")
def test_every_fuzz_target_builds_and_runs_from_its_seeds() -> None:
    run = subprocess.run([ROOT / "scripts" / "fuzz", "1", *TARGETS], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.split("\n")[: len(TARGETS)] == [f"fuzzing {target} for 1 s" for target in TARGETS]
    assert run.stderr.count("stat::number_of_executed_units") == len(TARGETS)


def test_what_once_failed_is_kept_for_a_target_that_is_there() -> None:
    assert {path.name for path in (ROOT / "tests" / "fuzz" / "corpus").iterdir()} <= set(TARGETS)
