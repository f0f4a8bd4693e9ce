"""Turns that wait in the middle, in bad faith: for ever, for themselves, in circles, too often, too many of them."""

from __future__ import annotations

import pytest

from radon.abi.exchange import Barrier
from radon.host.domain import Settings
from radon.host.kind import Retry
from radon.host.limits import Limits
from radon.testing.harness import Harness
from tests.hostile.conftest import Yard, hostile
from tests.hostile.puppet import DIRECT, MESSAGE, PUPPET, Act, Script
from tests.hostile.wat import module

SECOND = 10**9
FOREVER = 2**64 - 1
FIRST = MESSAGE + 1


def calling(name: bytes, body: bytes = b"", timeout: int = SECOND) -> tuple[Script, int]:
    """A script that opens that name and calls it; the area of the answer. No name: the atom calls itself."""
    script = Script()
    area = script.area()
    if name:
        script.call("messaging.open", *script.data(name), area)
    else:
        script.call("messaging.self")
    script.call("messaging.address.call", FIRST, *script.data(body), timeout, area)
    return script, area


def test_an_atom_that_calls_itself_waits_in_vain_until_its_deadline(h: Harness) -> None:
    script, area = calling(b"puppet/a", Script().body())
    script.call("messaging.message.reply", MESSAGE, 0, 4096, script.area())
    token = h.post("puppet/a", script.body())
    assert h.reply(token) is None
    h.advance("1s")
    answer = h.answer(token)
    assert answer is not None
    assert (answer[area], answer[area + 4]) == (1, 4)  # timeout
    assert h.logs() == []  # its own question was handled afterwards, when nobody asked any more


def test_an_atom_that_waits_for_its_own_end_is_told_that_it_did_not_come(h: Harness) -> None:
    script = Script()
    area = script.area()
    script.call("messaging.self")
    script.call("lifecycle.wait", FIRST, SECOND, area)
    script.call("objects.put", area, 8, script.area())
    h.post("puppet/a", script.body())
    h.advance("1s")
    (thing,) = h.image().objects.values()
    assert (thing.body[0], thing.body[4]) == (1, 4)


def test_a_circle_of_calls_ends_by_time(h: Harness) -> None:
    names = [b"puppet/a", b"puppet/b", b"puppet/c"]
    body = b""
    for name in [*names[1:], names[0]][::-1]:
        body = calling(name, body)[0].body()
    token = h.post("puppet/a", body)
    assert h.reply(token) is None
    h.advance("3s")
    assert h.reply(token) is not None
    assert all(atom.journal is None for atom in h.image().atoms.values())


def test_one_that_waits_for_ever_can_be_stopped(h: Harness) -> None:
    """A `start` has no next life that would begin with it again, as a message has."""
    start = module(
        ["messaging.self", "messaging.address.call"],
        start="""(drop (call $messaging.self))
          (call $messaging.address.call (i32.const 1) (i32.const 8) (i32.const 0) (i64.const -1) (i32.const 64))""",
    )
    h.deploy({**h.kinds, "guest": hostile("guest", start)})
    token = h.post("guest/a", wants=False)
    h.advance("1000000s")
    stuck = h.image().atoms["guest", "a"]
    assert stuck.journal is not None
    script = Script()
    script.call("messaging.open", *script.data(b"guest/a"), script.area())
    script.call("lifecycle.stop", FIRST, script.area())
    h.call("puppet/b", finished(script))
    assert h.image().atoms["guest", "a"].life != stuck.life  # begun by the message that waited behind
    assert token == 1


def finished(script: Script) -> bytes:
    """The script, with an answer of nothing at its end."""
    script.call("messaging.message.reply", MESSAGE, 0, 0, script.area())
    return script.body()


@pytest.mark.parametrize("how", ["barrier", "deploy", "restart", "snapshot", "removed"])
def test_turns_that_wait_are_abandoned_wherever_they_are(yard: Yard, how: str) -> None:
    """With frames of the guest and of the host on their stacks: in a handler, far down, and as the guest begins."""
    deep = module(
        ["clock.sleep", "random.fill"],
        more="""(func $down (param $levels i32)
          (if (local.get $levels)
            (then (call $down (i32.sub (local.get $levels) (i32.const 1))))
            (else (call $clock.sleep (i64.const 5000000000)))))""",
        receive="(call $down (i32.const 1000))",
    )
    begins = module(["clock.sleep"], more="(start $begin) (func $begin (call $clock.sleep (i64.const 5000000000)))")
    h = yard(guest=deep, other=begins)
    for number in range(20):
        h.post(f"guest/{number}", b"x")
        h.post(f"other/{number}", b"x")
        h.post(f"puppet/{number}", calling(b"", b"", 5 * SECOND)[0].body())
    kinds = dict(h.kinds)
    if how == "barrier":
        h.forget()
    elif how == "deploy":
        h.deploy({**kinds, "guest": hostile("guest", module())})
    elif how == "removed":
        h.deploy({"witness": kinds["witness"]})
    else:
        h.restart(snapshot=how == "snapshot")
    assert h.domain.instances().get("guest", 0) == 0
    h.advance("10s")
    assert h.logs() == []
    assert h.call("witness/w", b"x") == b"x"


def test_of_too_many_turns_that_would_wait_the_last_are_told(yard: Yard) -> None:
    h = yard(Settings(suspended=50))
    for number in range(120):
        script, area = calling(b"", b"", 5 * SECOND)
        script.call("objects.put", area, 8, script.area())
        h.post(f"puppet/{number}", script.body())
    assert sum(atom.journal is not None for atom in h.image().atoms.values()) == 50
    bodies = [thing.body for thing in h.image().objects.values()]
    assert {(body[0], body[4]) for body in bodies} == {(1, 3)}  # exhausted
    sleeping = Script()
    sleeping.call("clock.sleep", 5)
    assert "50 turns are suspended" in sleeping.fail(h, "puppet/x")
    h.restart()
    h.advance("5s")
    assert all(atom.journal is None for atom in h.image().atoms.values())


@pytest.mark.slow
def test_two_thousand_turns_wait_and_end(yard: Yard) -> None:
    h = yard(Settings(suspended=2000))
    for number in range(2100):
        h.post(f"puppet/{number}", calling(b"", b"", 5 * SECOND)[0].body())
    assert sum(atom.journal is not None for atom in h.image().atoms.values()) == 2000
    h.advance("5s")
    assert all(atom.journal is None for atom in h.image().atoms.values())


def test_a_turn_may_wait_only_so_often(yard: Yard) -> None:
    h = yard(puppet=hostile("puppet", PUPPET, limits=Limits(outbox=20)))
    sleeping = Script()
    sleeping.call(Act.REPEAT, 2**32 - 1)
    sleeping.call("clock.sleep", 1)
    token = h.post("puppet/a", sleeping.body())
    h.advance("1s")
    assert h.reply(token) is not None
    assert "the turn was suspended 20 times (limits.outbox) in step.clock.sleep < " in h.logs()[-1]
    for count, code in ((20, "ok"), (21, "exhausted")):
        script = Script()
        area = script.area()
        script.call("messaging.open", *script.data(b"witness"), area)
        script.call(Act.REPEAT, count)
        script.call("messaging.address.call", FIRST, 8, 4, SECOND, area)
        h.forget()
        assert script.play(h).code(area, gap=4) == code


def test_each_attempt_of_a_turn_that_fails_after_its_call_calls_again_and_leaves_nothing_else(yard: Yard) -> None:
    h = yard(puppet=hostile("puppet", PUPPET, retry=Retry(attempts=3)))
    counting = Script()
    counting.call("state.open", *counting.data(b"data"), counting.area())
    counting.call("state.bucket.add", FIRST, *counting.data(b"n"), 1, counting.area())
    script, area = calling(b"puppet/b", finished(counting))
    script.call("state.open", *script.data(b"data"), area)
    script.call("state.bucket.put", FIRST + 1, 8, 1, 8, 1, area)
    script.call(Act.TRAP)
    h.send("puppet/a", script.body())
    h.advance("1s")
    assert len(h.dead()) == 1
    assert h.state("puppet/b") == {"data": {b"n": (3).to_bytes(8, "little")}}
    assert h.state("puppet/a") == {}


def test_a_guest_that_asks_something_else_when_it_runs_again_fails_that_attempt(yard: Yard) -> None:
    """What it is told apart by is its memory, which is a cache and not to be relied on."""
    wat = module(
        ["messaging.address.call", "messaging.self", "clock.sleep", "random.next"],
        more="(global $runs (mut i64) (i64.const 0))",
        receive="""
          (call $clock.sleep (i64.const 1000))
          (drop (call $messaging.self))
          (call $messaging.address.call (i32.const 2) (local.get 1) (local.get 2) (i64.const 5000000000) (i32.const 64))
          """,
    )
    other = module(
        ["messaging.address.call", "messaging.self", "clock.sleep"],
        receive="""(call $clock.sleep (i64.const 1000)) (call $clock.sleep (i64.const 2000))""",
    )
    h = yard(guest=wat)
    h.post("guest/a", b"x")
    h.advance(2000)
    assert h.image().atoms["guest", "a"].journal is not None
    h.deploy({**h.kinds, "guest": hostile("guest", other, retry=Retry(attempts=2))})
    h.advance("6s")
    assert "the turn ran again and asked for something else than before in receive (attempt 1 of 2)" in h.logs()[0]
    assert len(h.logs()) == 1  # the second attempt is a turn of its own


def test_syscalls_that_wait_are_refused_to_nobody_by_surprise(yard: Yard) -> None:
    """A module that does not import them is entered without a fiber, and has no way to call one."""
    h = yard()
    script = Script()
    script.call("clock.sleep", SECOND)
    assert "unreachable" in script.fail(h, "direct/a")
    assert DIRECT != PUPPET


def test_a_message_that_cannot_be_lost_survives_a_cast_that_waits(h: Harness) -> None:
    """A cast is recorded nowhere; a turn that handles one and waits must not leave half a journal behind."""
    inner, _ = calling(b"", b"", SECOND)
    script = Script()
    script.call("messaging.open", *script.data(b"puppet/b"), script.area())
    script.call("messaging.address.cast", FIRST, *script.data(inner.body()), script.area())
    h.send("puppet/a", script.body())
    assert h.domain.usage().kinds["puppet"].suspended == 1
    h.restart(snapshot=True)
    h.advance("5s")
    assert h.logs() == []


MUTTERS = module(
    ["clock.sleep"],
    wasi=["fd_write"],
    receive="""(i32.store (i32.const 64) (local.get 1)) (i32.store (i32.const 68) (local.get 2))
      (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 80)))
      (call $clock.sleep (i64.const 1000000000)) (call $clock.sleep (i64.mul (i64.const 1000000000) (i64.const 9)))""",
)
"""Prints its message without a line end, and sleeps twice."""


def test_turns_that_are_abandoned_are_told_of_in_the_order_in_which_they_suspended(yard: Yard) -> None:
    h = yard(mutters=MUTTERS)
    h.send("mutters/a", b"a")
    h.advance("500ms")
    h.send("mutters/b", b"b")
    h.advance("500ms")  # a wakes up and sleeps again, behind b
    h.submit(Barrier())
    h.run()
    assert h.logs() == ["b", "a"]
