"""What INFO counts: connections, commands, hits and misses; and when that begins anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from radon.testing.harness import Harness
from tests.redis.lines import Line, command, redis
from tests.redis.server import Server


@pytest.fixture(params=[1, 4])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    with redis(request.param) as harness:
        yield harness


def told(line: Line, *sections: str) -> dict[str, str]:
    lines = line("INFO", *sections).decode().split("\r\n")
    return dict(text.split(":", 1) for text in lines if ":" in text)


def counts(line: Line) -> tuple[int, int, int]:
    """Connections that are there, that ever came, and commands."""
    it = told(line)
    names = ("connected_clients", "total_connections_received", "total_commands_processed")
    clients, connections, commands = (int(it[name]) for name in names)
    return clients, connections, commands


def test_connections_and_commands_are_counted(harness: Harness) -> None:
    line, other = Line(harness, "1"), Line(harness, "2")
    assert counts(line) == (2, 2, 0)
    line.send(command("PING") + command("SET", "a", 1) + command("GET", "a") + command("MGET", *"abcdefg"))
    other.send(command("MULTI") + command("INCR", "b") + command("EXEC"))
    assert counts(line) == (2, 2, 8)  # the first INFO is one of them
    other("QUIT")
    assert counts(line) == (1, 2, 10)
    Line(harness, "3").leave()
    assert counts(line) == (1, 3, 11)


def test_calls_of_each_command_are_counted(harness: Harness) -> None:
    line, other = Line(harness, "1"), Line(harness, "2")
    line.send(command("GET", "a") + command("get", "b") + command("MGET", *"abcdefg"))
    line.send(command("GET") + command("NONE"))
    other("BLPOP", *"abcd", 0)
    assert "cmdstat_blpop" not in told(line, "all")
    line("RPUSH", "d", "it")
    calls = {"get": 2, "mget": 1, "rpush": 1, "blpop": 1, "info": 1}
    assert told(line, "commandstats") == {f"cmdstat_{name}": f"calls={count}" for name, count in calls.items()}
    assert "cmdstat_get" not in told(line)
    line("CONFIG", "RESETSTAT")
    assert set(told(line, "commandstats")) == {"cmdstat_config"}


def test_a_blocking_command_counts_when_it_is_done(harness: Harness) -> None:
    line, other = Line(harness, "1"), Line(harness, "2")
    line("BLPOP", *"abcd", 0)
    assert counts(other) == (2, 2, 0)
    other("RPUSH", "c", "it")
    assert line.listen()
    assert counts(other) == (2, 2, 3)


def test_what_the_last_who_left_had_counted_is_not_lost(harness: Harness) -> None:
    line = Line(harness, "1")
    line.send(command("SET", "a", 1) + command("GET", "a"))
    line.leave()
    line = Line(harness, "2")
    line.send(command("GET", "a") + command("QUIT"))
    assert counts(Line(harness, "3")) == (1, 3, 4)


def test_who_was_there_before_the_instance_is_not_counted_away(harness: Harness) -> None:
    lines = [Line(harness, f"{number}") for number in range(3)]
    harness.forget()
    harness.advance("1s")
    assert counts(lines[0])[0] == 1  # who asks is there
    new = Line(harness, "new")
    lines[0].leave()
    lines[1]("QUIT")
    assert counts(new)[0] == 1
    Line(harness, "newer")
    assert counts(new)[0] == 2


def test_how_many_commands_there_were_of_late(harness: Harness) -> None:
    line = Line(harness)
    line("INFO")
    line.send(command("PING") * 400)
    harness.advance("4s")
    assert told(line, "stats")["instantaneous_ops_per_sec"] == "100"
    harness.advance("10s")
    assert told(line, "stats")["instantaneous_ops_per_sec"] == "0"
    assert told(line, "server")["uptime_in_seconds"] == "14"


def test_memory_is_told_as_redis_tells_it(harness: Harness) -> None:
    it = told(Line(harness), "memory")
    megabytes = int(it["used_memory"]) / (1 << 20)
    assert 0.25 <= megabytes < 64
    assert it["used_memory_human"] == f"{megabytes:.2f}M" or megabytes < 1
    assert it["used_memory_peak_human"] == it["used_memory_human"]


def test_what_has_expired_is_counted(harness: Harness) -> None:
    line = Line(harness)
    line.send(command("SET", "a", 1, "EX", 1) + command("SET", "b", 1, "EX", 1) + command("SET", "c", 1))
    line("DEL", "c")
    harness.advance("3s")
    assert told(line)["expired_keys"] == "2"


def test_resetting(harness: Harness) -> None:
    line = Line(harness)
    line.send(command("SET", "a", 1) + command("GET", "a") + command("GET", "b"))
    assert line("CONFIG", "RESETSTAT") == b"+OK\r\n"
    it = told(line)
    assert (it["keyspace_hits"], it["keyspace_misses"], it["total_connections_received"]) == ("0", "0", "0")
    assert (it["total_commands_processed"], it["connected_clients"]) == ("1", "1")
    assert line.send(command("MULTI") + command("CONFIG", "RESETSTAT") + command("EXEC")).endswith(
        b"*1\r\n-ERR CONFIG RESETSTAT cannot be part of a transaction\r\n"
    )


LOOKUPS = [
    ["GET", "a"], ["GET", "b"], ["MGET", "a", "b", "c", "h"], ["EXISTS", "a", "b"], ["TTL", "a"], ["TYPE", "b"],
    ["STRLEN", "a"], ["HGET", "h", "f"], ["HGET", "h", "none"], ["HGETALL", "none"], ["LRANGE", "l", 0, -1],
    ["SINTER", "s", "t"], ["ZUNION", 2, "z", "s"], ["ZSCORE", "z", "a"], ["SET", "n", 1], ["INCR", "n"], ["DEL", "n"],
]  # fmt: skip


@pytest.mark.debian("redis-server")
def test_hits_and_misses_are_those_of_redis(harness: Harness, tmp_path: Path) -> None:
    line = Line(harness)
    before: list[list[str | int]] = [
        ["SET", "a", 1], ["HSET", "h", "f", 1], ["RPUSH", "l", 1],
        ["SADD", "s", 1], ["SADD", "t", 1], ["ZADD", "z", 1, "a"],
    ]  # fmt: skip
    with Server(tmp_path) as server:
        for words in (*before, ["CONFIG", "RESETSTAT"], *LOOKUPS):
            line(*words)
            server.run(*words)
        theirs = dict(text.split(":", 1) for text in server.run("INFO", "stats").decode().split("\r\n") if ":" in text)
    ours = told(line, "stats")
    for name in ("keyspace_hits", "keyspace_misses"):
        assert (name, ours[name]) == (name, theirs[name])
