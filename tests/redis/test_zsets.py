"""Sorted sets."""

from __future__ import annotations

import struct
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radon.kv.messages import Op, request
from radon.testing.harness import Harness
from tests.redis.comparing import compare
from tests.redis.keyspaces import FOREIGN, PEEK, Client, check_state, command, replies, touched
from tests.redis.resp import parse
from tests.redis.server import Server

KEYS = st.sampled_from(["a", "b", "c"])
MEMBERS = st.integers(0, 9).map(lambda number: f"m{number}")
SCORES = st.one_of(st.integers(-3, 3).map(str), st.sampled_from(["inf", "-inf", "0.1", "1e300", "-2.5", "-0"]))
BOUNDS = st.tuples(st.sampled_from(["", "("]), SCORES).map("".join)
LEX = st.one_of(st.sampled_from("-+"), st.tuples(st.sampled_from("[("), MEMBERS).map("".join))
RANKS = st.integers(-12, 12).map(str)
LIMIT = st.one_of(
    st.just([]), st.tuples(st.integers(-1, 3), st.integers(-1, 4)).map(lambda it: ["LIMIT", str(it[0]), str(it[1])])
)
WITHSCORES = st.sampled_from([[], ["WITHSCORES"]])


def words(*parts: Any) -> st.SearchStrategy[list[str]]:
    """A command of these words, lists of words and strategies of either."""
    given = [part if isinstance(part, st.SearchStrategy) else st.just(part) for part in parts]
    return st.tuples(*given).map(
        lambda found: [word for part in found for word in (part if isinstance(part, list) else [part])]
    )


PAIRS = st.lists(words(SCORES, MEMBERS), min_size=1, max_size=5).map(
    lambda pairs: [word for pair in pairs for word in pair]
)
SOURCES = st.lists(KEYS, min_size=1, max_size=3).map(lambda keys: [str(len(keys)), *keys])
AGGREGATE = st.sampled_from([[], ["AGGREGATE", "MIN"], ["AGGREGATE", "MAX"], ["AGGREGATE", "SUM"]])
FLAGS = st.lists(st.sampled_from(["NX", "XX", "GT", "LT", "CH"]), max_size=2)

COMMANDS = st.one_of(
    words("ZADD", KEYS, FLAGS, PAIRS),
    words("ZADD", KEYS, FLAGS, "INCR", SCORES, MEMBERS),
    words("ZREM", KEYS, st.lists(MEMBERS, min_size=1, max_size=3)),
    words(st.sampled_from(["ZRANK", "ZREVRANK", "ZSCORE"]), KEYS, MEMBERS),
    words(st.sampled_from(["ZRANGE", "ZREVRANGE"]), KEYS, RANKS, RANKS, WITHSCORES),
    words(st.sampled_from(["ZCOUNT", "ZREMRANGEBYSCORE"]), KEYS, BOUNDS, BOUNDS),
    words("ZREMRANGEBYRANK", KEYS, RANKS, RANKS),
    words(st.sampled_from(["ZRANGEBYSCORE", "ZREVRANGEBYSCORE"]), KEYS, BOUNDS, BOUNDS, LIMIT, WITHSCORES),
    words("ZRANGESTORE", KEYS, KEYS, BOUNDS, BOUNDS, "BYSCORE", LIMIT),
    words(st.sampled_from(["ZPOPMIN", "ZPOPMAX"]), KEYS, st.integers(0, 3).map(str)),
    words("ZMPOP", SOURCES, st.sampled_from(["MIN", "MAX"])),
    words(st.sampled_from(["ZUNION", "ZINTER"]), SOURCES, AGGREGATE, WITHSCORES),
    words("ZDIFF", SOURCES, WITHSCORES),
    words(st.sampled_from(["ZUNIONSTORE", "ZINTERSTORE"]), KEYS, SOURCES, AGGREGATE),
    words(st.sampled_from(["ZDIFFSTORE"]), KEYS, SOURCES),
)
# Where all have the same score, and where they do not.
LEX_COMMANDS = st.one_of(
    words("ZADD", "l", "0", st.text("ab\0", max_size=3)),
    words("ZADD", "m", st.integers(0, 9).map(str), MEMBERS),
    words(st.sampled_from(["ZRANGEBYLEX", "ZREVRANGEBYLEX"]), st.sampled_from("lm"), LEX, LEX, LIMIT),
    words(st.sampled_from(["ZLEXCOUNT", "ZREMRANGEBYLEX"]), st.sampled_from("lm"), LEX, LEX),
)


@pytest.mark.debian("redis-server")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example begins by deleting its keys
@given(commands=st.lists(COMMANDS | LEX_COMMANDS, max_size=40))
def test_any_commands(both: tuple[Client, Server], commands: list[list[Any]]) -> None:
    compare([["DEL", *"abclm"], *commands, *(["ZRANGE", key, 0, -1, "WITHSCORES"] for key in "abc")], *both)


@pytest.mark.debian("redis-server")
@given(score=st.floats(allow_nan=False).filter(lambda score: score != 0))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_score_is_kept_and_shown(both: tuple[Client, Server], score: float) -> None:
    compare([["ZADD", "z", repr(score), "m"], ["ZSCORE", "z", "m"], ["ZSCAN", "z", 0]], *both)


@pytest.mark.parametrize("seed", range(2))
def test_ranks_in_a_large_set(harness: Harness, client: Client, seed: int) -> None:
    random, scores = Random(seed), dict[str, int]()
    for _ in range(30):
        if random.random() < 0.8:
            add(client, scores, {f"{random.randrange(9000)}": random.randrange(500) for _ in range(100)})
        elif scores:
            remove(client, scores, random.randrange(500))
        check_ranks(client, scores, random)
    check_state(harness)


def test_ranks_in_a_set_so_large_that_blocks_have_blocks(harness: Harness, client: Client, each_domain: str) -> None:
    if each_domain == "python":
        pytest.skip("takes half a minute there; the atom is the same")
    random, scores = Random(1), dict[str, int]()
    for begin in range(0, 36_000, 1000):
        add(client, scores, {f"{number}": random.randrange(500) for number in range(begin, begin + 1000)})
    check_ranks(client, scores, random)
    check_state(harness)
    for low in (0, 460, 200, 240, 280):
        remove(client, scores, low)
    check_ranks(client, scores, random)
    add(client, scores, {f"more {number}": 250 for number in range(2000)})
    check_ranks(client, scores, random)
    check_state(harness)


def add(client: Client, scores: dict[str, int], more: dict[str, int]) -> None:
    scores |= more
    client.run("ZADD", "z", *(word for member, score in more.items() for word in (score, member)))


def remove(client: Client, scores: dict[str, int], low: int) -> None:
    client.run("ZREMRANGEBYSCORE", "z", low, f"({low + 40}")
    for member in [member for member, score in scores.items() if low <= score < low + 40]:
        del scores[member]


def check_ranks(client: Client, scores: dict[str, int], random: Random) -> None:
    order = sorted(scores, key=lambda member: (scores[member], member))
    assert client.run("ZCARD", "z") == len(order)
    for at in random.sample(range(len(order)), min(len(order), 5)):
        assert client.run("ZRANK", "z", order[at]) == at
        assert client.run("ZREVRANK", "z", order[at]) == len(order) - 1 - at
        assert client.run("ZRANGE", "z", at, at + 2) == [member.encode() for member in order[at : at + 3]]
        assert client.run("ZREVRANGE", "z", at, at) == [order[len(order) - 1 - at].encode()]
    assert client.run("ZCOUNT", "z", "(100", 300) == sum(100 < score <= 300 for score in scores.values())


def test_another_shard_stores_what_was_peeked(client: Client) -> None:
    client.run("ZADD", "z", 1, "a", "-inf", "b", 2.5, "c")
    _, rest = replies(client.ask(command(["ZADD", "z", 7, "d"], flags=PEEK)))
    (it,) = touched(rest)
    assert it.store is not None
    assert client.run("ZCARD", "z") == 3
    client.ask(it.store)
    assert client.run("ZRANGE", "z", 0, -1, "WITHSCORES") == [b"b", b"-inf", b"a", b"1", b"c", b"2.5", b"d", b"7"]


def test_sources_of_other_shards(client: Client) -> None:
    """They are brought with the command, and gone when it has been answered."""
    client.run("SADD", "s", "x", "y")
    client.run("ZADD", "z", 2, "y", 3, "w")
    keys = (b"s", b"z", b"n")
    fetched = {key: client.harness.call(client.address, request(Op.FETCH, key=b"\0" + key)) for key in keys}
    client.run("DEL", "s", "z")
    client.run("ZADD", "here", 10, "w")
    foreign = struct.pack("<I", len(fetched))
    for key, answer in fetched.items():
        foreign += struct.pack("<I", 1 + len(key)) + b"\0" + key + answer
    asked = command(
        ["ZUNIONSTORE", "d", 4, "here", "s", "z", "n"],
        ["ZRANGE", "d", 0, -1, "WITHSCORES"],
        ["SPOP", "s", 2],
        flags=PEEK | FOREIGN,
        foreign=foreign,
    )
    (stored, shown, popped), rest = replies(client.ask(asked))
    assert (stored, len(parse(popped))) == (b":3\r\n", 2)
    assert parse(shown) == [b"x", b"1", b"y", b"3", b"w", b"13"]
    assert {it.key for it in touched(rest) if it.store == b""} == {b"\0s"}
    assert {it.key for it in touched(rest)} == {b"\0" + key for key in (b"here", b"s", b"z", b"n", b"d")}
    assert client.run("ZCARD", "d") == client.run("SCARD", "s") == client.run("ZCARD", "z") == 0
