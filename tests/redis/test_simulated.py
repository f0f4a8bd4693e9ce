"""Redis clients in a simulated cluster with all faults; and servers with one mistake each, all of which are found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.backends.program import Program
from radon.host.domain import Settings
from radon.host.domains import available, load
from radon.host.kind import Kind
from radon.host.loader import load_file
from radon.testing.simulation import Options, Result, Simulation
from radon.testing.simulation.simulate import Drivers
from radon.testing.simulation.workload import load_workload
from tests.campaigns import run_without_failure
from tests.planting import Mistake, planted
from tests.redis.served import EXAMPLE

WORKLOAD = EXAMPLE.with_name("workload.py")
SEEDS = 20  # in which a mistake is found

MISTAKES = {
    "MSET does its shards one by one": (
        "txkv/txkv.c",
        "kv_request(KV_PREPARE, (kv_options){0}, part, it->name)",
        "kv_request(KV_BATCH, (kv_options){0}, part, KV_NOTHING)",
    ),
    "WATCH is forgotten": (
        "resp/plan.c",
        "if (self->session.watched > 0) add_watched(self, out);",
        "if (false) add_watched(self, out);",
    ),
    "who reads several shards looks once": (
        "resp/across.c",
        "if (!asked) return plan_finish(self, what, answers);",
        "if (asked || !asked) return plan_finish(self, what, answers);",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def each_domain() -> None:
    """One: all domains run a seed alike, and a test here says so."""


@pytest.fixture(scope="module")
def application() -> Application:
    return Application.load(Manifest.load(EXAMPLE))


def check(application: Application, seeds: range, graveyard: Path) -> None:
    report = run_without_failure(application, WORKLOAD, seeds, graveyard)
    assert report.calls >= 300 * len(seeds)


@pytest.mark.timeout(300)
def test_no_seed_of_thirty_fails(application: Application, tmp_path: Path) -> None:
    check(application, range(30), tmp_path / "graveyard.toml")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_seed_of_two_thousand_fails(application: Application, tmp_path: Path) -> None:
    check(application, range(30, 2000), tmp_path / "graveyard.toml")


def simulate(kinds: dict[str, Kind], seed: int, drivers: Drivers | None = None) -> Result:
    program = Program("redis", kinds, (), Settings())
    return Simulation(seed, program, load_workload(WORKLOAD), Options(), drivers=drivers).run()


def test_all_domains_run_it_alike(application: Application) -> None:
    kinds = dict(application.kinds())
    found = {simulate(kinds, 4, Drivers(make=load(name))).fingerprint for name in available()}
    assert len(available()) > 1, "this machine has one domain only"
    assert len(found) == 1


def first_violation(results: Iterable[Result]) -> str:
    return next((result.violation for result in results if result.violation), "")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found(mistake: Mistake, application: Application, tmp_path: Path) -> None:
    name, module = planted(mistake, tmp_path)
    kinds = dict(application.kinds())
    kind = {"txkv": "tx", "resp": "resp"}[name]
    kinds[kind] = replace(kinds[kind], module=load_file(module))
    found = first_violation(simulate(kinds, seed) for seed in range(SEEDS))
    assert "linearizable" in found or "serializable" in found
