"""Stores with coordinators as tests make them: the shipped modules in a harness."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from radon.atoms.std import STANDARDS
from radon.host.kind import Kind
from radon.kv.messages import NO_FLAGS, Answer, Flag, Op, Part, Status, parse, request, run
from radon.testing.harness import Harness, kind
from tests.kv.stores import SHARDS, kv_kind

COORDINATORS = 2


def tx_kind(grants: tuple[str, ...] = ("kv/*", "other/*"), **fields: Any) -> Kind:
    module = fields.pop("module", STANDARDS["txkv"].path)
    config = {"shards": f"{COORDINATORS}"}
    return kind("tx", module, list(grants), spread="sharded", shards=COORDINATORS, config=config, **fields)


def other_kind(**fields: Any) -> Kind:
    return kind("other", STANDARDS["kv"].path, spread="sharded", shards=2, config={"shards": "2"}, **fields)


def put(key: bytes, value: bytes, flags: Flag = NO_FLAGS) -> bytes:
    return request(Op.PUT, key, value, flags=flags)


def delete(key: bytes) -> bytes:
    return request(Op.DELETE, key)


def seen(key: bytes, version: int) -> bytes:
    """That the key has this version."""
    return request(Op.GET, key, flags=Flag.IF_VERSION | Flag.NO_VALUE, version=version)


class World:
    """What each test of a coordinator has: two stores, `kv` and `other`, and `tx`."""

    def __init__(self, domains: int = 1, **kinds: Kind) -> None:
        all_kinds = {"kv": kv_kind(), "other": other_kind(), "tx": tx_kind(), **kinds}
        self.harness = Harness(all_kinds, domains=domains)

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.harness.close()

    def ask(self, op: Op, key: bytes, payload: bytes = b"", *, at: str = "kv/#0", **fields: Any) -> Answer:
        return parse(self.harness.call(at, request(op, key, payload, **fields)))

    def value(self, key: bytes, at: str = "kv/#0") -> bytes | None:
        found = self.ask(Op.GET, key, at=at)
        assert found.status in (Status.OK, Status.ABSENT)
        return found.value if found.status is Status.OK else None

    def run(self, *parts: tuple[str, tuple[bytes, ...]], coordinator: int = 0) -> Answer:
        return parse(self.harness.call(f"tx/#{coordinator}", message(*parts)))

    def at_rest(self) -> None:
        """After some seconds nothing is left of any transaction."""
        self.harness.advance("40s")
        for at in (*(f"kv/#{shard}" for shard in range(SHARDS)), "other/#0", "other/#1"):
            if self.harness.lives(at):
                assert set(self.harness.state(at)) <= {"values", "shard"}, at
        for at in (f"tx/#{number}" for number in range(COORDINATORS)):
            if self.harness.lives(at):
                assert set(self.harness.state(at)) <= {"numbers"}, at


def message(*parts: tuple[str, tuple[bytes, ...]]) -> bytes:
    """Each part: "kind/#shard" and its requests."""
    return run(Part(at.partition("/#")[0], int(at.partition("/#")[2]), requests) for at, requests in parts)
