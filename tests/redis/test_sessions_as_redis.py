"""The same bytes to a connection and to a Redis server: what is said of sessions, transactions and bad input."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.redis import resp
from tests.redis.lines import Line, command, redis
from tests.redis.server import Server

pytestmark = pytest.mark.debian("redis-server")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("redis")
    with Server(folder):
        yield folder / "redis.sock"


def said_by_redis(path: Path, stream: bytes) -> bytes:
    """All that it answers. A word of our own behind the stream tells where the end is, unless it hangs up before."""
    heard = b""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.sendall(command("RESET") + command("FLUSHALL") + stream)
        with suppress(OSError):
            connection.sendall(command("ECHO", "the end"))
        with suppress(ConnectionResetError):
            while not heard.endswith(END) and (more := connection.recv(65536)):
                heard += more
    return heard.removeprefix(b"+RESET\r\n+OK\r\n").removesuffix(END)


END = b"$7\r\nthe end\r\n"

IDS = re.compile(rb"(id\r\n:)\d+")


SESSIONS = Path(__file__).parent / "sessions.txt"
"""Sessions of plain words: a name behind a `#`, and a line for each command."""


def sessions() -> dict[str, bytes]:
    blocks = [block.splitlines() for block in SESSIONS.read_text().split("# ")[1:]]
    return {name: b"".join(command(*line.split(" ")) for line in lines if line) for name, *lines in blocks}


STREAMS = sessions() | {
    "unknown names": command("F\r\nO", "a\nb") + command("x" * 200, "y" * 200, "z") + command("", "a") + command("\0a"),
    "names": command("CLIENT", "SETNAME", "a b") + command("CLIENT", "SETNAME", "") + command("CLIENT", "GETNAME"),
    "inline": b'PING\r\nset a "b c\\x41\\n"\nget a\r\n\r\n   \r\nECHO \'a\\\'b\'\r\nECHO ""\r\n  ECHO   x  \r\nping\n',
    "unbalanced": b'PING "abc\r\n',
    "unbalanced too": b'SET a "b"x\r\nPING\r\n',
    "empty commands": b"*0\r\n*-1\r\n*-5\r\n\r\nPING\r\n",
    "no length": b"*a\r\nPING\r\n",
    "no bulk": b"*1\r\nx\r\n",
    "no bulk but a line": b"*1\r\n\r\nPING\r\n",
    "a length below 0": b"*1\r\n$-1\r\n",
    "no length of a bulk": b"*1\r\n$a\r\n",
    "an empty length": b"*1\r\n$\r\n",
    "leading zeros": b"*01\r\n$4\r\nPING\r\n",
    "too many": b"*2147483648\r\n",
    "too long": b"*1\r\n$536870913\r\n",
    "junk after a bulk": b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
    "good and then bad": command("SET", "a", 1) + b"*1\r\n!\r\n" + command("GET", "a"),
    "every byte": command("SET", bytes(range(256)), bytes(range(255, -1, -1))) + command("GET", bytes(range(256))),
    "nothing": command("SET", "", "") + command("GET", "") + command("EXISTS", "") + command("DEL", ""),
}


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("name", STREAMS)
def test_what_is_said_is_the_same(path: Path, name: str, shards: int) -> None:
    expected = said_by_redis(path, STREAMS[name])
    with redis(shards) as harness:
        line = Line(harness)
        said = line.send(STREAMS[name])
        assert not harness.dead()
    assert plain(said) == plain(expected)


def plain(stream: bytes) -> object:
    """The replies, without the number of the connection."""
    found, at = [], 0
    stream = IDS.sub(rb"\g<1>1", stream)
    while at < len(stream):
        value, at = resp.parse_at(stream, at)
        found.append(value)
    return found


def described(entry: list[Any]) -> list[Any]:
    """A command as COMMAND INFO has it, but for hints to those who spread commands over several servers."""
    name, arity, flags, first, last, step, categories = entry[:7]
    return [name, arity, sorted(flags), first, last, step, sorted(categories)]


def test_the_catalog_is_that_of_redis(path: Path) -> None:
    with redis(1) as harness:
        line = Line(harness)
        names, _ = resp.parse_at(line("COMMAND", "LIST"), 0)
        ask = command("COMMAND", "INFO", *sorted(set(names) - LATER))
        ours, _ = resp.parse_at(line.send(ask), 0)
        theirs, _ = resp.parse_at(said_by_redis(path, ask), 0)
        assert [described(entry) for entry in ours] == [described(entry) for entry in theirs]


LATER = {b"client|setinfo"}
"""What came with Redis 7.2, and clients say unasked."""


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        (b"a" * 70_000, b"too big inline request"),
        (b"*" + b"1" * 70_000, b"too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 70_000, b"too big bulk count string"),
    ],
)
def test_a_line_without_an_end_is_given_up(stream: bytes, fault: bytes) -> None:
    """As Redis does; what that says depends on how much it has read when it looks."""
    with redis() as harness:
        line = Line(harness)
        assert line.send(stream) == b"-ERR Protocol error: " + fault + b"\r\n"
        assert line.ended
