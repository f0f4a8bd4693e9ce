"""TCP: back-pressure goes both ways, and nobody can make the gateway hold more than so much."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from radon.backends import switchboard
from radon.gateways import tcp
from tests.gateways.connections import application, narrow, reset
from tests.gateways.running import PATIENCE, Running, connected, post, running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("twin")]


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


async def test_a_peer_that_does_not_read_is_not_read_from(lines: Running) -> None:
    """What it was sent waits in the gateway, so its next chunk does: no atom works for who does not listen."""
    async with lines.hearing("lives") as next_event, narrow(lines) as (reader, writer):
        assert (await next_event()).startswith("start ")
        writer.write(b"say 4 1000000")
        first = await reader.read(1)
        before = await turns(lines)
        writer.write(b"later")
        for _ in range(20):  # rounds in which a chunk that was on its way would have been handled
            assert await turns(lines) == before
        received = first
        while len(received) < 4_000_000:
            received += await reader.read(1 << 20)
        assert await next_event() == "fired1"
        assert received == b"x" * 4_000_000


async def turns(lines: Running) -> int:
    return (await asyncio.to_thread(lines.deployment.stats)).kinds["line"].turns


async def test_a_peer_that_reads_nothing_of_too_much_is_cut_off(
    lines: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "UNREAD", 1 << 20)
    async with lines.hearing("lives") as next_event, narrow(lines) as (_, writer):
        assert (await next_event()).startswith("start ")
        writer.write(b"say 20 1000000")
        assert await next_event() == "down"


async def test_a_peer_that_never_takes_the_last_words_does_not_stay(
    lines: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "FLUSH", 0.05)
    async with narrow(lines) as (reader, writer):
        writer.write(b"say 10 1000000")
        await reader.read(1)
        await post(lines.deployment, "line/other", f"stop line/{await lines.connection()}".encode())
        gateway = lines.gateways._connections
        assert gateway is not None
        async with asyncio.timeout(PATIENCE):
            while gateway.connections:
                await lines.settled()


async def test_all_are_served_though_one_chunk_at_a_time_has_room(
    guests: Path, monkeypatch: pytest.MonkeyPatch, twin: str
) -> None:
    """Behind the chunks that are under way a peer waits, and is not forgotten."""
    monkeypatch.setattr(tcp, "UNHANDLED", 1)
    if twin == "python":
        monkeypatch.setattr(switchboard, "WAITING", 1)

    async def peer(number: int) -> None:
        async with connected(*app.tcp) as (reader, writer):
            for turn in range(3):
                body = b"%d-%d" % (number, turn)
                writer.write(body)
                assert await reader.readexactly(len(body)) == body

    async with running(application(guests)) as app:
        await asyncio.gather(*map(peer, range(10)))


async def test_a_peer_that_reads_nothing_for_long_is_cut_off(lines: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "STALLED", 0.05)
    async with lines.hearing("lives") as next_event, narrow(lines) as (_, writer):
        assert (await next_event()).startswith("start ")
        writer.write(b"say 4 1000000")
        assert await next_event() == "down"
