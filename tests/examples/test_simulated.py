"""The examples in a simulated cluster with all faults: no seed fails, and every kind of fault has happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from radon.backends.simulation.faults import KINDS
from radon.testing.simulation.campaign import Campaign
from radon.testing.simulation.seeds import Subject, processors
from radon.testing.simulation.simulate import Options
from tests.examples.conftest import Example

SIMULATED = ["bank", "kv"]


class Nobody:
    """A Watch that does not look."""

    def begins(self, what: str, runs: int) -> None:
        pass

    def ran(self) -> None:
        pass


def check(example: Example, name: str, seeds: range, graveyard: Path) -> None:
    application = example(name)
    subject = Subject(application.bundle(), application.manifest.base / "workload.py")
    campaign = Campaign(subject, application.digest, Options(), graveyard)
    report = campaign.run(seeds, processors(), Nobody())
    assert report.failure is None, (report.failure.least, report.failure.found.violation)
    assert report.seeds == len(seeds)
    assert report.simulated >= 20 * len(seeds)
    assert report.calls >= 500 * len(seeds)
    assert report.silent == []
    assert all(report.fired[kind] for kind in KINDS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SIMULATED)
def test_no_seed_of_fifty_fails(name: str, example: Example, tmp_path: Path) -> None:
    check(example, name, range(50), tmp_path / "graveyard.toml")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SIMULATED)
def test_no_seed_of_five_hundred_fails(name: str, example: Example, tmp_path: Path) -> None:
    check(example, name, range(500), tmp_path / "graveyard.toml")
