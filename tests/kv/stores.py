"""Stores as tests make them: the shipped module in a harness."""

from __future__ import annotations

from typing import Any

from radon.atoms.std import STANDARDS
from radon.host.kind import Kind
from radon.testing.harness import Harness, kind

SHARDS = 4


def kv_kind(shards: int = SHARDS, **fields: Any) -> Kind:
    """As an application makes it of its manifest."""
    module = fields.pop("module", STANDARDS["kv"].path)
    return kind("kv", module, spread="sharded", shards=shards, config={"shards": f"{shards}"}, **fields)


def store(shards: int = SHARDS, **fields: Any) -> Harness:
    return Harness({"kv": kv_kind(shards, **fields)})


class Calls:
    """What a client takes for a `BlockingRuntime`."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.count = 0

    def call(self, address: str, body: bytes = b"", *, timeout: Any = None, once: str = "") -> bytes:
        self.count += 1
        return self.harness.call(address, body, once=once)
