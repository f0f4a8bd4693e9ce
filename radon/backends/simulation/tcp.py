"""TCP between two nodes: all bytes in order and once while the connection stands, in pieces that are cut anywhere.

What TCP learns by acknowledgements and probes is known here, so that none are sent. What they are for is done as it is
there: what does not come is said again, and who is not heard for too long is given up. So everything that befalls the
network befalls connections as well, as delays and in the worst case as their end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from radon.backends.simulation.network import Network
from radon.backends.simulation.world import MILLISECOND, Node

AGAIN, LONGEST = 400 * MILLISECOND, 3_200 * MILLISECOND
"""ns until what has not come is said again: the first time; then twice that, and never more than this."""

PATIENCE = 8_000 * MILLISECOND
"""ns in which nothing comes of what was said, until an end gives the connection up."""

PROBED = 5_000 * MILLISECOND
"""ns at most until an end notices that the other one is gone, though it says nothing and hears nothing."""

CUT, SILENT = 0.2, 0.5
"""How probable it is that what is said is cut (once more), and that who goes down does not say so."""

GONE = -1
"""The number of a piece that means: there is no such connection, or no more."""


class Piece(NamedTuple):
    """What goes over a connection at once."""

    connection: str
    atom: str  # the one that serves it; its kind until a host has taken the connection
    number: int  # in its direction: 0 opens the connection, or takes it; GONE
    body: bytes
    ends: bool  # nothing follows


class End:
    """One of the two ends of a connection. `hear` gets each piece, in order; and None if the connection breaks."""

    def __init__(self, network: Network, node: Node, connection: str, kind: str) -> None:
        self.node, self.connection, self.atom = node, connection, kind
        self.peer: End
        self.hear: Callable[[Piece | None], None]
        self.is_over = False
        self._network, self._world = network, node.world
        self._unheard = deque[Piece]()  # said, and has not come
        self._early: dict[int, Piece] = {}  # has come, and something before it has not
        self._said = self._heard = 0
        self._has_ended = self._peer_has_ended = False
        self._moved_at = 0  # when something had come last; or was said, and nothing was waiting to come
        self._pause, self._rings = AGAIN, False

    # ---- for its owner ----

    def say(self, body: bytes, *, ends: bool = False) -> None:
        """Nothing happens if it is over."""
        if not self.is_over and not self._has_ended:
            *parts, last = self._cut(body) if self._said else [body]
            for part in parts:
                self._add(part)
            self._add(last, ends=ends)

    def reset(self) -> None:
        """It is over, at once; what has not come is lost."""
        if not self.is_over:
            self._go(silent=False)

    def crash(self) -> None:
        """Its node has gone down."""
        if not self.is_over:
            self._go(silent=self._world.random.random() < SILENT)

    # ---- saying ----

    def _cut(self, body: bytes) -> list[bytes]:
        parts, random = [], self._world.random
        while len(body) > 1 and random.random() < CUT:
            at = random.randrange(1, len(body))
            parts.append(body[:at])
            body = body[at:]
        return [*parts, body]

    def _add(self, body: bytes, *, ends: bool = False) -> None:
        piece = Piece(self.connection, self.atom, self._said, body, ends)
        self._said += 1
        self._has_ended = ends
        if not self._unheard:
            self._moved_at = self._world.now
        self._unheard.append(piece)
        self._send(piece)
        self._watch()

    def _send(self, piece: Piece) -> None:
        self._network.send(self.node, self.peer.node, len(piece.body), self.peer.arrive, piece)

    def _watch(self) -> None:
        if not self._rings:
            self._rings = True
            self.node.after(self._pause, self._look)

    def _look(self) -> None:
        """Has all come meanwhile?"""
        self._rings = False
        if self.is_over or not self._unheard:
            return
        waited = self._world.now - self._moved_at
        if waited >= PATIENCE:
            self._go(silent=False)
            return self.hear(None)
        if waited >= self._pause:
            self._pause = min(2 * self._pause, LONGEST)
            for piece in self._unheard:
                self._send(piece)
        self._watch()

    def _has_come(self, number: int) -> None:
        while self._unheard and self._unheard[0].number <= number:
            self._unheard.popleft()
            self._moved_at, self._pause = self._world.now, AGAIN
        self._settle()

    # ---- hearing ----

    def arrive(self, piece: Piece) -> None:
        """From the network."""
        if self.is_over:
            if piece.number != GONE:
                self._send(self._gone())
        elif piece.number == GONE:
            self._fail()
        elif piece.number >= self._heard:
            self._early[piece.number] = piece
            while (following := self._early.pop(self._heard, None)) is not None:
                self._heard += 1
                self._peer_has_ended = following.ends
                self.peer._has_come(following.number)
                self.hear(following)
                self._settle()

    # ---- its end ----

    def _settle(self) -> None:
        """Both have said all, and all has come."""
        if self._has_ended and self._peer_has_ended and not self._unheard:
            self.is_over = True

    def _fail(self) -> None:
        """The other end is gone."""
        if not self.is_over:
            self._forget()
            self.hear(None)

    def _forget(self) -> None:
        self.is_over = True
        self._unheard.clear()
        self._early.clear()

    def _go(self, *, silent: bool) -> None:
        """Before the other end does, which learns of it sooner or later."""
        self._forget()
        if not silent:
            self._send(self._gone())
        self._world.after(self._world.random.randrange(PROBED), self.peer.node.arrive, self.peer._fail, ())

    def _gone(self) -> Piece:
        return Piece(self.connection, self.atom, GONE, b"", True)


def connect(network: Network, near: Node, far: Node, connection: str, kind: str) -> tuple[End, End]:
    """Two ends, each at one of these, that have said nothing yet."""
    one, other = (End(network, node, connection, kind) for node in (near, far))
    one.peer, other.peer = other, one
    return one, other
