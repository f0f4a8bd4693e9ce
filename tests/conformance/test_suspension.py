"""Rule 8: a turn may wait in the middle. Its effects wait with it, and a loss of everything changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import Address
from radon.abi.errors import Closed
from radon.host.domain import Settings
from radon.host.kind import Retry
from radon.testing.harness import NOON, Harness
from tests.scripts import events, outcomes, run, script, script_kind, word

Open = Callable[..., Harness]
MS, SECOND = 10**6, 10**9

SLOW = word(script("clock.sleep 1s", "bucket.add data asked 1", "$t = clock.now", "message.reply $message $t"))
"""A callee that takes a second, and counts how often it was asked."""

FORGETS = [
    pytest.param(lambda h: h.forget(), id="instances lost"),
    pytest.param(lambda h: h.restart(), id="process lost"),
    pytest.param(lambda h: h.restart(snapshot=True), id="process lost, snapshot"),
    pytest.param(lambda h: None, id="nothing lost"),
]


@pytest.fixture
def h(hf: Harness) -> Harness:
    return hf


def answer(h: Harness, token: int) -> list[str]:
    body = h.answer(token)
    assert body is not None, h.logs()
    return outcomes(body)


# ---- while a turn waits ----


def test_a_call_waits_for_the_answer_and_other_atoms_run_meanwhile(h: Harness) -> None:
    token = h.post("script/a", script(f"address.call script/b {SLOW} 10s", "clock.now"))
    assert run(h, "script/c", "say meanwhile") == ["ok meanwhile"]
    assert h.answer(token) is None
    h.advance("1s")
    assert answer(h, token) == [f"ok {NOON + SECOND}", f"ok {NOON + SECOND}"]


def test_a_suspended_atom_takes_no_other_message(h: Harness) -> None:
    h.send("script/a", script("clock.sleep 1s", "event first"))
    token = h.post("script/a", b"event second")
    assert h.answer(token) is None
    h.advance("1s")
    assert events(h, "script/a")[1:] == ["first", "second"]


@pytest.mark.one_domain
def test_a_suspended_turn_shows_nothing_of_what_it_did(h: Harness) -> None:
    before = script("bucket.put data k v", 'address.send script/b "event sent"', "lifecycle.spawn script x",
                    "clock.set-timer 10ms 1", "clock.sleep 1s")  # fmt: skip
    run(h, "script/a", "say born")
    h.send("script/a", before)
    assert "data" not in h.state("script/a")
    assert [name for name in h.image().atoms if name[0] == "script"] == [("script", "a")]
    h.advance("1s")
    assert h.state("script/a")["data"] == {b"k": b"v"}
    assert events(h, "script/b")[1:] == ["sent"]


@pytest.mark.one_domain
def test_a_suspension_commits_the_outgoing_call_and_its_journal_and_nothing_else(h: Harness) -> None:
    run(h, "script/a", "say born")
    run(h, "script/b", "say born")
    before = len(h.commits)
    h.send("script/a", script("bucket.put data k v", f"address.call script/b {SLOW} 10s"))
    (commit,) = h.commits[before:]
    kinds = [type(record) for record in commit if not isinstance(record, r.At)]
    assert kinds == [
        r.Step, r.Delivered,  # the message comes in
        r.Step, r.Suspended, r.Called, r.Delivered,  # the call goes out
        r.Step, r.Suspended, r.Called,  # and its callee sleeps
    ]  # fmt: skip
    suspended = next(record for record in commit if isinstance(record, r.Suspended))
    called = next(record for record in commit if isinstance(record, r.Called))
    assert (suspended.attempt, suspended.time) == (0, NOON)
    assert called.deadline == NOON + 10 * SECOND


def test_sleeping_lets_time_pass_within_a_turn(h: Harness) -> None:
    token = h.post("script/a", script("clock.now", "clock.sleep 3s", "clock.now", "clock.sleep 0", "clock.now"))
    h.advance("10s")
    assert answer(h, token) == [f"ok {NOON}", "ok", f"ok {NOON + 3 * SECOND}", "ok", f"ok {NOON + 3 * SECOND}"]


def test_an_error_or_silence_of_the_callee_is_the_answer_of_the_call(h: Harness) -> None:
    lines = ["address.call script/b silent 9s", "address.call script/b trap 9s", "address.call script/c loop 100ms"]
    token = h.post("script/a", script(*lines))
    h.advance("5s")
    assert answer(h, token) == ["closed", "closed", "timeout"]


@pytest.mark.parametrize("line", ['address.call script/b "say x" 0', "lifecycle.wait script/b 0"])
def test_a_timeout_of_zero_has_passed_already(h: Harness, line: str) -> None:
    assert run(h, "script/a", line) == ["timeout"]
    assert not h.lives("script/b")


def test_an_atom_that_calls_itself_waits_for_the_timeout(h: Harness) -> None:
    token = h.post("script/a", script('address.call script/a "event inner" 1s', "event outer"))
    h.advance("1s")
    assert answer(h, token) == ["timeout", "ok"]
    assert events(h, "script/a")[1:] == ["outer", "inner"]


def test_a_cycle_of_calls_ends_by_the_timeout(h: Harness) -> None:
    back = word(script('address.call script/a "say inner" 2s', "event back"))
    token = h.post("script/a", script(f"address.call script/b {back} 1s"))
    h.advance("10s")
    assert answer(h, token) == ["timeout"]
    assert events(h, "script/b")[1:] == ["back"]


def test_a_call_ends_with_the_deadline_of_its_turn(h: Harness) -> None:
    token = h.post("script/a", script(f"address.call script/b {SLOW} 10s", "clock.now"), deadline=NOON + 200 * MS)
    h.advance("5s")
    assert answer(h, token) == ["timeout", f"ok {NOON + 200 * MS}"]


@pytest.mark.one_domain
def test_more_suspended_turns_than_the_limit_are_answered_with_exhausted(open_harness: Open, fiber: bytes) -> None:
    h = open_harness({"script": script_kind(fiber)}, settings=Settings(suspended=2))
    token = h.post("script/a", script(f"address.call script/b {SLOW} 10s"))  # both wait
    assert run(h, "script/c", 'address.call script/d "say x" 1s') == ["exhausted"]
    assert not h.lives("script/d")
    h.send("script/e", b"clock.sleep 1s")  # cannot answer an error
    assert "turns are suspended" in h.logs()[-1]
    h.advance("1s")
    assert answer(h, token) == [f"ok {NOON + SECOND}"]


def test_deploying_makes_a_suspended_turn_run_again(h: Harness, fiber: bytes) -> None:
    token = h.post("script/a", script("config.get version", f"address.call script/b {SLOW} 10s", "config.get version"))
    h.deploy({"script": script_kind(fiber, config={"version": "2"})})
    h.advance("1s")
    assert answer(h, token) == ["ok 2", f"ok {NOON + SECOND}", "ok 2"]
    assert h.state("script/b")["data"][b"asked"] == (1).to_bytes(8, "little")


# ---- after a loss ----

WHOLE = ("$r = random.next", "clock.now", "bucket.add data n 1", f"address.call script/b {SLOW} 10s", "random.next",
         "clock.now", "bucket.add data n 1", "clock.sleep 500ms", "clock.now", "message.id $message",
         'address.send script/c "event sent"', "event done")  # fmt: skip


@pytest.mark.parametrize("lose", FORGETS)
def test_a_turn_that_runs_again_takes_the_recorded_answers_and_ends_the_same(
    h: Harness, open_harness: Open, fiber: bytes, lose: Callable[[Harness], None]
) -> None:
    undisturbed = open_harness({"script": script_kind(fiber), "other": script_kind(fiber, "other")})
    tokens = [it.post("script/a", script(*WHOLE)) for it in (undisturbed, h)]
    undisturbed.advance("10s")
    for _ in range(4):  # while the callee sleeps, when it has answered, while the caller sleeps
        lose(h)
        h.advance("500ms")
    assert answer(h, tokens[1]) == answer(undisturbed, tokens[0])
    assert h.state("script/a") == undisturbed.state("script/a")
    assert h.state("script/b")["data"][b"asked"] == (1).to_bytes(8, "little")
    assert events(h, "script/c")[1:] == ["sent"]


def test_an_answer_that_came_before_the_loss_is_not_asked_for_again(h: Harness) -> None:
    lines = ('address.call script/b "bucket.add data asked 1" 1s', "clock.sleep 1s", "say end")
    token = h.post("script/a", script(*lines))
    h.restart()
    h.advance("1s")
    assert answer(h, token) == ['ok "ok 1"', "ok", "ok end"]
    assert h.state("script/b")["data"][b"asked"] == (1).to_bytes(8, "little")


@pytest.mark.parametrize("question", ['address.call $c "say hi" 1s', "lifecycle.wait $c 500ms"])
def test_recorded_answers_hold_whatever_has_become_of_the_callee(h: Harness, question: str) -> None:
    run(h, "script/a", '$c = lifecycle.spawn script ""', "$s = address.seal $c", "bucket.put data child $s",
        "$t = address.text $c", "bucket.put data name $t")  # fmt: skip
    child = h.state("script/a")["data"][b"name"].decode()
    ask = ("$s = bucket.get data child", "$c = messaging.unseal $s", question, "clock.sleep 1s", "say end")
    token = h.post("script/a", script(*ask))
    h.advance("500ms")
    run(h, child, "lifecycle.exit 3")
    h.restart()
    h.advance("2s")
    assert answer(h, token)[2:] == ['ok "ok hi"' if "call" in question else "timeout", "ok", "ok end"]
    assert h.dead() == []


def test_another_question_than_the_recorded_one_fails_the_attempt(h: Harness) -> None:
    """The guest asks with what its memory says, and memory is a cache."""
    run(h, "script/a", "memory.count")
    diverges = ("$n = memory.count", 'address.call script/b "bucket.add data asked 1" 1s', "$b = join event $n",
                "clock.sleep 1s", "address.call script/b $n 1s", "clock.sleep 1s", "say end")  # fmt: skip
    token = h.post("script/a", script(*diverges))
    h.advance("1s")
    h.restart()
    assert h.answer(token) is None
    h.advance("1s")
    assert any("ran again and asked for something else" in line for line in h.logs())
    h.advance("5s")
    assert answer(h, token)[-1] == "ok end"
    assert h.state("script/b")["data"][b"asked"] == (2).to_bytes(8, "little"), "a new attempt asks again"


def test_a_new_attempt_calls_again(h: Harness) -> None:
    lines = ['address.call script/b "bucket.add data asked 1" 1s', "$a = message.attempt $message", "if $a 0 trap"]
    token = h.post("script/a", script(*lines))
    h.advance("1s")
    assert answer(h, token) == ['ok "ok 2"', "ok 1", "skipped"]


def test_writes_of_a_turn_that_waits_are_undone_when_it_fails_in_the_end(open_harness: Open, fiber: bytes) -> None:
    h = open_harness({"script": script_kind(fiber, retry=Retry(attempts=1))})
    token = h.post("script/a", script("bucket.put data k v", "clock.sleep 1s", "trap"))
    h.restart()
    h.advance("1s")
    with pytest.raises(Closed):
        h.answer(token)
    assert "data" not in h.state("script/a")


def test_a_cast_that_suspended_is_forgotten_by_a_restart(h: Harness) -> None:
    run(h, "script/a", f"address.cast script/b {word(script('clock.sleep 1s', 'event end'))}")
    h.restart()
    h.advance("2s")
    assert events(h, "script/b")[1:] == []


# ---- whatever it waits for ----


def test_waiting_goes_on_after_a_restart(h: Harness) -> None:
    run(h, "script/b", "say alive")
    token = h.post("script/a", script("lifecycle.wait script/b 10s"))
    h.restart()
    run(h, "script/b", "lifecycle.exit 9")
    assert answer(h, token) == ["ok 9"]


def test_passivating_a_suspended_atom_makes_its_turn_run_again_when_the_answer_comes(h: Harness) -> None:
    token = h.post("script/a", script("memory.count", "clock.sleep 1s", "memory.count"))
    h.submit(x.Passivate(Address("script", "a")))
    h.run()
    assert h.answer(token) is None
    h.advance("1s")
    assert answer(h, token) == ["ok 1", "ok", "ok 2"]
