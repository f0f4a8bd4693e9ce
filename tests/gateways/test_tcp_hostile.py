"""TCP in every deployment, and against peers who come in thousands, leave at once, or want more than there is."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from radon.abi.errors import Unavailable
from radon.backends.stores.memory import MemoryStore
from radon.gateways import tcp
from radon.testing.faults import Full, Stalled
from tests.backends.desk import Durable
from tests.gateways.connections import application, gone
from tests.gateways.running import PATIENCE, Running, connected, running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("twin")]


async def echoed(app: Running, body: bytes) -> bool:
    async with connected(*app.tcp) as (reader, writer):
        writer.write(body)
        return await reader.readexactly(len(body)) == body


async def usages(app: Running) -> list[int]:
    """Atoms of lines, of each domain."""
    all_of_them: Any = await asyncio.wrap_future(app.deployment.perform_all(lambda domain: domain.usage()))
    return [usage.kinds["line"].atoms for usage in all_of_them]


# ---- whatever runs them ----


async def test_connections_are_spread_over_domains(guests: Path) -> None:
    async with running(application(guests), domains=3) as app, AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(connected(*app.tcp)) for _ in range(40)]
        for number, (reader, writer) in enumerate(peers):
            writer.write(b"%03d" % number)
            assert await reader.readexactly(3) == b"%03d" % number
        there = await usages(app)
        assert sum(there) == 40
        assert all(there)
        for _, writer in peers:
            writer.close()
        while any(await usages(app)):
            pass


async def test_connections_of_a_durable_deployment_are_answered(guests: Path, tmp_path: Path) -> None:
    async with running(application(guests), data=tmp_path) as app:
        assert all(await asyncio.gather(*[echoed(app, b"%d" % number) for number in range(50)]))


async def test_nothing_is_written_before_its_commit_is_durable(guests: Path) -> None:
    store = Stalled(Durable(MemoryStore()))
    async with running(application(guests), store=store) as app, connected(*app.tcp) as (reader, writer):
        writer.write(b"first")
        assert await reader.readexactly(5) == b"first"
        store.stall()
        writer.write(b"note book/a")
        assert await asyncio.to_thread(store.waits.wait, PATIENCE)
        for _ in range(10):
            await app.settled()
        assert not reader._buffer, "the commit is not yet stored"  # type: ignore[attr-defined]
        store.go()
        assert await reader.readexactly(11) == b"note book/a"


async def test_one_domain_that_is_lost_leaves_no_atoms_in_the_others(guests: Path) -> None:
    """All connections are closed, since the gateway does not know which domain it was."""
    store = Full(MemoryStore())
    async with running(application(guests), store=store, domains=3) as app, AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(connected(*app.tcp)) for _ in range(20)]
        while sum(await usages(app)) < 20:
            pass
        store.full = True
        peers[0][1].write(b"note book/a")
        for reader, _ in peers:
            with suppress(ConnectionResetError):
                assert await reader.read(-1) in (b"", b"note book/a")
        store.full = False
        async with asyncio.timeout(PATIENCE):
            while await left(app):
                pass


async def left(app: Running) -> bool:
    """Are there atoms of lines, or nobody to tell, because a domain is being opened again?"""
    try:
        return any(await usages(app))
    except Unavailable:
        return True


# ---- many, and little room ----


@pytest.fixture
def few_files(lines: Running) -> Iterator[list[socket.socket]]:
    """Sockets of peers; when all of them are connected, no file is left for the other end of most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    peers = [socket.socket() for _ in range(20)]
    for peer in peers:
        peer.setblocking(False)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 4, hard))
    yield peers
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for peer in peers:
        peer.close()


@pytest.mark.filterwarnings("ignore")
async def test_peers_for_whom_there_is_no_file_are_served_when_there_is_one(
    lines: Running, few_files: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "WATCH", 0.02)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)  # asyncio complains of each
    served = 0

    async def serve(peer: socket.socket) -> None:
        nonlocal served
        await loop.sock_connect(peer, lines.tcp)
        await loop.sock_sendall(peer, b"hello")
        assert await loop.sock_recv(peer, 100) == b"hello"
        served += 1
        peer.close()  # and so is the other end, soon

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*map(serve, few_files))
    loop.set_exception_handler(None)
    assert served == len(few_files)


async def test_peers_that_reset_at_once_leave_nothing(lines: Running) -> None:
    def storm() -> None:
        for _ in range(300):
            peer = socket.create_connection(lines.tcp)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.send(b"hello")
            peer.close()

    await asyncio.gather(*[asyncio.to_thread(storm) for _ in range(2)])
    await gone(lines)
    gateway = lines.gateways._connections
    assert gateway is not None
    assert not gateway.connections
    assert await echoed(lines, b"still there")
