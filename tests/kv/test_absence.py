"""The versions of keys that are not there: another one each time that a key has come and gone, however it went."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.kv.messages import Answer, Flag, Op, Status, items, parse, parse_many, request
from radon.testing.harness import Harness

ABSENCE = 1 << 63
NAME = b"16 bytes of name"


def ask(harness: Harness, op: Op, key: bytes, payload: bytes = b"", **fields: int | Flag) -> Answer:
    return parse(harness.call("kv/#0", request(op, key, payload, **fields)))  # type: ignore[arg-type]


def look(harness: Harness, key: bytes = b"a") -> int:
    found = ask(harness, Op.GET, key)
    assert found.status is Status.ABSENT
    assert found.version >= ABSENCE
    return found.version


def still(harness: Harness, version: int, key: bytes = b"a") -> bool:
    """Both with a condition and by another look."""
    found = ask(harness, Op.GET, key, flags=Flag.IF_VERSION | Flag.NO_VALUE, version=version)
    assert found.status in (Status.ABSENT, Status.CONFLICT)
    assert (found.status is Status.ABSENT) == (look(harness, key) == version)
    return found.status is Status.ABSENT


def put(harness: Harness, **fields: int | Flag) -> None:
    assert ask(harness, Op.PUT, b"a", b"1", **fields).status is Status.OK


def delete(harness: Harness) -> None:
    put(harness)
    ask(harness, Op.DELETE, b"a")


def expire(harness: Harness) -> None:
    put(harness, expiry=5, flags=Flag.RELATIVE)
    harness.advance(5)


def be_born_expired(harness: Harness) -> None:
    put(harness, expiry=1)


def batch(harness: Harness) -> None:
    both = items([request(Op.PUT, b"a", b"1"), request(Op.DELETE, b"a")])
    assert ask(harness, Op.BATCH, b"", both).status is Status.OK


def commit(harness: Harness) -> None:
    put(harness)
    assert ask(harness, Op.PREPARE, NAME, items([request(Op.DELETE, b"a")])).status is Status.OK
    assert ask(harness, Op.COMMIT, NAME).status is Status.OK


WAYS = [delete, expire, be_born_expired, batch, commit]


@pytest.mark.parametrize("lost", ["nothing", "the instance", "the process"])
@pytest.mark.parametrize("come_and_go", WAYS)
def test_who_came_and_went_was_not_absent(harness: Harness, come_and_go: Callable[[Harness], None], lost: str) -> None:
    for _ in range(3):
        before = look(harness)
        assert still(harness, before)
        come_and_go(harness)
        if lost == "the instance":
            harness.forget()
        if lost == "the process":
            harness.restart(snapshot=True)
        assert not still(harness, before)
        assert look(harness) > before


def test_an_absence_is_of_no_entry_and_no_entry_of_an_absence(harness: Harness) -> None:
    absent = look(harness)
    there = ask(harness, Op.PUT, b"a").version
    assert ask(harness, Op.PUT, b"a", flags=Flag.IF_VERSION, version=absent).status is Status.CONFLICT
    assert ask(harness, Op.DELETE, b"a").version == there
    assert not still(harness, there)
    assert ask(harness, Op.PUT, b"a", flags=Flag.IF_VERSION, version=look(harness)).version > there


def test_version_0_stands_for_any_absence(harness: Harness) -> None:
    for _ in range(2):
        assert ask(harness, Op.GET, b"a", flags=Flag.IF_VERSION, version=0).status is Status.ABSENT
        delete(harness)
    conflict = ask(harness, Op.GET, b"a", flags=Flag.IF_VERSION, version=4711)
    assert (conflict.status, conflict.version) == (Status.CONFLICT, 0)


def test_what_happens_to_others_is_no_matter(harness: Harness) -> None:
    """Not of those with the same slot either, unless two of them go."""
    before = look(harness)
    for number in range(100):
        for op in (Op.PUT, Op.DELETE):
            assert ask(harness, op, b"other-%d" % number).status is Status.OK
        ask(harness, Op.DELETE, b"a")
    assert still(harness, before)


def test_what_is_undone_was_no_removal(harness: Harness) -> None:
    put(harness)
    refused = [request(Op.DELETE, b"a"), request(Op.GET, b"a"), request(Op.PUT, b"b", flags=Flag.IF_PRESENT)]
    before = look(harness, b"b")
    assert ask(harness, Op.BATCH, b"", items(refused)).status is Status.CONFLICT
    assert ask(harness, Op.PREPARE, NAME, items([request(Op.DELETE, b"a")])).status is Status.OK
    assert ask(harness, Op.ABORT, NAME).status is Status.OK
    assert ask(harness, Op.GET, b"a").status is Status.OK
    assert still(harness, before, b"b")


def test_a_shard_that_was_lost_remembers_what_it_can(harness: Harness) -> None:
    """Where no version was given out since, nothing can have come and gone."""
    before = look(harness)
    harness.forget()
    assert still(harness, before)
    harness.restart(snapshot=True)
    assert still(harness, before)
    assert ask(harness, Op.PUT, b"b").status is Status.OK
    assert still(harness, before)
    harness.forget()
    assert not still(harness, before)
    assert still(harness, look(harness))


def test_what_has_expired_and_was_not_removed_yet_is_another_absence(harness: Harness) -> None:
    before = look(harness)
    check = request(Op.GET, b"a", flags=Flag.IF_VERSION, version=before)
    found = ask(harness, Op.BATCH, b"", items([request(Op.PUT, b"a", expiry=1), check]))
    assert (found.status, found.version) == (Status.CONFLICT, 1)


def test_within_a_batch_it_is_the_absence_before_it(harness: Harness) -> None:
    before = look(harness)
    check = request(Op.GET, b"a", flags=Flag.IF_VERSION, version=before)
    found = ask(harness, Op.BATCH, b"", items([request(Op.PUT, b"a"), request(Op.DELETE, b"a"), check]))
    assert (found.status, parse_many(found.value)[2].version) == (Status.OK, before)
    assert not still(harness, before)
