"""`config`: the strings that the manifest gives to this kind."""

from __future__ import annotations

from radon.host.turn import Turn


def get(turn: Turn, name: str) -> str | None:
    return turn.kind.config.get(name)
