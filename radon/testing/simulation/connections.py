"""A client's side of a TCP connection to an atom of a simulated cluster."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from radon.abi.errors import Timeout, Unavailable
from radon.backends.simulation.tcp import End, Piece
from radon.backends.simulation.world import SECOND
from radon.testing.simulation.waiting import Wait

if TYPE_CHECKING:
    from radon.testing.simulation.clients import Client


class Connection:
    """Made by `Client.connect`. What comes is kept until it is received; it begins and ends anywhere."""

    def __init__(self, client: Client, end: End) -> None:
        self._client, self._end = client, end
        self._received = bytearray()
        self._is_taken = self._has_ended = self._is_lost = self._is_closed = False
        self._resume: Callable[[Any], None] | None = None
        end.hear = self._hear

    @property
    def atom(self) -> str:
        """The address of the atom that serves it."""
        return self._end.atom

    # ---- for workloads ----

    def send(self, data: bytes) -> None:
        """It arrives, in order, unless the connection breaks. Raises Unavailable if that is known to have happened."""
        if self._is_closed:
            raise ValueError("the client has closed this connection")
        if self._is_lost:
            raise self._lost()
        if data:
            self._end.say(bytes(memoryview(data)))

    async def receive(self, *, timeout: float = 10.0) -> bytes:
        """What has come since the last time, as soon as that is something; b"": the other side has closed.

        Raises Unavailable where the connection broke, and Timeout where nothing came in `timeout` seconds.
        """
        if self._is_closed:
            raise ValueError("the client has closed this connection")
        if not await self._waited(timeout, lambda: bool(self._received) or self._has_ended):
            raise Timeout(f"nothing came from {self.atom} in {timeout} seconds")
        if self._received:
            data = bytes(self._received)
            self._received.clear()
            self._client.calls += 1
            return data
        if self._has_ended:
            return b""
        raise self._lost()

    def close(self) -> None:
        """What was sent still arrives; nothing is received any more."""
        if not self._is_closed:
            self._is_closed = True
            self._end.say(b"", ends=True)

    # ---- beneath them ----

    async def is_taken(self, timeout: float) -> bool:
        """Whether a host has taken it in so many seconds; if not, nobody will."""
        await self._waited(timeout, lambda: self._is_taken)
        if not self._is_taken:
            self._end.reset()
        return self._is_taken

    def _lost(self) -> Unavailable:
        return Unavailable(f"the connection to {self.atom} is lost")

    async def _waited(self, seconds: float, has_come: Callable[[], bool]) -> bool:
        """Until it has come or the connection is lost: True; or until the time is over."""
        if not 0 < seconds < math.inf:
            raise ValueError(f"{seconds} seconds to wait")
        client = self._client
        until = client.world.now + int(seconds * SECOND)
        while not has_come() and not self._is_lost and client.world.now < until:
            await Wait(lambda resume: self._wait(until - client.world.now, resume))
        return has_come() or self._is_lost

    def _wait(self, delay: int, resume: Callable[[Any], None]) -> None:
        self._client.open[self._end.connection] = self.atom
        self._resume = resume
        self._client.after(delay, self._wake, resume)

    def _wake(self, resume: Callable[[Any], None] | None) -> None:
        if resume is not None and resume is self._resume:
            self._resume = None
            del self._client.open[self._end.connection]
            resume(None)

    def _hear(self, piece: Piece | None) -> None:
        self._client.world.note(f"{self._end.connection} {piece}".encode())
        if piece is None:
            self._is_lost = True
        elif not piece.number:
            self._is_taken, self._end.atom = True, piece.body.decode()
        else:
            self._received += piece.body
            self._has_ended = piece.ends
        self._wake(self._resume)
