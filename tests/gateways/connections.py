"""Connections whose atoms are those of line.c, and their peers."""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from radon.atoms.application import Application
from tests.gateways.running import Running, connected, load


def application(folder: Path, **limits: Any) -> Application:
    grants = ["publish:lives", "stop:line/*", "book/*"]
    line = {"module": "line.wasm", "grants": grants, "retry": {"attempts": 1}, "limits": limits}
    kinds = {"line": line, "book": line}  # an atom of a book is one that a line may bring to life, and outlives it
    return load(folder, kinds=kinds, ingress={"tcp": {"127.0.0.1:0": "line"}})


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
