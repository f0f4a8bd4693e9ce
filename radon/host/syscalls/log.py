"""`log`: not transactional. What an undone turn logged stays, marked with its attempt."""

from __future__ import annotations

from radon.host.turn import Turn


def write(turn: Turn, level: int, text: str) -> None:
    turn.log(level, text)


def count(turn: Turn, name: str, by: int) -> None:
    turn.domain.count(turn, name, by)


def observe(turn: Turn, name: str, value: float) -> None:
    turn.domain.observe(turn, name, value)
