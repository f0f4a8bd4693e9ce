"""The same bytes to a connection and to a Redis server: what is said of sessions, transactions and bad input."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

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


def words(*lines: str) -> bytes:
    return b"".join(command(*line.split(" ")) for line in lines)


STREAMS = {
    "errors": words("FOO a b", "FOO", "GET", "set a", "client foo", "client getname x", "object", "config get"),
    "unknown names": command("F\r\nO", "a\nb") + command("x" * 200, "y" * 200, "z") + command("", "a") + command("\0a"),
    "hello": words("HELLO 4", "HELLO a", "HELLO 3 AUTH a", "HELLO 3 SETNAME", "HELLO 3 AUTH x y", "HELLO 3 FOO", "HELLO",
                   "HELLO 3 AUTH default x SETNAME me", "CLIENT GETNAME", "HELLO 2", "HELLO 3"),
    "names": words("CLIENT SETNAME ab", "CLIENT GETNAME") + command("CLIENT", "SETNAME", "a b") + command("CLIENT", "SETNAME", "")
             + words("CLIENT GETNAME", "RESET", "CLIENT GETNAME"),
    "auth": words("AUTH", "AUTH x", "AUTH default b", "AUTH a b", "AUTH a b c"),
    "ping": words("PING", "PING a", "PING a b", "ECHO", "ECHO x", "HELLO 3", "PING"),
    "select": words("SELECT 1", "SET a 1", "SELECT 0", "GET a", "SELECT 16", "SELECT -1", "SELECT a", "SELECT 1", "GET a"),
    "multi": words("MULTI", "MULTI", "WATCH a", "SET a 1", "GET a", "INCR a", "PING", "EXEC", "EXEC", "DISCARD"),
    "multi with errors": words("MULTI", "foo", "get", "get a", "EXEC", "GET a", "MULTI", "SET a x", "LPUSH a 1", "GET a", "EXEC"),
    "multi discarded": words("MULTI", "SET a 1", "DISCARD", "GET a", "MULTI", "EXEC"),
    "multi over many keys": words("MULTI", "SET a 1", "SET b 2", "MGET a b c", "MSET c 3 d 4", "DEL a b x", "DBSIZE", "EXEC")
                            .replace(command("DBSIZE"), b""),
    "multi selects": words("MULTI", "SELECT 3", "SET a 1", "EXEC", "SELECT 0", "GET a", "SELECT 3", "GET a"),
    "multi in resp3": words("HELLO 3", "WATCH a", "SET a 1", "MULTI", "GET a", "EXEC", "MULTI", "EXEC", "MULTI", "GET x", "EXEC"),
    "watch": words("WATCH a b c", "MULTI", "SET a 1", "EXEC", "WATCH a", "SET a 2", "MULTI", "SET a 3", "EXEC", "GET a"),
    "watch and unwatch": words("WATCH a", "SET a 1", "UNWATCH", "MULTI", "GET a", "EXEC", "WATCH a a", "MULTI", "GET a", "EXEC"),
    "watch another": words("WATCH a b", "SET b 1", "MULTI", "SET c 1", "EXEC", "GET c", "WATCH a", "DISCARD", "SET a 1", "MULTI",
                           "PING", "EXEC"),
    "watch what goes": words("SET a 1", "WATCH a", "DEL a", "MULTI", "PING", "EXEC"),
    "watch what is flushed": words("SET a 1", "WATCH a x", "FLUSHALL", "MULTI", "PING", "EXEC", "WATCH x", "FLUSHALL", "MULTI",
                                   "PING", "EXEC"),
    "reply": words("CLIENT REPLY OFF", "PING", "GET a", "CLIENT REPLY ON", "CLIENT REPLY SKIP", "GET a", "GET a", "CLIENT REPLY foo",
                   "CLIENT REPLY SKIP", "PING", "PING"),
    "client": words("CLIENT NO-EVICT ON", "CLIENT NO-EVICT x", "CLIENT KILL 1.1.1.1:2", "CLIENT KILL ID 7777", "CLIENT KILL foo bar",
                    "CLIENT KILL ID x", "CLIENT UNPAUSE", "CLIENT PAUSE a", "CLIENT TRACKINGINFO", "CLIENT GETREDIR",
                    "CLIENT UNBLOCK 3333", "CLIENT LIST TYPE pubsub", "CLIENT LIST TYPE foo", "CLIENT LIST x", "CLIENT"),
    "config": words("CONFIG SET a b", "CONFIG SET databases 3", "CONFIG foo", "CONFIG RESETSTAT", "CONFIG GET databases"),
    "command": words("COMMAND GETKEYS mset a b c d", "COMMAND GETKEYS ping", "COMMAND GETKEYS mset a", "COMMAND GETKEYS foo a",
                     "COMMAND FOO", "COMMAND LIST FILTERBY", "COMMAND LIST FILTERBY MODULE x", "COMMAND GETKEYS ZUNIONSTORE z 2 a b"),
    "pubsub": words("PUBSUB CHANNELS", "PUBSUB NUMSUB a b", "PUBSUB NUMPAT", "PUBSUB FOO", "UNSUBSCRIBE", "PUNSUBSCRIBE x", "PUBLISH a b"),
    "subscribed": words("SUBSCRIBE a b", "GET a", "PING", "PING x", "MULTI", "PUBSUB CHANNELS", "UNSUBSCRIBE a", "PSUBSCRIBE x*",
                        "UNSUBSCRIBE", "PUNSUBSCRIBE", "GET a"),
    "subscribed and reset": words("SUBSCRIBE a b", "PSUBSCRIBE c*", "RESET", "GET a", "PUBLISH a x"),
    "subscribed in resp3": words("HELLO 3", "SUBSCRIBE a", "PING", "SUBSCRIBE a", "UNSUBSCRIBE", "GET a"),
    "inline": b"PING\r\nset a \"b c\\x41\\n\"\nget a\r\n\r\n   \r\nECHO 'a\\'b'\r\nECHO \"\"\r\n  ECHO   x  \r\nping\n",
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
    "good and then bad": words("SET a 1", "GET a") + b"*1\r\n!\r\n" + words("GET a"),
    "quit": words("SET a 1", "QUIT", "GET a"),
    "every byte": command("SET", bytes(range(256)), bytes(range(255, -1, -1))) + command("GET", bytes(range(256))),
    "nothing": command("SET", "", "") + command("GET", "") + command("EXISTS", "") + command("DEL", ""),
}  # fmt: skip


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
