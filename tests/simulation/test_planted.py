"""A checker that finds nothing proves nothing: each planted bug is found, by what holds of every application alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from struct import pack

import pytest

from radon.abi.errors import Timeout, Unavailable
from radon.backends.program import Program
from radon.backends.simulation.faults import Fault
from radon.backends.simulation.world import SECOND
from radon.host.domain import Settings
from radon.host.domains import chosen
from radon.host.kind import Kind
from radon.testing.history import Operation
from radon.testing.simulation import Client, Options, Result, Simulation, State, Workload
from radon.testing.simulation.simulate import Drivers
from tests.simulation.planted import ONCE, PLANTED, UNANSWERED

SEEDS = 1000
PEERS = 4


@pytest.fixture(scope="module", autouse=True)
def each_domain() -> str:
    """One: the bugs are the drivers', and all domains run a seed alike (test_worlds.py)."""
    return chosen()


class Pokes(Workload):
    """Makes witnesses do all kinds of things (witness.c). Nothing of what they did is looked at."""

    clients = 20

    async def client(self, client: Client) -> None:
        number = 0
        while True:
            await client.sleep(client.random.random())
            number += 1
            to = f"witness/{client.random.randrange(PEERS)}"
            await self.poke(client, to, b"poke %b.%d" % (client.name.encode(), number))

    async def poke(self, client: Client, to: str, body: bytes) -> None:
        await client.call(to, body, timeout=100.0)


class PokesOnce(Pokes):
    """Without a dedup key. None may be handled twice."""

    async def poke(self, client: Client, to: str, body: bytes) -> None:
        with suppress(Timeout, Unavailable):
            await client.call(to, body, timeout=5.0, once=False)

    def check(self, history: list[Operation], state: State) -> None:
        for peer in range(PEERS):
            for entry in state.entries(f"witness/{peer}"):
                if entry.bucket == "books" and entry.key.startswith(b"applied/"):
                    assert entry.value == pack("<q", 1), f"{entry.key.decode()}: more than once"


class Asks(Workload):
    """Where hosts come and go calmly, each question is answered, though it has no dedup key."""

    clients = 20

    async def client(self, client: Client) -> None:
        client._hosts = client._hosts[:1]  # one that stays
        while True:
            await client.sleep(client.random.random())
            await client.call(f"witness/{client.random.randrange(PEERS)}", b"ask", once=False)


def simulate(
    seed: int, witness: Kind, drivers: Drivers | None = None, workload: type[Workload] = Pokes,
    plan: Sequence[Fault] | None = None,
) -> Result:  # fmt: skip
    program = Program("witness", {"witness": witness}, (), Settings(instances=3, suspended=50))
    return Simulation(seed, program, workload, Options(), drivers=drivers, plan=plan).run()


def coming_and_going() -> list[Fault]:
    """A plan by which the second host and the third leave and come back in turn."""
    return [
        Fault("leave", second * SECOND, SECOND * 3 // 2, (("h2",) if second % 4 else ("h3",),), 1.0)
        for second in range(1, 20, 2)
    ]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", [0, 5, *(pytest.param(first, marks=pytest.mark.slow) for first in (10, 15))])
def test_without_any_all_is_well(first: int, witness: Kind) -> None:
    for seed in range(first, first + 5):
        assert simulate(seed, witness).violation == ""


@pytest.mark.parametrize("seed", range(5))
def test_without_any_nothing_is_done_twice(seed: int, witness: Kind) -> None:
    assert simulate(seed, witness, workload=PokesOnce).violation == ""


@pytest.mark.parametrize("seed", range(5))
def test_without_any_each_question_is_answered(seed: int, witness: Kind) -> None:
    assert simulate(seed, witness, workload=Asks, plan=coming_and_going()).violation == ""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", ONCE)
def test_messages_without_a_dedup_key_find(bug: str, witness: Kind) -> None:
    assert any(simulate(seed, witness, ONCE[bug], PokesOnce).violation for seed in range(SEEDS))


@pytest.mark.parametrize("bug", UNANSWERED)
def test_who_asks_finds(bug: str, witness: Kind) -> None:
    assert any(simulate(seed, witness, UNANSWERED[bug], Asks, coming_and_going()).violation for seed in range(SEEDS))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", PLANTED)
def test_the_simulation_finds(bug: str, witness: Kind) -> None:
    for seed in range(SEEDS):
        if simulate(seed, witness, PLANTED[bug]).violation:
            return
    pytest.fail(f"{SEEDS} seeds did not show: {bug}")
