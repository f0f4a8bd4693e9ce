"""Rule 7: behind a message that waits for its retry wait those of its pair, and nobody else's."""

from __future__ import annotations

import pytest

from radon.abi.errors import Closed
from radon.testing.harness import Harness
from tests.scripts import events, run, script, word

FAILS_ONCE = ("$n = message.attempt $message", "if $n 0 err why", "event late")


def test_later_messages_of_the_pair_wait_for_the_retry_and_others_do_not(h: Harness) -> None:
    h.send("script/a", script(*FAILS_ONCE), pair="one")
    h.send("script/a", b"event behind", pair="one")
    h.send("script/a", b"event beside", pair="two")
    h.send("script/a", b"event alone")
    assert events(h, "script/a")[1:] == ["beside", "alone"]
    h.advance("100ms")
    assert events(h, "script/a")[1:] == ["beside", "alone", "late", "behind"]


def test_two_messages_from_outside_without_a_pair_do_not_wait_for_each_other(h: Harness) -> None:
    h.send("script/a", script(*FAILS_ONCE))
    h.send("script/a", b"event other")
    h.advance("100ms")
    assert events(h, "script/a")[1:] == ["other", "late"]


def test_a_sender_and_its_receiver_are_a_pair(h: Harness) -> None:
    send = [f"address.send script/r {word(script(*FAILS_ONCE))}", 'address.send script/r "event behind"']
    run(h, "script/a", *send)
    run(h, "script/b", 'address.send script/r "event beside"')
    run(h, "script/a", 'address.send script/r "event last"')
    assert events(h, "script/r")[1:] == ["beside"]
    h.advance("100ms")
    assert events(h, "script/r")[1:] == ["beside", "late", "behind", "last"]


@pytest.mark.one_domain
def test_the_kinds_of_messages_of_one_sender_keep_one_order(h: Harness) -> None:
    run(h, "script/a", *(f'address.{how} script/r "event {how}"{more}' for how, more in (
        ("send", ""), ("cast", ""), ("request", " 1s 1"), ("send-later", " 0"), ("send", ""),
    )))  # fmt: skip
    h.advance(0)
    assert events(h, "script/r")[1:] == ["send", "cast", "request", "send", "send-later"]


def test_those_that_waited_follow_when_the_first_is_buried(h: Harness) -> None:
    h.send("script/a", b"err why", pair="one")
    h.send("script/a", b"event behind", pair="one")
    h.advance("299ms")
    assert events(h, "script/a")[1:] == []
    h.advance("1ms")
    assert events(h, "script/a")[1:] == ["behind"]


def test_one_that_waited_may_wait_again_for_itself(h: Harness) -> None:
    for name in ("first", "second"):
        h.send("script/a", script(*FAILS_ONCE[:2], f"event {name}"), pair="one")
    h.send("script/a", b"event third", pair="one")
    h.advance("100ms")
    assert events(h, "script/a")[1:] == ["first"]
    h.advance("100ms")
    assert events(h, "script/a")[1:] == ["first", "second", "third"]


def test_what_waits_keeps_its_order_across_a_restart(h: Harness) -> None:
    h.send("script/a", script(*FAILS_ONCE), pair="one")
    h.send("script/a", b"event behind", pair="one")
    for snapshot in (False, True):
        h.restart(snapshot=snapshot)
        h.send("script/a", b"event more", pair="one")
    h.advance("100ms")
    assert events(h, "script/a")[1:] == ["late", "behind", "more", "more"]


def test_everything_waits_for_a_start(h: Harness) -> None:
    run(h, "script/p", "$c = lifecycle.spawn script trap", "$t = address.text $c", "bucket.put data child $t")
    child = h.state("script/p")["data"][b"child"].decode()
    token = h.post(child, b"say hi")
    h.advance("299ms")
    assert h.answer(token) is None
    h.advance("1ms")
    assert not h.lives(child)
    with pytest.raises(Closed):
        h.answer(token)


def test_timers_of_an_atom_are_a_pair(h: Harness) -> None:
    fails_once = script("$n = bucket.get data n", "if $n 1 err why")
    run(h, "script/a", "bucket.put data n 1", f"bucket.put scripts fired {word(fails_once)}",
        "clock.set-timer 10ms 1", "clock.set-timer 20ms 2")  # fmt: skip
    h.advance("50ms")
    assert run(h, "script/a", "bucket.put data n 2") == ["ok"]
    h.advance("100ms")
    assert [event for event in events(h, "script/a") if event.startswith("fired")] == ["fired 1", "fired 2"]


def test_answers_and_messages_of_one_atom_are_a_pair(h: Harness) -> None:
    answer_then_send = script("message.reply $message one", 'address.send script/a "event two"')
    run(h, "script/a", f"address.request script/b {word(answer_then_send)} 1s 1")
    assert events(h, "script/a")[1:] == ["replied 1 ok one", "two"]
