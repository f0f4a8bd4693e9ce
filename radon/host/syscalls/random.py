"""`random`: a stream that the domain's seed and the turn's number determine."""

from __future__ import annotations

from radon.host.handles import Violation
from radon.host.turn import Turn


def next(turn: Turn) -> int:
    return int.from_bytes(turn.random(8), "little")


def fill(turn: Turn, length: int) -> bytes:
    if length > turn.kind.limits.memory:
        raise Violation(f"random.fill of {length} bytes, more than the memory may hold")
    return turn.random(length)
