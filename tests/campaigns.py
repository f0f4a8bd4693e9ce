"""Many seeds of an application in a simulated cluster with all faults."""

from __future__ import annotations

from pathlib import Path

from radon.atoms.application import Application
from radon.backends.simulation.faults import KINDS
from radon.testing.simulation.campaign import Campaign, Report
from radon.testing.simulation.seeds import Subject, processors
from radon.testing.simulation.simulate import Options


class Nobody:
    """A Watch that does not look."""

    def begins(self, what: str, runs: int) -> None:
        pass

    def ran(self) -> None:
        pass


def run_without_failure(application: Application, workload: Path, seeds: range, graveyard: Path) -> Report:
    """Each of them, and no one fails; every kind of fault has happened."""
    campaign = Campaign(Subject(application.bundle(), workload), application.digest, Options(), graveyard)
    report = campaign.run(seeds, processors(), Nobody())
    assert report.failure is None, (report.failure.least, report.failure.found.violation)
    assert report.seeds == len(seeds)
    assert all(report.fired[kind] for kind in KINDS)
    return report
