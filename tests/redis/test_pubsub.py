"""Channels: who hears what, and who is counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radon.testing.harness import Harness
from tests.redis.lines import Line, command, redis, replies


def push(kind: str, *words: str | int) -> bytes:
    """As RESP2 writes it."""
    parts = [
        b":%d\r\n" % word if isinstance(word, int) else b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words
    ]
    return b"*%d\r\n$%d\r\n%s\r\n" % (len(parts) + 1, len(kind), kind.encode()) + b"".join(parts)


@pytest.fixture(params=[1, 4])
def harness(request: pytest.FixtureRequest, each_domain: str) -> Iterator[Harness]:
    with redis(request.param) as harness:
        yield harness


def test_subscribers_hear_what_is_published_and_are_counted(harness: Harness) -> None:
    ann, bob, news = Line(harness, "ann"), Line(harness, "bob"), Line(harness, "news")
    assert ann("SUBSCRIBE", "a", "b", "a") == push("subscribe", "a", 1) + push("subscribe", "b", 2) + push(
        "subscribe", "a", 2
    )
    assert bob("PSUBSCRIBE", "a*", "?") == push("psubscribe", "a*", 1) + push("psubscribe", "?", 2)
    assert bob("SUBSCRIBE", "a") == push("subscribe", "a", 3)
    assert news("PUBLISH", "a", "hello") == b":4\r\n"
    assert ann.listen() == push("message", "a", "hello")
    heard = replies(bob.listen())
    assert heard[0] == push("message", "a", "hello")
    assert sorted(heard[1:]) == sorted([push("pmessage", "a*", "a", "hello"), push("pmessage", "?", "a", "hello")])
    assert news("PUBLISH", "ab", "x") == b":1\r\n"
    assert (ann.listen(), bob.listen()) == (b"", push("pmessage", "a*", "ab", "x"))
    assert news("PUBLISH", "nobody", "x") == b":0\r\n"
    assert news("PUBSUB", "CHANNELS") in (b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"*2\r\n$1\r\nb\r\n$1\r\na\r\n")
    assert news("PUBSUB", "CHANNELS", "[b-z]") == b"*1\r\n$1\r\nb\r\n"
    assert news("PUBSUB", "NUMSUB", "a", "b", "c") == b"*6\r\n$1\r\na\r\n:2\r\n$1\r\nb\r\n:1\r\n$1\r\nc\r\n:0\r\n"
    assert news("PUBSUB", "NUMPAT") == b":2\r\n"
    assert ann("UNSUBSCRIBE", "a", "x") == push("unsubscribe", "a", 1) + push("unsubscribe", "x", 1)
    assert news("PUBLISH", "a", "again") == b":3\r\n"
    assert ann.listen() == b""


def test_who_leaves_is_not_counted_any_more(harness: Harness) -> None:
    ann, news = Line(harness, "ann"), Line(harness, "news")
    ann("SUBSCRIBE", "a")
    ann("PSUBSCRIBE", "*")
    assert news("PUBLISH", "a", 1) == b":2\r\n"
    ann.leave()
    assert news("PUBLISH", "a", 1) == b":0\r\n"
    assert news("PUBSUB", "NUMPAT") == b":0\r\n"
    assert news("PUBSUB", "CHANNELS") == b"*0\r\n"


def test_however_many_were_there_before_who_leaves_is_not_counted(each_domain: str) -> None:
    with redis(1) as harness:
        news = Line(harness, "news")
        for number in range(260):
            line = Line(harness, f"{number}")
            line("SUBSCRIBE", "a")
            line.leave()
        assert news("PUBSUB", "NUMSUB", "a") == b"*2\r\n$1\r\na\r\n:0\r\n"


def test_connections_are_not_counted_after_a_restart(harness: Harness) -> None:
    ann, bob = Line(harness, "ann"), Line(harness, "bob")
    ann("SUBSCRIBE", "a")
    bob("PSUBSCRIBE", "*")
    harness.restart()
    news = Line(harness, "news")
    news("PUBLISH", "a", 1)
    assert news("PUBLISH", "a", 1) == b":0\r\n"


def test_losing_the_instance_loses_no_subscription(harness: Harness) -> None:
    ann, news = Line(harness, "ann"), Line(harness, "news")
    ann("SUBSCRIBE", "a")
    harness.forget()
    assert news("PUBLISH", "a", 1) == b":1\r\n"
    assert ann.listen() == push("message", "a", "1")
    ann.leave()
    assert news("PUBLISH", "a", 1) == b":0\r\n"


def test_what_a_subscriber_may_do_in_resp2_and_in_resp3(harness: Harness) -> None:
    line, news = Line(harness, "1"), Line(harness, "2")
    line("SUBSCRIBE", "a")
    assert line("GET", "x").startswith(b"-ERR Can't execute 'get': only (P|S)SUBSCRIBE")
    assert line("PING") == push("pong", "")
    assert line("PING", "x") == push("pong", "x")
    assert line("RESET") == b"+RESET\r\n"
    assert news("PUBLISH", "a", 1) == b":0\r\n"
    line("HELLO", 3)
    assert line("SUBSCRIBE", "a") == b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
    assert line("GET", "x") == b"_\r\n"
    assert sorted(replies(line("PUBLISH", "a", 1))) == [b":1\r\n", b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n1\r\n"]


def test_publishing_is_part_of_a_transaction(harness: Harness) -> None:
    ann, news = Line(harness, "ann"), Line(harness, "news")
    ann("SUBSCRIBE", "a", "b")
    stream = command("MULTI") + command("SET", "k", 1) + command("PUBLISH", "a", "x") + command("SET", "l", 2)
    heard = news.send(stream + command("PUBLISH", "b", "y") + command("PUBLISH", "a", "z") + command("EXEC"))
    assert heard == b"+OK\r\n" + b"+QUEUED\r\n" * 5 + b"*5\r\n+OK\r\n:1\r\n+OK\r\n:1\r\n:1\r\n"
    said = replies(ann.listen())
    assert sorted(said) == sorted([push("message", "a", "x"), push("message", "b", "y"), push("message", "a", "z")])
    assert said.index(push("message", "a", "x")) < said.index(push("message", "a", "z"))
    news.send(command("MULTI") + command("PUBLISH", "a", "x") + command("DISCARD"))
    assert ann.listen() == b""


@pytest.mark.parametrize("channel", [b"", b"\0\xff", b"x" * 5000, "ключ".encode(), b"a b\r\n"])
def test_a_channel_has_any_name(channel: bytes) -> None:
    with redis(2) as harness:
        ann, news = Line(harness, "ann"), Line(harness, "news")
        ann("SUBSCRIBE", channel)
        assert news("PUBLISH", channel, b"\0\xff") == b":1\r\n"
        assert ann.listen() == b"*3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$2\r\n\0\xff\r\n" % (len(channel), channel)


def test_half_a_command_is_not_mixed_up_with_what_is_published() -> None:
    with redis(2) as harness:
        ann, news = Line(harness, "ann"), Line(harness, "news")
        ann("HELLO", 3)
        ann("SUBSCRIBE", "a")
        half = command("ECHO", "y" * 1000)
        assert ann.send(half[:500]) == b""
        news("PUBLISH", "a", "x")
        assert ann.listen() == b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n"
        assert ann.send(half[500:]) == b"$1000\r\n" + b"y" * 1000 + b"\r\n"


def test_publishing_is_a_plain_command_of_a_pipeline(harness: Harness) -> None:
    ann, news = Line(harness, "ann"), Line(harness, "news")
    ann("SUBSCRIBE", "a", "b")
    stream = b"".join(command("PUBLISH", channel, n) + command("INCR", "n") for n in range(50) for channel in "ab")
    assert news.send(stream) == b"".join(b":1\r\n:%d\r\n" % (n + 1) for n in range(100))
    said = replies(ann.listen())
    for channel in "ab":
        assert [each for each in said if each in {push("message", channel, f"{n}") for n in range(50)}] == [
            push("message", channel, f"{n}") for n in range(50)
        ]
