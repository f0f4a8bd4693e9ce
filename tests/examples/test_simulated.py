"""The examples in a simulated cluster with all faults: no seed fails, and every kind of fault has happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns import run_without_failure
from tests.examples.conftest import Example

SIMULATED = ["bank", "kv"]


def check(example: Example, name: str, seeds: range, graveyard: Path) -> None:
    application = example(name)
    report = run_without_failure(application, application.manifest.base / "workload.py", seeds, graveyard)
    assert report.simulated >= 20 * len(seeds)
    assert report.calls >= 500 * len(seeds)
    assert report.silent == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SIMULATED)
def test_no_seed_of_fifty_fails(name: str, example: Example, tmp_path: Path) -> None:
    check(example, name, range(50), tmp_path / "graveyard.toml")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SIMULATED)
def test_no_seed_of_five_hundred_fails(name: str, example: Example, tmp_path: Path) -> None:
    check(example, name, range(500), tmp_path / "graveyard.toml")
