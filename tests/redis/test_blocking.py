"""Commands that wait: in one shard, in several, for a while, for ever, and for nobody any more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radon.host.hash import stable_hash
from radon.kv.messages import Op, items, request
from radon.testing.harness import Harness
from tests.redis import keyspaces
from tests.redis.lines import Line, command, redis


@pytest.fixture(params=[1, 5])
def harness(request: pytest.FixtureRequest, each_domain: str) -> Iterator[Harness]:
    with redis(request.param) as harness:
        yield harness


def bulks(*words: str) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)


def waiters(harness: Harness) -> int:
    shards = [f"keys/#{number}" for number in range(5)]
    return sum(len(harness.state(shard).get("waiters", {})) for shard in shards if harness.lives(shard))


def test_what_is_there_is_popped_at_once_from_the_first_key_that_has_it(harness: Harness) -> None:
    line = Line(harness)
    line("RPUSH", "b", 1, 2, 3)
    line("RPUSH", "d", 4)
    assert line("BLPOP", "a", "b", "c", "d", 0) == bulks("b", "1")
    assert line("BRPOP", "a", "d", "b", 0) == bulks("d", "4")
    assert line("BLMPOP", 0, 3, "a", "c", "b", "LEFT", "COUNT", 5) == b"*2\r\n$1\r\nb\r\n" + bulks("2", "3")
    assert waiters(harness) == 0


@pytest.mark.parametrize("keys", [["a"], ["a", "b", "c", "d", "e"]])
def test_it_waits_until_something_is_pushed(harness: Harness, keys: list[str]) -> None:
    line, other = Line(harness, "1"), Line(harness, "2")
    for key in keys:
        assert line("BLPOP", *keys, 0) == b""
        assert not line.waits  # so that the gateway hears more, or that the peer is gone
        harness.advance("1h")
        assert line.listen() == b""
        assert other("RPUSH", key, "x") == b":1\r\n"
        assert line.listen() == bulks(key, "x")
        assert other("LLEN", key) == b":0\r\n"
    assert waiters(harness) == 0
    assert set(harness.state(line.atom.text)["connection"]) == {b"@", b"d", b"s"}


@pytest.mark.parametrize("keys", [["a"], ["a", "b", "c", "d", "e"]])
def test_another_instance_than_the_one_that_asked_may_hear_of_it(harness: Harness, keys: list[str]) -> None:
    line = Line(harness)
    assert line("BLPOP", *keys, 0) == b""
    harness.forget()
    shard = stable_hash(b"a") % harness.kinds["keys"].shards
    harness.call(f"keys/#{shard}", keyspaces.command(("RPUSH", "a", "x")))
    assert line.listen() == bulks("a", "x")


@pytest.mark.parametrize("keys", [["a"], ["a", "b", "c", "d", "e"]])
def test_it_waits_no_longer_than_it_was_told(harness: Harness, keys: list[str]) -> None:
    line, other = Line(harness, "1"), Line(harness, "2")
    assert line("BLPOP", *keys, "2.5") == b""
    harness.advance("2s")
    assert line.listen() == b""
    harness.advance("600ms")
    assert line.listen() == b"*-1\r\n"
    assert waiters(harness) == 0
    other("RPUSH", "a", "kept")
    assert other("LLEN", "a") == b":1\r\n"
    assert line("PING") == b"+PONG\r\n"


def test_a_list_that_is_locked_is_looked_at_before_it_is_said_to_be_empty(harness: Harness) -> None:
    line, name = Line(harness), b"t" * 16
    line("RPUSH", "a", "x")
    shard = f"keys/#{stable_hash(b'a') % harness.kinds['keys'].shards}"
    put = request(Op.GET, b"\0a")
    harness.call(shard, request(Op.PREPARE, name, items([put])))
    assert line("BLMOVE", "a", "a", "LEFT", "LEFT", "0.001") == b""
    harness.advance("500ms")
    assert line.listen() == b""
    harness.call(shard, request(Op.ABORT, name))
    harness.advance("500ms")
    assert line.listen() == b"$1\r\nx\r\n"


def test_what_came_behind_it_is_handled_when_it_is_done(harness: Harness) -> None:
    line, other = Line(harness, "1"), Line(harness, "2")
    stream = command("SET", "x", 1) + command("BLPOP", "a", "b", 0) + command("GET", "x") + command("BLPOP", "a", 1)
    assert line.send(stream) == b"+OK\r\n"
    other("RPUSH", "b", "y")
    assert line.listen() == bulks("b", "y") + b"$1\r\n1\r\n"
    harness.advance("2s")
    assert line.listen() == b"*-1\r\n"


def test_what_comes_while_it_waits_is_not_looked_at_before(harness: Harness) -> None:
    line, other = Line(harness, "1"), Line(harness, "2")
    assert line.send(command("SET", "x", 1) + command("BLPOP", "a", 0) + command("GET", "x")) == b"+OK\r\n"
    half = len(command("SET", "x", 2)) // 2
    assert line.send(command("SET", "x", 2)[:half]) == b""
    assert not line.waits
    assert line.send(command("SET", "x", 2)[half:], command("GET", "x")) == b""
    assert other("GET", "x") == b"$1\r\n1\r\n"
    other("RPUSH", "a", "y")
    assert line.listen() == bulks("a", "y") + b"$1\r\n1\r\n+OK\r\n$1\r\n2\r\n"
    assert not line.waits
    assert line("PING") == b"+PONG\r\n"


def test_of_what_comes_while_it_waits_so_much_is_taken_in_and_no_more(harness: Harness) -> None:
    line, other = Line(harness, "1"), Line(harness, "2")
    assert line("BLPOP", "a", 0) == b""
    some, more = command("ECHO", "x" * 1000) * 1000, command("ECHO", "y" * 1000) * 1000
    assert line.send(some) == b""
    assert not line.waits  # so that the gateway hears if the peer is gone
    assert line.send(more) == b""
    assert line.waits
    other("RPUSH", "a", "y")
    echoes = (b"$1000\r\n" + letter * 1000 + b"\r\n" for letter in (b"x", b"y"))
    assert line.listen() == bulks("a", "y") + b"".join(echo * 1000 for echo in echoes)


def test_what_stands_behind_it_may_wait_again_or_subscribe(harness: Harness) -> None:
    line, other = Line(harness, "1"), Line(harness, "2")
    waits = [command("BLPOP", key, 0) for key in "abc"]
    assert line.send(waits[0] + waits[1], waits[2] + command("SUBSCRIBE", "news") + command("SUBSCRIBE", "more")) == b""
    heard = b""
    for key in "abc":
        other("RPUSH", key, "x")
        heard += line.listen()
    assert heard.startswith(bulks("a", "x") + bulks("b", "x") + bulks("c", "x"))
    assert heard.endswith(b"$9\r\nsubscribe\r\n$4\r\nmore\r\n:2\r\n")
    assert other("PUBLISH", "news", "it") == b":1\r\n"
    assert line.listen() == bulks("message", "news", "it")
    assert line.send(command("RESET") + command("BLPOP", "a", 0) + command("SUBSCRIBE", "news")) == b"+RESET\r\n"
    other("RPUSH", "a", "x")
    assert line.listen() == bulks("a", "x") + b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"


def test_info_tells_how_many_wait_and_how_much_there_is(harness: Harness) -> None:
    lines, other = [Line(harness, f"{number}") for number in range(4)], Line(harness, "other")
    for number, line in enumerate(lines):
        line("BLPOP", *"abcd"[number:], 0)
    other.send(command("SET", "x", 1, "PX", 5000) + command("MSET", *"eeffgg"))
    other.send(command("SELECT", 3) + command("SET", "x", 1))
    told = other("INFO", "clients", "keyspace")
    assert b"\r\nblocked_clients:4\r\n" in told
    assert told.endswith(b"# Keyspace\r\ndb0:keys=4,expires=1,avg_ttl=0\r\ndb3:keys=1,expires=0,avg_ttl=0\r\n\r\n")
    other("PERSIST", "x")
    other.send(command("SELECT", 0) + command("PERSIST", "x") + command("EXPIRE", "f", 9) + command("EXPIRE", "g", 9))
    lines[0].leave()
    told = other("INFO")
    assert b"\r\nblocked_clients:3\r\n" in told
    assert b"db0:keys=4,expires=2," in told
    other("FLUSHALL")
    assert b"db0" not in other("INFO")


@pytest.mark.parametrize("keys", [["a"], ["a", "b", "c", "d", "e"]])
def test_nobody_waits_any_more_after_a_restart(harness: Harness, keys: list[str]) -> None:
    Line(harness, "1")("BLPOP", *keys, 0)
    harness.restart()
    Line(harness, "2")("BLPOP", "other", 0)
    line = Line(harness, "3")
    line("INFO")
    assert b"\r\nblocked_clients:1\r\n" in line("INFO")


def test_losing_the_instance_makes_nobody_wait_less(harness: Harness) -> None:
    lines, other = [Line(harness, f"{number}") for number in range(3)], Line(harness, "other")
    for line in lines:
        line("BLPOP", "a", 0)
    for line in lines:
        harness.forget()
        other("RPUSH", "a", "x")
        assert line.listen() == bulks("a", "x")
    assert waiters(harness) == 0


@pytest.mark.parametrize("keys", [["a"], ["a", "b", "c", "d", "e"]])
def test_another_connection_may_end_the_waiting(harness: Harness, keys: list[str]) -> None:
    line, other = Line(harness, "7"), Line(harness, "2")
    unblocked = b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"
    for words, heard in [([], b"*-1\r\n"), (["TIMEOUT"], b"*-1\r\n"), (["error"], unblocked)]:
        assert line("BLPOP", *keys, 0) == b""
        assert other("CLIENT", "UNBLOCK", 8, *words) == b":0\r\n"
        assert other("CLIENT", "UNBLOCK", 7, *words) == b":1\r\n"
        assert line.listen() == heard
        assert other("CLIENT", "UNBLOCK", 7, *words) == b":0\r\n"
    assert waiters(harness) == 0
    other("RPUSH", "a", "x")
    assert line("BLPOP", *keys, 0) == bulks("a", "x")


def test_who_waited_first_is_served_first(harness: Harness) -> None:
    lines = [Line(harness, f"{number}") for number in range(5)]
    for line in lines:
        line("BLPOP", "a", 0)
        harness.advance("1ms")
    other = Line(harness, "other")
    for line in lines:
        other("RPUSH", "a", "x")
        assert line.listen() == bulks("a", "x")
        assert all(each.listen() == b"" for each in lines)


def test_nothing_is_popped_for_somebody_who_is_gone(harness: Harness) -> None:
    gone, far, other = Line(harness, "1"), Line(harness, "2"), Line(harness, "3")
    gone("BLPOP", "a", 0)
    far("BLPOP", "a", "b", "c", "d", 0)
    gone.leave()
    far.leave()
    assert waiters(harness) == 0
    other("RPUSH", "a", "x")
    assert other("LLEN", "a") == b":1\r\n"


def test_moving_waits_for_its_source(harness: Harness) -> None:
    for number in range(8):
        line, other = Line(harness, f"{number}"), Line(harness, f"other-{number}")
        from_, to = f"from{number}", f"to{number}"
        assert line("BLMOVE", from_, to, "LEFT", "RIGHT", 0) == b""
        other("RPUSH", from_, "x")
        assert line.listen() == b"$1\r\nx\r\n"
        assert other("LRANGE", to, 0, -1) == bulks("x")
        assert line("BRPOPLPUSH", from_, to, 1) == b""
        harness.advance("2s")
        assert line.listen() in (b"*-1\r\n", b"$-1\r\n")
    assert waiters(harness) == 0


def test_what_is_wrong_is_said_at_once(harness: Harness) -> None:
    line = Line(harness)
    line("SET", "s", 1)
    assert line("BLPOP", "a", "b", "c", "x").startswith(b"-ERR timeout is not a float")
    assert line("BLPOP", "a", -1).startswith(b"-ERR timeout is negative")
    assert line("BLPOP", "s", 0).startswith(b"-WRONGTYPE")
    assert line("BLPOP", "a", "b", "s", 0).startswith(b"-WRONGTYPE")
    assert line("BLMPOP", 0, 9, "a", "b", "LEFT").startswith(b"-ERR syntax error")


def test_in_a_transaction_nothing_waits(harness: Harness) -> None:
    line = Line(harness)
    line.send(command("MULTI") + command("BLPOP", "a", 0) + command("BLPOP", "a", "b", "c", 0))
    assert line("EXEC") == b"*2\r\n*-1\r\n*-1\r\n"
    assert waiters(harness) == 0
