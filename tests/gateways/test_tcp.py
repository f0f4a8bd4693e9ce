"""TCP over real sockets: a connection is an atom, from accept to whatever end it has."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from radon.abi.delivery import Address
from radon.abi.exchange import CHUNK, CONNECTION, Reply
from radon.backends.deployment import Answer
from radon.backends.stores.memory import MemoryStore
from radon.gateways import tcp
from radon.testing.faults import Full
from tests.gateways.connections import application, gone, reset
from tests.gateways.running import Running, connected, load, post, running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("twin")]


# ---- a connection's life ----


async def test_a_connection_is_an_atom_from_accept_to_the_end(lines: Running) -> None:
    async with lines.hearing("lives") as next_event:
        async with connected(*lines.tcp) as (reader, writer):
            host, port = writer.get_extra_info("sockname")
            assert await next_event() == f"start {host}:{port}"
            writer.write(b"whose")
            address = (await reader.read(100)).decode()
            assert address.startswith("@tcp/")
            assert await lines.atoms("line") == 1
            assert await lines.connection() == address.removeprefix("@tcp/")
        assert await next_event() == "down"


async def test_what_comes_in_is_answered(lines: Running) -> None:
    async with connected(*lines.tcp) as (reader, writer):
        for body in (b"hello", b"\0\xff\r\n", b"x"):
            writer.write(body)
            assert await reader.readexactly(len(body)) == body


async def test_an_atom_that_exits_closes_its_connection_when_all_is_written(lines: Running) -> None:
    async with connected(*lines.tcp) as (reader, writer):
        writer.write(b"exit " + b"y" * 60_000)
        assert await reader.read(-1) == b"y" * 60_000


async def test_an_atom_that_another_one_stops_closes_its_connection(lines: Running) -> None:
    async with connected(*lines.tcp) as (reader, _):
        await post(lines.deployment, "line/other", f"stop line/{await lines.connection()}".encode())
        assert await reader.read(-1) == b""


async def test_an_atom_may_write_when_nothing_came_in(lines: Running) -> None:
    """It has learnt its connection's address from the first chunk; here a timer lets it go on."""
    async with lines.hearing("lives") as next_event, connected(*lines.tcp) as (_, writer):
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


async def test_a_peer_that_sends_no_more_still_gets_its_answers(lines: Running) -> None:
    """All that it sent is handled before its atom hears that there is no more."""
    sent = b"z" * (5 * CHUNK)
    async with lines.hearing("lives") as next_event, connected(*lines.tcp) as (reader, writer):
        assert (await next_event()).startswith("start ")
        writer.write(sent)
        writer.write_eof()
        assert await reader.read(-1) == sent
        assert await next_event() == "down"


async def test_a_peer_that_sends_nothing_at_all_is_no_harm(lines: Running) -> None:
    async with connected(*lines.tcp) as (reader, writer):
        writer.write_eof()
        assert await reader.read(-1) == b""


async def test_an_abrupt_reset_ends_the_atom(lines: Running) -> None:
    async with lines.hearing("lives") as next_event:
        async with connected(*lines.tcp) as (_, writer):
            assert (await next_event()).startswith("start ")
            writer.write(b"hello")
            reset(writer)
        assert await next_event() == "down"


async def test_a_peer_that_leaves_while_its_chunk_is_kept_is_down_at_once(lines: Running) -> None:
    async with lines.hearing("lives") as next_event:
        async with connected(*lines.tcp) as (_, writer):
            assert (await next_event()).startswith("start ")
            writer.write(b"keep")
            assert await next_event() == "kept"
            reset(writer)
        assert await next_event() == "down"


async def test_a_peer_that_sends_no_more_gets_an_answer_that_takes_its_time(lines: Running) -> None:
    async with connected(*lines.tcp) as (reader, writer):
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
        while await app.atoms("line") < 5:
            pass
        store.full = True
        peers[0][1].write(b"note book/a")
        for reader, _ in peers:
            assert await reader.read(-1) == b""
        store.full = False
        while not await served(app):  # until the store is open again, whoever comes is turned away
            pass


async def served(lines: Running) -> bool:
    with suppress(OSError):
        async with connected(*lines.tcp) as (reader, writer):
            writer.write(b"again")
            writer.write_eof()
            return await reader.read(-1) == b"again"
    return False


# ---- many ----


@pytest.fixture
def many_files() -> Iterator[None]:
    """Both ends of a thousand connections are this process's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4000
    if hard not in (-1, resource.RLIM_INFINITY) and hard < wanted:
        pytest.skip(f"at most {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
async def test_a_thousand_connections_are_served(lines: Running) -> None:
    async def peer(number: int) -> None:
        async with connected(*lines.tcp) as (reader, writer):
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


async def test_a_stream_keeps_its_order_however_it_is_cut(lines: Running) -> None:
    sent = b"".join(b"%07d\n" % number for number in range(100_000))
    async with connected(*lines.tcp) as (reader, writer):

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


# ---- failures ----


async def test_a_chunk_that_fails_for_good_cuts_the_connection(lines: Running) -> None:
    """A stream with a hole in it is none."""
    async with lines.hearing("lives") as next_event, connected(*lines.tcp) as (reader, writer):
        assert (await next_event()).startswith("start ")
        writer.write(b"fail")
        with suppress(ConnectionResetError):
            assert await reader.read(-1) == b""
        assert await next_event() == "down"


async def test_a_chunk_that_is_not_answered_is_handled_all_the_same(lines: Running) -> None:
    async with connected(*lines.tcp) as (reader, writer):
        writer.write(b"whose")  # answered by a message
        assert (await reader.read(100)).startswith(b"@tcp/")
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


async def test_what_is_sent_to_a_connection_that_is_gone_is_dropped(lines: Running) -> None:
    async with connected(*lines.tcp) as (_, writer):
        writer.write(b"say 1 10")
        writer.transport.abort()
    await gone(lines)
    async with connected(*lines.tcp) as (reader, writer):
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"


async def test_an_atom_of_the_kind_that_is_no_connection_is_like_any_other(lines: Running) -> None:
    async with lines.hearing("lives") as next_event:
        answer: Answer = await post(lines.deployment, "line/plain", b"hello")
        assert isinstance(answer, Reply)
        assert await next_event() == "start "
        assert await next_event() == "outside hello"
    await post(lines.deployment, "line/plain", b"stop line/plain")


async def test_a_chunk_that_crosses_the_end_of_its_atom_begins_no_other_life(guests: Path) -> None:
    async with running(application(guests)) as app, connected(*app.tcp):
        atom = Address("line", await app.connection())
        await post(app.deployment, "line/other", f"stop {atom.text}".encode())
        answer = await post(app.deployment, atom.text, b"x", sender=Address(CONNECTION, atom.key))
        assert isinstance(answer, Reply)
        assert answer.code
        assert await app.atoms("line") == 0
