"""A seed tells the whole story: the same run again, on either twin of the domain, and with any part of it watched."""

from __future__ import annotations

import pytest

from radon.host.domains import available, load
from radon.host.kind import Kind
from radon.testing.simulation.simulate import Drivers
from tests.simulation.test_planted import simulate


def test_a_seed_is_the_same_run_again_and_another_is_another(witness: Kind) -> None:
    first, second = simulate(7, witness), simulate(7, witness)
    assert first == second
    assert first.commits > 1000
    assert simulate(8, witness).fingerprint != first.fingerprint


@pytest.mark.parametrize("each_domain", ["together"])
@pytest.mark.parametrize("seed", range(100, 102))
def test_all_domains_run_it_alike(seed: int, witness: Kind) -> None:
    found = {name: simulate(seed, witness, Drivers(make=load(name))) for name in available()}
    assert len(found) > 1, "this machine has one domain only"
    assert len({result.fingerprint for result in found.values()}) == 1
    assert {result.violation for result in found.values()} == {""}
