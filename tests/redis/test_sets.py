"""Sets."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.redis.comparing import compare
from tests.redis.keyspaces import Client
from tests.redis.resp import Error
from tests.redis.server import Server

KEYS = st.sampled_from(["a", "b", "c", "d"])
MEMBERS = st.lists(st.integers(0, 12).map(str), min_size=1, max_size=8)
COMMANDS = st.one_of(
    st.tuples(st.sampled_from(["SADD", "SREM", "SMISMEMBER"]), KEYS, MEMBERS).map(lambda it: [*it[:2], *it[2]]),
    st.tuples(st.just("SMOVE"), KEYS, KEYS, st.integers(0, 12).map(str)).map(list),
    st.tuples(
        st.sampled_from(["SUNION", "SINTER", "SDIFF", "SUNIONSTORE", "SINTERSTORE", "SDIFFSTORE"]),
        st.lists(KEYS, min_size=2, max_size=4),
    ).map(lambda it: [it[0], *it[1]]),
    st.tuples(st.sampled_from(["SCARD", "SMEMBERS", "SSCAN"]), KEYS).map(
        lambda it: [*it, "0"] if it[0] == "SSCAN" else list(it)
    ),
)


@pytest.mark.debian("redis-server")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example begins by deleting its keys
@given(commands=st.lists(COMMANDS, max_size=40))
def test_any_commands(both: tuple[Client, Server], commands: list[list[Any]]) -> None:
    compare([["DEL", *"abcd"], *commands], *both)


def test_a_member_picked_at_random_is_any_of_them(client: Client) -> None:
    client.run("SADD", "s", *range(40))
    picked = Counter(client.run("SRANDMEMBER", "s") for _ in range(1600))
    assert len(picked) == 40
    assert max(picked.values()) < 3 * min(picked.values())


@pytest.mark.parametrize("count", [1, 5, 39, 40, 99])
@pytest.mark.parametrize("size", [3, 40, 2000])
def test_picked_ones_differ(client: Client, size: int, count: int) -> None:
    client.run("SADD", "s", *range(size))
    picked = client.run("SRANDMEMBER", "s", count)
    assert len(picked) == len(set(picked)) == min(count, size)
    popped = client.run("SPOP", "s", count)
    assert len(popped) == len(set(popped)) == min(count, size)
    assert client.run("SCARD", "s") == size - len(popped)
    assert not set(popped) & set(client.run("SMEMBERS", "s"))
    assert len(client.run("SRANDMEMBER", "s", -50)) == (50 if size > count else 0)


def test_too_many_picked_ones_are_refused(client: Client) -> None:
    client.run("SADD", "s", "a")
    assert isinstance(client.run("SRANDMEMBER", "s", -(2**40)), Error)


@pytest.mark.parametrize("count", [1, 10, 1000])
def test_a_scan_shows_all_that_was_there_all_the_time(client: Client, count: int) -> None:
    client.run("SADD", "s", *range(1000))
    cursor, seen = b"0", []
    while True:
        cursor, members = client.run("SSCAN", "s", cursor, "COUNT", count)
        seen += members
        client.run("SREM", "s", f"{len(seen)}", f"{len(seen) + 1000}")
        client.run("SADD", "s", f"new {len(seen)}")
        if cursor == b"0":
            break
    assert len(seen) == len(set(seen))
    assert {member for member in client.run("SMEMBERS", "s") if not member.startswith(b"new")} <= set(seen)
