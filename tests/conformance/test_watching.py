"""Rule 16: who hears of an atom's end, by `wait` and `monitor`; and how one atom ends another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.abi import exchange as x
from radon.abi.errors import ErrorCode
from radon.host.routes import FAILED, STOPPED, UNKNOWN
from radon.testing.harness import Harness
from tests.conformance.family import HOLD, end, spawn
from tests.scripts import ScriptModule, events, outcomes, run, script, script_kind, word

Open = Callable[..., Harness]


# ---- who hears of an end ----


def test_a_child_s_status_is_kept_for_its_parent_until_it_is_waited_for(hf: Harness) -> None:
    child = spawn(hf, "script/p")
    end(hf, child, 7)
    hf.restart(snapshot=True)
    for expected in ("ok 7", "closed"):  # within the turn it is there as often as it is asked for
        assert run(hf, "script/p", *HOLD, "lifecycle.wait $c 1s", "lifecycle.wait $c 1s")[2:] == [expected] * 2
        hf.restart()


def test_a_status_stays_where_the_turn_that_waited_failed(hf: Harness) -> None:
    end(hf, spawn(hf, "script/p"), 7)
    hf.send("script/p", script(*HOLD, "lifecycle.wait $c 1s", "err no"))
    hf.advance("1s")
    assert [letter.cause for letter in hf.dead()] == ["err"]
    assert run(hf, "script/p", *HOLD, "lifecycle.wait $c 1s")[2:] == ["ok 7"]


def test_wait_suspends_until_the_target_ends(hf: Harness) -> None:
    child = spawn(hf, "script/p")
    token = hf.post("script/p", script(*HOLD, "lifecycle.wait $c 10s", "clock.now"))
    assert hf.answer(token) is None
    hf.advance("3s")
    end(hf, child, 4)
    assert outcomes(hf.answer(token) or b"")[2:] == ["ok 4", f"ok {hf.now}"]


def test_anyone_with_an_address_may_wait_and_many_may(hf: Harness) -> None:
    run(hf, "script/a", "say hi")
    tokens = [hf.post(f"script/{name}", b"lifecycle.wait script/a 1s") for name in "bcd"]
    end(hf, "script/a", 5)
    assert [hf.answer(token) for token in tokens] == [b"ok 5"] * 3


def test_a_wait_that_times_out_leaves_nothing_behind(hf: Harness) -> None:
    child = spawn(hf, "script/p")
    token = hf.post("script/p", script(*HOLD, "lifecycle.wait $c 1s"))
    hf.advance("1s")
    assert outcomes(hf.answer(token) or b"")[2:] == ["timeout"]
    kind, _, key = child.partition("/")
    found = hf.image().find(kind, key)
    assert found is not None
    assert not found.watchers


def test_waiting_for_what_does_not_live_answers_at_once(hf: Harness) -> None:
    end(hf, spawn(hf, "script/p"), 7)
    assert run(hf, "script/p", "lifecycle.wait script/nobody 1s", "lifecycle.wait script/nobody 0") == [
        "not-found", "timeout",
    ]  # fmt: skip
    sealed = run(hf, "script/p", *HOLD)[0].removeprefix("ok ")
    assert run(hf, "script/q", f"$c = messaging.unseal {sealed}", "lifecycle.wait $c 1s")[1:] == ["closed"]


def test_a_turn_cannot_await_what_begins_at_its_own_end(hf: Harness) -> None:
    lines = ("$c = lifecycle.spawn script x", "lifecycle.wait $c 1s", "address.call $c x 1s")
    assert run(hf, "script/p", *lines)[1:] == ["invalid", "invalid"]


@pytest.mark.parametrize("restart", [False, True])
def test_a_watcher_hears_the_status_once(h: Harness, restart: bool) -> None:
    run(h, "script/a", "say hi")
    run(h, "script/w", "lifecycle.monitor script/a 5", "lifecycle.monitor script/a 6")
    if restart:
        h.restart(snapshot=True)
    for status in (3, 4):
        end(h, "script/a", status)
    assert events(h, "script/w") == ['start ""', "down 5 3", "down 6 3"]


def test_watching_what_does_not_live_is_told_at_once(h: Harness) -> None:
    child = spawn(h, "script/p")
    end(h, child, 7)
    run(h, "script/p", *HOLD, "lifecycle.monitor $c 1", "lifecycle.monitor script/nobody 2")
    assert events(h, "script/p") == ['start ""', "down 1 7", f"down 2 {UNKNOWN}"]


def test_what_is_no_atom_is_not_watched(hf: Harness) -> None:
    hf.submit(x.Post(9, 0, 0, x.Address("script", "a"), x.Address("@conn", "1"), "", "", (), script(
        "$c = message.sender $message", "$r = lifecycle.monitor $c 1", "$w = lifecycle.wait $c 1s", "event done",
    )))  # fmt: skip
    hf.run()
    assert events(hf, "script/a") == ['start ""', "done"]


def test_an_atom_that_ended_itself_hears_nothing(h: Harness) -> None:
    run(h, "script/a", "$a = messaging.self", "lifecycle.monitor $a 1", "lifecycle.exit 0")
    assert not h.lives("script/a")


@pytest.mark.slow
def test_the_statuses_of_the_last_10000_children_are_kept(open_harness: Open, script_module: ScriptModule) -> None:
    h = open_harness({"script": script_kind(script_module("direct"))})
    first = spawn(h, "script/p")
    end(h, first, 7)
    for times, each in ((10, 900), (9, 111), (1, 1)):  # the first is one of 9,001, then of 10,000, and then too old
        run(h, "script/p", f"repeat {times} lifecycle.spawn-many script {each} {word('lifecycle.exit 1')}")
        run(h, "script/p", *HOLD, "lifecycle.monitor $c 1")
    assert events(h, "script/p")[1:] == ["down 1 7", "down 1 7", f"down 1 {UNKNOWN}"]


def test_a_child_outlives_its_parent(h: Harness) -> None:
    child = spawn(h, "script/p")
    end(h, "script/p")
    run(h, "script/p", "say hi")
    end(h, child, 3)
    assert events(h, "script/p") == ['start ""']


def test_a_child_whose_start_fails_for_good_has_a_status_too(hf: Harness) -> None:
    child = spawn(hf, "script/p", b"err no")
    token = hf.post("script/p", script(*HOLD, "lifecycle.wait $c 10s"))
    hf.advance("1s")
    assert outcomes(hf.answer(token) or b"")[2:] == [f"ok {FAILED}"]
    assert not hf.lives(child)


def test_a_revived_start_begins_a_new_life_with_its_args_unless_one_has_begun(
    open_harness: Open, module: bytes
) -> None:
    h = open_harness({"script": script_kind(module, config={"mood": "bad"})})
    args = script("$m = config.get mood", "if $m bad err no", "event begun")
    child, other = spawn(h, "script/p", args), spawn(h, "script/p", args)
    h.advance("1s")
    letters = h.dead()
    assert len(letters) == 2
    h.deploy({"script": script_kind(module, config={"mood": "good"})})
    run(h, other, "say hi")
    h.submit(*(x.Revive(letter.delivery.id, 1) for letter in letters))
    h.run()
    assert h.dead() == []
    assert events(h, child)[1] == "begun"
    assert events(h, other) == ['start ""']


# ---- stop ----


def test_stop_ends_another_atom_with_a_status_of_its_own(h: Harness) -> None:
    child = spawn(h, "script/p")
    assert run(h, "script/p", *HOLD, "lifecycle.monitor $c 1", "lifecycle.stop $c")[-1] == "ok"
    assert not h.lives(child)
    assert events(h, "script/p") == ['start ""', f"down 1 {STOPPED}"]


def test_stopping_needs_a_grant_even_of_the_own_kind(h: Harness) -> None:
    run(h, "other/b", "say hi")
    assert run(h, "other/a", "lifecycle.stop other/b", "$a = messaging.self", "lifecycle.stop $a") == [
        "denied", "ok", "denied",
    ]  # fmt: skip
    assert run(h, "script/a", "lifecycle.stop other/b") == ["ok"]
    assert not h.lives("other/b")


def test_an_atom_may_stop_itself_and_what_does_not_live(h: Harness) -> None:
    assert run(h, "script/a", "lifecycle.stop script/nobody", "lifecycle.stop script/a", "say last") == [
        "ok", "ok", "ok last",
    ]  # fmt: skip
    assert not h.lives("script/a")


def test_an_atom_that_stopped_itself_ends_when_all_else_of_its_turn_is_done(h: Harness) -> None:
    h.post("script/a", b'lifecycle.stop script/a\naddress.send script/b "event last"\nsay done', run=False)
    waiting = h.post("script/a", b"event next", run=False)
    h.run()
    assert events(h, "script/b") == ['start ""', "last"]
    assert h.answer(waiting) == b"ok"
    assert events(h, "script/a") == ['start ""', "next"]


def test_stopping_an_earlier_life_leaves_the_present_one(h: Harness) -> None:
    child = spawn(h, "script/p")
    end(h, child)
    run(h, child, "say hi")
    assert run(h, "script/p", *HOLD, "lifecycle.stop $c")[-1] == "ok"
    assert h.lives(child)


def test_a_suspended_turn_ends_with_its_atom_and_its_message_begins_the_next_life(hf: Harness) -> None:
    lines = ("bucket.put data k v", "clock.sleep 10s", "event woken")
    token = hf.post("script/a", script(*lines))
    run(hf, "script/b", "lifecycle.stop script/a")
    assert events(hf, "script/a") == ['start ""']
    assert hf.answer(token) is None
    hf.advance("10s")
    assert hf.answer(token) == b"ok\nok\nok"
    assert events(hf, "script/a") == ['start ""', "woken"]


@pytest.mark.parametrize("wants", [True, False], ids=["asked", "told"])
@pytest.mark.one_domain
def test_an_atom_that_has_itself_stopped_while_it_waits_does_so_as_often_as_it_may_try(
    hf: Harness, wants: bool
) -> None:
    token = hf.post("script/a", b'address.call script/b "lifecycle.stop script/a" 10s', wants=wants)
    assert hf.domain.usage().kinds["script"].turns == 3 * len(("start a", "a calls", "b stops")) + len(("start b",))
    if wants:
        (reply,) = [output for output in hf.outputs if isinstance(output, x.Reply) and output.token == token]
        assert reply.code - 1 == ErrorCode.CLOSED
        assert not hf.dead()
    else:
        assert [(letter.cause, letter.delivery.attempt) for letter in hf.dead()] == [("stopped", 2)]
    assert run(hf, "script/a", "say here") == ["ok here"]


def test_a_question_to_an_atom_that_is_stopped_before_it_answers_is_asked_again_of_the_next_life(hf: Harness) -> None:
    """It was sent to a name; one sent to a life would be closed."""
    token = hf.post("script/b", b'address.call script/a "clock.sleep 1s" 10s')
    run(hf, "script/c", "lifecycle.stop script/a")
    assert hf.answer(token) is None
    hf.advance("1s")
    assert hf.answer(token) == b"ok ok"
