"""What a turn intends and the commit carries out: one function for each kind of effect, run in the order of syscalls.

Nothing here can fail: what can be refused was refused when the guest asked, and what changed meanwhile (a target that
ended in between) is answered with a message, as it would be from afar.
"""

from __future__ import annotations

from radon.abi import records as r
from radon.abi.delivery import NO_ID, Address, Delivery, Metadata
from radon.host.ledger import SYSTEM
from radon.host.routes import STOPPED
from radon.host.turn import NEVER, Turn


def send(turn: Turn, to: Address, message: Delivery) -> None:
    turn.domain.routes.post(to, message)


def postpone(turn: Turn, to: Address, message: Delivery, due: int) -> None:
    message.life = to.life  # now, and not when it is posted: the record must not depend on which commit has it
    turn.domain.ledger.emit(SYSTEM, r.Postponed(due, to, message))


def ask(turn: Turn, to: Address, message: Delivery, token: int) -> None:
    turn.domain.ledger.ask(turn.atom, r.Asked(message.id, token, message.deadline or NEVER, to))
    turn.domain.routes.post(to, message)


def reply(turn: Turn, question: Delivery, metadata: Metadata, body: bytes) -> None:
    turn.domain.routes.answer(question, None, metadata, body, turn.atom.address)


def spawn(turn: Turn, child: Address, id: bytes, args: bytes) -> None:
    turn.domain.routes.spawn(child, turn.atom.address, id, args)


def stop(turn: Turn, target: Address) -> None:
    if turn.domain.routes.living(target) is turn.atom:
        turn.exit_status = STOPPED
    else:
        turn.domain.routes.stop(target)


def watch(turn: Turn, target: Address, token: int) -> None:
    turn.domain.routes.watch(target, turn.atom.address, token, NO_ID)


def watch_for_wait(turn: Turn, target: Address, request: bytes) -> None:
    """Not an intent: it leaves when the turn suspends."""
    turn.domain.routes.watch(target, turn.atom.address, 0, request)


def unwatch(turn: Turn, target: Address, request: bytes) -> None:
    turn.domain.routes.unwatch(target, turn.atom.address, request)


def reap(turn: Turn, child: Address) -> None:
    """The child's status was waited for."""
    if child in turn.atom.children:
        turn.domain.ledger.emit(turn.atom, r.ChildGone(child))


def store_object(turn: Turn, name: str, body: bytes) -> None:
    """Put again, an object lives on for the retention time from now."""
    image = turn.domain.image
    known = image.objects.get(name)
    expires = image.time + turn.domain.settings.retention
    if known is None:
        turn.domain.ledger.emit(SYSTEM, r.Stored(expires, 0, name, body))
    elif known.expires < expires:
        turn.domain.ledger.emit(SYSTEM, r.Pinned(expires, known.pins, name))


def pin_object(turn: Turn, name: str) -> None:
    """All that the turn pinned and unpinned of an object; the last unpin starts the retention time."""
    image, by = turn.domain.image, turn.pins[name]
    known = image.objects.get(name)
    if known is not None:
        expires = image.time + turn.domain.settings.retention if known.pins + by == 0 else known.expires
        turn.domain.ledger.emit(SYSTEM, r.Pinned(expires, max(0, known.pins + by), name))
    elif by > 0:
        expires = image.time + turn.domain.settings.retention
        turn.domain.ledger.emit(SYSTEM, r.Stored(expires, by, name, turn.objects[name]))
