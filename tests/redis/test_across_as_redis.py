"""Commands through a connection to several shards and to a Redis server: the same replies, in pipelines and
transactions, whatever lies where."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.redis import lines, resp
from tests.redis.commands import BLOCKING, commands
from tests.redis.keyspaces import Word, encoded
from tests.redis.lines import Line, redis
from tests.redis.server import Server
from tests.redis.test_as_redis import comparable

pytestmark = pytest.mark.debian("redis-server")

SHARDS = 3

EVERYWHERE = {"scan", "keys", "randomkey", "dbsize", "flushdb", "flushall", "swapdb"}
"""Which no transaction over several shards may have."""

OWN = {"scan", "object"}
"""Cursors and encodings are each server's own affair."""

Script = list[tuple[Word, ...]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("redis")) as server:
        yield server


def named(words: tuple[Word, ...]) -> str:
    return str(words[0]).lower()


def packed(script: Script) -> bytes:
    return b"".join(lines.command(*map(encoded, words)) for words in script)


def usable(script: Script, but: set[str]) -> Script:
    return [words for words in script if named(words) not in but and not sorts_by(words)]


def sorts_by(words: tuple[Word, ...]) -> bool:
    """Members of a set that weigh the same come in any order, and are stored in it. test_as_redis.py has lists."""
    return named(words) in {"sort", "sort_ro"} and "by" in (str(word).lower() for word in words)


@pytest.mark.parametrize("protocol", [2, 3])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(script=st.lists(commands(), min_size=1, max_size=25), pipelined=st.booleans())
def test_replies_are_the_same(server: Server, protocol: int, script: Script, pipelined: bool) -> None:
    script = usable(script, OWN)
    server.raw("FLUSHALL")
    server.raw("HELLO", protocol)
    expected = server.many(script)
    with redis(SHARDS) as harness:
        line = Line(harness)
        line("HELLO", protocol)
        if pipelined:
            found = lines.replies(line.send(packed(script)))
        else:
            found = [line.send(packed([words])) for words in script]
        assert not harness.dead()
        assert len(found) == len(script)
        for words, reply, wanted in zip(script, found, expected, strict=True):
            assert comparable(words, reply) == comparable(words, wanted), words


@pytest.mark.parametrize("protocol", [2, 3])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(script=st.lists(commands() | st.one_of(BLOCKING), min_size=1, max_size=25))
def test_replies_in_a_transaction_are_the_same(server: Server, protocol: int, script: Script) -> None:
    server.raw("FLUSHALL")
    server.raw("HELLO", protocol)
    server.raw("MULTI")
    script = [words for words in usable(script, EVERYWHERE) if server.raw(*words) == b"+QUEUED\r\n"]
    expected = server.raw("EXEC")
    if expected.startswith(b"-EXECABORT"):
        return
    with redis(SHARDS) as harness:
        line = Line(harness)
        line("HELLO", protocol)
        found = lines.replies(line.send(packed([("MULTI",), *script, ("EXEC",)])))[-1]
        assert not harness.dead()
        after = line("MGET", "a", "b", "c")
    assert after == server.raw("MGET", "a", "b", "c")
    assert found[:1] == b"*", found
    at = wanted_at = found.index(b"\r\n") + 2
    for words in script:
        _, end = resp.parse_at(found, at)
        _, wanted_end = resp.parse_at(expected, wanted_at)
        assert comparable(words, found[at:end]) == comparable(words, expected[wanted_at:wanted_end]), words
        at, wanted_at = end, wanted_end
