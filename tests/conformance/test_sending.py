"""Rule 12, as far as one domain shows it: sending never fails because a mailbox is full, and order is per pair."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.host.domain import Make
from radon.host.kind import Retry
from radon.host.limits import Limits
from radon.testing.harness import Harness
from tests.scripts import ScriptModule, events, outcomes, run, script, script_kind, word

Open = Callable[..., Harness]

VERBS = ("address.send script/b x", "address.cast script/b x", "address.send-later script/b x 1s",
         "address.request script/b x 1s 1", "lifecycle.monitor script/b 1", "lifecycle.stop script/b",
         "topics.publish news x", "message.forward $message script/b")  # fmt: skip


def test_a_mailbox_takes_whatever_is_sent(h: Harness) -> None:
    h.post("script/b", b"bucket.add data n 1", run=False)
    for sender in range(5):
        run(h, f"script/{sender}", 'repeat 500 address.send script/b "bucket.add data n 1"')
    assert run(h, "script/b", "bucket.add data n 0") == ["ok 2501"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_turn_sends_at_most_what_its_outbox_holds(open_harness: Open, module: bytes, verb: str) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(outbox=3))})
    lines = ["address.send script/b x"] * 3
    body = script(*lines, verb, "say done")
    token = h.post("script/a", body)
    answer = outcomes(h.answer(token) or b"")
    assert answer == ["ok", "ok", "ok", "exhausted", "ok done"]


def test_the_outbox_is_empty_again_in_the_next_turn(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(outbox=3))})
    for _ in range(2):
        assert run(h, "script/a", *["address.send script/b x"] * 4) == ["ok", "ok", "ok", "exhausted"]


def test_a_body_is_as_long_as_the_sender_s_kind_may_send(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(message=500))})
    verbs = ("address.send script/b $b", "address.cast script/b $b", "address.send-later script/b $b 1s",
             "address.request script/b $b 1s 1")  # fmt: skip
    assert run(h, "script/a", "$b = fill 501 b", *verbs)[1:] == ["too-large"] * 4
    assert run(h, "script/a", "$b = fill 500 b", *verbs)[1:] == ["ok"] * 4


def test_a_refused_message_counts_for_nothing(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(outbox=1, message=500))})
    lines = ("$b = fill 501 b", "address.send script/b $b", "address.request script/b x 0 1", "address.send script/b x")
    assert run(h, "script/a", *lines)[1:] == ["too-large", "timeout", "ok"]


@given(
    plan=st.lists(st.tuples(st.sampled_from("pqr"), st.integers(0, 3), st.booleans()), max_size=12),
    restarts=st.sets(st.integers(0, 11), max_size=3),
)
def test_messages_arrive_once_and_in_order_per_pair_whatever_fails(
    make: Make,
    script_module: ScriptModule,
    plan: list[tuple[str, int, bool]],
    restarts: set[int],
) -> None:
    """Senders p, q and r; each message fails so many times, and some senders wait for others' retries in between."""
    with Harness({"script": script_kind(script_module("direct"), retry=Retry(attempts=4))}, make=make) as h:
        for number, (sender, failures, pause) in enumerate(plan):
            lines = [*(f"if $n {attempt} err no" for attempt in range(failures)), f"event {sender}{number}"]
            body = word(script("$n = message.attempt $message", *lines))
            run(h, f"script/{sender}", f"address.send script/sink {body}")
            if pause:
                h.advance("150ms")
            if number in restarts:
                h.restart(snapshot=number % 2 == 0)
        h.advance("60s")
        arrived = events(h, "script/sink")[1:]
        for sender in "pqr":
            expected = [f"{sender}{number}" for number, (who, _, _) in enumerate(plan) if who == sender]
            assert [event for event in arrived if event.startswith(sender)] == expected
        assert len(arrived) == len(plan)
        assert h.dead() == []
