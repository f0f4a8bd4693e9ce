"""Sets."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.redis.keyspaces import Client
from tests.redis.reference import Reference, compare, script
from tests.redis.resp import Error

SCRIPT = """
SADD s a b c a
SADD s 1
SADD i 1 2 3
SADD i x
SREM i x
SREM i 1 2 3
SADD s
SCARD s
SCARD n
SISMEMBER s a
SISMEMBER s z
SISMEMBER n z
SMISMEMBER s a z b
SMISMEMBER n a z b
SMEMBERS s
SMEMBERS n
SET str x
SADD str a
SMEMBERS str
SREM str a
SCARD str
SPOP str
SPOP str 1
SRANDMEMBER str
SRANDMEMBER str 4
SMOVE str s a
SMOVE s str a
SMOVE n str a
SMOVE s t a
SMEMBERS t
SMOVE s s b
SMOVE s s zz
SMOVE s t zz
SPOP n
SPOP n 3
SPOP n x
SPOP n -1
SPOP n 9999999999999999999999
SPOP s 3 4
SPOP s 0
SPOP t
SADD t q
SPOP t 5
SRANDMEMBER n
SRANDMEMBER n 3
SRANDMEMBER n -3
SRANDMEMBER n x
SRANDMEMBER s -9223372036854775808
SRANDMEMBER s 9223372036854775808
SRANDMEMBER s 3 4
SRANDMEMBER s 0
SADD one x
SRANDMEMBER one
SRANDMEMBER one 4
SRANDMEMBER one -4
SADD a 1 2 3 4
SADD b 3 4 5
SADD c 4 6
SINTER a b
SINTER a b c
SINTER a n
SINTER a str
SINTER n str
SINTER str n
SUNION a b c n
SUNION a str
SDIFF a b
SDIFF a a
SDIFF n a
SDIFF a n
SDIFF a str
SINTERSTORE d a b
SMEMBERS d
SINTERSTORE d a n
SINTERSTORE a a b
SMEMBERS a
SUNIONSTORE str a b
TYPE str
SDIFFSTORE d b c
SMEMBERS d
SDIFFSTORE d b b
SDIFFSTORE d
SUNION
SINTERCARD 2 a b
SINTERCARD 2 a b LIMIT 1
SINTERCARD 2 a b LIMIT 0
SINTERCARD 2 a b LIMIT -1
SINTERCARD 2 a b LIMIT x
SINTERCARD 2 a b LIMIT
SINTERCARD 2 a b FOO 1
SINTERCARD 2 a b LIMIT 1 LIMIT 2
SINTERCARD 0 a b
SINTERCARD x a b
SINTERCARD -1 a b
SINTERCARD 3 a b
SINTERCARD 2 a
SINTERCARD 1 n
SINTERCARD 9223372036854775807 n
SSCAN s 0
SSCAN n 0
SSCAN n x
SSCAN n 0 COUNT 0
SSCAN s 0 COUNT 0
SSCAN s 0 COUNT x
SSCAN s 0 FOO
SSCAN s 0 MATCH
SSCAN s x
SSCAN s 1.5
SSCAN s 99999999999999999999999
SSCAN one 0
SSCAN one 0 MATCH x*
SSCAN one 0 MATCH y*
SSCAN one 0 match x COUNT 5
"""


@pytest.mark.debian("redis-server")
def test_replies_are_those_of_redis(both: tuple[Client, Reference]) -> None:
    compare(script(SCRIPT), *both)


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
def test_any_commands(both: tuple[Client, Reference], commands: list[list[Any]]) -> None:
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
