"""Rule 10: a request is answered once, now or later, by whoever has the duty; if nobody can any more it is closed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.abi import exchange as x
from radon.abi.errors import Closed
from radon.host.kind import Retry
from radon.host.limits import Limits
from radon.testing.harness import NOON, Harness
from tests.scripts import events, outcomes, run, script, script_kind, word

Open = Callable[..., Harness]
MS, SECOND = 10**6, 10**9


def told(h: Harness) -> list[str]:
    """The outcomes of the last script whose output nobody waited for."""
    return h.logs()[-1].split("\n")


# ---- in the turn ----


def test_a_reply_leaves_when_its_turn_ends_well(h: Harness) -> None:
    token = h.post("script/a", script("message.reply $message early", "$a = message.attempt $message", "if $a 0 trap"))
    assert h.reply(token) is None
    h.advance("1s")
    assert h.answer(token) == b"early"
    assert len([reply for reply in h.outputs if isinstance(reply, x.Reply)]) == 1


def test_a_reply_may_carry_metadata(h: Harness) -> None:
    reply = h.reply(h.post("script/a", b'message.reply-with $message body http.status 201 empty ""'))
    assert reply is not None
    assert (reply.body, reply.code, reply.metadata) == (b"body", 0, (("http.status", b"201"), ("empty", b"")))


@pytest.mark.parametrize(
    "first", ["message.reply $message x", "message.keep $message 1", "message.forward $message echo/b"]
)
def test_the_duty_to_answer_can_be_discharged_once(h: Harness, first: str) -> None:
    again = ("message.reply $message x", "message.reply-with $message x n v", "message.keep $message 2",
             "message.forward $message echo/b")  # fmt: skip
    h.post("script/a", script("message.wants-reply $message", first, *again, "message.wants-reply $message"))
    assert told(h) == ["ok 1", "ok", *["invalid"] * 4, "ok 0"]


def test_a_message_that_wants_no_answer_can_only_be_forwarded(h: Harness) -> None:
    h.send("script/a", script("message.wants-reply $message", "message.reply $message x", "message.keep $message 1",
                              "message.forward $message echo/b", "message.forward $message echo/c"))  # fmt: skip
    assert told(h) == ["ok 0", "invalid", "invalid", "ok", "ok"]
    assert h.lives("echo/b")
    assert h.lives("echo/c")


def test_a_message_left_unanswered_is_closed(h: Harness) -> None:
    with pytest.raises(Closed):
        h.call("script/a", script("bucket.put data k v", "silent"))
    assert h.state("script/a")["data"] == {b"k": b"v"}


def test_an_answer_over_the_limit_is_too_large_and_can_be_given_smaller(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(message=1000))})
    big = "$big = fill 1001 x"
    assert h.call("script/a", script(big, "message.reply $message $big", "message.reply $message ok")) == b"ok"
    assert h.call("script/a", script("$b = fill 990 x", "message.reply-with $message $b name $b")) != b""


def test_losing_an_instance_closes_nothing(h: Harness) -> None:
    token = h.post("script/a", b"message.keep $message 1")
    h.forget()
    assert h.reply(token) is None


# ---- requests ----


def test_the_answer_to_a_request_comes_as_a_turn_of_its_own(h: Harness) -> None:
    assert run(h, "script/a", 'address.request script/b "message.reply $message yes" 1s 42') == ["ok"]
    assert events(h, "script/a")[1:] == ["replied 42 ok yes"]


def test_metadata_of_an_answer_reach_the_asker(h: Harness) -> None:
    lines = word(script("messaging.answer-metadata colour", "messaging.answer-metadata other"))
    ask = 'address.request script/b "message.reply-with $message yes colour blue" 1s 1'
    run(h, "script/a", f"bucket.put scripts replied {lines}", ask)
    assert events(h, "script/a")[1:] == ["replied 1 ok yes", "ok blue\nok -"]


@pytest.mark.parametrize(("body", "wait", "expected"), [
    ("silent", "0", "replied 1 closed"), ("trap", "1s", "replied 1 closed"),
    ("message.keep $message 1", "10s", "replied 1 timeout"), ('say hi', "0", 'replied 1 ok "ok hi"'),
])  # fmt: skip
def test_every_request_has_one_answer(h: Harness, body: str, wait: str, expected: str) -> None:
    run(h, "script/a", f'address.request script/b "{body}" 10s 1')
    h.advance({"0": 0, "1s": SECOND, "10s": 10 * SECOND}[wait])
    assert events(h, "script/a")[1:] == [expected]


def test_an_answer_after_the_timeout_is_not_heard(h: Harness) -> None:
    run(h, "script/a", 'address.request script/b "message.keep $message 7" 1s 1')
    h.advance("1s")
    assert run(h, "script/b", "$m = messaging.kept 7", "message.reply $m late") == ["ok", "ok"]
    assert events(h, "script/a")[1:] == ["replied 1 timeout"]


def test_a_request_with_a_timeout_of_zero_is_not_sent(h: Harness) -> None:
    assert run(h, "script/a", 'address.request script/b "say hi" 0 1') == ["timeout"]
    assert not h.lives("script/b")


def test_requests_wait_for_their_answers_across_a_restart(h: Harness) -> None:
    run(h, "script/a", 'address.request script/b "message.keep $message 7" 10s 1')
    for snapshot in (False, True):
        h.restart(snapshot=snapshot)
    run(h, "script/b", "$m = messaging.kept 7", "message.reply $m late")
    assert events(h, "script/a")[1:] == ["replied 1 ok late"]


def test_an_answer_whose_handler_failed_for_good_is_a_dead_letter(h: Harness) -> None:
    run(h, "script/a", "bucket.put scripts replied trap", 'address.request script/b "say hi" 10s 1')
    h.advance("1s")
    assert [letter.delivery.token for letter in h.dead()] == [1]


# ---- kept ----


def test_a_kept_message_is_answered_by_a_later_turn(h: Harness) -> None:
    token = h.post("script/a", script("message.keep $message 7", "bucket.put data k v"))
    assert h.reply(token) is None
    for snapshot in (False, True):
        h.restart(snapshot=snapshot)
    answers = run(h, "script/a", "$m = messaging.kept 7", "message.reply $m later", "messaging.kept 7")
    assert answers == ["ok", "ok", "ok -"]
    assert h.answer(token) == b"later"
    assert run(h, "script/a", "messaging.kept 7") == ["ok -"]


def test_a_kept_message_still_knows_all_of_itself(h: Harness) -> None:
    keep = word(script("message.keep $message 7", "$i = message.id $message", "bucket.put data id $i"))
    run(h, "script/b", f"address.request script/a {keep} 1s 1")
    lines = ("$m = messaging.kept 7", "$s = message.sender $m", "address.text $s", "message.wants-reply $m",
             "message.deadline $m", "message.attempt $m", "$i = message.id $m", "$j = bucket.get data id",
             "if $i $j say same")  # fmt: skip
    answers = run(h, "script/a", *lines)
    assert answers[2:6] == ["ok script/b", "ok 1", f"ok {NOON + SECOND}", "ok 0"]
    assert answers[8] == "ok same"
    assert events(h, "script/b")[1:] == ["replied 1 closed"]  # taken, and not answered


def test_taking_a_kept_message_without_answering_it_closes_the_request(h: Harness) -> None:
    token = h.post("script/a", b"message.keep $message 7")
    assert run(h, "script/a", "$m = messaging.kept 7", "message.drop $m") == ["ok", "ok"]
    with pytest.raises(Closed):
        h.answer(token)


def test_a_kept_message_may_be_kept_again(h: Harness) -> None:
    token = h.post("script/a", b"message.keep $message 7")
    assert run(h, "script/a", "$m = messaging.kept 7", "message.keep $m 8", "messaging.kept 7") == ["ok", "ok", "ok -"]
    assert run(h, "script/a", "$m = messaging.kept 8", "message.keep $m 8") == ["ok", "ok"]
    assert run(h, "script/a", "$m = messaging.kept 8", "message.forward $m echo/x") == ["ok", "ok"]
    assert h.answer(token) == b"message.keep $message 7"


def test_a_message_kept_in_this_turn_can_be_taken_back_in_it(h: Harness) -> None:
    lines = ("message.keep $message 7", "$m = messaging.kept 7", "message.reply $m mine", "messaging.kept 7")
    assert h.call("script/a", script(*lines)) == b"mine"
    assert told(h) == ["ok", "ok", "ok", "ok -"]


def test_a_token_keeps_one_message(h: Harness) -> None:
    h.post("script/a", b"message.keep $message 7")
    assert run(h, "script/a", "message.keep $message 7") == ["invalid"]


def test_a_failed_turn_keeps_nothing_and_takes_nothing(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, retry=Retry(attempts=1))})
    first = h.post("script/a", b"message.keep $message 7")
    lines = ("message.keep $message 8", "$m = messaging.kept 7", "message.reply $m x", "trap")
    second = h.post("script/a", script(*lines))
    with pytest.raises(Closed):
        h.answer(second)
    assert h.reply(first) is None
    assert run(h, "script/a", "messaging.kept 8", "$m = messaging.kept 7", "message.reply $m x") == ["ok -", "ok", "ok"]


def test_more_kept_messages_than_the_limit_are_refused(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(handles=3))})
    for token in range(3):
        h.post("script/a", script(f"message.keep $message {token}"))
    assert run(h, "script/a", "message.keep $message 9") == ["exhausted"]


@pytest.mark.parametrize("end", ["lifecycle.exit 0", "lifecycle.stop script/a"])
def test_messages_that_an_atom_kept_are_closed_when_it_ends(h: Harness, end: str) -> None:
    token = h.post("script/a", b"message.keep $message 7")
    run(h, "script/a", end)
    with pytest.raises(Closed):
        h.answer(token)


# ---- forward ----


def test_a_forwarded_message_is_answered_by_whoever_gets_it(h: Harness) -> None:
    assert h.call("script/a", b"message.forward $message echo/x") == b"message.forward $message echo/x"
    run(h, "script/b", 'address.request script/a "message.forward $message echo/x" 1s 1')
    assert events(h, "script/b")[1:] == ['replied 1 ok "message.forward $message echo/x"']


def test_a_forwarded_message_keeps_all_but_its_id(h: Harness) -> None:
    """The script is run by both: the one forwards to the other."""
    lines = ("$i = message.id $message", "$i = hex $i", "log.write info $i", "$s = message.sender $message",
             "$s = address.text $s", "log.write info $s", "$d = message.deadline $message", "log.write info $d",
             "$t = message.metadata $message traceparent", "log.write info $t", "$m = messaging.self",
             "$m = address.text $m", "if $m script/a message.forward $message script/c")  # fmt: skip
    ask = f"address.request script/a {word(script(*lines))} 1s 1"
    h.send("script/b", ask.encode(), metadata=[("traceparent", b"00-1-2-01")])
    first, second = [[line for line in h.logs() if not line.startswith("ok")][at : at + 4] for at in (0, 4)]
    assert first[0] != second[0]
    assert first[1:] == second[1:] == ["script/b", str(NOON + SECOND), "00-1-2-01"]
    assert events(h, "script/b")[1][:12] == "replied 1 ok"


@pytest.mark.one_domain
def test_forwarding_to_a_life_that_is_over_is_closed_and_leaves_the_duty(h: Harness) -> None:
    run(h, "script/a", '$c = lifecycle.spawn script "lifecycle.exit 0"', "$s = address.seal $c", "bucket.put data c $s")
    lines = ("$s = bucket.get data c", "$c = messaging.unseal $s", "message.forward $message $c")
    assert run(h, "script/a", *lines, "message.wants-reply $message")[2:] == ["closed", "ok 1"]


# ---- what a turn's messages inherit ----

INHERITED = script("$d = message.deadline $message", "$t = message.metadata $message traceparent",
                   "$u = message.metadata $message other", "event $d", "event $t", "event $u")  # fmt: skip


@pytest.mark.parametrize(
    "how",
    [
        "address.send script/b {}", "address.cast script/b {}", "address.request script/b {} 9s 1",
        "address.send-later script/b {} 1ms",
    ],
)  # fmt: skip
def test_what_a_turn_sends_inherits_deadline_and_traceparent_and_nothing_else(h: Harness, how: str) -> None:
    metadata = [("traceparent", b"00-1-2-01"), ("other", b"x")]
    h.post("script/a", how.format(word(INHERITED)).encode(), deadline=NOON + SECOND, metadata=metadata)
    h.advance("1ms")
    assert events(h, "script/b")[1:] == [str(NOON + SECOND), "00-1-2-01"]


@pytest.mark.one_domain
def test_a_trace_is_inherited_as_often_as_it_came_where_it_is_no_longer_than_any_can_be(h: Harness) -> None:
    pairs = [("traceparent", b"t" * 257), ("traceparent", b"one"), ("other", b"x"), ("traceparent", b"two")]
    h.post("script/a", f"address.send-later script/b {word(INHERITED)} 1ms".encode(), metadata=pairs)
    (later,) = h.image().postponed.values()
    assert later.delivery.metadata == (("traceparent", b"one"), ("traceparent", b"two"))


def test_a_request_has_the_earlier_of_its_timeout_and_the_deadline_of_its_turn(h: Harness) -> None:
    h.post("script/a", f"address.request script/b {word(INHERITED)} 300ms 1".encode(), deadline=NOON + SECOND)
    assert events(h, "script/b")[1:] == [str(NOON + 300 * MS)]


def test_a_deadline_that_has_passed_lets_nothing_be_asked_but_everything_be_said(h: Harness) -> None:
    lines = ('address.request script/b "say hi" 1s 1', 'address.send script/b "event said"')
    body = h.call("script/a", script(*lines), deadline=NOON - 1)
    assert outcomes(body) == ["timeout", "ok"]
    assert events(h, "script/b")[1:] == ["said"]


def test_published_messages_inherit_as_others_do(h: Harness) -> None:
    run(h, "script/b", "topics.subscribe news")
    h.post("script/a", f"topics.publish news {word(INHERITED)}".encode(), metadata=[("traceparent", b"00-1-2-01")])
    assert events(h, "script/b")[1:] == ["0", "00-1-2-01"]
