"""`clock`: time is an input and stands still within a turn, but for the answers that it waits for."""

from __future__ import annotations

from radon.abi.errors import Exhausted
from radon.abi.records import SLEEP
from radon.host.turn import NEVER, Turn


def now(turn: Turn) -> int:
    return turn.now


def set_timer(turn: Turn, delay: int, token: int) -> None:
    moves = token in turn.timers or token in turn.atom.timers
    if not moves and len(turn.atom.timers) + len(turn.timers) >= turn.kind.limits.outbox:
        raise Exhausted("timers of this atom (limits.outbox)")
    turn.timers.pop(token, None)
    turn.timers[token] = min(turn.now + delay, NEVER)


def cancel_timer(turn: Turn, token: int) -> None:
    turn.timers.pop(token, None)
    turn.timers[token] = None


def sleep(turn: Turn, duration: int) -> None:
    if duration:
        deadline = min(turn.now + duration, NEVER)
        turn.domain.suspend(turn, SLEEP, turn.new_id(), deadline, duration.to_bytes(16, "big"), lambda: None)
