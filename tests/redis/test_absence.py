"""Keys that are not there, looked at twice: who came and went in between was there."""

from __future__ import annotations

import pytest

from radon.host.hash import stable_hash
from radon.kv.messages import Flag, Op, request
from radon.testing.harness import Harness
from tests.redis.keyspaces import STRING
from tests.redis.lines import Line, command, redis, replies

SHARDS = 4
HOME, NEAR, FAR = "b", "e", "a"
"""Two keys of one shard, and one of a shard with a higher number."""


def shard(key: str) -> int:
    return stable_hash(key.encode()) % SHARDS


def test_the_keys_are_where_they_should_be() -> None:
    assert shard(HOME) == shard(NEAR) < shard(FAR)


NULLS = b"*-1\r\n"


@pytest.mark.parametrize("read", [NEAR, FAR])
@pytest.mark.parametrize("going", [("DEL", HOME), ("EXPIRE", HOME, "0"), ("RENAME", HOME, NEAR), ("FLUSHALL",)])
def test_a_watched_key_that_came_and_went_has_changed(read: str, going: tuple[str, ...]) -> None:
    with redis(SHARDS) as harness:
        line, other = Line(harness), Line(harness, "2")
        for _ in range(2):
            assert line("WATCH", HOME) == b"+OK\r\n"
            other("SET", HOME, 1)
            other(*going)
            assert replies(line.send(command("MULTI") + command("GET", read) + command("EXEC")))[-1] == NULLS
            other("DEL", NEAR)
            assert line("WATCH", HOME) == b"+OK\r\n"
            assert replies(line.send(command("MULTI") + command("GET", read) + command("EXEC")))[-1] == b"*1\r\n$-1\r\n"


def test_a_watched_key_that_has_expired_and_is_removed_has_not_changed() -> None:
    with redis(SHARDS) as harness:
        line = Line(harness)
        line("SET", HOME, 1, "PX", 1)
        harness.advance("1ms")
        assert line("WATCH", HOME) == b"+OK\r\n"
        harness.advance("1s")
        assert replies(line.send(command("MULTI") + command("GET", HOME) + command("EXEC")))[-1] == b"*1\r\n$-1\r\n"


def test_a_command_that_removes_keys_is_not_in_its_own_way() -> None:
    with redis(SHARDS) as harness:
        line = Line(harness)
        for number in range(200):
            source, to = f"source-{number}", f"to-{number}"
            line("RPUSH", source, number)
            assert line("LMOVE", source, to, "LEFT", "LEFT") == b"$%d\r\n%d\r\n" % (len(str(number)), number)
            assert line("RENAME", to, source) == b"+OK\r\n"
            assert line("SINTERSTORE", source, "none", to) == b":0\r\n"


def store(harness: Harness, key: str, ms: int) -> int:
    """On its way to its shard."""
    body = request(Op.STORE, b"\0" + key.encode(), b"1", tag=STRING, flags=Flag.RELATIVE, expiry=ms * 10**6)
    return harness.post(f"keys/#{shard(key)}", body, run=False)


def read_meanwhile(stream: bytes, before: int, between: int) -> bytes | None:
    """What is read while FAR comes, HOME comes, HOME goes and FAR goes, in this order; so nobody is to see HOME alone.

    So many turns happen before the first two, and between them and the others. None: they came in another order.
    """
    with redis(SHARDS) as harness:
        line = Line(harness)
        line("PING")
        line.asked = harness.post(line.atom.text, stream, sender=line.address, run=False)
        for _ in range(before):
            harness.step()
        far, home = store(harness, FAR, 2), store(harness, HOME, 1)
        while harness.answer(home) is None:
            harness.step()
        if harness.answer(far) is None:
            return None
        for _ in range(between):
            harness.step()
        harness.now += 10**9  # nobody looks while only one of them is gone
        harness.submit()
        harness.run()
        harness.advance("1s")
        return replies(line.listen())[-1]


@pytest.mark.parametrize(
    "stream",
    [
        command("MGET", HOME, FAR),
        command("MULTI") + command("GET", HOME) + command("GET", FAR) + command("EXEC"),
    ],
    ids=["MGET", "EXEC"],
)
def test_what_is_read_in_several_shards_was_there_at_one_moment(stream: bytes) -> None:
    neither, far, both = b"*2\r\n$-1\r\n$-1\r\n", b"*2\r\n$-1\r\n$1\r\n1\r\n", b"*2\r\n$1\r\n1\r\n$1\r\n1\r\n"
    seen = {read_meanwhile(stream, before, between) for before in range(12) for between in range(8)}
    assert {neither, both} <= seen <= {neither, far, both, None}
