"""The store in a simulated cluster, with everything going wrong that can."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from radon.backends.program import Program
from radon.host.domain import Settings
from radon.testing.simulation import Options, Simulation
from tests.kv.stores import kv_kind
from tests.kv.workload import Store


@pytest.mark.parametrize("seed", range(6))
def test_answers_are_those_of_one_store(seed: int) -> None:
    check(seed, Options())


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seeds", [range(begin, begin + 20) for begin in range(100, 300, 20)], ids=str)
def test_answers_are_those_of_one_store_in_many_worlds(seeds: range) -> None:
    for seed in seeds:
        check(seed, Options())


def check(seed: int, options: Options) -> None:
    program = Program("store", MappingProxyType({"kv": kv_kind()}), (), Settings())
    result = Simulation(seed, program, Store, options).run()
    assert result.violation == "", f"seed {seed}: {result.violation}"
    assert result.calls >= options.operations
