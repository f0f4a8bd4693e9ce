"""Objects that other domains hold: a turn that wants one is abandoned, and begins again when it is here (rule 12.6).

Owns the copies that came for the deliveries under way, and knows what is still asked for. Nothing of it is durable, nor
are questions and answers: what is lost is asked for again, because its delivery is still in the mailbox. Nobody writes
down which domain holds what: the question goes round until one does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from radon.abi import crossing as c
from radon.abi.errors import ErrorCode, Exhausted, NotFound, Refused
from radon.host.atom import Atom
from radon.host.domain import Settings
from radon.host.image import Image
from radon.host.limits import FETCHES, OBJECT_OVERHEAD, OBJECT_PIECE

if TYPE_CHECKING:
    from radon.host.routes import Routes
    from radon.host.turn import Turn

_NAME = re.compile(r"[0-9a-f]{64}")


class Missing(Exception):
    """The object is not here, and another domain may have it. Unwinds the guest: its turn is to begin again."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the object {name} is not in this domain")
        self.name = name


class _Copy:
    """Of an object, or the news that there is none."""

    __slots__ = ("body", "pieces", "refused", "size")

    def __init__(self) -> None:
        self.body = b""
        self.pieces: list[bytes] = []  # of one that has not come as a whole
        self.size = 0  # of the whole
        self.refused: ErrorCode | None = None


class _Delivery:
    """One that wanted objects of other domains: it is to have them until it is done with."""

    __slots__ = ("asked", "atom", "bytes", "copies")

    def __init__(self, atom: Atom) -> None:
        self.atom = atom
        self.copies: dict[str, _Copy] = {}
        self.bytes = 0  # of these, with OBJECT_OVERHEAD for each
        self.asked: c.Fetch | None = None  # for the one that it waits for


class Fetches:
    """What the deliveries of one domain want from others, and have got."""

    def __init__(self, routes: Routes, settings: Settings) -> None:
        self._routes, self._settings = routes, settings
        self._used = 0  # bytes of copies, or promised to them
        self._deliveries: dict[tuple[str, str], _Delivery] = {}  # by atom: it handles one at a time
        self._asked: dict[bytes, _Delivery] = {}  # by request

    def bytes_for(self, atom: Atom) -> int:
        """What its delivery has got so far, news included; its turn, when it begins again, pays for that first."""
        delivery = self._deliveries.get((atom.kind, atom.key))
        return delivery.bytes if delivery is not None else 0

    def find(self, turn: Turn, name: str) -> bytes:
        """An object that this domain does not hold. Raises Missing; NotFound or Exhausted if that was the answer."""
        image = turn.domain.image
        delivery = self._deliveries.get((turn.atom.kind, turn.atom.key))
        copy = delivery.copies.get(name) if delivery is not None else None
        if copy is not None:
            if copy.refused is not None:
                raise Refused.of(copy.refused, f"no object {name}, or no room for it")
            return copy.body
        if image.domains == 1 or not _NAME.fullmatch(name):
            raise NotFound(f"no object {name[:80]!r}")
        asked = len(delivery.copies) if delivery is not None else 0
        if asked >= turn.kind.limits.outbox or len(self._asked) >= FETCHES or not self._has_room(0):
            raise Exhausted(f"{asked} objects of other domains for one message, or too many for all")
        raise Missing(name)

    def want(self, turn: Turn, name: str) -> None:
        """The turn was abandoned for it. Whoever sent the message that it handles is asked first and may have it."""
        atom, ledger, image = turn.atom, self._routes.ledger, self._routes.image
        place = (atom.kind, atom.key)
        ledger.step(ledger.next_step())
        request = ledger.new_id()
        delivery = self._deliveries.get(place)
        if delivery is None:
            delivery = self._deliveries[place] = _Delivery(atom)
        delivery.copies[name] = _Copy()
        self._count(delivery, OBJECT_OVERHEAD)
        first = self._routes.elsewhere(turn.delivery.sender)
        self._ask(delivery, c.Fetch(request, (image.domain + 1) % image.domains if first is None else first, 0, name))

    def _ask(self, delivery: _Delivery, fetch: c.Fetch) -> None:
        delivery.atom.fetching = True
        delivery.asked = fetch
        self._asked[fetch.request] = delivery
        self._routes.ledger.tell(fetch.first, fetch)  # not before the name of the request is durable: it is given once

    def ask_again(self) -> None:
        """A question or its answer may be lost; two answers are as good as one."""
        for _, delivery in sorted(self._asked.items(), key=lambda item: item[0]):
            if delivery.asked is not None:
                self._routes.ledger.tell(delivery.asked.first, delivery.asked)

    def came(self, fetched: c.Fetched) -> None:
        """An answer. One to what is not asked, or not any more, is not heard."""
        delivery = self._asked.get(fetched.request)
        if delivery is None or delivery.asked is None or delivery.asked.offset != fetched.offset:
            return
        del self._asked[fetched.request]
        name, delivery.asked = delivery.asked.name, None
        copy = delivery.copies[name]
        if fetched.code and copy.pieces:  # it was collected meanwhile: somebody else may have it
            del delivery.copies[name]
            self._count(delivery, -copy.size - OBJECT_OVERHEAD)
        elif fetched.code:
            copy.refused = ErrorCode(fetched.code - 1)
        elif not copy.pieces and not self._has_room(fetched.size):
            copy.refused = ErrorCode.EXHAUSTED
        else:
            if not copy.pieces:
                copy.size = fetched.size
                self._count(delivery, fetched.size)
            copy.pieces.append(fetched.piece)
            had = sum(map(len, copy.pieces))
            if fetched.piece and had < copy.size:
                return self._ask(delivery, c.Fetch(fetched.request, fetched.holder, had, name))
            copy.body, copy.pieces = b"".join(copy.pieces), []
        delivery.atom.fetching = False
        self._routes.wake(delivery.atom)

    def forget(self, atom: Atom) -> None:
        """Its delivery is done with, or its life is over."""
        delivery = self._deliveries.pop((atom.kind, atom.key), None)
        if delivery is not None:
            if delivery.asked is not None:
                del self._asked[delivery.asked.request]
            self._used -= delivery.bytes

    def forget_all(self) -> None:
        """Those that wait begin again, as after a restore."""
        waiting = [delivery.atom for delivery in self._asked.values()]
        self._deliveries, self._asked, self._used = {}, {}, 0
        for atom in sorted(waiting, key=lambda atom: (_head(atom), atom.kind, atom.key)):
            atom.fetching = False
            self._routes.wake(atom)

    def _count(self, delivery: _Delivery, size: int) -> None:
        delivery.bytes += size
        self._used += size

    def _has_room(self, size: int) -> bool:
        return self._routes.image.object_bytes + self._used + size <= self._settings.objects

    # ---- the other side ----

    def serve(self, fetch: c.Fetch) -> None:
        """Another domain wants an object: a piece of it leaves, or the question goes on, or there is none."""
        image, ledger = self._routes.image, self._routes.ledger
        asker = int.from_bytes(fetch.request[:4], "big")
        if asker >= image.domains or asker == image.domain:
            return
        found = image.objects.get(fetch.name)
        if found is None and not fetch.offset and (after := _next(image, asker, fetch.first)) is not None:
            ledger.cross(after, fetch, cast=True)
        elif found is None:
            code = ErrorCode.NOT_FOUND + 1
            ledger.tell(asker, c.Fetched(fetch.request, code, image.domain, fetch.offset, 0, b""))
        else:
            piece = found.body[fetch.offset : fetch.offset + OBJECT_PIECE]
            ledger.tell(asker, c.Fetched(fetch.request, 0, image.domain, fetch.offset, len(found.body), piece))


def _head(atom: Atom) -> bytes:
    """The id of the delivery that it handles."""
    if atom.journal is not None:
        return atom.journal.id
    head = atom.mailbox.next()
    assert head is not None
    return head.id


def _next(image: Image, asker: int, first: int) -> int | None:
    """The domain that is asked after this one, on the way round from the first; None: all others have been."""
    after = (image.domain + 1) % image.domains
    if after == asker:
        after = (after + 1) % image.domains
    return after if after not in (first, asker, image.domain) and first != asker and first < image.domains else None
