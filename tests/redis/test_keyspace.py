"""The messages of a keyspace beyond those of kv: COMMAND, FETCH and STORE, alone, in batches and in transactions."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radon.host.limits import Limits
from radon.kv.messages import Answer, Flag, Op, Status, items, parse, parse_many, request
from radon.testing.harness import Harness
from tests.redis.commands import commands
from tests.redis.keyspaces import (
    FOREIGN,
    HASH,
    LIST,
    PEEK,
    STRING,
    Client,
    Word,
    check_state,
    command,
    keyspace,
    replies,
    touched,
)
from tests.redis.resp import Error
from tests.redis.resp import Status as Simple

NAME = b"t" * 16


def dump(*words: bytes) -> bytes:
    return items(words)


def fetch(client: Client, key: bytes) -> Answer:
    return client.ask(request(Op.FETCH, key))


def store(key: bytes, tag: int, value: bytes, **fields: Any) -> bytes:
    return request(Op.STORE, key, value, tag=tag, **fields)


def batch(*requests: bytes) -> bytes:
    return request(Op.BATCH, payload=items(requests))


def test_what_is_fetched_of_each_type(client: Client) -> None:
    client.run("SET", "s", "value")
    client.run("RPUSH", "l", "a", "b", "a")
    client.run("HSET", "h", "f", "v", "g", "w")
    client.run("PEXPIRE", "h", "5000")
    assert fetch(client, b"\0s")[1::3] == (STRING, b"value")
    assert fetch(client, b"\0l")[1::3] == (LIST, dump(b"a", b"b", b"a"))
    found = fetch(client, b"\0h")
    assert (found.tag, found.value) == (HASH, dump(b"f", b"v", b"g", b"w"))
    assert found.expiry == client.harness.now + 5 * 10**9
    assert fetch(client, b"\0n").status is Status.ABSENT
    assert fetch(client, b"\x01s").status is Status.ABSENT
    wrong = request(Op.FETCH, b"\0s", flags=Flag.IF_VERSION, version=1 << 40)
    assert client.ask(wrong).status is Status.CONFLICT


def test_a_store_replaces_what_is_there(harness: Harness, client: Client) -> None:
    client.run("RPUSH", "k", "old")
    stored = client.ask(store(b"\0k", HASH, dump(b"f", b"v"), expiry=harness.now + 10**9))
    assert (stored.status, stored.version) == (Status.OK, fetch(client, b"\0k").version)
    assert client.run("HGETALL", "k") == [b"f", b"v"]
    check_state(harness)
    assert client.ask(store(b"\0k", STRING, b"x")).status is Status.OK
    assert client.run("GET", "k") == b"x"
    check_state(harness)
    for tag, value in [(LIST, b""), (LIST, b"\1\0\0\0"), (HASH, dump(b"f")), (5, b""), (255, b"x")]:
        assert client.ask(store(b"\0k", tag, value)).status is Status.INVALID
    assert client.run("GET", "k") == b"x"
    check_state(harness)


def test_an_entry_that_expires_takes_its_elements_along(harness: Harness, client: Client) -> None:
    client.run("RPUSH", "k", "a", "b")
    client.run("PEXPIRE", "k", "100")
    harness.advance("50ms")
    client.run("HSET", "k2", "f", "v")
    client.run("PEXPIRE", "k2", "10")
    harness.advance("10ms")
    assert client.raw("DBSIZE") == b":1\r\n"
    harness.advance("40ms")
    assert client.raw("EXISTS", "k") == b":0\r\n"
    check_state(harness)
    assert harness.state("keys/#0").get("elements", {}) == {}


def test_one_that_has_expired_is_replaced_by_a_new_one(harness: Harness, client: Client) -> None:
    client.run("RPUSH", "k", "a", "b")
    client.run("PEXPIRE", "k", "100")
    harness.now += 10**9
    assert client.run("RPUSH", "k", "c") == 1
    assert client.run("TTL", "k") == -1
    check_state(harness)


def test_requests_of_kv_see_strings_and_cannot_make_others(harness: Harness, client: Client) -> None:
    client.run("RPUSH", "l", "a")
    head = client.ask(request(Op.GET, b"\0l")).value
    assert client.ask(request(Op.PUT, b"\0m", head, tag=LIST)).status is Status.INVALID
    assert client.ask(request(Op.PUT, b"", b"x")).status is Status.INVALID
    assert client.ask(request(Op.PUT, b"\x10k", b"x")).status is Status.INVALID
    assert client.ask(request(Op.APPEND, b"\0l", b"x")).status is Status.WRONG_TAG
    assert client.ask(request(Op.EXPIRE, b"\0l", expiry=harness.now + 10**9)).status is Status.OK
    assert client.run("LRANGE", "l", 0, -1) == [b"a"]
    assert client.ask(request(Op.PUT, b"\0l", b"x")).status is Status.OK
    assert client.run("GET", "l") == b"x"
    check_state(harness)


def test_a_batch_with_commands_is_all_or_nothing(harness: Harness, client: Client) -> None:
    client.run("RPUSH", "l", "a")
    version = fetch(client, b"\0l").version
    watch = request(Op.GET, b"\0l", flags=Flag.IF_VERSION | Flag.NO_VALUE, version=version)
    run = command(["DEL", "l"], ["HSET", "l", "f", "v"], ["GET", "l"], ["SET", "s", "1"])
    answer = client.ask(batch(watch, run))
    assert answer.status is Status.OK
    found, _ = replies(parse_many(answer.value)[1])
    assert found[:2] == [b":1\r\n", b":1\r\n"]
    assert found[2].startswith(b"-WRONGTYPE")
    refused = client.ask(batch(run, watch))
    assert (refused.status, refused.version) == (Status.CONFLICT, 1)
    assert client.run("HGETALL", "l") == [b"f", b"v"]
    check_state(harness)


def test_every_change_of_a_collection_gives_a_new_version(client: Client) -> None:
    versions = []
    for words in (
        ["RPUSH", "l", "a"],
        ["RPUSH", "l", "b"],
        ["LSET", "l", "0", "x"],
        ["LPOP", "l"],
        ["EXPIRE", "l", "9"],
    ):
        client.run(*words)
        versions.append(fetch(client, b"\0l").version)
    assert versions == sorted(set(versions))
    client.run("LRANGE", "l", 0, -1)
    assert fetch(client, b"\0l").version == versions[-1]


def test_a_transaction_locks_for_commands_too(harness: Harness, client: Client) -> None:
    client.run("RPUSH", "l", "a")
    client.run("SET", "read", "1")
    prepare = request(Op.PREPARE, NAME, items([store(b"\0l", HASH, dump(b"f", b"v")), request(Op.GET, b"\0read")]))
    assert client.ask(prepare).status is Status.OK
    assert client.ask(command(["SET", "other", "1"], ["LLEN", "l"])).status is Status.LOCKED
    assert client.ask(command(["SET", "read", "2"])).status is Status.LOCKED
    assert client.run("GET", "read") == b"1"
    assert client.ask(request(Op.FETCH, b"\0l")).status is Status.LOCKED
    assert client.raw("EXISTS", "other") == b":0\r\n"
    assert client.ask(request(Op.COMMIT, NAME)).status is Status.OK
    assert client.run("HGETALL", "l") == [b"f", b"v"]
    check_state(harness)


def foreign(*entries: tuple[bytes, bytes]) -> bytes:
    """Keys of other shards with the answers to their FETCH."""
    return struct.pack("<I", len(entries)) + b"".join(
        struct.pack("<I", len(key)) + key + found for key, found in entries
    )


def test_a_peek_with_entries_of_other_shards(harness: Harness, client: Client) -> None:
    client.run("RPUSH", "here", "a")
    version = fetch(client, b"\0here").version
    there = client.harness.call("keys/#0", request(Op.FETCH, b"\0here")).replace(b"a", b"b")
    gone = client.harness.call("keys/#0", request(Op.FETCH, b"\0gone"))
    given = foreign((b"\0there", there[:8] + struct.pack("<Q", 4711) + there[16:]), (b"\0gone", gone))
    found, rest = replies(
        client.ask(
            command(
                ["LMOVE", "here", "there", "LEFT", "RIGHT"], ["LRANGE", "there", "0", "-1"], ["EXISTS", "gone"],
                flags=PEEK | FOREIGN, foreign=given,
            )
        )
    )  # fmt: skip
    assert found == [b"$1\r\na\r\n", b"*2\r\n$1\r\nb\r\n$1\r\na\r\n", b":0\r\n"]
    notes = {note.key: note for note in touched(rest)}
    versions = {b"\0here": version, b"\0there": 4711, b"\0gone": parse(gone).version}
    assert {key: note.version for key, note in notes.items()} == versions
    assert (notes[b"\0here"].store, notes[b"\0gone"].store) == (b"", None)
    assert notes[b"\0there"].store == store(b"\0there", LIST, dump(b"b", b"a"))
    assert fetch(client, b"\0here").version == version
    check_state(harness)


RANDOM = {"hrandfield", "dump", "scan", "hscan", "ttl", "pttl"}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(before=st.lists(commands(), max_size=12), script=st.lists(commands(), min_size=1, max_size=8))
def test_a_peek_and_its_stores_do_what_the_commands_do(
    before: list[tuple[Word, ...]], script: list[tuple[Word, ...]]
) -> None:
    script = [words for words in script if str(words[0]).lower() not in RANDOM] or [("PING",)]
    if any(str(words[0]).lower().startswith(("flush", "swap", "keys", "dbsize")) for words in script):
        return  # they are not about keys, and so nobody peeks at them
    with keyspace() as one, keyspace() as other:
        ours, theirs = Client(one), Client(other)
        for client in (ours, theirs):
            if before:
                client.ask(command(*before))
        expected, _ = replies(ours.ask(command(*script)))
        state = other.state("keys/#0") if other.lives("keys/#0") else {}
        found, rest = replies(theirs.ask(command(*script, flags=PEEK)))
        assert found == expected
        left = {name: bucket for name, bucket in other.state("keys/#0").items() if name != "shard"}
        assert left == {name: bucket for name, bucket in state.items() if name != "shard"}
        notes = touched(rest)
        parts = [request(Op.GET, n.key, flags=Flag.IF_VERSION | Flag.NO_VALUE, version=n.version) for n in notes]
        parts += [n.store or request(Op.DELETE, n.key) for n in notes if n.store is not None]
        if parts:
            assert theirs.ask(batch(*parts)).status is Status.OK
        for client in (ours, theirs):
            check_state(client.harness)
        for key in {note.key for note in notes}:
            assert fetch(ours, key)[1::2] == fetch(theirs, key)[1::2]
            assert fetch(ours, key).value == fetch(theirs, key).value


OOM = Error("OOM command not allowed when used memory > 'maxmemory'.")


def test_out_of_room_nothing_is_half_done() -> None:
    with keyspace(limits=Limits(state=6000)) as harness:
        client = Client(harness)
        assert client.run("RPUSH", "l", "a") == 1
        assert client.run("SET", "s", "x" * 7000) == OOM
        assert client.run("RPUSH", "l", *(["x" * 100] * 60)) == OOM
        assert client.run("LRANGE", "l", 0, -1) == [b"a"]
        assert client.run("HSET", "h", *(["f", "x" * 2000, "g", "x" * 2000, "h", "x" * 2000])) == OOM
        assert client.run("EXISTS", "h") == 0
        assert client.run("MSET", "a", "x" * 2000, "b", "x" * 2000, "c", "x" * 2000) == OOM
        assert client.run("EXISTS", "a", "b", "c") == 0
        assert client.run("SET", "a", "x" * 2000) == Simple("OK")
        found, _ = replies(client.ask(command(["SET", "b", "1"], ["SET", "c", "x" * 4000], ["GET", "b"])))
        assert found == [b"+OK\r\n", b"-" + OOM.encode() + b"\r\n", b"$1\r\n1\r\n"]
        check_state(harness)


def test_an_answer_that_is_too_large_changes_nothing() -> None:
    with keyspace(limits=Limits(message=2000)) as harness:
        client = Client(harness)
        for _ in range(3):
            client.run("APPEND", "s", "x" * 1000)
        refused = client.ask(command(["SET", "n", "1"], ["GETDEL", "s"]))
        assert refused.status is Status.TOO_LARGE
        assert client.run("STRLEN", "s") == 3000
        assert client.run("EXISTS", "n") == 0
        check_state(harness)


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"\2\0\0\0", b"\4\0\0\0" + bytes(8), b"\2\x08\0\0" + bytes(8), b"\2\0\x10\0" + bytes(8),
        b"\2\0\0\1" + bytes(8), b"\2\4\0\0" + bytes(12), b"\2\3\0\0" + bytes(8), b"\2\0\0\0" + bytes(8) + b"\0\0\0\0",
        b"\2\0\0\0" + bytes(8) + b"\2\0\0\0\0\0", b"\2\0\0\0" + bytes(8) + b"\2\0\0\0\xff\xff",
        b"\2\0\0\0" + bytes(8) + b"\x06\0\0\0\1\0\xff\xff\xff\0", b"\2\0\0\0" + bytes(8) + b"\xff\xff\xff\xff",
        b"\2\6\0\0" + bytes(8) + b"\1\0\0\0\1\0\0\0k",
    ],
)  # fmt: skip
def test_what_is_no_command(client: Client, payload: bytes) -> None:
    assert client.ask(request(Op.COMMAND, payload=payload)).status is Status.INVALID


@given(payload=st.binary(max_size=60), flags=st.integers(0, 7))
def test_any_bytes_are_answered(payload: bytes, flags: int) -> None:
    with keyspace() as harness:
        client = Client(harness)
        client.ask(request(Op.COMMAND, payload=struct.pack("<BBBxQ", 2, flags & 6, 0, 0) + payload))
        client.ask(request(Op.STORE, b"\0k", payload, tag=flags % 4))
        check_state(harness)


def test_commands_of_one_message_see_each_other(harness: Harness, client: Client) -> None:
    found, _ = replies(
        client.ask(command(["RPUSH", "a", "1"], ["RENAME", "a", "b"], ["DEL", "b"], ["RPUSH", "b", "2"], ["DBSIZE"]))
    )
    assert found == [b":1\r\n", b"+OK\r\n", b":1\r\n", b":1\r\n", b":1\r\n"]
    check_state(harness)


def test_what_is_prepared_can_be_committed_whatever_is_stored_meanwhile() -> None:
    """The dump is looked at, and its room kept, before there is a promise."""
    with keyspace(limits=Limits(state=20_000)) as harness:
        client = Client(harness)
        for value in (b"", dump(b"f"), b"\1\0\0\0"):
            refused = client.ask(request(Op.PREPARE, NAME, items([store(b"\0h", HASH, value)])))
            assert refused.status is Status.INVALID
        elements = dump(*(b"%d" % number for number in range(100)))
        prepare = items([store(b"\0l", LIST, elements), store(b"\0s", STRING, b"x" * 100)])
        assert client.ask(request(Op.PREPARE, NAME, prepare)).status is Status.OK
        check_state(harness)
        number = 0
        while client.run("SET", f"filler{number}", "x" * 50) != OOM:
            number += 1
        assert client.ask(request(Op.COMMIT, NAME)).status is Status.OK
        assert client.run("LLEN", "l") == 100
        check_state(harness)


def test_a_flush_takes_all_of_a_database_or_of_all(harness: Harness, client: Client) -> None:
    other = Client(harness, db=1)

    def fill() -> None:
        for each in (client, other):
            each.run("RPUSH", "l", "a", "b")
            each.run("SET", "s", "1", "EX", "100")

    fill()
    assert client.run("FLUSHDB") == "OK"
    assert (client.run("DBSIZE"), other.run("DBSIZE")) == (0, 2)
    check_state(harness)
    assert other.run("FLUSHDB", "ASYNC") == "OK"
    assert other.run("DBSIZE") == 0
    check_state(harness)
    fill()
    assert client.run("FLUSHALL") == "OK"
    check_state(harness)
    assert set(harness.state("keys/#0")) == {"shard"}
    harness.advance("200s")
    fill()
    prepare = request(Op.PREPARE, NAME, items([request(Op.GET, b"\1s")]))
    assert client.ask(prepare).status is Status.OK
    assert client.ask(command(["FLUSHALL"])).status is Status.LOCKED
    assert client.ask(batch(command(["FLUSHALL"]), request(Op.DELETE, b"\0n", flags=2))).status is Status.LOCKED
    assert client.ask(request(Op.ABORT, NAME)).status is Status.OK
    assert client.ask(batch(command(["FLUSHALL"]), request(Op.DELETE, b"\0n", flags=2))).status is Status.CONFLICT
    assert (client.run("DBSIZE"), other.run("DBSIZE")) == (2, 2)
    check_state(harness)


def test_the_fourth_byte_of_the_length_of_a_word_does_not_matter(client: Client) -> None:
    """The shard writes the database there, and whoever got a command back may send it again."""
    client.run("SET", "key", "value")
    length = struct.pack("<I", 3)
    body = command(["GET", "key"]).replace(length + b"key", length[:3] + b"\x0fkey")
    assert replies(client.ask(body)) == ([b"$5\r\nvalue\r\n"], b"")


def test_collections_that_come_and_go_within_a_turn(harness: Harness, client: Client) -> None:
    client.run("RPUSH", "old", "a")
    client.ask(
        command(
            ["RPUSH", "new", "a"], ["DEL", "new"], ["RENAME", "old", "b"], ["COPY", "b", "c"], ["RENAME", "b", "d"],
            ["RPUSH", "e", "x"], ["RENAME", "e", "f"], ["RENAME", "f", "c"], ["MOVE", "d", "1"], ["RPUSH", "new", "b"],
        )
    )  # fmt: skip
    check_state(harness)
    assert sorted(client.run("KEYS", "*")) == [b"c", b"new"]
    assert client.run("LRANGE", "c", 0, -1) == [b"x"]
    client.run("SWAPDB", 0, 1)
    check_state(harness)
    assert client.run("LRANGE", "d", 0, -1) == [b"a"]
