"""`clock`: time is an input and stands still within a turn, but for the answers that it waits for."""

from __future__ import annotations

from radon.abi.errors import Exhausted
from radon.abi.records import SLEEP
from radon.host.handles import Violation
from radon.host.turn import NEVER, Turn


def now(turn: Turn) -> int:
    return turn.now


def set_timer(turn: Turn, delay: int, token: int) -> None:
    if not _is_set(turn, token):
        if len(turn.atom.timers) + turn.more_timers >= turn.kind.limits.outbox:
            raise Exhausted(f"the atom has {turn.kind.limits.outbox} timers (limits.outbox)")
        turn.more_timers += 1
    turn.timers.pop(token, None)
    turn.timers[token] = min(turn.now + delay, NEVER)


def cancel_timer(turn: Turn, token: int) -> None:
    """Also of one that fell due and waits in the mailbox: so the commit looks for each, and there is an end to them."""
    if len(turn.timers) >= 2 * turn.kind.limits.outbox:
        raise Violation(f"the turn has set or cancelled {len(turn.timers)} timers (twice limits.outbox)")
    turn.more_timers -= _is_set(turn, token)
    turn.timers.pop(token, None)
    turn.timers[token] = None


def _is_set(turn: Turn, token: int) -> bool:
    return turn.timers[token] is not None if token in turn.timers else token in turn.atom.timers


def sleep(turn: Turn, duration: int) -> None:
    if duration:
        deadline = min(turn.now + duration, NEVER)
        id, digest = turn.new_id(), duration.to_bytes(16, "big")
        turn.domain.suspensions.suspend(turn, SLEEP, id, deadline, digest, lambda: None)
