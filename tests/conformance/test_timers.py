"""Time that an atom asked for: timers, messages for later. Durable, and moved or taken back until they are handled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.abi import exchange as x
from radon.host.kind import Retry
from radon.host.limits import Limits
from radon.testing.harness import Harness
from tests.conformance.family import HOLD, end, spawn
from tests.scripts import events, run, script, script_kind, word

Open = Callable[..., Harness]

LOSSES = pytest.mark.parametrize("snapshot", [None, False, True], ids=["kept", "log", "snapshot"])


def noted(h: Harness, atom: str = "script/a") -> list[str]:
    return events(h, atom)[1:]


def lose(h: Harness, snapshot: bool | None) -> None:
    if snapshot is not None:
        h.restart(snapshot=snapshot)


# ---- timers ----


@LOSSES
def test_a_timer_fires_once_when_its_time_has_come(h: Harness, snapshot: bool | None) -> None:
    assert run(h, "script/a", "clock.set-timer 2s 7", "clock.set-timer 1s 18446744073709551615") == ["ok", "ok"]
    lose(h, snapshot)
    h.advance("1999ms")
    assert noted(h) == ["fired 18446744073709551615"]
    h.advance("1ms")
    h.advance("10s")
    assert noted(h) == ["fired 18446744073709551615", "fired 7"]


def test_the_same_token_again_moves_the_timer(h: Harness) -> None:
    run(h, "script/a", "clock.set-timer 1s 7")
    run(h, "script/a", "clock.set-timer 5s 7", "clock.set-timer 3s 7")
    h.advance("2s")
    assert noted(h) == []
    h.advance("1s")
    assert noted(h) == ["fired 7"]
    h.advance("10s")
    assert noted(h) == ["fired 7"]


def test_a_timer_that_was_moved_does_not_fire_at_its_first_time_after_a_restart(h: Harness) -> None:
    run(h, "script/a", "clock.set-timer 1s 7")
    run(h, "script/a", "clock.set-timer 5s 7")
    h.restart()
    h.advance("4s")
    assert noted(h) == []
    h.advance("1s")
    assert noted(h) == ["fired 7"]


@LOSSES
def test_a_cancelled_timer_does_not_fire(h: Harness, snapshot: bool | None) -> None:
    run(h, "script/a", "clock.set-timer 1s 7", "clock.set-timer 1s 8", "clock.cancel-timer 8")
    run(h, "script/a", "clock.cancel-timer 7", "clock.cancel-timer 9")
    lose(h, snapshot)
    h.advance("2s")
    assert noted(h) == []


@pytest.mark.parametrize("line", ["clock.cancel-timer 7", "clock.set-timer 10s 7"])
@LOSSES
def test_cancelling_or_moving_takes_back_one_that_fired_and_waits(
    open_harness: Open, fiber: bytes, line: str, snapshot: bool | None
) -> None:
    """Whoever sees its own cancel succeed is never told of the timer any more."""
    h = open_harness({"script": script_kind(fiber)})
    run(h, "script/a", "clock.set-timer 1s 7", "clock.set-timer 1s 8")
    token = h.post("script/a", script("clock.sleep 2s", line))
    h.advance("1500ms")  # both fired and wait behind the turn that sleeps
    lose(h, snapshot)
    h.advance("500ms")
    assert h.answer(token) == b"ok\nok"
    assert noted(h) == ["fired 8"]
    h.advance("10s")
    assert noted(h) == (["fired 8"] if "cancel" in line else ["fired 8", "fired 7"])


def test_many_that_fired_are_taken_back_at_once(h: Harness) -> None:
    cancel = [f"if $token 0 clock.cancel-timer {token}" for token in (3, 9, 1, 7, 5, 2, 8)]
    run(h, "script/a", f"bucket.put scripts fired {word(script(*cancel))}")
    run(h, "script/a", *[f"clock.set-timer 1s {token}" for token in range(10)])
    h.advance("1s")
    assert [text for text in noted(h) if text.startswith("fired")] == ["fired 0", "fired 4", "fired 6"]


def test_taking_back_a_timer_that_waits_behind_another_s_retry(h: Harness) -> None:
    fails_for_7 = script("if $token 7 err no")
    run(h, "script/a", f"bucket.put scripts fired {word(fails_for_7)}")
    run(h, "script/a", "clock.set-timer 1s 7", "clock.set-timer 1s 8", "clock.set-timer 1s 9")
    h.advance("1s")
    assert noted(h) == []
    run(h, "script/a", "clock.cancel-timer 8", 'bucket.put scripts fired ""')
    assert noted(h) == []
    h.advance("100ms")
    assert noted(h) == ["fired 7", "fired 9"]


def test_a_timer_may_set_itself_again(h: Harness) -> None:
    run(h, "script/a", f"bucket.put scripts fired {word('clock.set-timer 1s $token')}", "clock.set-timer 1s 7")
    h.advance("3500ms")
    assert noted(h) == ["fired 7", "ok"] * 3


def test_timers_fire_in_the_order_of_their_times_and_then_of_their_tokens(h: Harness) -> None:
    run(h, "script/a", "clock.set-timer 3s 1", "clock.set-timer 1s 300", "clock.set-timer 1s 4", "clock.set-timer 2s 9")
    h.advance("3s")
    assert noted(h) == ["fired 4", "fired 300", "fired 9", "fired 1"]


def test_a_delay_of_nothing_is_due_at_once_and_one_beyond_all_time_never(h: Harness) -> None:
    run(h, "script/a", "clock.set-timer 0 1", "clock.set-timer 18446744073709551615 2")
    h.advance(0)
    assert noted(h) == ["fired 1"]
    h.advance("1000000000s")
    assert noted(h) == ["fired 1"]


def test_a_failed_turn_sets_and_cancels_nothing(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, retry=Retry(attempts=1))})
    run(h, "script/a", "clock.set-timer 1s 7")
    h.send("script/a", b"clock.cancel-timer 7\nclock.set-timer 1s 8\nerr no")
    h.advance("1s")
    assert noted(h) == ["fired 7"]


def test_a_fired_timer_that_fails_is_tried_again_and_then_buried(h: Harness) -> None:
    run(h, "script/a", 'bucket.put scripts fired "err no"', "clock.set-timer 1s 7")
    h.advance("2s")
    assert [(letter.cause, letter.delivery.token) for letter in h.dead()] == [("err", 7)]
    assert noted(h) == []


def test_an_atom_has_so_many_timers_and_may_still_move_those(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(outbox=3))})
    lines = [f"clock.set-timer {number}s {number}" for number in (1, 2, 3, 4)]
    assert run(h, "script/a", *lines) == ["ok", "ok", "ok", "exhausted"]
    assert run(h, "script/a", "clock.set-timer 9s 4", "clock.set-timer 9s 3") == ["exhausted", "ok"]
    h.advance("1s")
    assert run(h, "script/a", "clock.set-timer 9s 4") == ["ok"]


def test_an_atom_s_timers_are_its_own(h: Harness) -> None:
    run(h, "script/a", "clock.set-timer 1s 7")
    run(h, "script/b", "clock.cancel-timer 7")
    h.advance("1s")
    assert noted(h) == ["fired 7"]
    assert noted(h, "script/b") == []


# ---- send-later ----


@LOSSES
def test_a_message_for_later_leaves_when_its_time_has_come(h: Harness, snapshot: bool | None) -> None:
    lines = ('address.send-later script/b "event late" 2s', 'address.send-later script/b "event early" 1s')
    assert run(h, "script/a", *lines) == ["ok", "ok"]
    lose(h, snapshot)
    h.advance("1s")
    assert noted(h, "script/b") == ["early"]
    lose(h, snapshot)
    h.advance("1s")
    assert noted(h, "script/b") == ["early", "late"]
    h.advance("10s")
    assert noted(h, "script/b") == ["early", "late"]


def test_messages_for_the_same_time_leave_in_the_order_in_which_they_were_sent(h: Harness) -> None:
    run(h, "script/a", *(f"address.send-later script/b {word(f'event {number}')} 1s" for number in range(5)))
    h.advance("1s")
    assert noted(h, "script/b") == ["0", "1", "2", "3", "4"]


def test_a_message_for_later_leaves_though_its_sender_has_ended(h: Harness) -> None:
    run(h, "script/a", 'address.send-later script/b "event late" 1s', "lifecycle.exit 0")
    h.advance("1s")
    assert noted(h, "script/b") == ["late"]


def test_a_message_for_later_to_a_life_that_ended_meanwhile_is_a_dead_letter(h: Harness) -> None:
    child = spawn(h, "script/p")
    run(h, "script/p", *HOLD, 'address.send-later $c "event late" 1s')
    end(h, child)
    run(h, child, "say hi")
    h.restart()
    h.advance("1s")
    assert noted(h, child) == []
    assert [letter.cause for letter in h.dead()] == ["closed"]


def test_a_revived_dead_letter_for_a_life_that_is_over_is_not_handed_to_the_next_one(h: Harness) -> None:
    child = spawn(h, "script/p")
    run(h, "script/p", *HOLD, 'address.send-later $c "event late" 1s')
    h.post("script/p", script(*HOLD, 'address.send $c "event lost"'), run=False)
    h.post(child, b"lifecycle.exit 0", run=False)  # the parent's turn comes first, and its mail behind this
    h.run()
    run(h, child, "say hi")
    h.advance("1s")
    causes = ["closed", "closed"]
    assert [letter.cause for letter in h.dead()] == causes
    h.submit(*(x.Revive(letter.delivery.id, 1) for letter in h.dead()))
    h.run()
    assert noted(h, child) == []
    assert [letter.cause for letter in h.dead()] == causes


def test_a_failed_turn_sends_nothing_later(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, retry=Retry(attempts=1))})
    h.send("script/a", b'address.send-later script/b "event late" 1s\nerr no')
    h.advance("1s")
    assert not h.lives("script/b")


def test_later_may_be_now_and_never(h: Harness) -> None:
    run(h, "script/a", 'address.send-later script/b "event now" 0')
    run(h, "script/a", 'address.send-later script/b "event never" 18446744073709551615')
    h.advance("1000000000s")
    assert noted(h, "script/b") == ["now"]


def test_a_harness_does_not_follow_a_timer_that_is_set_anew_for_ever(h: Harness) -> None:
    run(h, "script/a", f"bucket.put scripts fired {word('clock.set-timer 0s 7')}", "clock.set-timer 1ms 7")
    with pytest.raises(AssertionError, match="something still falls due after 50 stops in 1000000 ns"):
        h.advance("1s", max_stops=50)
