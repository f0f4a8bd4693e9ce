"""Many commands in one turn of a shard, which together need more memory than its kind has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radon.testing.harness import Harness
from tests.redis.lines import Line, command, redis

MEGABYTES = 8_000_000  # bits


@pytest.fixture(params=[1, 4])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    with redis(request.param) as harness:
        yield harness
        assert not [text for text in harness.logs() if "trap" in text]


def test_a_pipeline_that_changes_a_long_string_again_and_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(harness)
    line("SETBIT", "bits", MEGABYTES, 1)
    monkeypatch.setattr(harness, "run", lambda: [harness.step() for _ in range(300)])  # there is much to commit
    assert line.send(b"".join(command("SETBIT", "bits", bit, 1) for bit in range(100))) == b":0\r\n" * 100
    assert line("BITCOUNT", "bits") == b":101\r\n"


def test_a_transaction_that_reads_a_long_string_again_and_again(harness: Harness) -> None:
    line = Line(harness)
    line("SETBIT", "bits", MEGABYTES, 1)
    reading = b"".join(command("GETBIT", "bits", MEGABYTES - bit) for bit in range(200))
    heard = line.send(command("MULTI") + reading + command("EXEC"))
    assert heard.endswith(b"*200\r\n:1\r\n" + b":0\r\n" * 199)


def test_a_transaction_that_needs_too_much_is_refused_and_changes_nothing(harness: Harness) -> None:
    line = Line(harness)
    line("SETBIT", "bits", MEGABYTES, 1)
    changing = b"".join(command("SETBIT", "bits", bit, 1) for bit in range(200))
    heard = line.send(command("MULTI") + changing + command("EXEC"))
    assert heard.endswith(b"longer than limits.message allows, or too much for one turn\r\n")
    assert line("BITCOUNT", "bits") == b":1\r\n"


def test_replies_stand_beside_what_readers_leave_behind(harness: Harness) -> None:
    """Longer and longer ones, of commands that read, write and fail by turns."""
    line = Line(harness)
    stream, expected = b"", b""
    for number in range(300):
        text = b"x" * (number * 7)
        stream += command("SET", "a", text) + command("GET", "a") + command("LLEN", "a") + command("STRLEN", "a")
        expected += b"+OK\r\n$%d\r\n%s\r\n" % (len(text), text)
        expected += b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n:%d\r\n" % len(text)
    assert line.send(stream) == expected
