"""Estimates of how many different elements there were: the same as those of Redis, from what Redis keeps as well."""

from __future__ import annotations

from random import Random

import pytest

from tests.redis.comparing import compare
from tests.redis.keyspaces import Client, Word
from tests.redis.resp import Error
from tests.redis.server import Server

HEADER = b"HYLL%c" + bytes(10) + b"\x80"


@pytest.mark.debian("redis-server")
def test_estimates(both: tuple[Client, Server]) -> None:
    random = Random(1)
    script: list[list[Word]] = []
    for _ in range(60):
        key = f"k{random.randrange(3)}"
        script += [
            ["PFADD", key, *(random.randrange(10**6) for _ in range(random.choice([1, 3, 50, 400])))],
            ["PFCOUNT", key],
            ["STRLEN", key],
            ["PFCOUNT", "k0", "k1"],
        ]
    compare([*script, ["PFMERGE", "k3", "k0", "k2"], ["PFCOUNT", "k3"]], *both)


@pytest.mark.debian("redis-server")
def test_what_redis_kept_goes_on(both: tuple[Client, Server]) -> None:
    client, server = both
    for elements in (range(40), range(5000)):
        server.raw("PFADD", "k", *elements)
        kept = server.run("GET", "k")
        compare([["SET", "k", kept], ["PFADD", "k", *range(7000)], ["PFCOUNT", "k"]], client, server)


@pytest.mark.debian("redis-server")
def test_any_registers(both: tuple[Client, Server]) -> None:
    random = Random(2)
    script: list[list[Word]] = []
    for most in (1, 12, 51):
        bits = sum(random.randrange(most + 1) << 6 * index for index in range(16384))
        script += [["SET", "k", HEADER % 0 + bits.to_bytes(12288, "little")], ["PFCOUNT", "k"], ["PFADD", "k", "x"]]
    compare(script, *both)


@pytest.mark.parametrize("runs", [b"", b"\x7f", b"\x7f\xfe", b"\x7f\xff\x00", b"\x80", b"\xff" * 4097])
def test_runs_that_are_not_those_of_all_registers(client: Client, runs: bytes) -> None:
    client.run("SET", "k", HEADER % 1 + runs)
    for words in (["PFCOUNT", "k"], ["PFADD", "k", "x"], ["PFMERGE", "n", "k"]):
        assert client.run(*words) == Error("INVALIDOBJ Corrupted HLL object detected")
