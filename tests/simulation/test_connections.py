"""Connections of simulated clients: bytes in order while they stand, and every end that a connection can have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random

import pytest

from radon.abi.errors import Timeout, Unavailable
from radon.atoms.build import build_c
from radon.backends.program import Program
from radon.backends.simulation.faults import Fault
from radon.backends.simulation.host import Host
from radon.backends.simulation.network import Network
from radon.backends.simulation.tcp import PATIENCE, PROBED, End, Piece, connect
from radon.backends.simulation.world import SECOND, Node, World
from radon.host.domain import Settings
from radon.host.domains import available, load
from radon.host.kind import Kind
from radon.testing.harness import kind
from radon.testing.simulation import Client, Connection, Options, Result, Simulation, Workload, WorkloadError
from radon.testing.simulation.simulate import Drivers
from radon.testing.simulation.story import told

LINE = Path(__file__).parents[1] / "gateways" / "line.c"
OPTIONS = Options(span=12 * SECOND, operations=0)
CALM: Sequence[Fault] = ()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Of connections that echo, or do what they are told."""
    build_c([LINE], out := tmp_path_factory.mktemp("line") / "line.wasm")
    kinds: dict[str, Kind] = {"line": kind("line", out, ["publish:lives"])}
    return Program("lines", kinds, (), Settings())


def run(
    program: Program, act: Callable[[Client], Awaitable[None]], *, plan: Sequence[Fault] | None = CALM, seed: int = 1,
    clients: int = 1, drivers: Drivers | None = None,
) -> Result:  # fmt: skip
    """Of a workload whose clients do this, once all hosts have their domains."""
    number = clients

    class Lines(Workload):
        clients = number

        async def setup(self, client: Client) -> None:
            await client.sleep(5.0)

        async def client(self, client: Client) -> None:
            await act(client)

    result = Simulation(seed, program, Lines, OPTIONS, plan=plan, drivers=drivers).run()
    assert result.violation == ""
    return result


async def received(connection: Connection, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await connection.receive()
        assert more, "the other side has closed"
        data += more
    return data


# ---- while nothing goes wrong ----


def test_what_is_sent_comes_whole_and_in_order(program: Program) -> None:
    over = []

    async def client(client: Client) -> None:
        connection = await client.connect("line")
        assert connection.atom.startswith("line/h")
        sent = b"".join(b"%d " % number for number in range(50_000))  # several chunks
        for at in range(0, len(sent), 1000):
            connection.send(sent[at : at + 1000])
        assert await received(connection, len(sent)) == sent
        over.append(True)

    run(program, client)
    assert over


def test_an_atom_that_exits_closes_behind_its_last_words(program: Program) -> None:
    over = []

    async def client(client: Client) -> None:
        connection = await client.connect("line")
        connection.send(b"exit goodbye")
        assert await received(connection, 7) == b"goodbye"
        assert await connection.receive() == await connection.receive() == b""
        connection.send(b"nobody hears")
        over.append(True)

    run(program, client)
    assert over


def test_a_chunk_that_fails_for_good_breaks_the_connection(program: Program) -> None:
    over = []

    async def client(client: Client) -> None:
        connection = await client.connect("line")
        connection.send(b"fail")
        with pytest.raises(Unavailable, match=r"the connection to line/h.* is lost"):
            await connection.receive()
        with pytest.raises(Unavailable):
            connection.send(b"more")
        over.append(True)

    run(program, client)
    assert over


def test_one_who_waits_for_nothing_is_told_so_in_time(program: Program) -> None:
    async def client(client: Client) -> None:
        connection = await client.connect("line")
        begin = client.now
        with pytest.raises(Timeout, match="nothing came from line/"):
            await connection.receive(timeout=2.5)
        assert 2.5 <= client.now - begin < 2.6
        connection.send(b"slow")
        assert await received(connection, 6) == b"slowly"

    run(program, client)


def test_a_client_that_goes_is_missed_by_its_atom(program: Program) -> None:
    atoms, left = [], []

    class Counting(Host):
        def close(self) -> None:
            left.extend(running.domain.usage().kinds["line"].atoms for running in self.running.values())
            super().close()

    async def client(client: Client) -> None:
        first = await client.connect("line")
        first.send(b"last words")
        first.close()
        with pytest.raises(ValueError, match="closed this connection"):
            first.send(b"more")
        second = await client.connect("line")  # closed by itself
        atoms.extend([first.atom, second.atom])

    run(program, client, clients=3, drivers=Drivers(host=Counting))
    assert len(set(atoms)) == len(atoms) == 6
    assert left == [0] * OPTIONS.domains


@pytest.mark.parametrize("name", ["book", ""])
def test_a_connection_to_no_kind_is_a_mistake_of_the_workload(name: str, program: Program) -> None:
    async def client(client: Client) -> None:
        await client.connect(name)

    with pytest.raises(WorkloadError, match=f"connections are atoms of a keyed kind, and '{name}' is none"):
        run(program, client)


# ---- when something does ----


class Echoes:
    """What clients do who check each echo, and how often it broke off."""

    def __init__(self) -> None:
        self.echoed = self.broken = 0

    async def client(self, client: Client) -> None:
        while True:
            try:
                connection = await client.connect("line")
                sent = got = b""
                while True:
                    for _times in range(client.random.randrange(1, 4)):
                        sent += (part := b"<%d>" % client.random.getrandbits(8 * client.random.randrange(1, 40)))
                        connection.send(part)
                    while len(got) < len(sent):
                        more = await connection.receive()
                        if not more:
                            raise Unavailable("closed")
                        got += more
                        assert sent.startswith(got), f"{sent!r} was sent, and this came: {got!r}"
                        self.echoed += 1
                    await client.sleep(client.random.random() / 4)
            except (Unavailable, Timeout):
                self.broken += 1


@pytest.mark.parametrize("seed", range(3))
def test_echoes_are_right_as_far_as_they_come_whatever_goes_wrong(seed: int, program: Program) -> None:
    echoes = Echoes()
    run(program, echoes.client, plan=None, seed=seed, clients=6)
    assert echoes.echoed > 100


def test_a_host_that_goes_down_takes_its_connections_along(program: Program) -> None:
    echoes = Echoes()
    crashes = [Fault("crash", (2 + at) * SECOND, 2 * SECOND, ((f"h{at}",),), 1.0) for at in (1, 2, 3)]
    run(program, echoes.client, plan=crashes, clients=12)
    assert echoes.broken >= 12, "each host had some"


def test_loss_alone_breaks_no_connection(program: Program) -> None:
    calm, lossy = Echoes(), Echoes()
    run(program, calm.client, clients=4)
    assert run(program, lossy.client, plan=[Fault("loss", SECOND, 3 * SECOND, (), 0.3)], clients=4).fired["loss"]
    assert calm.broken == lossy.broken == 0


def test_all_domains_run_it_alike_and_again(program: Program) -> None:
    makes = [load(name) for name in available()] * 2
    found = {
        run(program, Echoes().client, plan=None, seed=5, clients=4, drivers=Drivers(make=make)).fingerprint
        for make in makes
    }
    assert len(makes) > 2, "this machine has one domain only"
    assert len(found) == 1


def test_the_story_has_what_connections_bring(program: Program) -> None:
    class One(Workload):
        clients = 1

        async def client(self, client: Client) -> None:
            await client.sleep(5.0)
            connection = await client.connect("line")
            connection.send(b"exit so long")
            while await connection.receive():
                pass

    result, story = told(3, program, One, OPTIONS, CALM)
    assert result.violation == ""
    (atom,) = {atom for moment in story.moments for atom in moment.atoms if atom.startswith("line/")}
    texts = [moment.text for moment in story.about(atom) if moment.kind == "client"]
    sent = f"c0 {atom}: sends "
    assert texts[0] == f"c0 is connected to {atom}"
    assert "".join(text.removeprefix(sent) for text in texts if text.startswith(sent)) == "exit so long"
    assert texts[-2:] == [f"c0 {atom}: is closed by it", f"c0 {atom}: closes"]


# ---- the connection by itself ----


class Ear:
    """What an end has heard."""

    def __init__(self, end: End) -> None:
        self.heard, self.pieces = b"", 0
        self.ended = self.lost = False
        end.hear = self

    def __call__(self, piece: Piece | None) -> None:
        assert not self.ended
        assert not self.lost
        if piece is None:
            self.lost = True
        else:
            self.heard += piece.body
            self.pieces += 1
            self.ended = piece.ends


@pytest.mark.parametrize("seed", range(20))
def test_in_any_weather_all_comes_once_and_in_order_cut_anywhere(seed: int) -> None:
    world = World(seed)
    network = Network(world)
    network.weather.loss = network.weather.double = network.weather.late = 0.3
    near, far = connect(network, Node(world, "c0"), Node(world, "h1"), "c0:1", "line")
    ears = [Ear(near), Ear(far)]
    random = Random(seed)
    said = [b"", b""]
    for _ in range(50):
        side = random.randrange(2)
        said[side] += (body := random.randbytes(random.randrange(1, 50)))
        (near, far)[side].say(body)
        world.run(world.now + random.randrange(SECOND // 10))
    near.say(b"", ends=True)
    far.say(b"the end", ends=True)
    far.say(b"not heard")
    world.run(world.now + 60 * SECOND)
    assert [ear.heard for ear in ears] == [said[1] + b"the end", said[0]]
    assert sum(ear.pieces for ear in ears) > 52
    assert all(ear.ended for ear in ears)
    assert not any(ear.lost for ear in ears)
    assert near.is_over
    assert far.is_over


@pytest.mark.parametrize("says", [True, False])
def test_an_end_that_hears_nothing_gives_up_and_so_does_the_other(says: bool) -> None:
    world = World(1)
    network = Network(world)
    nodes = Node(world, "c0"), Node(world, "h1")
    ends = connect(network, *nodes, "c0:1", "line")
    ears = [Ear(end) for end in ends]
    ends[0].say(b"line")
    world.run(SECOND)
    network.cut(["c0"], ["h1"], both=True, name="partition")
    if says:
        ends[0].say(b"hello")
    world.run(SECOND + PATIENCE + PROBED + SECOND)
    assert [ear.lost for ear in ears] == [says, says]
    assert ears[1].heard == b"line"


def test_a_node_that_went_down_knows_no_connection() -> None:
    for seed in range(10):  # whether it says so is a matter of chance
        world = World(seed)
        network = Network(world)
        near, far = connect(network, Node(world, "c0"), Node(world, "h1"), "c0:1", "line")
        client, host = Ear(near), Ear(far)
        near.say(b"line")
        world.run(SECOND)
        far.crash()
        near.say(b"hello")
        world.run(SECOND + PROBED + SECOND)
        assert client.lost
        assert host.heard == b"line"
