"""What a turn intends and the commit carries out: one function for each kind of effect, run in the order of syscalls.

Nothing here can fail: what can be refused was refused when the guest asked, and what changed meanwhile (a target that
ended in between) is answered with a message, as it would be from afar.
"""

from __future__ import annotations

from radon.abi import records as r
from radon.abi.delivery import NO_ID, Address, Delivery, Metadata
from radon.abi.errors import ErrorCode
from radon.host.ledger import SYSTEM
from radon.host.routes import STOPPED, UNKNOWN
from radon.host.turn import NEVER, Turn


def send(turn: Turn, to: Address, message: Delivery) -> None:
    turn.domain.routes.post(to, message)


def postpone(turn: Turn, to: Address, message: Delivery, due: int) -> None:
    message.life = to.life  # now, and not when it is posted: the record must not depend on which commit has it
    turn.domain.ledger.emit(SYSTEM, r.Postponed(due, to, message))


def ask(turn: Turn, to: Address, message: Delivery, token: int) -> None:
    turn.domain.ledger.emit(turn.atom, r.Asked(message.id, token, message.deadline or NEVER, to))
    turn.domain.routes.post(to, message)


def reply(turn: Turn, question: Delivery, metadata: Metadata, body: bytes) -> None:
    turn.domain.routes.answer(question, None, metadata, body, turn.atom.address)


def spawn(turn: Turn, child: Address, id: bytes, args: bytes) -> None:
    turn.domain.routes.begin(child, turn.atom.address, id, args)


def stop(turn: Turn, target: Address) -> None:
    atom = turn.domain.routes.living(target)
    if atom is turn.atom:
        turn.exit_status = STOPPED
    elif atom is not None:
        turn.domain.routes.end(atom, STOPPED)


def watch(turn: Turn, target: Address, token: int) -> None:
    """A target that does not live is down already: with its status, where it is a child's that is still kept."""
    routes = turn.domain.routes
    atom = routes.living(target)
    if atom is not None:
        turn.domain.ledger.emit(atom, r.Watched(token, NO_ID, turn.atom.address))
    else:
        routes.down(turn.atom, token, turn.atom.children.get(target, UNKNOWN), target)


def watch_for_wait(turn: Turn, target: Address, request: bytes) -> None:
    """Not an intent: it leaves when the turn suspends. The answer comes at once if the target does not live."""
    routes = turn.domain.routes
    atom = routes.living(target)
    if atom is not None:
        turn.domain.ledger.emit(atom, r.Watched(0, request, turn.atom.address))
    elif target in turn.atom.children:
        routes.answered(turn.atom, request, 0, turn.atom.children[target], b"")
    else:
        code = ErrorCode.CLOSED if target.life else ErrorCode.NOT_FOUND
        routes.answered(turn.atom, request, code + 1, 0, b"")


def unwatch(turn: Turn, target: Address, request: bytes) -> None:
    """The wait was given up: nobody is to be told of the target's end."""
    atom = turn.domain.routes.living(target)
    if atom is not None:
        turn.domain.ledger.emit(atom, r.WatchedGone(0, request, turn.atom.address))


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
