"""A password: who has not said it may do next to nothing. And connections whose instance is lost at every turn."""

from __future__ import annotations

from tests.redis.lines import Line, command, redis

LOCKED = {"requirepass": "a secret"}


def test_who_has_not_said_the_password_is_refused() -> None:
    with redis(config=LOCKED) as harness:
        line = Line(harness)
        for words in (
            ["GET", "a"],
            ["PING"],
            ["MULTI"],
            ["SUBSCRIBE", "x"],
            ["COMMAND", "COUNT"],
            ["CONFIG", "GET", "*"],
        ):
            assert line(*words) == b"-NOAUTH Authentication required.\r\n"
        assert line("HELLO", 3).startswith(b"-NOAUTH HELLO must be called with the client already authenticated")
        assert line("AUTH", "wrong").startswith(b"-WRONGPASS")
        assert line("AUTH", "other", "a secret").startswith(b"-WRONGPASS")
        assert line("HELLO", 3, "AUTH", "default", "wrong").startswith(b"-WRONGPASS")
        assert line("GET", "a") == b"-NOAUTH Authentication required.\r\n"
        assert line("AUTH", "a secret") == b"+OK\r\n"
        assert line("SET", "a", 1) == b"+OK\r\n"
        assert line("RESET") == b"+RESET\r\n"
        assert line("GET", "a") == b"-NOAUTH Authentication required.\r\n"
        assert line("HELLO", 3, "AUTH", "default", "a secret").startswith(b"%7\r\n")
        assert line("GET", "a") == b"$1\r\n1\r\n"
        assert line("QUIT") == b"+OK\r\n"
        assert line.ended


def test_a_stranger_has_little_to_say() -> None:
    with redis(config=LOCKED) as harness:
        for stream, fault in (
            (b"*11\r\n", b"unauthenticated multibulk length"),
            (b"*1\r\n$16385\r\n", b"unauthenticated bulk length"),
        ):
            line = Line(harness, fault.decode().replace(" ", "-"))
            assert line.send(stream) == b"-ERR Protocol error: " + fault + b"\r\n"
            assert line.ended


def test_nothing_depends_on_what_instances_remember() -> None:
    half = command("ECHO", "x" * 1000)
    streams = [
        command("SET", "a", 1) + command("GET", "a"), command("MSET", "a", 1, "b", 2, "c", 3),
        command("WATCH", "a", "b"), command("MULTI"), command("INCR", "a") + command("INCR", "b"),
        command("PUBLISH", "x", 1), command("EXEC"), command("SUBSCRIBE", "x"), command("PING"), command("UNSUBSCRIBE"),
        half[:500], half[500:], command("HELLO", 3), command("MGET", "a", "b", "c"), command("BLPOP", "p", "q", 1),
    ]  # fmt: skip
    with redis() as remembering, redis() as forgetting:
        one, other = Line(remembering), Line(forgetting)
        for stream in streams:
            forgetting.forget()
            assert other.send(stream) == one.send(stream)
        for harness in (remembering, forgetting):
            harness.advance("2s")
        assert other.listen() == one.listen() == b"_\r\n"
