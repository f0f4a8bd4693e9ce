"""Transactions in a simulated cluster with all faults: no seed fails, and every kind of fault has happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.backends.simulation.faults import KINDS
from radon.host.domains import chosen
from radon.testing.simulation.campaign import Campaign
from radon.testing.simulation.seeds import Subject, processors
from radon.testing.simulation.simulate import Options
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


class Nobody:
    """A Watch that does not look."""

    def begins(self, what: str, runs: int) -> None:
        pass

    def ran(self) -> None:
        pass


def check(seeds: range, graveyard: Path) -> None:
    application = Application.load(MANIFEST)
    campaign = Campaign(Subject(application.bundle(), WORKLOAD), application.digest, Options(), graveyard)
    report = campaign.run(seeds, processors(), Nobody())
    assert report.failure is None, (report.failure.least, report.failure.found.violation)
    assert report.seeds == len(seeds)
    assert report.calls >= 500 * len(seeds)
    assert report.silent == []
    assert all(report.fired[kind] for kind in KINDS)


@pytest.mark.timeout(300)
def test_no_seed_of_fifty_fails(tmp_path: Path) -> None:
    check(range(50), tmp_path / "graveyard.toml")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_seed_of_two_hundred_fails(tmp_path: Path) -> None:
    check(range(50, 250), tmp_path / "graveyard.toml")
