"""A checker that finds nothing proves nothing: each planted bug is found, by what holds of every application alone."""

from __future__ import annotations

import pytest

from radon.backends.program import Program
from radon.host.domain import Settings
from radon.host.kind import Kind
from radon.testing.simulation import Client, Options, Result, Simulation, Workload
from radon.testing.simulation.simulate import Drivers
from tests.simulation.planted import PLANTED

SEEDS = 1000
PEERS = 4


class Pokes(Workload):
    """Makes witnesses do all kinds of things (witness.c). Nothing of what they did is looked at."""

    clients = 20

    async def client(self, client: Client) -> None:
        number = 0
        while True:
            await client.sleep(client.random.random())
            number += 1
            to = f"witness/{client.random.randrange(PEERS)}"
            await client.call(to, b"poke %b.%d" % (client.name.encode(), number), timeout=100.0)


def simulate(seed: int, witness: Kind, drivers: Drivers | None = None) -> Result:
    program = Program("witness", {"witness": witness}, (), Settings(instances=3, suspended=50))
    return Simulation(seed, program, Pokes, Options(), drivers=drivers).run()


@pytest.mark.parametrize("first", range(0, 20, 5))
def test_without_any_all_is_well(first: int, witness: Kind) -> None:
    for seed in range(first, first + 5):
        assert simulate(seed, witness).violation == ""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", PLANTED)
def test_the_simulation_finds(bug: str, witness: Kind) -> None:
    for seed in range(SEEDS):
        if simulate(seed, witness, PLANTED[bug]).violation:
            return
    pytest.fail(f"{SEEDS} seeds did not show: {bug}")
