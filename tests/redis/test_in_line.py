"""Connections that want the same keys of several shards wait in line: none starves, and none has to poll."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from radon.host.hash import stable_hash
from radon.host.limits import Limits
from radon.kv.messages import Op, Status, parse, request
from radon.testing.harness import Harness
from tests.redis.keyspaces import BLOCK, Client
from tests.redis.keyspaces import command as shard_command
from tests.redis.lines import Line, command, redis
from tests.redis.test_rounds import lock

KEYS = [next(f"k{n}" for n in range(100) if stable_hash(f"k{n}".encode()) % 4 == shard) for shard in range(4)]
PLACES = [1 << 63 | number for number in range(1, 6)]


# ---- a shard ----


def enter(harness: Harness, place: int, *, flags: int = BLOCK, line: int = 7, **fields: Any) -> int:
    """Gets in line; the token of the message."""
    words = (".enter", struct.pack("<H", line))
    return harness.post("keys/#0", shard_command(words, flags=flags, seq=place), **fields)


def leave(harness: Harness, place: int, line: int = 7) -> None:
    harness.send("keys/#0", shard_command((".leave", struct.pack("<H", line)), seq=place))


def heard(harness: Harness, *tokens: int) -> list[Status | None]:
    answers = [harness.answer(token) for token in tokens]
    return [parse(body).status if body is not None else None for body in answers]


def test_the_first_may_go_and_the_others_one_after_the_other(harness: Harness) -> None:
    tokens = [enter(harness, place) for place in (PLACES[0], PLACES[3], PLACES[1], PLACES[2])]
    assert heard(harness, *tokens) == [Status.OK, None, None, None]
    leave(harness, PLACES[0])
    assert heard(harness, *tokens[1:]) == [None, Status.READY, None]  # by place, whoever came first
    leave(harness, PLACES[2])  # which waits, and does so no more
    leave(harness, PLACES[1])
    assert heard(harness, *tokens[1:]) == [Status.READY, Status.READY, Status.CONFLICT]
    leave(harness, PLACES[3])
    assert heard(harness, enter(harness, PLACES[4])) == [Status.OK]


def test_lines_do_not_know_each_other(harness: Harness) -> None:
    assert heard(harness, *(enter(harness, PLACES[line], line=line) for line in range(3))) == [Status.OK] * 3
    leave(harness, PLACES[0], line=1)  # where another one is the head
    assert heard(harness, enter(harness, PLACES[4], line=1)) == [None]


def test_who_asks_again_has_the_same_place(harness: Harness) -> None:
    enter(harness, PLACES[0])
    first, second = enter(harness, PLACES[1]), enter(harness, PLACES[2])
    again = enter(harness, PLACES[1])
    leave(harness, PLACES[0])
    assert heard(harness, first, second, again) == [Status.CONFLICT, None, Status.READY]
    assert heard(harness, enter(harness, PLACES[1])) == [Status.OK]  # it may not have heard that


def test_nobody_is_the_head_for_ever(harness: Harness) -> None:
    enter(harness, PLACES[0])
    second = enter(harness, PLACES[1])
    harness.advance("1s")
    third = enter(harness, PLACES[2])
    assert heard(harness, second, third) == [Status.READY, None]
    leave(harness, PLACES[0])  # the head is another one by now
    assert heard(harness, third) == [None]
    leave(harness, PLACES[1])
    assert heard(harness, third) == [Status.READY]


def test_who_does_not_hear_it_any_more_is_passed_over(harness: Harness) -> None:
    enter(harness, PLACES[0])
    enter(harness, PLACES[1], deadline=harness.now + 10)
    enter(harness, PLACES[2], deadline=harness.now + 20)
    third = enter(harness, PLACES[3], deadline=harness.now + 30)
    harness.advance(20)
    leave(harness, PLACES[0])
    assert heard(harness, third) == [Status.READY]


def test_a_shard_that_has_forgotten_who_is_the_head_lets_the_next_one_go(harness: Harness) -> None:
    enter(harness, PLACES[0])
    second = enter(harness, PLACES[1])
    harness.restart()
    third = enter(harness, PLACES[2])
    assert heard(harness, second, third) == [Status.READY, None]
    leave(harness, PLACES[1])
    assert heard(harness, third) == [Status.READY]


def test_who_is_in_line_is_no_blocked_client(harness: Harness, client: Client) -> None:
    enter(harness, PLACES[0])
    waiting = enter(harness, PLACES[1])
    client.run("BLPOP", "l", 0)
    assert client.run(".info")[0] == b""
    assert client.run(".unblock", "resp/some", "t") == 0
    assert heard(harness, waiting) == [None]


@pytest.mark.parametrize("words", [(".enter",), (".enter", b"x"), (".leave", b"\xff\xff"), (".enter", b"\0\0", b"k")])
def test_what_is_no_line_is_refused(harness: Harness, client: Client, words: tuple[str | bytes, ...]) -> None:
    answer = harness.post("keys/#0", shard_command(words, flags=BLOCK, seq=PLACES[0]))
    assert heard(harness, answer) == [Status.OK]
    assert not client.run("EXISTS", "k")
    assert heard(harness, enter(harness, PLACES[1])) == [Status.OK]


def test_without_a_place_or_beside_other_commands_there_is_no_line(harness: Harness) -> None:
    assert heard(harness, enter(harness, 0)) == [Status.OK]
    both = shard_command((".enter", b"\7\0"), (".enter", b"\7\0"), flags=BLOCK, seq=PLACES[0])
    assert heard(harness, harness.post("keys/#0", both)) == [Status.OK]
    assert heard(harness, enter(harness, PLACES[1]), enter(harness, PLACES[2])) == [Status.OK, None]


# ---- connections ----

SET_ALL = ("MSET", *(word for key in KEYS for word in (key, "v")))
TURN = 3_000  # ns


def crowd(harness: Harness, count: int, *words: bytes | str | int) -> list[Line]:
    """Connections that ask for that at the same instant."""
    lines = [Line(harness, f"{number}") for number in range(count)]
    for line in lines:
        line.asked = harness.post(line.atom.text, command(*words), sender=line.address, run=False)
    return lines


def served(harness: Harness, lines: list[Line], turns: int) -> list[int]:
    """Runs so many turns, each of which takes its time, or until all are answered; who was, in that order."""
    order: list[int] = []
    waiting = dict(enumerate(lines))
    for _ in range(turns):
        if not waiting:
            break
        harness.step()
        harness.now += TURN
        harness.submit()
        for number in [number for number, line in waiting.items() if line.listen()]:
            order.append(number)
            del waiting[number]
    return order


def check_nothing_is_left(harness: Harness, lines: list[Line]) -> None:
    for line in lines:
        if harness.lives(line.atom.text):
            assert set(harness.state(line.atom.text)["connection"]) == {b"@"}
    for shard in range(4):
        state = harness.state(f"keys/#{shard}")
        assert not state.get("waiters")
        assert not state.get("prepared")
    assert not harness.dead()


@pytest.mark.parametrize("words", [SET_ALL, ("SINTERSTORE", *KEYS), ("RENAME", *KEYS[:2])])
def test_those_who_want_the_same_keys_are_served_in_their_order(words: tuple[str, ...]) -> None:
    """One refused attempt of each, and then each does it once: nobody waits for a timer."""
    with redis() as harness:
        first = Line(harness, "first")
        for key in KEYS:
            first("SADD", key, "a", "b")
        lines = crowd(harness, 60, *words)
        assert served(harness, lines, 60 * 60) == list(range(60))
        check_nothing_is_left(harness, lines)


def test_who_comes_later_does_not_try_first() -> None:
    with redis() as harness:
        served(harness, crowd(harness, 10, *SET_ALL), 600)
        lines = crowd(harness, 40, *SET_ALL)
        assert served(harness, lines, 40 * 20) == list(range(40))


def test_after_a_while_nobody_gets_in_line_for_nothing() -> None:
    with redis() as harness:
        served(harness, lines := crowd(harness, 10, *SET_ALL), 600)
        harness.advance("300ms")
        commits = len(harness.commits)
        alone = Line(harness, "alone")
        assert alone(*SET_ALL) == b"+OK\r\n"
        assert not harness.state("keys/#0").get("waiters")
        assert len(harness.commits) - commits <= 2
        check_nothing_is_left(harness, [*lines, alone])


def test_who_is_gone_keeps_nobody_waiting() -> None:
    """The head of the line, and some in the middle."""
    with redis() as harness:
        lines = crowd(harness, 30, *SET_ALL)
        done = served(harness, lines, 400)
        assert 0 < len(done) < 10
        for number in range(len(done), 30, 3):
            lines[number].leave()
        rest = [line for number, line in enumerate(lines) if number >= len(done) and (number - len(done)) % 3]
        assert sorted(served(harness, rest, 30 * 60)) == list(range(len(rest)))
        check_nothing_is_left(harness, rest)


@pytest.mark.parametrize("turns", [60, 150, 300, 500])
def test_a_line_that_is_forgotten_is_formed_anew(turns: int) -> None:
    """All instances are lost."""
    with redis() as harness:
        lines = crowd(harness, 30, *SET_ALL)
        done = served(harness, lines, turns)
        harness.forget()
        harness.run(100_000)
        harness.advance("3s")
        rest = [line for number, line in enumerate(lines) if number not in done]
        assert [line.listen() for line in rest] == [b"+OK\r\n"] * len(rest)
        check_nothing_is_left(harness, lines)


def test_a_shard_that_lets_few_wait_serves_all_the_same() -> None:
    with redis(shard_limits=Limits(handles=32)) as harness:
        lines = crowd(harness, 60, *SET_ALL)
        harness.run()
        harness.advance("3s")
        assert [line.listen() for line in lines] == [b"+OK\r\n"] * 60
        check_nothing_is_left(harness, lines)


def test_connections_of_several_domains_wait_in_one_line() -> None:
    with redis(domains=3) as harness:
        lines = crowd(harness, 40, *SET_ALL)
        harness.run(100_000)
        harness.advance("100ms")
        assert [line.listen() for line in lines] == [b"+OK\r\n"] * 40
        check_nothing_is_left(harness, lines)


def test_a_lock_that_stays_keeps_the_line_waiting_until_it_is_refused() -> None:
    with redis() as harness:
        address = lock(harness, KEYS[2].encode(), b"t" * 16)
        lines = crowd(harness, 2, *SET_ALL)
        harness.run()
        harness.advance("21s")
        assert [line.listen()[:9] for line in lines] == [b"-TRYAGAIN"] * 2
        harness.call(address, request(Op.ABORT, b"t" * 16))
        check_nothing_is_left(harness, lines)


def test_who_only_reads_gets_through_between_writers() -> None:
    with redis() as harness:
        lines = crowd(harness, 30, *SET_ALL)
        readers = [Line(harness, f"reader-{number}") for number in range(5)]
        for line in readers:
            line.asked = harness.post(line.atom.text, command("MGET", *KEYS), sender=line.address, run=False)
        assert sorted(served(harness, [*lines, *readers], 35 * 100)) == list(range(35))


def test_a_move_that_has_to_wait_for_an_element_lets_others_go() -> None:
    with redis() as harness:
        lines = crowd(harness, 20, *SET_ALL)
        mover = Line(harness, "mover")
        mover.asked = harness.post(
            mover.atom.text, command("BLMOVE", "absent", KEYS[3], "LEFT", "LEFT", 0), sender=mover.address, run=False
        )
        assert sorted(served(harness, lines, 20 * 60)) == list(range(20))
        harness.run()
        assert mover.waits or not mover.listen()
