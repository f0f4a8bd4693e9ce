"""What all commands of a keyspace have in common."""

from __future__ import annotations

from radon.kv.messages import Status
from tests.redis.keyspaces import PEEK, Client, command, replies, touched
from tests.redis.resp import Error


def test_a_command_of_each_type(client: Client) -> None:
    assert client.raw("SET", "s", "1") == b"+OK\r\n"
    assert client.raw("get", "s") == b"$1\r\n1\r\n"
    assert client.raw("RPUSH", "l", "a", "b") == b":2\r\n"
    assert client.raw("HSET", "h", "f", "v") == b":1\r\n"
    assert client.run("HGET", "h", "f") == b"v"
    assert client.raw("SADD", "m", "x", "y", "x") == b":2\r\n"
    assert [client.run("TYPE", key) for key in "slhmn"] == ["string", "list", "hash", "set", "none"]
    assert client.run("GET", "l") == Error("WRONGTYPE Operation against a key holding the wrong kind of value")
    assert client.raw("DEL", "s", "l", "h", "m", "n") == b":4\r\n"
    assert client.raw("GET", "s") == b"$-1\r\n"


def test_a_peek_tells_what_it_touched_and_changes_nothing(client: Client) -> None:
    client.run("HSET", "h", "f", "v")
    answer = client.ask(command(["HSET", "h", "g", "w"], ["DEL", "h"], ["SET", "h", "x"], ["GET", "n"], flags=PEEK))
    found, rest = replies(answer)
    assert found == [b":1\r\n", b":1\r\n", b"+OK\r\n", b"$-1\r\n"]
    first, second = touched(rest)
    assert (first.key, second.key, second.store) == (b"\0h", b"\0n", None)
    assert second.version >= 2**63, "that of its absence"
    assert client.run("HGET", "h", "f") == b"v"
    assert client.run("HGET", "h", "g").how == b"$"
    assert first.store is not None
    assert client.ask(first.store).status is Status.OK
    assert client.run("GET", "h") == b"x"


def test_what_is_no_command(client: Client) -> None:
    assert client.run("NOPE", "a", "b") == Error("ERR unknown command 'NOPE', with args beginning with: 'a' 'b' ")
    assert client.run("Get") == Error("ERR wrong number of arguments for 'get' command")
