"""kv.h as an atom uses it, and that both clients send a key to the same shard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from radon.atoms.build import build_c
from radon.kv import shard_of
from radon.kv.messages import FORMAT
from radon.testing.harness import Harness, kind
from tests.kv.stores import SHARDS, kv_kind


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("client") / "client.wasm"
    result = build_c([Path(__file__).with_name("client.c")], out)
    assert result.warnings == ""
    return out.read_bytes()


@pytest.fixture
def harness(guest: bytes) -> Iterator[Harness]:
    client = kind("client", guest, ["kv/*"])
    with Harness({"kv": kv_kind(), "client": client}) as harness:
        yield harness


@pytest.mark.parametrize("way", ["call", "ask"])
def test_each_request_by_a_call_and_by_a_request(harness: Harness, way: str) -> None:
    def does(words: str) -> bytes:
        return harness.call("client/x", f"{way} {words}".encode())

    eight = (1).to_bytes(8, "little")
    assert does("get a") == b"1 0 v "
    assert does("put a 1") == b"0 0 v "
    assert does("get a") == b"0 0 v 1"
    assert does("exists a") == b"0 0 v " + eight
    assert does("put-new a 2") == b"2 0 v "
    assert does("put-new b two words") == b"0 7 v "
    assert does("get b") == b"0 7 v two words"
    assert does("part b 4 3") == b"0 7 v wor"
    assert does("append b !") == b"4 7 v "
    assert does("cas a 1 41") == b"0 0 v "
    assert does("cas a 1 x") == b"2 0 v "
    assert does("add a 1") == b"0 0 v 42"
    assert does("add a -50") == b"0 0 v -8"
    assert does("append a x") == b"0 0 v " + (3).to_bytes(8, "little")
    assert does("write a 1 9") == b"0 0 v " + (3).to_bytes(8, "little")
    assert does("get a") == b"0 0 v -9x"
    assert does("add a 1") == b"5 0 - "
    assert does("expire a 5") == b"0 0 v "
    assert does("persist a") == b"0 0 v "
    harness.advance("1s")
    assert does("expire a 5") == b"0 0 v "
    harness.advance(5)
    assert does("get a") == b"1 0 v "
    assert does("delete b") == b"0 7 v "
    assert does("prepare a name-of-16-bytes 5") == b"0 0 v "
    assert does("get a") == b"3 0 - name-of-16-bytes"
    assert does("commit a name-of-16-bytes") == b"0 0 v "
    assert does("commit a name-of-16-bytes") == b"1 0 - "
    assert does("get a") == b"0 0 v 5"
    assert does("prepare a name-of-16-bytes 6") == b"0 0 v "
    assert does("abort a name-of-16-bytes") == b"0 0 v "
    assert does("get a") == b"0 0 v 5"
    assert not harness.dead()


def test_batches_scans_and_what_a_shard_tells_of_itself(harness: Harness) -> None:
    assert harness.call("client/x", b"info") == b"%d %d" % (FORMAT, SHARDS)
    keys = [f"{number}" for number in range(100)]
    for shard in range(SHARDS):
        own = [key for key in keys if shard_of(key, SHARDS) == shard]
        words = " ".join(f"{key} v{key}" for key in own)
        values = "".join(f" v{key} " for key in own)  # a put answers no value
        assert harness.call("client/x", f"batch {words}".encode()) == values.encode()
    for limit in (1, 7, 1000):
        found = harness.call("client/x", f"scan {limit}".encode()).decode().split()
        assert sorted(found) == sorted(keys)
    assert not harness.dead()


def test_keys_lead_to_the_same_shard_from_c_and_from_python(harness: Harness) -> None:
    random = Random(1)
    keys = [random.randbytes(length).replace(b" ", b"_") for length in range(1, 40)]
    for key in keys:
        for shards in (1, 3, 16, 1000):
            assert harness.call("client/x", b"shard %b %d" % (key, shards)) == b"%d" % shard_of(key, shards)
