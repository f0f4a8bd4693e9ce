"""What of two replies has to be the same, and whole scripts compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.redis import resp
from tests.redis.keyspaces import Client, Word
from tests.redis.server import Server

UNORDERED = {"hgetall", "hkeys", "hvals", "keys", "smembers", "sunion", "sinter", "sdiff"}
PAIRS = {"hgetall"}
FAR = 10**8  # seconds: what is given as an instant, of which the two are at different ones


def comparable(words: Sequence[Word], reply: bytes) -> Any:
    """The reply, without what is not to be the same: the order of what has none, and the time that has passed."""
    name = str(words[0]).lower()
    value = resp.parse(reply)
    if isinstance(value, resp.Error):
        return reply
    if name in PAIRS and isinstance(value, resp.Map):
        return sorted(value)
    if name in PAIRS:
        return sorted(zip(value[::2], value[1::2], strict=True))
    if name in UNORDERED:
        return type(value), sorted(value)
    if name == "zscan":
        return reply  # of small ones, which are in order
    if name in {"hscan", "scan", "sscan"}:
        counts = name != "scan" and "count" in (str(word).lower() for word in words)
        return None if counts else (value[0], sorted(value[1]))  # how many come at once depends on the encoding
    if name == "object" and isinstance(value, int):
        return None  # of Redis' own memory
    if name in {"pttl", "ttl"} and value >= 0:
        seconds = value / 1000 if name == "pttl" else value
        return "far" if seconds > FAR else round(seconds / 10)
    if name == "object" and value in (b"embstr", b"raw"):
        return None  # Redis keeps what was once changed in another way
    if name in {"expiretime", "pexpiretime"} and value >= 0:
        return None
    return reply


def compare(script: Sequence[Sequence[Word]], client: Client, server: Server) -> None:
    """Runs it on both, reply by reply."""
    for words, reply in zip(script, server.many(script), strict=True):
        assert comparable(words, client.raw(*words)) == comparable(words, reply), words


def script(path: Path) -> list[list[str]]:
    """A command a line; `""` is an empty word, and what begins with `#` a comment."""
    lines = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
    return [[word.replace('""', "") for word in words] for words in lines if words]
