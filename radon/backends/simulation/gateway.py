"""TCP connections of clients at a simulated host: each is a volatile atom of a domain that is open there.

It gives the domain what the gateways of `radon.gateways.tcp` give it, and does what they do with what leaves it. It has
no limits of its own: what comes and is not handled waits here, and what is written waits at the client.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from radon.abi.delivery import Address
from radon.abi.errors import ErrorCode
from radon.abi.exchange import CAUSE, CHUNK, CONNECTION, Connect, Disconnect, Hangup, Post, Reply, Sent
from radon.backends.simulation.tcp import End, Piece
from radon.host.placement import place

if TYPE_CHECKING:
    from radon.backends.simulation.host import Host

HANDLED = (0, ErrorCode.CLOSED + 1)
"""Codes of the answer to a chunk: it was answered, or not."""


class Gateway:
    """The connections of one process of a host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._numbers = count(1)
        self._taken: dict[str, Taken] = {}  # by the keys of their atoms

    def take(self, end: End, kind: str) -> None:
        """A client connects to a kind. It is refused where no domain is open."""
        domains = [number for number, running in self._host.running.items() if not running.is_closing]
        if not domains:
            end.reset()
            return
        self._taken = {key: taken for key, taken in self._taken.items() if not taken.end.is_over}
        atom, domain = next(named for named in self._names(kind) if named[1] in domains)
        self._taken[atom.key] = Taken(self._host, end, atom, domain)

    def _names(self, kind: str) -> Any:
        """Atoms that no connection ever was, each with its domain."""
        process = self._host.process.replace("/", ".")
        for number in self._numbers:
            atom = Address(kind, f"{process}-{number}")
            yield atom, place(atom, self._host.resolve, self._host.cluster.domains)

    def leaves(self, output: Sent | Hangup) -> None:
        """A domain of this host lets this leave. What is for a connection elsewhere, or for none, is for nobody."""
        address = output.to if isinstance(output, Sent) else output.atom
        taken = self._taken.get(address.key)
        if taken is None:
            return
        if isinstance(output, Hangup):
            taken.hang_up()
        elif address.kind == CONNECTION:
            taken.write(output.delivery.body)

    def lose(self, domain: int) -> None:
        """The domain is not open here any more, and its volatile atoms are gone."""
        for taken in self._taken.values():
            if taken.domain == domain:
                taken.hang_up()

    def crash(self) -> None:
        for taken in self._taken.values():
            taken.end.crash()


class Taken:
    """A connection that a host has taken, between its end and its atom."""

    def __init__(self, host: Host, end: End, atom: Address, domain: int) -> None:
        self.end, self.domain = end, domain
        self._host, self._atom, self._address = host, atom, Address(CONNECTION, atom.key)
        self._chunk = min(CHUNK, host.cluster.program.kinds[atom.kind].limits.message)
        self._received, self._unsent = bytearray(), bytearray()
        self._is_busy = False  # a chunk is on its way
        self._no_more = False  # the client sends nothing more, or is not to be heard
        self._told = False  # the atom knows, or has ended
        self._goes_on = False  # soon
        end.atom, end.hear = atom.text, self._hear
        self._submit(Connect(atom, end.connection.encode()))
        end.say(atom.text.encode())

    # ---- from the client ----

    def _hear(self, piece: Piece | None) -> None:
        if piece is None:
            self._received.clear()  # nobody would hear the answer
            self._no_more = True
        else:
            self._received += piece.body
            self._no_more = piece.ends
        self._go_on()

    # ---- to the atom ----

    def _go_on(self) -> None:
        """Whatever can be done now: writing, the next chunk, the news that there is no more."""
        self._goes_on = False
        self._flush()
        if self._told or self._is_busy:
            return
        if self._received:
            chunk = bytes(self._received[: self._chunk])
            del self._received[: self._chunk]
            self._is_busy = True
            self._host.serve(Post(0, 0, 1, self._atom, self._address, "", "", (), chunk), self._handled)
        elif self._no_more:
            self._told = True
            self._submit(Disconnect(self._atom))

    def _handled(self, output: Any) -> None:
        """The turn of the chunk has ended; None: nobody knows."""
        self._is_busy = False
        if isinstance(output, Reply) and output.code in HANDLED and CAUSE not in dict(output.metadata):
            self.write(output.body)
        else:  # a chunk is lost, and a stream with a hole is none
            self.end.reset()
            self._hear(None)

    def _submit(self, record: Connect | Disconnect) -> None:
        if self.domain in self._host.running:
            self._host.running[self.domain].submit(record)

    # ---- from the atom ----

    def write(self, body: bytes) -> None:
        """What leaves in one moment is written together, and seen before the next chunk is handed on."""
        self._unsent += body
        if not self._goes_on:
            self._goes_on = True
            self._host.after(0, self._go_on)

    def hang_up(self) -> None:
        """The atom has ended: close when all is written."""
        self._told = True
        self._flush()
        self.end.say(b"", ends=True)

    def _flush(self) -> None:
        if self._unsent:
            self.end.say(bytes(self._unsent))
            self._unsent.clear()
