"""What happens in a domain, written down as it happens: the image changes and the commit grows in one place.

A message that is delivered and consumed within one commit leaves no trace in it ("elided"), nor does a question that is
answered: between durable points nobody could have seen it. Volatile atoms (connections) and casts change the image and
are never recorded.
"""

from __future__ import annotations

import struct
from typing import Any

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import Delivery
from radon.abi.frames import Commit, encode, encode_all
from radon.host.atom import Atom
from radon.host.image import Image

SYSTEM = Atom("", "")
"""Stands for the domain itself in records that are about no atom."""

_ID = struct.Struct(">IQI")  # domain, step, ordinal; the turns' own ordinals are below these
_END, _SUSPENSION = 2**31, 2**31 + 2**30


class Ledger:
    """Every change to the image goes through here. `elide=False` keeps all records, for comparing twins;
    `durable=False` none, since nobody would read them.
    """

    def __init__(self, image: Image, *, elide: bool = True, durable: bool = True) -> None:
        self.image = image
        self._durable = durable
        self._elide = elide and durable
        self._pending: list[tuple[Atom, Any] | None] = []
        self._fresh: dict[bytes, int] = {}  # deliveries of this commit that nobody touched: place in _pending
        self._unanswered: dict[bytes, int] = {}  # questions of this commit, likewise
        self._outgoing: list[Any] = []
        self._volatile: list[Any] = []
        self._crossings: dict[int, list[bytes]] = {}  # of this commit, by domain; the last is the outbox's last
        self._casts: dict[int, list[bytes]] = {}
        self._step = self._ordinal = 0  # of what happens now
        self.numbered = False  # a turn of this commit has learnt what follows from the number of a step

    def emit(self, atom: Atom, record: Any, *, recorded: bool = True) -> None:
        """Apply `record` and, unless the atom is volatile or the caller says otherwise, put it into the commit."""
        self.image.apply(atom, record)
        if recorded and self._durable and not atom.volatile:
            self._pending.append((atom, record))

    def note(self, atom: Atom, record: Any) -> None:
        """Put into the commit what the image shows already: the state writes of a turn."""
        if self._durable and not atom.volatile:
            self._pending.append((atom, record))

    def deliver(self, atom: Atom, delivery: Delivery) -> None:
        if self._elide and not delivery.cast and not atom.volatile:
            self._fresh[delivery.id] = len(self._pending)
        self.emit(atom, r.Delivered(delivery), recorded=not delivery.cast)

    def consume(self, atom: Atom, delivery: Delivery) -> None:
        place = self._fresh.pop(delivery.id, None)
        if place is not None:
            self._pending[place] = None
        self.emit(atom, r.Consumed(delivery.id), recorded=place is None and not delivery.cast)

    def touch(self, atom: Atom, delivery: Delivery, record: Any) -> None:
        """Emit a record that refers to a delivery which stays: a failed attempt, a suspension, a retry."""
        self._fresh.pop(delivery.id, None)
        self.emit(atom, record, recorded=not delivery.cast)

    def ask(self, atom: Atom, asked: r.Asked) -> None:
        if self._elide and not atom.volatile:
            self._unanswered[asked.id] = len(self._pending)
        self.emit(atom, asked)

    def answered(self, atom: Atom, request: bytes) -> None:
        place = self._unanswered.pop(request, None)
        if place is not None:
            self._pending[place] = None
        self.emit(atom, r.AskedGone(request), recorded=place is None)

    def step(self, number: int, suspension: int = 0) -> None:
        """What follows belongs to this step.

        A turn that suspends takes part in several commits: `suspension` counts from 1, and its end is 0 again.
        """
        self.emit(SYSTEM, r.Step(number, self.image.time))
        self._step, self._ordinal = number, _END if not suspension else _SUSPENSION + suspension

    def new_id(self) -> bytes:
        """For a delivery that no turn made: from an input, a timer, a topic. A suspension has one at most."""
        self._ordinal += 1
        return _ID.pack(self.image.domain, self._step, self._ordinal)

    def next_step(self) -> int:
        """A number for a new step; the image will not give it out again, and no other domain does."""
        self.image.step = self.coming_step()
        return self.image.step

    def coming_step(self) -> int:
        """What `next_step` will give."""
        image = self.image
        return image.step + image.domains - (image.step - image.domain) % image.domains

    def leave(self, output: Any) -> None:
        """`output` leaves the domain when this commit is durable."""
        self._outgoing.append(output)

    def leave_at_once(self, output: Any) -> None:
        """`output` leaves with the commit, durable or not."""
        self._volatile.append(output)

    def cross(self, domain: int, crossing: Any, *, cast: bool = False) -> None:
        """`crossing` leaves for another domain, numbered, when this commit is durable; a cast at once, if at all."""
        body = encode(crossing)
        if cast:
            self._casts.setdefault(domain, []).append(body)
        else:
            outbox = self.image.outboxes.get(domain)
            self.emit(SYSTEM, r.Left(domain, outbox.last + 1 if outbox is not None else 1, body))
            self._crossings.setdefault(domain, []).append(body)

    def tell(self, domain: int, crossing: Any) -> None:
        """`crossing` leaves for another domain when this commit is durable, unnumbered and kept by nobody."""
        self.leave(x.Crossing(domain, 0, encode(crossing)))

    def cross_again(self, domain: int) -> None:
        """All leaves again that the other domain has not acknowledged, also what this commit has."""
        outbox = self.image.outboxes.get(domain)
        if outbox is not None and outbox.crossings:
            self._crossings[domain] = list(outbox.crossings)

    def take(self) -> Commit:
        """All since the last time."""
        durable = []
        at = SYSTEM
        for item in self._pending:
            if item is not None:
                atom, record = item
                if atom is not at and atom is not SYSTEM:
                    durable.append(r.At(atom.kind, atom.key))
                    at = atom
                durable.append(record)
        if self._elide and not self.numbered and all(isinstance(record, r.Step) for record in durable):
            durable = []  # nothing has changed, so there is nothing to lose
        for domain, bodies in sorted(self._crossings.items()):
            first = self.image.outboxes[domain].last + 1 - len(bodies)
            self._outgoing.append(x.Crossing(domain, first, b"".join(bodies)))
        for domain, bodies in sorted(self._casts.items()):
            self._volatile.append(x.Crossing(domain, 0, b"".join(bodies)))
        commit = Commit(encode_all(durable), encode_all(self._outgoing), encode_all(self._volatile))
        self._pending, self._outgoing, self._volatile = [], [], []
        self._crossings, self._casts = {}, {}
        self.numbered = False
        self._fresh.clear()
        self._unanswered.clear()
        return commit
