"""txkv.h as an atom uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from radon.atoms.build import build_c
from radon.kv import BlockingKv, shard_of
from radon.kv.messages import Status
from radon.testing.harness import kind
from tests.kv.stores import SHARDS, Calls
from tests.txkv.stores import World

PAIRS = [("a", "b"), ("a", next(key for key in "cdefghij" if shard_of(key, SHARDS) == shard_of("a", SHARDS)))]
"""Of two shards, and of one."""


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("client") / "client.wasm"
    result = build_c([Path(__file__).with_name("client.c")], out)
    assert result.warnings == ""
    return out.read_bytes()


@pytest.mark.parametrize("how", ["call", "ask"])
@pytest.mark.parametrize("pair", PAIRS, ids=["two shards", "one shard"])
def test_an_atom_moves_what_nobody_else_has_changed(guest: bytes, how: str, pair: tuple[str, str]) -> None:
    with World(client=kind("client", guest, ["kv/*", "tx/*"])) as world:
        kv = BlockingKv(Calls(world.harness))
        kv.put(pair[0], b"100")
        words = f"{how} {pair[0]} {pair[1]} 30"
        assert world.harness.call("client/x", f"move {words}".encode()) == b"0 0 0 0"
        assert kv.get_many(pair) == [b"70", b"30"]
        one = shard_of(pair[0], SHARDS) == shard_of(pair[1], SHARDS)
        conflict = int(Status.CONFLICT)
        expected = f"{conflict} {0 if one else 1} {2 if one else 0} {conflict}"
        assert world.harness.call("client/x", f"old {words}".encode()) == expected.encode()
        assert kv.get_many(pair) == [b"70", b"30"]
        assert world.harness.call("client/x", b"nothing") == b"invalid"
        assert any(world.harness.lives(f"tx/#{number}") for number in (0, 1)) is not one
        world.at_rest()
