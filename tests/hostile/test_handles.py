"""Handles that stand for nothing, or not for what they are used as: an ended turn, and never another's resource."""

from __future__ import annotations

import pytest

from radon.abi.exchange import Reply
from radon.abi.signature import Syscall
from radon.abi.syscalls import SYSCALLS
from radon.host.canonical import parse
from radon.host.limits import Limits
from radon.testing.harness import Harness
from tests.hostile.conftest import Yard, hostile
from tests.hostile.puppet import DIRECT, MESSAGE, PUPPET, Act, Script
from tests.hostile.test_pointers import RESOURCES, arguments, case_id

ON_A_HANDLE = [row for row in SYSCALLS if row.takes and parse(row.takes[0]).head in ("borrow", "own")]
FIRST = MESSAGE + 1


def resource_of(row: Syscall) -> str:
    return parse(row.takes[0]).args[0].head


def take(script: Script, resource: str) -> None:
    """The next handle is one of that type."""
    if resource == "message":
        script.call("messaging.message.keep", MESSAGE, 5, script.area())
        script.call("messaging.kept", 5, script.area())
    else:
        script.call(RESOURCES[resource], *script.data(b"witness"), script.area())


@pytest.mark.parametrize("row", ON_A_HANDLE, ids=case_id)
def test_a_number_that_is_no_handle_of_the_type_ends_the_turn(h: Harness, row: Syscall) -> None:
    wrong = "bucket" if resource_of(row) != "bucket" else "address"
    for number in (0, 17, 1023, 1024, 2**31 - 1, 2**31, 2**32 - 1, FIRST):
        script = Script()
        take(script, wrong)
        values = arguments(Script(), row)
        script.call(row.name, number, *values[1:])
        says = f"trap: {number} is no handle of a live {resource_of(row)} in step.{row.name} < step < play < receive"
        assert says in script.fail(h, f"puppet/{number}")


@pytest.mark.parametrize("resource", ["address", "message", "bucket", "object"])
def test_a_dropped_handle_is_none(h: Harness, resource: str) -> None:
    drop = next(row.name for row in ON_A_HANDLE if row.field == f"[resource-drop]{resource}")
    for row in (row for row in ON_A_HANDLE if resource_of(row) == resource):
        script = Script()
        take(script, resource)
        script.call(drop, FIRST)
        script.call(row.name, FIRST, *arguments(Script(), row)[1:])
        assert f"{FIRST} is no handle of a live {resource} in step.{row.name}" in script.fail(h, f"puppet/{row.name}")


def test_the_lowest_free_number_is_given_next(h: Harness) -> None:
    script = Script()
    numbers = [script.call("messaging.self") for _ in range(4)]
    script.call("messaging.address.drop", 3)
    script.call("messaging.address.drop", 2)
    numbers += [script.call("messaging.self") for _ in range(3)]
    played = script.play(h)
    assert [played.result(number) for number in numbers] == [2, 3, 4, 5, 2, 3, 6]


def test_handles_go_with_their_instance(h: Harness) -> None:
    script = Script()
    script.call("messaging.self")
    script.play(h)
    script = Script()
    script.call("messaging.address.text", FIRST, script.area())
    script.play(h)
    h.forget()
    assert "2 is no handle of a live address" in script.fail(h)
    script.call("messaging.self")
    assert "2 is no handle of a live address" in script.fail(h)  # nor after a turn that failed


def test_a_borrowed_message_is_taken_back_at_the_end_of_its_turn(h: Harness) -> None:
    """Its number is free again, and whatever is given it next is what the number means."""
    first = h.post("puppet/a", Script().body())
    script = Script()
    script.call("messaging.message.drop", MESSAGE)  # the number of this turn's message too
    script.call("messaging.self")
    script.call("messaging.message.reply", MESSAGE, 0, 0, script.area())
    assert f"{MESSAGE} is no handle of a live message in step.messaging.message.reply" in script.fail(h)
    assert [reply.code for reply in h.outputs if isinstance(reply, Reply) and reply.token == first] == [6]  # closed


def test_what_stands_where_a_borrowed_message_stood_is_not_taken_back_with_it(h: Harness) -> None:
    script = Script()
    script.call("messaging.message.drop", MESSAGE)
    script.call("messaging.self")  # gets its number
    h.send("puppet/a", script.body())
    script = Script()
    area = script.area()
    script.call("messaging.address.text", MESSAGE, area)
    script.call("objects.put", area, 8, script.area())
    h.send("puppet/a", script.body())
    assert h.logs() == []
    assert len(h.image().objects) == 1


def test_a_message_that_was_kept_and_taken_is_answered_once_though_its_handle_lives_on(h: Harness) -> None:
    script = Script()
    script.call("messaging.message.keep", MESSAGE, 5, script.area())
    kept = h.post("puppet/a", script.body())
    script = Script()
    script.call("messaging.kept", 5, script.area())  # not answered: the one who asked hears closed
    script.play(h)
    script = Script()
    area = script.area()
    script.call("messaging.message.reply", FIRST, 0, 4, area)
    assert script.play(h).code(area) == "invalid"
    assert [(reply.token, reply.code) for reply in h.outputs if isinstance(reply, Reply) and reply.token == kept] == [
        (kept, 6)
    ]


def test_a_message_is_answered_once_whatever_else_is_done_with_it(h: Harness) -> None:
    script = Script()
    take(script, "address")
    areas = [script.area() for _ in range(6)]
    script.call("messaging.message.reply", MESSAGE, 0, 0, areas[0])
    script.call("messaging.message.reply", MESSAGE, 0, 0, areas[1])
    script.call("messaging.message.reply-with", MESSAGE, 8, 0, 0, 0, areas[2])
    script.call("messaging.message.keep", MESSAGE, 1, areas[3])
    script.call("messaging.message.forward", MESSAGE, FIRST, areas[4])
    script.call("objects.put", 0, 4096, areas[5])
    token = h.post("puppet/a", script.body())
    assert h.answer(token) == b""
    assert h.image().objects  # the turn was done
    seen = next(iter(h.image().objects.values())).body
    assert [seen[area] for area in areas[:5]] == [0, 1, 1, 1, 1]
    assert {seen[area + 1] for area in areas[1:5]} == {7}


# ---- of another atom of a shared kind ----


@pytest.fixture
def shared(yard: Yard) -> Harness:
    return yard(direct=hostile("direct", DIRECT, shared=True))


@pytest.mark.parametrize("resource", ["address", "message", "bucket", "object"])
def test_a_handle_of_another_atom_of_a_shared_kind_is_none(shared: Harness, resource: str) -> None:
    """Though the guest knows its number: it is in the memory that they share."""
    for row in (row for row in ON_A_HANDLE if resource_of(row) == resource and row.effect != "suspends"):
        script = Script()
        take(script, resource)
        script.play(shared, "direct/owner")
        script = Script()
        script.call(row.name, FIRST, *arguments(Script(), row)[1:])
        assert f"{FIRST} is no handle of a live {resource}" in script.fail(shared, "direct/thief")


def test_a_number_means_what_the_atom_itself_was_given_for_it(shared: Harness) -> None:
    for name in "ab":
        script = Script()
        script.call(RESOURCES["address"], *script.data(f"witness/{name}".encode()), script.area())
        script.play(shared, f"direct/{name}")
    for name in "ab":
        assert not shared.lives(f"witness/{name}")
        script = Script()
        script.call("messaging.address.send", FIRST, 0, 0, script.area())
        script.play(shared, f"direct/{name}")
        assert shared.lives(f"witness/{name}")


def test_a_message_of_another_atom_of_a_shared_kind_cannot_be_answered(shared: Harness) -> None:
    script = Script()
    script.call("messaging.message.keep", MESSAGE, 5, script.area())
    script.call("messaging.kept", 5, script.area())
    script.call("messaging.message.keep", FIRST, 5, script.area())
    kept = shared.post("direct/owner", script.body())
    script = Script()
    script.call("messaging.kept", 5, area := script.area())
    assert script.play(shared, "direct/thief").word(area) == 0  # none: kept messages are each atom's own
    script = Script()
    script.call("messaging.message.reply", FIRST, 0, 4, script.area())
    assert f"{FIRST} is no handle of a live message" in script.fail(shared, "direct/thief")
    assert shared.reply(kept) is None


# ---- limits.handles ----


@pytest.fixture
def few(yard: Yard) -> Harness:
    """Puppets with ten handles, of which the message is one."""
    return yard(puppet=hostile("puppet", PUPPET, limits=Limits(handles=10)))


def test_the_last_handle_is_the_limits_last(few: Harness) -> None:
    script = Script()
    script.call(Act.REPEAT, 9)
    last = script.call("messaging.self")
    assert script.play(few).result(last) == 10
    script.call("messaging.self")
    few.forget()
    script = Script()
    script.call(Act.REPEAT, 10)
    script.call("messaging.self")
    assert "10 of 10 handles are in use" in script.fail(few)


@pytest.mark.parametrize("name", ["messaging.open", "state.open", "objects.put", "lifecycle.spawn"])
def test_one_handle_too_many_is_exhausted(few: Harness, name: str) -> None:
    for most, code in ((8, "ok"), (9, "exhausted")):
        few.forget()
        script = Script()
        area = script.area()
        script.call(Act.REPEAT, most)
        script.call("messaging.self")
        more = (0, 0) if name == "lifecycle.spawn" else ()
        script.call(name, *script.data(b"witness"), *more, area)
        assert script.play(few).code(area, gap=4) == code


def test_a_sender_for_whom_no_handle_is_left_ends_the_turn(few: Harness) -> None:
    inner = Script()
    inner.call(Act.REPEAT, 8)
    inner.call("messaging.self")
    inner.call("messaging.message.sender", MESSAGE, inner.area())
    script = Script()
    script.call("messaging.self")
    script.call("messaging.address.send", FIRST, *script.data(inner.body()), script.area())
    script.play(few)
    assert "10 of 10 handles are in use" in few.logs()[-1]
    assert "in step.messaging.message.sender < step < play < receive" in few.logs()[-1]


def test_atoms_whose_addresses_find_no_handles_are_not_spawned(few: Harness) -> None:
    script = Script()
    areas = [script.area(), script.area()]
    for count, area in ((10, areas[0]), (9, areas[1])):
        script.call("lifecycle.spawn-many", *script.data(b"puppet"), count, 0, 0, area)
    played = script.play(few)
    assert [played.code(area, gap=4) for area in areas] == ["exhausted", "ok"]
    assert len([key for kind, key in few.image().atoms if kind == "puppet"]) == 1 + 9


def test_kept_messages_count_as_handles_do(few: Harness) -> None:
    for number in range(11):
        script = Script()
        area = script.area()
        script.call("messaging.message.keep", MESSAGE, number, area)
        script.call("objects.put", area, 2, script.area())
        script.call("objects.object.drop", FIRST)
        few.post("puppet/a", script.body())
    assert len(few.image().atoms["puppet", "a"].kept) == 10
    assert [thing.body for thing in few.image().objects.values()] == [b"\0\0", b"\1\3"]
