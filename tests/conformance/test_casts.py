"""Rule 9: a cast is delivered at most once, with the turn that made it or not at all, and no log knows of it."""

from __future__ import annotations

import pytest

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import Address
from radon.abi.frames import decode_all, encode_all
from radon.host.domain import Make, Settings
from radon.testing.harness import Harness
from tests.scripts import events, run, script, word


def test_a_cast_arrives_when_its_turn_ends_well(h: Harness) -> None:
    assert run(h, "script/a", 'address.cast script/b "event here"') == ["ok"]
    assert events(h, "script/b")[1:] == ["here"]


def test_a_cast_of_a_turn_that_failed_never_arrives(h: Harness) -> None:
    h.send("script/a", script('address.cast script/b "event here"', "$a = message.attempt $message", "if $a 0 trap"))
    assert not h.lives("script/b")
    h.advance("100ms")
    assert events(h, "script/b")[1:] == ["here"]


def test_no_log_has_a_cast_but_what_its_turn_did_is_in_it(h: Harness) -> None:
    run(h, "script/b", "say born")
    before = len(h.commits)
    run(h, "script/a", 'address.cast script/b "bucket.put data k v"')
    records = [record for commit in h.commits[before:] for record in commit]
    assert not any(isinstance(record, r.Delivered) and record.delivery.cast for record in records)
    assert r.Put("data", b"k", b"v") in records


def test_a_cast_that_waits_for_its_retry_is_gone_after_a_restart(h: Harness) -> None:
    fails_once = word(script("$n = message.attempt $message", "if $n 0 trap", "event late"))
    run(h, "script/a", f"address.cast script/b {fails_once}")
    run(h, "script/a", f"address.send script/b {fails_once}")
    h.restart(snapshot=True)
    h.advance("1s")
    assert events(h, "script/b")[1:] == ["late"]


def test_a_cast_that_waits_for_its_retry_is_tried_again(h: Harness) -> None:
    fails_once = word(script("$n = message.attempt $message", "if $n 0 trap", "event late"))
    run(h, "script/a", f"address.cast script/b {fails_once}")
    h.advance("1s")
    assert events(h, "script/b")[1:] == ["late"]


def test_a_cast_that_fails_for_good_is_no_dead_letter(h: Harness) -> None:
    run(h, "script/a", "address.cast script/b trap")
    h.advance("1s")
    assert h.dead() == []
    assert "attempt 3 of 3" in h.logs()[-1]


@pytest.mark.one_domain
def test_a_cast_to_the_outside_leaves_without_waiting_for_the_store(h: Harness) -> None:
    parts = {}
    for how in ("cast", "send"):
        body = script("$s = message.sender $message", f"address.{how} $s hello")
        post = x.Post(1, 0, 0, Address("script", "a"), Address("@line", "7"), "", "", (), body)
        h.domain.submit(encode_all([x.Now(h.now), post]))
        h.domain.run(100)
        commit = h.domain.take_commit()
        for name in ("outgoing", "volatile"):
            sent = [output for output in decode_all(getattr(commit, name)) if isinstance(output, x.Sent)]
            parts[how, name] = [(output.to.text, output.delivery.body) for output in sent]
    assert parts == {
        ("cast", "outgoing"): [], ("cast", "volatile"): [("@line/7", b"hello")],
        ("send", "outgoing"): [("@line/7", b"hello")], ("send", "volatile"): [],
    }  # fmt: skip


def test_what_only_a_cast_holds_up_is_in_its_place_in_a_snapshot(h: Harness, make: Make) -> None:
    run(h, "script/c", 'address.send script/a "err no"')
    run(h, "script/b", 'address.cast script/a "err no"', "address.send script/a x")
    snapshot = h.domain.snapshot()
    domain = make(Settings())
    domain.restore(snapshot)
    assert domain.snapshot() == snapshot
    domain.close()
