"""Clients of the standard atom `kv` for programs that embed Radon, and its messages (docs/kv.md).

from radon.kv import Kv

async with radon.Runtime("radon.toml") as app:
    kv = Kv(app, "kv")
    await kv.put("apples", b"5", ttl=60)
    assert await kv.get("apples") == b"5"
"""

from radon.kv.blocking import BlockingKv, BlockingTransaction
from radon.kv.event_loop import Kv, Transaction
from radon.kv.operations import (
    ALWAYS,
    IF_ABSENT,
    IF_PRESENT,
    Condition,
    Conflict,
    Entry,
    Locked,
    NotANumber,
    if_version,
    shard_of,
)

__all__ = [
    "ALWAYS", "IF_ABSENT", "IF_PRESENT", "BlockingKv", "BlockingTransaction", "Condition", "Conflict", "Entry", "Kv",
    "Locked", "NotANumber", "Transaction", "if_version", "shard_of",
]  # fmt: skip
