"""Atoms that send, spawn and set timers as fast as they may: each turn is bounded, and the others get their turns."""

from __future__ import annotations

import pytest

from radon.abi.errors import Closed, Exhausted
from radon.abi.exchange import Counted, Reply
from radon.abi.records import Put
from radon.host.domain import Settings, Status
from radon.host.limits import MAIL_OVERHEAD, MIB, Limits
from radon.host.topic import FAN_OUT
from radon.testing.harness import Harness
from tests.hostile.conftest import Yard, hostile
from tests.hostile.puppet import DATA, DIRECT, MESSAGE, Act, Script
from tests.hostile.wat import module

FIRST = MESSAGE + 1

FLOOD = module(
    ["messaging.self", "messaging.address.send", "messaging.address.drop", "log.count"],
    receive="""(local.set $a (call $messaging.self)) (local.set $b (i32.sub (local.get 2) (i32.const 1)))
      (call $log.count (i32.const 16) (i32.const 1) (i64.const 1))
      (if (local.get 2) (then
        (call $messaging.address.send (local.get $a) (local.get 1) (local.get $b) (i32.const 64))
        (call $messaging.address.send (local.get $a) (local.get 1) (local.get $b) (i32.const 64))))
      (call $messaging.address.drop (local.get $a))""",
)
"""Sends itself two messages for each that it gets, each a byte shorter: twice as many every time."""


def turns(h: Harness) -> int:
    return sum(isinstance(output, Counted) for output in h.outputs)


def test_an_atom_that_floods_itself_leaves_the_others_their_turns(yard: Yard) -> None:
    h = yard(guest=FLOOD)
    h.post("guest/a", b"x" * 12, run=False)
    for _ in range(20):
        h.step()
    token = h.post("witness/w", b"and I?", run=False)
    for _ in range(3):
        h.step()
    assert h.answer(token) == b"and I?"
    assert turns(h) < 30
    h.run()
    assert turns(h) == 2**13 - 1


def test_an_atom_that_floods_another_is_bounded_by_its_outbox_each_turn(yard: Yard) -> None:
    h = yard(direct=hostile("direct", DIRECT, limits=Limits(outbox=100)))
    for number in range(5):
        script = Script()
        script.call("messaging.open", *script.data(b"witness/w"), script.area())
        script.call(Act.REPEAT, 1000)
        script.call("messaging.address.send", FIRST, 0, 4, script.area())
        h.post(f"direct/{number}", script.body(), run=False)
    h.submit()
    h.domain.run(10)  # of which five are starts
    assert len(h.image().atoms["witness", "w"].mailbox) == 500
    h.run()


def test_a_run_stops_when_much_is_to_be_committed(yard: Yard) -> None:
    """However many turns it may take: a commit is one frame, and is written at once."""
    h = yard(Settings(run=4_000_000))
    for number in range(40):
        script = Script()
        script.call("state.open", *script.data(b"data"), script.area())
        script.call("state.bucket.put", FIRST, *script.data(b"key"), 0, 50_000, script.area())
        h.post(f"direct/{number}", script.body(), run=False)
    h.submit()
    before = len(h.commits)
    while h.domain.run(10_000) is Status.BUSY:
        h.step()  # which takes the commit as well
    h.run()
    sizes = [sum(len(record.value) for record in commit if type(record) is Put) for commit in h.commits[before:]]
    assert sum(sizes) == 40 * 50_000
    assert max(sizes) <= 12 * 50_000


def test_a_message_to_a_topic_with_many_subscribers_is_not_multiplied_without_end(yard: Yard) -> None:
    h = yard(direct=hostile("direct", DIRECT, limits=Limits(message=16 * MIB)))
    subscribers = FAN_OUT // (12 * MIB) + 1
    for number in range(subscribers):
        script = Script()
        script.call("topics.subscribe", *script.data(b"news"), script.area())
        h.send(f"direct/{number}", script.body())
    for size in (4, 12 * MIB):
        script = Script()
        script.call(Act.GROW, 200)
        script.call("topics.publish", *script.data(b"news"), 0, size, script.area())
        h.send("direct/x", script.body())
    (letter,) = h.dead()
    assert (letter.cause, letter.to.kind, len(letter.delivery.body)) == ("too-large", "@topic", 12 * MIB)


KEEPS = module(
    ["messaging.message.keep", "messaging.message.drop", "messaging.kept"],
    receive="""(local.set $b (local.get 0))
      (loop $again
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (call $messaging.message.keep (local.get $b) (i64.extend_i32_u (local.get $a)) (i32.const 64))
        (call $messaging.message.drop (local.get $b))
        (call $messaging.kept (i64.extend_i32_u (local.get $a)) (i32.const 64))
        (local.set $b (i32.load (i32.const 68)))
        (br $again))""",
)
"""Keeps its message under one token after another, as often as its fuel lasts."""


def test_a_message_that_is_kept_again_and_again_costs_the_same_each_time(yard: Yard) -> None:
    h = yard(keeps=hostile("keeps", KEEPS))
    token = h.post("keeps/a", b"x")  # 330,000 times: hours, where each looks through all before it
    with pytest.raises(Closed):
        h.answer(token)
    assert [letter.cause for letter in h.dead()] == ["trap: out-of-fuel"]


def test_an_atom_that_ends_and_goes_on_has_ended(h: Harness) -> None:
    script = Script()
    script.call("lifecycle.exit", 3)
    script.call("messaging.self")
    area = script.area()
    script.call("messaging.address.send", FIRST, 0, 4, area)  # to this life, which is over when it would arrive
    script.call("clock.set-timer", 1, 1, script.area())
    script.call("messaging.message.keep", MESSAGE, 9, script.area())
    script.call("lifecycle.monitor", FIRST, 1, script.area())
    script.call("lifecycle.exit", 4)
    token = h.post("puppet/a", script.body())
    h.advance("10s")
    assert not h.lives("puppet/a")
    assert [reply.code for reply in h.outputs if isinstance(reply, Reply) and reply.token == token] == [6]  # closed
    assert [letter.cause for letter in h.dead()] == ["closed"]


def test_an_atom_that_ends_again_and_again_is_one_turn_each_time(yard: Yard) -> None:
    again = module(
        ["messaging.open", "messaging.address.send", "lifecycle.exit", "log.count"],
        more='(data (i32.const 32) "guest/a")',
        receive="""(call $log.count (i32.const 16) (i32.const 1) (i64.const 1))
          (call $lifecycle.exit (i32.const 0))
          (if (local.get 2) (then
            (call $messaging.open (i32.const 32) (i32.const 7) (i32.const 64))
            (call $messaging.address.send (i32.load (i32.const 68)) (local.get 1)
              (i32.sub (local.get 2) (i32.const 1)) (i32.const 128))))""",
    )
    h = yard(guest=again)
    h.send("guest/a", b"x" * 500)
    assert turns(h) == 501
    assert not h.lives("guest/a")


def test_watching_the_dead_is_one_message_each_time(yard: Yard) -> None:
    guest = module(
        ["messaging.open", "lifecycle.monitor", "log.count", "messaging.address.drop"],
        more='(data (i32.const 32) "witness/none") (global $n (mut i32) (i32.const 0))',
        receive="(call $down (i64.const 0) (i32.const 0)) drop",
        down="""(call $log.count (i32.const 16) (i32.const 1) (i64.const 1))
          (global.set $n (i32.add (global.get $n) (i32.const 1)))
          (if (i32.lt_u (global.get $n) (i32.const 300)) (then
            (call $messaging.open (i32.const 32) (i32.const 12) (i32.const 64))
            (call $lifecycle.monitor (i32.load (i32.const 68)) (i64.const 1) (i32.const 128))
            (call $messaging.address.drop (i32.load (i32.const 68)))))""",
    )
    h = yard(guest=guest)
    h.send("guest/a", b"x")
    assert turns(h) == 300


def test_atoms_that_spawn_as_many_as_they_may_are_bounded_each_turn(yard: Yard) -> None:
    h = yard(Settings(instances=50), direct=hostile("direct", DIRECT, limits=Limits(spawned=200)))
    script = Script()
    script.call("lifecycle.spawn-many", *script.data(b"direct"), 200, DATA, 6, script.area())
    script.call("lifecycle.spawn-many", *script.data(b"direct"), 1, DATA, 6, script.area())
    h.send("direct/a", script.body())
    assert len(h.image().atoms) == 201
    assert sum(h.domain.instances().values()) <= 50


def test_when_too_much_is_under_way_whoever_sends_is_told(yard: Yard) -> None:
    """Also an atom that never did, and a client: the memory that is left is the same for all."""
    h = yard(Settings(mail=20 * MIB), guest=FLOOD)
    later = Script()
    later.call("messaging.open", *later.data(b"witness/w"), later.area())
    areas = [later.area() for _ in range(3)]
    later.call(Act.GROW, 300)
    later.call(Act.REPEAT, 21)
    later.call("messaging.address.send-later", FIRST, 0, MIB, 10**9, areas[0])
    later.call("messaging.address.send", FIRST, 0, 4, areas[1])
    h.send("direct/a", later.body())
    assert h.domain.usage().mail_bytes == 21 * (MIB + MAIL_OVERHEAD)
    script = Script()
    script.call("messaging.open", *script.data(b"witness/w"), script.area())
    script.call("messaging.address.send", FIRST, 0, 4, areas[0])
    script.call("state.open", *script.data(b"data"), script.area())
    script.call("state.bucket.put", FIRST + 1, *script.data(b"told"), areas[0], 2, script.area())
    with pytest.raises(Exhausted, match="too much is under way in this domain"):
        h.call("direct/b", script.body())
    h.advance("1s")
    assert h.domain.usage().mail_bytes == 0
    assert script.play(h, "direct/b").code(areas[0]) == "ok"


def test_questions_that_await_answers_are_bounded(yard: Yard) -> None:
    h = yard(direct=hostile("direct", DIRECT, limits=Limits(outbox=7)))
    keeping = Script()
    keeping.call("messaging.message.keep", MESSAGE, 0, keeping.area())
    codes = []
    for number in range(2):
        script = Script()
        areas = [script.area() for _ in range(5)]
        for area in areas:
            script.call("messaging.open", *script.data(f"puppet/{number}-{area}".encode()), script.area())
            script.call("messaging.address.request", FIRST, *script.data(keeping.body()), 10**12, 0, area)
            script.call("messaging.address.drop", FIRST)
        h.forget()
        played = script.play(h, "direct/a")
        codes += [played.code(area) for area in areas]
    assert codes == ["ok"] * 7 + ["exhausted"] * 3


def test_an_atom_has_so_many_watchers(yard: Yard) -> None:
    h = yard(Settings(watchers=3))
    codes = []
    for token in range(5):
        script = Script()
        area = script.area()
        script.call("messaging.open", *script.data(b"witness/w"), script.area())
        script.call("messaging.address.send", FIRST, 0, 4, script.area())
        script.call("lifecycle.monitor", FIRST, token, area)
        h.forget()
        codes.append(script.play(h, "direct/a").code(area))
    assert codes == ["ok", "ok", "ok", "exhausted", "exhausted"]


def test_the_oldest_dead_letters_make_room(yard: Yard) -> None:
    h = yard(Settings(dead=5 * (MAIL_OVERHEAD + 8)))
    for number in range(8):
        h.send("direct/a", b"\1\0\0\0" + bytes([number] * 4))  # a script of one step that is not there
    assert [letter.delivery.body[-1] for letter in h.dead()] == [3, 4, 5, 6, 7]
    dropped = [output for output in h.outputs if isinstance(output, Counted)]
    assert [(output.name, output.kind) for output in dropped] == [("radon.dead_letters_dropped", "direct")] * 3


@pytest.mark.parametrize("token", [0, 1, 2**63, 2**64 - 1])
def test_any_token_is_one(h: Harness, token: int) -> None:
    script = Script()
    areas = [script.area() for _ in range(4)]
    script.call("messaging.open", *script.data(b"witness/w"), script.area())
    script.call("clock.set-timer", 2**64 - 1, token, areas[0])
    script.call("messaging.address.request", FIRST, 0, 4, 2**64 - 1, token, areas[1])
    script.call("lifecycle.monitor", FIRST, token, areas[2])
    script.call("messaging.address.send-later", FIRST, 0, 4, 2**64 - 1, areas[3])
    played = script.play(h)
    assert [played.code(area) for area in areas] == ["ok"] * 4
    h.advance("1s")
    assert h.logs() == []
