"""Commands that wait: whoever does is told when to ask again, keeps its place, and loses nothing."""

from __future__ import annotations

import struct

from radon.kv.messages import Answer, Op, Status, items, parse, request
from radon.testing.harness import Harness
from tests.redis.keyspaces import BLOCK, Client, command, replies

NOTHING = b"*-1\r\n"


def block(harness: Harness, *words: str, seq: int = 0) -> int:
    """Asks with a command that may wait; the token of the message."""
    return harness.post("keys/#0", command(words, flags=BLOCK, seq=seq))


def answer(harness: Harness, token: int) -> Answer | None:
    body = harness.answer(token)
    return parse(body) if body is not None else None


def place(found: Answer | None) -> int:
    """Of a message that was told to ask again."""
    assert found is not None
    assert found.status is Status.READY
    (seq,) = struct.unpack("<Q", found.value)
    return int(seq)


def test_what_is_there_is_popped_at_once(harness: Harness, client: Client) -> None:
    client.run("RPUSH", "l", "a")
    found = answer(harness, block(harness, "BLPOP", "n", "l", "0"))
    assert found is not None
    assert replies(found) == ([b"*2\r\n$1\r\nl\r\n$1\r\na\r\n"], b"")


def test_without_the_flag_nobody_waits(client: Client) -> None:
    assert client.raw("BLPOP", "n", "0") == NOTHING
    (first, second), _ = replies(client.ask(command(["SET", "a", "b"], ["BLPOP", "n", "0"], flags=BLOCK)))
    assert (first, second) == (b"+OK\r\n", NOTHING)


def test_whoever_waits_is_told_and_keeps_the_place(harness: Harness, client: Client) -> None:
    first, second = block(harness, "BLPOP", "l", "k", "0"), block(harness, "BRPOP", "l", "0")
    assert (answer(harness, first), answer(harness, second)) == (None, None)
    client.run("SET", "k", "no list")
    assert answer(harness, first) is None
    client.run("DEL", "k")
    harness.restart()
    client.run("RPUSH", "l", "a")
    places = place(answer(harness, first)), place(answer(harness, second))
    assert places[0] < places[1]
    found = answer(harness, block(harness, "BLPOP", "l", "k", "0", seq=places[0]))
    assert found is not None
    assert replies(found) == ([b"*2\r\n$1\r\nl\r\n$1\r\na\r\n"], b"")
    again = block(harness, "BRPOP", "l", "0", seq=places[1])
    later = block(harness, "BLMOVE", "l", "m", "LEFT", "LEFT", "0")
    assert (answer(harness, again), answer(harness, later)) == (None, None)
    client.run("LPUSH", "l", "b")
    assert place(answer(harness, again)) == places[1]
    assert place(answer(harness, later)) > places[1]


def test_whoever_gives_up_is_told_nothing_more(harness: Harness, client: Client) -> None:
    token = block(harness, "BLPOP", "l", "0", seq=77)
    assert answer(harness, token) is None
    assert client.ask(command(seq=77)) == Answer(Status.OK, 0, 0, 0, b"")
    found = answer(harness, token)
    assert found is not None
    assert found.status is Status.CONFLICT
    client.run("RPUSH", "l", "a")
    assert client.raw("LPOP", "l") == b"$1\r\na\r\n"
    assert client.ask(command(seq=77)).status is Status.OK


def test_a_second_one_in_a_place_drives_out_the_first(harness: Harness, client: Client) -> None:
    first = block(harness, "BLPOP", "l", "0", seq=5)
    second = block(harness, "BLPOP", "m", "0", seq=5)
    found = answer(harness, first)
    assert found is not None
    assert found.status is Status.CONFLICT
    client.run("RPUSH", "l", "a")
    assert answer(harness, second) is None
    client.run("RENAME", "l", "m")
    assert place(answer(harness, second)) == 5


def test_whatever_makes_a_list_wakes(harness: Harness, client: Client) -> None:
    client.run("RPUSH", "source", "a")
    for words in (["COPY", "source", "l"], ["LMOVE", "source", "l", "LEFT", "LEFT"], ["RENAME", "other", "l"]):
        client.run("DEL", "l")
        client.run("RPUSH", "other", "a")
        token = block(harness, "BLPOP", "l", "0")
        assert answer(harness, token) is None
        client.run(*words)
        place(answer(harness, token))
    client.run("DEL", "l")
    token = block(harness, "BLPOP", "l", "0")
    store = request(Op.STORE, b"\0l", items([b"x"]), tag=1)
    assert client.ask(request(Op.PREPARE, b"t" * 16, items([store]))).status is Status.OK
    assert answer(harness, token) is None
    assert client.ask(request(Op.COMMIT, b"t" * 16)).status is Status.OK
    place(answer(harness, token))


def test_what_is_undone_wakes_nobody(harness: Harness, client: Client) -> None:
    token = block(harness, "BLPOP", "l", "0")
    batch = items([command(["RPUSH", "l", "a"]), request(Op.DELETE, b"\0nothing", flags=2)])
    assert client.ask(request(Op.BATCH, payload=batch)).status is Status.CONFLICT
    assert answer(harness, token) is None
    assert client.raw("LLEN", "l") == b":0\r\n"


def test_a_command_in_a_batch_cannot_wait(client: Client) -> None:
    batch = items([command(["BLPOP", "l", "0"], flags=BLOCK)])
    assert client.ask(request(Op.BATCH, payload=batch)).status is Status.INVALID


def test_sorted_sets_wake_those_who_wait_for_their_lowest_and_highest(harness: Harness, client: Client) -> None:
    words = ["BZPOPMIN", "n", "z", "0"], ["BZPOPMAX", "z", "0"], ["BZMPOP", "0", "2", "n", "z", "MAX", "COUNT", "9"]
    tokens = [block(harness, *it) for it in words]
    assert [answer(harness, token) for token in tokens] == [None] * 3
    client.run("ZADD", "z", 1, "a", 2, "b", 3, "c", 4, "d")
    expected = [
        b"*3\r\n$1\r\nz\r\n$1\r\na\r\n$1\r\n1\r\n",
        b"*3\r\n$1\r\nz\r\n$1\r\nd\r\n$1\r\n4\r\n",
        b"*2\r\n$1\r\nz\r\n*2\r\n*2\r\n$1\r\nc\r\n$1\r\n3\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n",
    ]
    for token, it, reply in zip(tokens, words, expected, strict=True):
        found = answer(harness, block(harness, *it, seq=place(answer(harness, token))))
        assert found is not None
        assert replies(found) == ([reply], b"")
