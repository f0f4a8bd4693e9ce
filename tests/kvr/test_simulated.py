"""Replicated stores in a simulated cluster, with everything going wrong that can."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest

from radon.atoms.std import STANDARDS
from radon.backends.program import Program
from radon.host.domain import Settings
from radon.testing.simulation import Options, Simulation
from tests.kvr.stores import kvr_kind
from tests.kvr.workload import Causal, Eventual, Replicated

WORKLOADS: dict[str, type[Replicated]] = {"causal": Causal, "eventual": Eventual}

LOGS = (10_000, 3)
"""How many changes a replica keeps: with few of them one that was cut off has to be filled."""


def run(seed: int, consistency: str, log: int, module: Path = STANDARDS["kvr"].path) -> str:
    """What went wrong."""
    kind = kvr_kind(consistency, log=log, module=module)
    program = Program("store", MappingProxyType({"kvr": kind}), (), Settings())
    result = Simulation(seed, program, WORKLOADS[consistency], Options()).run()
    return result.violation


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("consistency", WORKLOADS)
@pytest.mark.parametrize("seed", range(4))
def test_replicas_converge_and_sessions_see_what_they_have_seen(seed: int, consistency: str, log: int) -> None:
    assert run(seed, consistency, log) == ""
