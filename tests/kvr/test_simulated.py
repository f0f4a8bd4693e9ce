"""Replicated stores in a simulated cluster, with everything going wrong that can; and that planted bugs are found."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest

from radon.atoms.std import STANDARDS
from radon.backends.program import Program
from radon.host.domain import Settings
from radon.host.domains import chosen
from radon.testing.simulation import Options, Simulation
from tests.kvr.stores import kvr_kind
from tests.kvr.workload import Causal, Eventual, Replicated
from tests.planting import planted

WORKLOADS: dict[str, type[Replicated]] = {"causal": Causal, "eventual": Eventual}

LOGS = (10_000, 3)
"""How many changes a replica keeps: with few of them one that was cut off has to be filled."""

PLANTED = {
    "the older one wins": ("cells.c", "a.stamp >= b.stamp", "a.stamp <= b.stamp", 1),
    "gossip skips": ("gossip.c", "radon_load_u64(row.data))) {", "radon_load_u64(row.data)) && index % 16 != 7) {", 1),
    "a session is not looked at": ("kvr.c", "is_filling() || !covers_all(&me.seen, &had)", "is_filling()", 1),
    "the log forgets what one has": ("replica.c", "number != self && me.peers[number].acked < acked", "false", 1),
    "a fill brings nothing": ("gossip.c", "came = take_part(", "came = true || take_part(", 3),
    "a gap is passed": ("gossip.c", "if (!covers_all(&it->knows, &gap)) return false;", ";", 20),
    "no clock but the turn's": ("replica.c", "last = me.seen.of[index];", "last = last;", 9),
}
"""What is wrong: a file, what stands there, what a bug would have, and in how many seeds it has to be found."""


@pytest.fixture(scope="module", autouse=True)
def each_domain() -> str:
    """One: all domains run a seed alike."""
    return chosen()


def run(seed: int, consistency: str, log: int, module: Path = STANDARDS["kvr"].path) -> str:
    """What went wrong."""
    kind = kvr_kind(consistency, log=log, module=module)
    program = Program("store", MappingProxyType({"kvr": kind}), (), Settings())
    return Simulation(seed, program, WORKLOADS[consistency], Options()).run().violation


@pytest.mark.timeout(600)
@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("consistency", WORKLOADS)
def test_replicas_converge_and_sessions_see_what_they_have_seen(consistency: str, log: int) -> None:
    for seed in range(8):
        assert run(seed, consistency, log) == "", f"seed {seed}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seeds", [range(begin, begin + 25) for begin in range(100, 225, 25)], ids=str)
@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("consistency", WORKLOADS)
def test_replicas_converge_in_many_worlds(consistency: str, log: int, seeds: range) -> None:
    for seed in seeds:
        assert run(seed, consistency, log) == "", f"seed {seed}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "bug", [pytest.param(bug, marks=pytest.mark.slow) if row[3] > 3 else bug for bug, row in PLANTED.items()]
)
def test_a_planted_bug_is_found(bug: str, tmp_path: Path) -> None:
    file, right, wrong, seeds = PLANTED[bug]
    _, module = planted((f"kvr/{file}", right, wrong), tmp_path)
    worlds = ((seed, consistency) for seed in range(seeds) for consistency in WORKLOADS)
    assert any(run(seed, consistency, LOGS[-1], module) for seed, consistency in worlds)
