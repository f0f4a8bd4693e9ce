"""Replicated stores as tests make them: the shipped module in a harness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from radon.atoms.std import STANDARDS
from radon.host.kind import Kind
from radon.kv import BlockingKv
from radon.testing.harness import Harness, kind
from tests.kv.stores import Calls

SHARDS = 2
REPLICAS = 3


def kvr_kind(consistency: str, *, module: Path = STANDARDS["kvr"].path, log: int = 10_000, **fields: Any) -> Kind:
    """As an application makes it of its manifest."""
    config = {"shards": f"{SHARDS}", "replicas": f"{REPLICAS}", "consistency": consistency, "log": f"{log}"}
    fields = {"spread": "sharded", "shards": SHARDS, "replicas": REPLICAS, "config": config} | fields
    return kind("kvr", module, **fields)


def open_store(consistency: str, *, domains: int = 1, **fields: Any) -> Harness:
    return Harness({"kvr": kvr_kind(consistency, **fields)}, domains=domains)


def client(harness: Harness, near: int = 0) -> BlockingKv:
    """A new session."""
    return BlockingKv(Calls(harness), "kvr", shards=SHARDS, replicas=REPLICAS, near=near)


def clients(harness: Harness) -> list[BlockingKv]:
    """One near each replica."""
    return [client(harness, near) for near in range(REPLICAS)]


def agree(harness: Harness) -> dict[bytes, bytes]:
    """What all replicas show, once they have told each other."""
    harness.advance("10s")
    shown = [{key: entry.value for key, entry in each.scan()} for each in clients(harness)]
    assert shown[1:] == shown[:-1], shown
    return shown[0]
