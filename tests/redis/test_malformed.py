"""Whatever bytes come in, a connection answers or waits; no turn fails, and the next connection is served."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from radon.abi.frames import encode_all
from radon.host.domains import available, load
from radon.testing.harness import Harness
from tests.redis.lines import Line, command, redis, replies

CORPUS = [
    command("SET", "key", "value"),
    command("GET", "key"),
    command("MSET", "a", 1, "b", 2, "c", 3, "d", 4),
    command("MGET", "a", "b", "c", "d", "e"),
    command("DEL", "a", "b", "c"),
    command("HELLO", 3, "AUTH", "default", "x", "SETNAME", "me"),
    command("HELLO", 2),
    command("CLIENT", "LIST", "ID", 1, 2),
    command("CLIENT", "KILL", "ID", 1, "SKIPME", "no"),
    command("CLIENT", "REPLY", "SKIP"),
    command("CLIENT", "SETINFO", "lib-name", "fuzz"),
    command("CONFIG", "GET", "max*", "sa[uv]e"),
    command("COMMAND", "INFO", "get", "client|id"),
    command("COMMAND", "GETKEYS", "ZUNIONSTORE", "z", 2, "a", "b"),
    command("MULTI") + command("SET", "a", 1) + command("INCR", "b") + command("SELECT", 3) + command("EXEC"),
    command("WATCH", "a", "b") + command("MULTI") + command("SET", "a", 2) + command("PING") + command("EXEC"),
    command("MULTI") + command("PUBLISH", "news", "x") + command("DISCARD"),
    command("SUBSCRIBE", "news", "more"),
    command("PSUBSCRIBE", "n*"),
    command("UNSUBSCRIBE"),
    command("PUBLISH", "news", "hear"),
    command("PUBSUB", "NUMSUB", "news", "x"),
    command("SCAN", 0, "MATCH", "*", "COUNT", 10),
    command("BLPOP", "list", "other", "0.01"),
    command("SORT", "list", "BY", "w_*", "GET", "#", "STORE", "sorted"),
    command("RESET"),
    b"PING\r\nset a \"b c\\x41\"\r\n'x y'\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n",
    b"*-1\r\n*0\r\n\r\n",
]
"""What clients send, more or less."""

NUMBERS = [
    b"-1",
    b"0",
    b"1",
    b"65536",
    b"1048577",
    b"536870912",
    b"2147483647",
    b"9223372036854775808",
    b"1e3",
    b"+1",
    b"01",
]


def mutated(random: Random) -> bytes:
    stream = bytearray(b"".join(random.choices(CORPUS, k=random.randrange(1, 4))))
    for _ in range(random.choice((0, 1, 1, 2, 5))):
        at = random.randrange(len(stream)) if stream else 0
        match random.randrange(5):
            case 0 if stream:
                stream[at] = random.randrange(256)
            case 1 if stream:
                del stream[at : at + random.randrange(1, 9)]
            case 2:
                stream[at:at] = random.choice(NUMBERS)
            case 3:
                stream[at:at] = random.choice((b"\r\n", b"\0", b"*", b"$", b"'", b'"', b"\\x", b"\xff"))
            case _:
                stream[at:at] = stream[at : at + random.randrange(40)]
    return bytes(stream)


def in_chunks(random: Random, stream: bytes) -> Iterator[bytes]:
    while stream:
        length = random.choice((1, 2, 7, 64, len(stream)))
        yield stream[:length]
        stream = stream[length:]


def checked(harness: Harness) -> None:
    assert not harness.dead()
    assert not [line for line in harness.logs() if "attempt" in line or "trap" in line]
    line = Line(harness, "check")
    assert line("PING") == b"+PONG\r\n"
    assert line("SET", "check", "1") == b"+OK\r\n"
    line.leave()


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 200))])
def test_mutated_commands_fail_no_turn_and_hang_no_connection(seed: int, each_domain: str) -> None:
    random = Random(seed)
    with redis(random.choice((1, 3))) as harness:
        for number in range(60):
            line = Line(harness, f"{number}")
            stream = mutated(random)
            replies(line.send(*in_chunks(random, stream)))
            for _ in range(70):  # what waits for others is over after its patience, or its own timeout
                if not line.waits:
                    break
                harness.advance("1s")
                replies(line.listen())
            assert not line.waits or b"LPOP" in stream, "the connection hangs"
            line.leave()
            if number % 20 == 0:
                harness.forget()
        checked(harness)


@pytest.mark.parametrize("stream", CORPUS)
def test_a_command_that_comes_byte_by_byte_is_the_same(stream: bytes) -> None:
    with redis() as one, redis() as other:
        whole, dripped = Line(one), Line(other)
        expected = whole.send(stream)
        assert dripped.send(*(stream[at : at + 1] for at in range(len(stream)))) == expected
        one.advance("1s")
        other.advance("1s")
        assert dripped.listen() == whole.listen()


@pytest.mark.parametrize("stream", CORPUS[:8])
def test_half_a_command_waits_and_costs_its_own_bytes(stream: bytes) -> None:
    """Wherever it stops; and what comes then is heard."""
    with redis() as harness:
        for at in range(1, len(stream)):
            line = Line(harness, f"{at}")
            line.send(stream[:at])
            state = harness.state(line.atom.text)["connection"]
            assert sum(len(value) for value in state.values()) < len(stream) + 200
            harness.advance("1h")
            assert not line.ended
            assert line.send(stream[at:]) != b""
            line.leave()
        checked(harness)


def test_the_same_bytes_do_the_same_on_every_domain() -> None:
    outcomes = []
    for name in available():
        random = Random(7)
        with redis(3, make=load(name)) as harness:
            line = Line(harness)
            heard = [line.send(*in_chunks(random, b"".join(CORPUS[:10]) * 3)) for _ in range(5)]
            outcomes.append((heard, [encode_all(commit) for commit in harness.commits]))
    assert all(outcome == outcomes[0] for outcome in outcomes)
