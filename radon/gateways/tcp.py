"""TCP: each connection is a volatile atom `KIND/ID`; what comes in is messages to it from the connection's address.

What is sent to that address is written; so is an answer to a chunk. One chunk of a connection is on its way at a time:
the next leaves when the turn of the last one has ended, and what comes meanwhile makes up that one, up to CHUNK. Behind
that the peer waits, and so it does while it does not read what is written to it.

The contract of two twins, and their limits: tcp_native.py, whose sockets are C's, and tcp_asyncio.py, to be read.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from radon.abi.exchange import CHUNK
from radon.backends.deployment import Deployment
from radon.host.limits import MIB

UNREAD = 16 * MIB
"""What may wait to be written to a peer that does not read, beside the largest message; then it is cut off."""

UNHANDLED = 256 * MIB
"""Bytes of all chunks whose turns have not ended; behind them every peer waits. Of the native twin: the other one has
room for as many messages as the deployment has."""

FLUSH = 30.0
"""Seconds that a peer has to read the rest of what was written when its atom ended."""

STALLED = 120.0
"""Seconds in which a peer has to read something at all of what waits for it; then it is cut off."""

WATCH = 1.0
"""Seconds between two looks at those whose time may be over."""


class TcpGateway(Protocol):
    """All connections of one deployment. Made, used and stopped in one event loop."""

    @property
    def connections(self) -> Collection[str]:
        """The keys of their atoms."""

    async def start(self, listeners: Mapping[str, Iterable[socket.socket]]) -> None:
        """Take connections from sockets that listen, by kind of their atoms; the sockets are the gateway's from now
        on. Raises Invalid.
        """

    async def stop(self, grace: float) -> None:
        """Take no more connections and chunks, let atoms end and what they wrote leave; `grace` seconds at most."""


def chunk_of(deployment: Deployment, kind: str) -> int:
    """The most that a message to the atoms of `kind` may have, of what is worth putting into one; never 0."""
    return min(CHUNK, _message_of(deployment, kind))


def unread_of(deployment: Deployment, kind: str) -> int:
    """What may wait to be written to a peer of such an atom."""
    return UNREAD + _message_of(deployment, kind)


def _message_of(deployment: Deployment, kind: str) -> int:
    entry = deployment.application.manifest.kinds.get(kind)
    return entry.limits.message if entry is not None else CHUNK
