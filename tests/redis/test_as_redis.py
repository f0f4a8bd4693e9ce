"""The same commands to a keyspace and to a Redis server: the replies have to be the same, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.redis import resp
from tests.redis.commands import BLOCKING, commands
from tests.redis.comparing import comparable
from tests.redis.keyspaces import Client, Word, check_state, command, keyspace, replies
from tests.redis.server import Server

pytestmark = pytest.mark.debian("redis-server")


@pytest.mark.parametrize("protocol", [2, 3])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(script=st.lists(commands(), min_size=1, max_size=25))
def test_replies_are_the_same(server: Server, protocol: int, script: list[tuple[Word, ...]]) -> None:
    server.raw("FLUSHALL")
    server.raw("HELLO", protocol)
    expected = server.many(script)
    with keyspace() as harness:
        client = Client(harness, protocol=protocol)
        for words, reply in zip(script, expected, strict=True):
            found = client.raw(*words)
            assert comparable(words, found) == comparable(words, reply), words
        check_state(harness)


@pytest.mark.parametrize("protocol", [2, 3])
@given(script=st.lists(commands() | st.one_of(BLOCKING), min_size=1, max_size=25))
def test_replies_in_a_transaction_are_the_same(server: Server, protocol: int, script: list[tuple[Word, ...]]) -> None:
    """Where nothing waits."""
    server.raw("FLUSHALL")
    server.raw("HELLO", protocol)
    server.raw("MULTI")
    queued = [server.raw(*words) == b"+QUEUED\r\n" for words in script]
    script = [words for words, is_queued in zip(script, queued, strict=True) if is_queued]
    if len(script) < len(queued):
        server.raw("DISCARD")
        return
    expected = server.raw("EXEC")
    with keyspace() as harness:
        found, _ = replies(Client(harness).ask(command(*script, protocol=protocol)))
        check_state(harness)
    at = expected.index(b"\r\n") + 2
    for words, reply in zip(script, found, strict=True):
        _, end = resp.parse_at(expected, at)
        assert comparable(words, reply) == comparable(words, expected[at:end]), words
        at = end
