"""Objects: immutable bytes by their SHA-256, for as long as they are pinned or were put not long ago."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from radon.host.domain import Settings
from radon.host.kind import Retry
from radon.host.limits import Limits
from radon.testing.harness import Harness
from tests.scripts import run, script, script_kind

Open = Callable[..., Harness]

BODY = "body"
NAME = hashlib.sha256(BODY.encode()).hexdigest()
HOUR = 3600 * 10**9


@pytest.fixture
def o(open_harness: Open, module: bytes) -> Harness:
    """Objects live for an hour without a pin."""
    kinds = {"script": script_kind(module, retry=Retry(attempts=1)), "other": script_kind(module, "other")}
    return open_harness(kinds, settings=Settings(retention=HOUR))


def is_there(h: Harness) -> bool:
    outcome = run(h, "script/reader", f"$o = objects.open {NAME}")
    assert outcome in (["ok"], ["not-found"])
    return outcome == ["ok"]


def put(h: Harness, *lines: str, atom: str = "script/a") -> list[str]:
    return run(h, atom, f"$o = objects.put {BODY}", *lines)


def test_an_object_is_named_by_its_sha_256_and_seen_by_the_turn_that_puts_it(o: Harness) -> None:
    lines = ("object.name $o", "object.size $o", f"$p = objects.open {NAME}", "object.read $p 0 100")
    assert put(o, *lines) == ["ok", f"ok {NAME}", "ok 4", "ok", "ok body"]


def test_every_atom_may_read_it_by_its_name_across_restarts(o: Harness) -> None:
    put(o)
    for snapshot in (False, True):
        o.restart(snapshot=snapshot)
        assert run(o, "other/b", f"$o = objects.open {NAME}", "object.read $o 1 2") == ["ok", "ok od"]


def test_a_read_gives_what_there_is_of_the_range(o: Harness) -> None:
    ranges = ["0 4", "0 9", "2 1", "4 1", "3 0", "5 1", "18446744073709551615 4294967295"]
    assert put(o, *(f"object.read $o {range_}" for range_ in ranges))[1:] == [
        "ok body", "ok body", "ok d", 'ok ""', 'ok ""', "invalid", "invalid",
    ]  # fmt: skip


def test_the_empty_object_is_one(o: Harness) -> None:
    assert run(o, "script/a", '$o = objects.put ""', "object.size $o", "object.read $o 0 1") == ["ok", "ok 0", 'ok ""']


def test_what_nobody_put_is_not_found(o: Harness) -> None:
    verbs = ("objects.open", "objects.pin", "objects.unpin")
    assert run(o, "script/a", *(f"{verb} {name}" for verb in verbs for name in (NAME, "nonsense", '""'))) == [
        "not-found",
    ] * 9  # fmt: skip


def test_an_object_that_an_undone_turn_put_is_collected(o: Harness) -> None:
    o.send("script/a", script(f"$o = objects.put {BODY}", f"objects.pin {NAME}", "err no"))
    assert not is_there(o)
    assert o.image().objects == {}


def test_an_object_is_collected_after_the_retention_time(o: Harness) -> None:
    put(o)
    o.advance("3599s")
    assert is_there(o)
    o.advance("1s")
    assert not is_there(o)
    o.restart()
    assert not is_there(o)


def test_put_again_it_lives_on_from_then(o: Harness) -> None:
    put(o)
    o.advance("1800s")
    put(o, atom="script/b")
    o.advance("3599s")
    assert is_there(o)
    o.advance("1s")
    assert not is_there(o)


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_pin_keeps_it_until_the_last_unpin_which_starts_the_retention_time(o: Harness, snapshot: bool) -> None:
    put(o, f"objects.pin {NAME}")
    run(o, "script/b", f"objects.pin {NAME}")
    o.advance("10000s")
    o.restart(snapshot=snapshot)
    assert run(o, "script/a", f"objects.unpin {NAME}") == ["ok"]
    o.advance("10000s")
    assert run(o, "script/b", f"objects.unpin {NAME}", f"objects.unpin {NAME}") == ["ok", "invalid"]
    o.advance("3599s")
    assert is_there(o)
    o.advance("1s")
    assert not is_there(o)


def test_pins_of_an_undone_turn_are_none(o: Harness) -> None:
    put(o)
    o.send("script/a", script(f"objects.pin {NAME}", "err no"))
    assert run(o, "script/a", f"objects.unpin {NAME}") == ["invalid"]
    put(o, f"objects.pin {NAME}")
    o.send("script/a", script(f"objects.unpin {NAME}", "err no"))
    o.advance("10000s")
    assert is_there(o)


def test_pins_and_unpins_of_one_turn_add_up(o: Harness) -> None:
    lines = [f"objects.pin {NAME}", f"objects.unpin {NAME}", f"objects.unpin {NAME}"]
    assert put(o, *lines)[1:] == ["ok", "ok", "invalid"]
    o.advance("3600s")
    assert not is_there(o)


@pytest.mark.one_domain  # what came from another domain stays to the end of the turn
def test_a_handle_to_an_object_that_was_collected_reads_nothing(open_harness: Open, fiber: bytes) -> None:
    h = open_harness({"script": script_kind(fiber)}, settings=Settings(retention=HOUR))
    put(h)
    token = h.post(
        "script/b", script(f"$o = objects.open {NAME}", "clock.sleep 3600s", "object.read $o 0 4", "object.size $o")
    )
    h.advance("3600s")
    assert h.answer(token) == b"ok\nok\nnot-found\nok 0"


def test_a_pin_that_was_promised_holds_though_the_turn_sleeps_beyond_the_retention_time(
    open_harness: Open, fiber: bytes
) -> None:
    h = open_harness({"script": script_kind(fiber)}, settings=Settings(retention=HOUR))
    put(h)
    token = h.post("script/b", script(f"objects.pin {NAME}", "clock.sleep 3600s"))
    h.advance("3600s")
    assert h.answer(token) == b"ok\nok"
    h.restart()
    h.advance("3600s")
    assert is_there(h)


def test_an_object_may_be_larger_than_a_message_but_not_than_the_state(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(message=100, state=1000))})
    lines = ["$b = fill 1000 b", "$o = objects.put $b", "$b = fill 1001 b", "objects.put $b", "object.size $o"]
    assert run(h, "script/a", *lines) == ["ok 1000", "ok", "ok 1001", "too-large", "ok 1000"]
