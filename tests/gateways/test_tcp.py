"""TCP over real sockets: a connection is an atom, and back-pressure goes both ways."""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from radon.abi.delivery import Address
from radon.abi.errors import Exhausted
from radon.abi.exchange import Reply
from radon.atoms.application import Application
from radon.backends.deployment import Answer
from radon.backends.stores.memory import MemoryStore
from radon.gateways import tcp
from radon.gateways.tcp import CHUNK, CONNECTION
from radon.testing.faults import Full
from tests.gateways.running import PATIENCE, Running, connected, load, post, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


def application(folder: Path, **limits: Any) -> Application:
    line = {"module": "line.wasm", "grants": ["publish:lives"], "retry": {"attempts": 1}, "limits": limits}
    return load(folder, kinds={"line": line}, ingress={"tcp": {"127.0.0.1:0": "line"}})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(guests: Path) -> AsyncIterator[Running]:
    async with running(application(guests)) as it:
        yield it


@pytest_asyncio.fixture(loop_scope="module")
async def app(shared: Running) -> AsyncIterator[Running]:
    """One application for all tests; each leaves it without connections."""
    yield shared
    await gone(shared)


@asynccontextmanager
async def narrow(app: Running) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    """A connection of a peer whose sockets hold little, and that reads only when it is told to."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, app.tcp)
    async with connected(sock=sock, limit=4096) as streams:
        yield streams


def reset(writer: StreamWriter) -> None:
    """End a connection without a word of goodbye."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def gone(app: Running) -> None:
    """Returns when no connection's atom lives any more."""
    while await app.atoms("line"):
        pass


# ---- a connection's life ----


async def test_a_connection_is_an_atom_from_accept_to_the_end(app: Running) -> None:
    async with app.hearing("lives") as next_event:
        async with connected(*app.tcp) as (reader, writer):
            host, port = writer.get_extra_info("sockname")
            assert await next_event() == f"start {host}:{port}"
            writer.write(b"whose")
            address = (await reader.read(100)).decode()
            assert address.startswith("@tcp/")
            assert await app.atoms("line") == [address.removeprefix("@tcp/")]
        assert await next_event() == "down"


async def test_what_comes_in_is_answered(app: Running) -> None:
    async with connected(*app.tcp) as (reader, writer):
        for body in (b"hello", b"\0\xff\r\n", b"x"):
            writer.write(body)
            assert await reader.readexactly(len(body)) == body


async def test_an_atom_that_exits_closes_its_connection_when_all_is_written(app: Running) -> None:
    async with connected(*app.tcp) as (reader, writer):
        writer.write(b"exit " + b"y" * 60_000)
        assert await reader.read(-1) == b"y" * 60_000


async def test_an_atom_that_another_one_stops_closes_its_connection(app: Running) -> None:
    async with connected(*app.tcp) as (reader, _):
        while not (keys := await app.atoms("line")):
            pass
        end = app.deployment.perform(lambda domain: domain.routes.end(domain.image.atoms["line", keys[0]], 143))
        await asyncio.wrap_future(end)
        assert await reader.read(-1) == b""


async def test_an_atom_may_write_when_nothing_came_in(app: Running) -> None:
    """It has learnt its connection's address from the first chunk; here a timer lets it go on."""
    async with app.hearing("lives") as next_event, connected(*app.tcp) as (_, writer):
        assert (await next_event()).startswith("start ")
        writer.write(b"later")
        assert await next_event() == "fired1"


async def test_a_connection_has_an_address_that_no_other_ever_had(guests: Path) -> None:
    seen = set()
    for _ in range(2):
        async with running(application(guests)) as app:
            for _ in range(3):
                async with connected(*app.tcp) as (reader, writer):
                    writer.write(b"whose")
                    seen.add(await reader.read(100))
    assert len(seen) == 6


# ---- ends ----


async def test_a_peer_that_sends_no_more_still_gets_its_answers(app: Running) -> None:
    """All that it sent is handled before its atom hears that there is no more."""
    sent = b"z" * (5 * CHUNK)
    async with app.hearing("lives") as next_event, connected(*app.tcp) as (reader, writer):
        assert (await next_event()).startswith("start ")
        writer.write(sent)
        writer.write_eof()
        assert await reader.read(-1) == sent
        assert await next_event() == "down"


async def test_a_peer_that_sends_nothing_at_all_is_no_harm(app: Running) -> None:
    async with connected(*app.tcp) as (reader, writer):
        writer.write_eof()
        assert await reader.read(-1) == b""


async def test_an_abrupt_reset_ends_the_atom(app: Running) -> None:
    async with app.hearing("lives") as next_event:
        async with connected(*app.tcp) as (_, writer):
            assert (await next_event()).startswith("start ")
            writer.write(b"hello")
            reset(writer)
        assert await next_event() == "down"


async def test_a_peer_that_leaves_while_its_chunk_is_kept_is_down_at_once(app: Running) -> None:
    async with app.hearing("lives") as next_event:
        async with connected(*app.tcp) as (_, writer):
            assert (await next_event()).startswith("start ")
            writer.write(b"keep")
            assert await next_event() == "kept"
            reset(writer)
        assert await next_event() == "down"


async def test_a_peer_that_sends_no_more_gets_an_answer_that_takes_its_time(app: Running) -> None:
    async with connected(*app.tcp) as (reader, writer):
        writer.write(b"slow")
        writer.write_eof()
        assert await reader.read(-1) == b"slowly"


async def test_a_peer_that_leaves_while_nothing_is_read_is_noticed(
    guests: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had ended its side, so its reset comes where nobody reads."""
    monkeypatch.setattr(tcp, "WATCH", 0.01)
    async with running(application(guests)) as app, app.hearing("lives") as next_event:
        async with connected(*app.tcp) as (_, writer):
            assert (await next_event()).startswith("start ")
            writer.write(b"keep")
            writer.write_eof()
            assert await next_event() == "kept"
            reset(writer)
        assert await next_event() == "down"


async def test_stopping_lets_what_came_in_be_handled(guests: Path) -> None:
    async with running(application(guests)) as app, app.hearing("lives") as next_event:
        async with connected(*app.tcp) as (reader, writer):
            assert (await next_event()).startswith("start ")
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            await app.gateways.stop()
            assert await reader.read(-1) == b""
            with pytest.raises(OSError, match=r"111|refused"):
                await asyncio.open_connection(*app.tcp)
        assert await next_event() == "down"


async def test_a_domain_that_is_lost_closes_all_connections(guests: Path) -> None:
    """The store fails, and what it does not have is gone: volatile atoms too. Their peers must not wait for ever."""
    store = Full(MemoryStore())
    async with running(application(guests), store=store) as app, AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(connected(*app.tcp)) for _ in range(5)]
        while len(await app.atoms("line")) < 5:
            pass
        store.full = True
        peers[0][1].write(b"hello")
        for reader, _ in peers:
            assert await reader.read(-1) in (b"", b"hello")
        store.full = False
        while not await served(app):  # until the store is open again, whoever comes is turned away
            pass


async def served(app: Running) -> bool:
    async with connected(*app.tcp) as (reader, writer):
        with suppress(OSError):
            writer.write(b"again")
            writer.write_eof()
            return await reader.read(-1) == b"again"
    return False


# ---- many ----


async def test_a_thousand_connections_are_served(app: Running) -> None:
    async def peer(number: int) -> None:
        async with connected(*app.tcp) as (reader, writer):
            for turn in range(2):
                body = b"%d-%d" % (number, turn)
                writer.write(body)
                assert await reader.readexactly(len(body)) == body
            arrived.append(number)
            if len(arrived) == 1000:
                everyone.set()
            await everyone.wait()  # all are open at the same time

    arrived: list[int] = []
    everyone = asyncio.Event()
    async with asyncio.timeout(40):
        await asyncio.gather(*map(peer, range(1000)))


async def test_a_stream_keeps_its_order_however_it_is_cut(app: Running) -> None:
    sent = b"".join(b"%07d\n" % number for number in range(100_000))
    async with connected(*app.tcp) as (reader, writer):

        async def write() -> None:
            for at in range(0, len(sent), 7919):
                writer.write(sent[at : at + 7919])
                await writer.drain()
            writer.write_eof()

        _, received = await asyncio.gather(write(), reader.read(-1))
    assert received == sent


async def test_a_chunk_is_no_longer_than_the_kind_takes(guests: Path) -> None:
    async with running(application(guests, message=100)) as app, connected(*app.tcp) as (reader, writer):
        writer.write(b"a" * 1000)
        assert await reader.readexactly(1000) == b"a" * 1000


# ---- back-pressure ----


async def test_a_peer_that_floods_is_made_to_wait(guests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its atom has kept a chunk, so nothing more of it is taken; what it may send meanwhile is bounded."""
    monkeypatch.setattr(tcp, "WATCH", 0.01)
    async with running(application(guests)) as app, app.hearing("lives") as next_event:
        async with narrow(app) as (_, writer):
            assert (await next_event()).startswith("start ")
            writer.write(b"keep")
            assert await next_event() == "kept"
            sent = await until_blocked(writer.get_extra_info("socket"))
            assert sent < 16 * 1024 * 1024  # sockets' buffers, CHUNK and one read; not all that it would like to send
            reset(writer)
        assert await next_event() == "down"


async def until_blocked(sock: socket.socket) -> int:
    """Write to `sock`, beside its transport, until the other side has taken nothing for a while."""
    loop, sent = asyncio.get_running_loop(), 0
    with sock.dup() as own:
        own.setblocking(False)
        try:
            while sent < 64 * 1024 * 1024:
                async with asyncio.timeout(0.2):
                    await loop.sock_sendall(own, b"f" * 65_536)
                sent += 65_536
        except TimeoutError:
            pass
    return sent


async def test_a_peer_that_does_not_read_is_not_read_from(app: Running) -> None:
    """What it was sent waits in the gateway, so its next chunk does: no atom works for who does not listen."""
    async with app.hearing("lives") as next_event, narrow(app) as (reader, writer):
        assert (await next_event()).startswith("start ")
        writer.write(b"say 4 1000000")
        first = await reader.read(1)
        before = await turns(app)
        writer.write(b"later")
        for _ in range(20):  # rounds in which a chunk that was on its way would have been handled
            assert await turns(app) == before
        received = first
        while len(received) < 4_000_000:
            received += await reader.read(1 << 20)
        assert await next_event() == "fired1"
        assert received == b"x" * 4_000_000


async def turns(app: Running) -> int:
    return (await asyncio.to_thread(app.deployment.stats)).kinds["line"].turns


async def test_a_peer_that_reads_nothing_of_too_much_is_cut_off(app: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "UNREAD", 1 << 20)
    async with app.hearing("lives") as next_event, narrow(app) as (_, writer):
        assert (await next_event()).startswith("start ")
        writer.write(b"say 20 1000000")
        assert await next_event() == "down"


async def test_a_peer_that_never_takes_the_last_words_does_not_stay(
    app: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "FLUSH", 0.05)
    async with narrow(app) as (reader, writer):
        writer.write(b"say 10 1000000")
        await reader.read(1)
        key = (await app.atoms("line"))[0]
        end = app.deployment.perform(lambda domain: domain.routes.end(domain.image.atoms["line", key], 143))
        await asyncio.wrap_future(end)
        connections = app.gateways._connections
        assert connections is not None
        await asyncio.wait_for(connections._empty.wait(), PATIENCE)


async def test_a_deployment_with_no_room_is_tried_again(app: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many messages from outside may wait; a chunk that is one too many is not lost."""
    real, refused = app.deployment.post, 0

    def full(*args: Any, **fields: Any) -> int:
        nonlocal refused
        refused += 1
        if refused <= 2:
            raise Exhausted("no room")
        return real(*args, **fields)

    monkeypatch.setattr(app.deployment, "post", full)
    async with connected(*app.tcp) as (reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
    assert refused == 3


# ---- failures ----


async def test_a_chunk_that_fails_for_good_is_lost_and_the_next_one_is_handled(app: Running) -> None:
    async def failed() -> int:
        return (await asyncio.to_thread(app.deployment.stats)).kinds["line"].failed

    before = await failed()
    async with connected(*app.tcp) as (reader, writer):
        writer.write(b"fail")
        while await failed() == before:
            pass
        writer.write(b"on")
        assert await reader.readexactly(2) == b"on"


async def test_a_connection_whose_atom_cannot_start_is_closed(guests: Path) -> None:
    """Its `start` publishes, for which it has no grant here."""
    line = {"module": "line.wasm", "retry": {"attempts": 1}}
    async with (
        running(load(guests, kinds={"line": line}, ingress={"tcp": {"127.0.0.1:0": "line"}})) as app,
        connected(*app.tcp) as (reader, _),
    ):
        assert await reader.read(-1) == b""


async def test_what_is_sent_to_a_connection_that_is_gone_is_dropped(app: Running) -> None:
    async with connected(*app.tcp) as (_, writer):
        writer.write(b"say 1 10")
        writer.transport.abort()
    await gone(app)
    async with connected(*app.tcp) as (reader, writer):
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"


async def test_an_atom_of_the_kind_that_is_no_connection_is_like_any_other(app: Running) -> None:
    async with app.hearing("lives") as next_event:
        answer: Answer = await post(app.deployment, "line/plain", b"hello")
        assert isinstance(answer, Reply)
        assert await next_event() == "start "
        assert await next_event() == "outside hello"
    end = app.deployment.perform(lambda domain: domain.routes.end(domain.image.atoms["line", "plain"], 0))
    await asyncio.wrap_future(end)


@pytest.mark.xfail(strict=True, reason="a message to a connection that has ended begins a life of its own")
async def test_a_chunk_that_crosses_the_end_of_its_atom_begins_no_other_life(guests: Path) -> None:
    async with running(application(guests)) as app, connected(*app.tcp):
        while not (keys := await app.atoms("line")):
            pass
        atom = Address("line", keys[0])
        end = app.deployment.perform(lambda domain: domain.routes.end(domain.image.atoms[atom[:2]], 0))
        sent = post(app.deployment, atom.text, b"x", sender=Address(CONNECTION, atom.key))
        await asyncio.gather(asyncio.wrap_future(end), sent)
        assert await app.atoms("line") == []
