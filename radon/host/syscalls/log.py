"""`log`: not transactional. What an undone turn logged stays, marked with its attempt."""

from __future__ import annotations

import math

from radon.host.turn import LOG_CHARACTERS, Turn


def write(turn: Turn, level: int, text: str) -> None:
    turn.keep(min(len(text), LOG_CHARACTERS))
    turn.log(level, text)


def count(turn: Turn, name: str, by: int) -> None:
    if turn.sample(name):
        turn.domain.count(turn, name, by)


def observe(turn: Turn, name: str, value: float) -> None:
    if turn.sample(name):
        turn.domain.observe(turn, name, value if value == value else math.nan)  # every NaN is one (rule 5)
