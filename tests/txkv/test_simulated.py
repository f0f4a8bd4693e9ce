"""Transactions in a simulated cluster with all faults: no seed fails, and every kind of fault has happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.host.domains import chosen
from tests.campaigns import run_without_failure
from tests.kv.stores import SHARDS

WORKLOAD = Path(__file__).with_name("workload.py")

MANIFEST = Manifest.of({
    "application": {"name": "shop"},
    "kinds": {
        "kv": {"module": "std:kv", "spread": "sharded", "shards": SHARDS},
        "tx": {"module": "std:txkv", "spread": "sharded", "shards": 2, "grants": ["kv/*"]},
    },
})  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def each_domain() -> str:
    """One: all domains run a seed alike (tests/simulation/test_worlds.py)."""
    return chosen()


def check(seeds: range, graveyard: Path) -> None:
    report = run_without_failure(Application.load(MANIFEST), WORKLOAD, seeds, graveyard)
    assert report.calls >= 500 * len(seeds)
    assert report.silent == []


@pytest.mark.timeout(300)
def test_no_seed_of_thirty_fails(tmp_path: Path) -> None:
    check(range(30), tmp_path / "graveyard.toml")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_seed_of_two_thousand_fails(tmp_path: Path) -> None:
    check(range(30, 2000), tmp_path / "graveyard.toml")
