"""Each limit of a kind, at the last thing that it allows and the first that it does not, in the words of the WIT."""

from __future__ import annotations

from bisect import bisect_left

import pytest

from radon.abi.errors import TooLarge
from radon.host.limits import (
    ENTRY_OVERHEAD,
    KEPT_FUEL,
    KEY_BYTES,
    MIB,
    NAME_BYTES,
    NAME_FUEL,
    STATE_KEY_BYTES,
    SYSCALL_FUEL,
    WRITE_FUEL,
    Limits,
)
from radon.testing.harness import Harness
from tests.hostile.conftest import Yard, hostile
from tests.hostile.puppet import DATA, DIRECT, MESSAGE, PUPPET, Act, Played, Script

FIRST = MESSAGE + 1
SECOND = 10**9
WORLD = 60_000
"""An address behind any script."""


@pytest.fixture
def tight(yard: Yard) -> Harness:
    limits = Limits(outbox=5, state=1000, message=50_000, spawned=3, turn=50_000_000)
    return yard(puppet=hostile("puppet", PUPPET, limits=limits))


def codes(played: Played, areas: list[int], gap: int = 1) -> list[str]:
    return [played.code(area, gap) for area in areas]


# ---- outbox ----

SENDING = {
    "messaging.address.send": (FIRST, 0, 4),
    "messaging.address.cast": (FIRST, 0, 4),
    "messaging.address.send-later": (FIRST, 0, 4, SECOND),
    "messaging.address.request": (FIRST, 0, 4, SECOND, 1),
    "topics.publish": (DATA, 7, 0, 4),
    "topics.subscribe": (DATA, 7),
    "topics.unsubscribe": (DATA, 7),
    "lifecycle.monitor": (FIRST, 1),
    "lifecycle.stop": (FIRST,),
}


@pytest.mark.parametrize("name", SENDING)
def test_a_turn_sends_as_much_as_its_outbox_holds(tight: Harness, name: str) -> None:
    script = Script()
    script.data(b"witness")
    target = b"puppet/x" if name == "lifecycle.stop" else b"witness"
    script.call("messaging.open", *script.data(target), script.area())
    areas = [script.area() for _ in range(6)]
    for area in areas:
        script.call(name, *SENDING[name], area)
    assert codes(script.play(tight), areas) == ["ok"] * 5 + ["exhausted"]


def test_the_outbox_is_one_for_all_that_is_sent(tight: Harness) -> None:
    script = Script()
    script.data(b"witness")
    script.call("messaging.open", DATA, 7, script.area())
    areas = []
    for name in list(SENDING)[:6]:
        areas.append(script.area())
        script.call(name, *SENDING[name], areas[-1])
    call = script.area()
    script.call("messaging.address.call", FIRST, 0, 4, SECOND, call)
    played = script.play(tight)
    assert codes(played, areas) == ["ok"] * 5 + ["exhausted"]
    assert played.code(call, gap=4) == "exhausted"


def test_what_a_failed_turn_sent_counts_for_nothing(tight: Harness) -> None:
    for _ in range(3):
        script = Script()
        script.call("messaging.open", *script.data(b"witness"), script.area())
        script.call(Act.REPEAT, 5)
        script.call("messaging.address.send", FIRST, 0, 4, script.area())
        script.call(Act.TRAP)
        script.fail(tight)
    assert not tight.lives("witness/")


def test_an_atom_has_as_many_timers_as_its_outbox_holds(tight: Harness) -> None:
    script = Script()
    areas = [script.area() for _ in range(9)]
    for token, area in zip((0, 1, 2, 3, 4, 5, 4), areas, strict=False):  # the last one moves a timer
        script.call("clock.set-timer", 5 * SECOND, token, area)
    script.call("clock.cancel-timer", 2)
    for token, area in zip((7, 8), areas[7:], strict=True):
        script.call("clock.set-timer", 6 * SECOND, token, area)
    assert codes(script.play(tight), areas) == ["ok"] * 5 + ["exhausted", "ok", "ok", "exhausted"]
    script = Script()
    areas = [script.area() for _ in range(3)]
    for token, area in zip((0, 9, 1), areas, strict=True):
        script.call("clock.set-timer", SECOND, token, area)
    assert codes(script.play(tight), areas) == ["ok", "exhausted", "ok"]
    tight.advance("1s")
    script = Script()
    areas = [script.area() for _ in range(3)]
    for token, area in enumerate(areas):
        script.call("clock.set-timer", SECOND, 100 + token, area)
    assert codes(script.play(tight), areas) == ["ok", "ok", "exhausted"]


def test_a_turn_that_cancels_timers_without_end_is_ended(tight: Harness) -> None:
    def cancelling(most: int) -> Script:
        script = Script()
        script.call(Act.REPEAT, most, 1)
        script.call("clock.cancel-timer", 0)
        return script

    cancelling(10).play(tight)
    line = cancelling(11).fail(tight)
    assert "the turn has set or cancelled 10 timers (twice limits.outbox) in step.clock.cancel-timer" in line


# ---- state ----


def put(script: Script, key: int, value: int) -> int:
    """A key and a value of so many bytes, into the bucket FIRST. The result area."""
    area = script.area()
    script.call("state.bucket.put", FIRST, WORLD, key, WORLD, value, area)
    return area


def test_state_is_full_at_the_last_byte(tight: Harness) -> None:
    script = Script()
    script.call("state.open", *script.data(b"data"), script.area())
    areas = [put(script, 10, 900 - 10 - ENTRY_OVERHEAD)]  # 100 are left
    areas.append(put(script, 8, 100 - 8 - ENTRY_OVERHEAD + 1))
    areas.append(put(script, 8, 100 - 8 - ENTRY_OVERHEAD))
    areas.append(put(script, 9, 0))
    areas.append(put(script, 8, 100 - 8 - ENTRY_OVERHEAD + 1))  # an entry that is there may not grow
    areas.append(put(script, 8, 0))
    areas.append(put(script, 9, 100 - 8 - 9 - 2 * ENTRY_OVERHEAD))
    added = script.area()
    script.call("state.bucket.add", FIRST, WORLD, 4, 1, added)
    played = script.play(tight)
    assert codes(played, areas) == ["ok", "exhausted", "ok", "exhausted", "exhausted", "ok", "ok"]
    assert played.code(added, gap=8) == "exhausted"
    assert tight.image().atoms["puppet", "a"].used == 1000
    script = Script()
    script.call("state.open", *script.data(b"other"), script.area())
    areas = [put(script, 1, 0)]  # all buckets count together
    assert codes(script.play(tight), areas) == ["exhausted"]


def test_what_is_deleted_makes_room_at_once(tight: Harness) -> None:
    script = Script()
    script.call("state.open", *script.data(b"data"), script.area())
    areas = [put(script, 1, 1000 - 1 - ENTRY_OVERHEAD)]
    script.call("state.bucket.delete", FIRST, WORLD, 1, script.area())
    areas.append(put(script, 2, 1000 - 2 - ENTRY_OVERHEAD))
    script.call("state.bucket.delete-range", FIRST, *[0] * 6, script.area())
    areas.append(put(script, 3, 1000 - 3 - ENTRY_OVERHEAD))
    assert codes(script.play(tight), areas) == ["ok"] * 3


def test_a_key_of_state_is_so_long(h: Harness) -> None:
    script = Script()
    script.call("state.open", *script.data(b"data"), script.area())
    script.call(Act.GROW, 4)
    areas = [put(script, length, 0) for length in (STATE_KEY_BYTES, STATE_KEY_BYTES + 1)]
    assert codes(script.play(h), areas) == ["ok", "too-large"]


# ---- messages ----


@pytest.mark.parametrize(
    "name", ["messaging.address.send", "messaging.address.cast", "messaging.address.send-later",
             "messaging.address.request", "messaging.message.reply", "messaging.message.reply-with", "topics.publish"],
)  # fmt: skip
def test_a_body_is_as_long_as_a_message_may_be(tight: Harness, name: str) -> None:
    script = Script()
    script.data(b"witness")
    script.call("messaging.open", DATA, 7, script.area())
    before = {"messaging.message.reply": (MESSAGE,), "messaging.message.reply-with": (MESSAGE, 8, 0),
              "topics.publish": (DATA, 7)}.get(name, (FIRST,))  # fmt: skip
    after = {"messaging.address.send-later": (SECOND,), "messaging.address.request": (SECOND, 1)}.get(name, ())
    areas = [script.area(), script.area()]
    for length, area in zip((50_001, 50_000), areas, strict=True):
        script.call(name, *before, 0, length, *after, area)
    script.call("objects.put", 0, 512, script.area())
    tight.post("puppet/a", script.body())
    (thing,) = tight.image().objects.values()
    assert codes(Played(thing.body), areas) == ["too-large", "ok"]


def test_so_is_the_body_of_a_call_and_what_a_new_atom_is_given(tight: Harness) -> None:
    script = Script()
    script.data(b"witness")
    script.call("messaging.open", DATA, 7, script.area())
    areas = [script.area() for _ in range(6)]
    for length, area in zip((50_001, 50_000), areas, strict=False):
        script.call("messaging.address.call", FIRST, 0, length, SECOND, area)
    for length, area in zip((50_001, 50_000), areas[2:], strict=False):
        script.call("lifecycle.spawn", DATA, 7, 0, length, area)
    for length, area in zip((50_001, 50_000), areas[4:], strict=True):
        script.call("lifecycle.spawn-many", DATA, 7, 1, 0, length, area)
    assert codes(script.play(tight), areas, gap=4) == ["too-large", "ok"] * 3


def test_metadata_are_together_no_longer_than_a_message(tight: Harness) -> None:
    script = Script()
    areas = [script.area(), script.area()]
    for size, area in zip((50_000, 49_999), areas, strict=True):
        pair, _ = script.data(b"".join(n.to_bytes(4, "little") for n in (WORLD, 1, 0, size)))
        script.call("messaging.message.reply-with", MESSAGE, pair, 1, 0, 0, area)
    script.call("objects.put", 0, 512, script.area())
    tight.post("puppet/a", script.body())
    (thing,) = tight.image().objects.values()
    assert codes(Played(thing.body), areas) == ["too-large", "ok"]


def test_a_body_from_outside_is_as_long_as_the_receiver_takes(tight: Harness) -> None:
    tight.post("puppet/a", b"\0" * 50_000)
    with pytest.raises(TooLarge, match=r"50001 bytes for puppet/a; limits\.message is 50000"):
        tight.call("puppet/a", b"\0" * 50_001)


# ---- spawned atoms ----


def test_a_turn_spawns_so_many_atoms(tight: Harness) -> None:
    script = Script()
    script.data(b"witness")
    areas = [script.area() for _ in range(4)]
    for count, area in zip((4, 2, 2, 1), areas, strict=True):
        script.call("lifecycle.spawn-many", DATA, 7, count, 0, 0, area)
    last = script.area()
    script.call("lifecycle.spawn", DATA, 7, 0, 0, last)
    played = script.play(tight)
    assert codes(played, [*areas, last], gap=4) == ["exhausted", "ok", "exhausted", "ok", "exhausted"]
    assert len([kind for kind, _ in tight.image().atoms if kind == "witness"]) == 3


# ---- the turn ----


def fails(script: Script, turn: int) -> bool:
    """Does a turn with so much fuel end before its script does?"""
    with Harness({"direct": hostile("direct", DIRECT, limits=Limits(turn=turn))}) as h:
        h.send("direct/a", script.body())
        return bool(h.dead())


def least(script: Script) -> int:
    """The least fuel with which the script comes to its end."""
    return bisect_left(range(1_000_000), True, key=lambda turn: turn > 0 and not fails(script, turn))


def test_a_turn_that_uses_its_last_unit_of_fuel_is_done_and_one_more_is_too_much() -> None:
    script = Script()
    script.call(Act.REPEAT, 100)
    script.call("clock.now")
    enough = least(script)
    assert enough > 100 * SYSCALL_FUEL
    assert [fails(script, turn) for turn in (enough, enough - 1, enough)] == [False, True, False]


@pytest.mark.parametrize(
    ("name", "data", "more", "result", "costs"),
    [
        ("clock.now", [], [], False, SYSCALL_FUEL),
        ("random.next", [], [], False, SYSCALL_FUEL * 5 // 4),
        ("messaging.open", [b"direct/name"], [], True, SYSCALL_FUEL + 11 * (1 + NAME_FUEL) + 8),
        ("messaging.address.send", [b"body"], [], True, SYSCALL_FUEL + 4 * (1 + KEPT_FUEL) + 2),
        ("state.bucket.put", [b"key", b"value"], [], True, SYSCALL_FUEL + WRITE_FUEL + 8 * (1 + KEPT_FUEL) + 2),
        ("state.bucket.get", [b"none"], [], True, SYSCALL_FUEL + 4 + 16),
        ("topics.publish", [b"news", b"body"], [], True, SYSCALL_FUEL + 4 * (1 + NAME_FUEL) + 4 * (1 + KEPT_FUEL) + 2),
        ("log.write", [b"hello"], [], False, SYSCALL_FUEL + 5 * (1 + KEPT_FUEL)),
        ("log.count", [b"seen"], [1], False, SYSCALL_FUEL + 4),
    ],
)
def test_a_syscall_costs_what_the_table_says(
    name: str, data: list[bytes], more: list[int], result: bool, costs: int
) -> None:
    """By 40 more of it in a turn, each of which costs the host more than the guest."""

    def spent(times: int) -> int:
        script = Script()
        script.call("state.open", *script.data(b"data"), script.area())  # its handle is the first behind the message
        script.call("messaging.open", *script.data(b"direct/x"), script.area())
        texts = [word for text in data for word in script.data(text)]
        handle = [FIRST] if "bucket" in name else [FIRST + 1] if "address" in name else []
        level = [1] if name == "log.write" else []
        script.call(Act.REPEAT, times)
        script.call(name, *handle, *level, *texts, *more, *([script.area()] if result else []))
        return least(script)

    assert spent(80) - spent(40) == 40 * costs


# ---- names ----


@pytest.mark.parametrize(
    ("name", "most", "gap"),
    [
        ("state.open", NAME_BYTES, 4),
        ("topics.subscribe", NAME_BYTES, 1),
        ("messaging.open", len("puppet/") + KEY_BYTES, 4),
    ],
)
def test_a_name_is_so_long(h: Harness, name: str, most: int, gap: int) -> None:
    script = Script()
    areas = [script.area() for _ in range(3)]
    script.call(Act.FILL, WORLD, ord("x"), 2000)
    text = b"puppet/" if name == "messaging.open" else b"xxxxxxx"
    script.call(Act.STORE, WORLD, int.from_bytes(text + b"x", "little"))
    for length, area in zip((most, most + 1, 0), areas, strict=True):
        script.call(name, WORLD, length, area)
    assert codes(script.play(h), areas, gap) == ["ok", "too-large", "invalid"]


def test_an_object_is_as_large_as_the_state_may_be(yard: Yard) -> None:
    h = yard(puppet=hostile("puppet", PUPPET, limits=Limits(state=MIB // 2)))
    script = Script()
    script.call(Act.GROW, 16)
    areas = [script.area(), script.area()]
    for size, area in zip((MIB // 2, MIB // 2 + 1), areas, strict=True):
        script.call("objects.put", 0, size, area)
    assert codes(script.play(h), areas, gap=4) == ["ok", "too-large"]
