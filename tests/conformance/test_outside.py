"""Messages from outside the domain: what they carry, in which order they are handled, and dedup keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.abi import exchange as x
from radon.abi.delivery import Address
from radon.abi.errors import Closed, NotFound, TooLarge
from radon.host.domain import Settings
from radon.host.kind import Retry
from radon.host.limits import Limits
from radon.testing.harness import Harness
from tests.scripts import events, run, script, script_kind

Open = Callable[..., Harness]

HOUR = 3600 * 10**9
COUNT = b"bucket.add data n 1"


@pytest.fixture
def d(open_harness: Open, module: bytes) -> Harness:
    """Dedup keys are remembered for an hour; turns are tried once."""
    return open_harness({"script": script_kind(module, retry=Retry(attempts=1))}, settings=Settings(idempotency=HOUR))


def count(h: Harness) -> str:
    return run(h, "script/a", "bucket.add data n 0")[0].removeprefix("ok ")


def accepted(h: Harness, token: int) -> int:
    return sum(isinstance(output, x.Accepted) and output.token == token for output in h.outputs)


# ---- what they carry ----


def test_a_message_shows_what_was_attached_to_it(h: Harness) -> None:
    lines = ("$s = message.sender $message", "message.deadline $message", "message.metadata $message http.path",
             "message.metadata $message x", "message.wants-reply $message", "message.attempt $message")  # fmt: skip
    metadata = [("http.path", b"/a"), ("empty", b"")]
    assert h.call("script/a", script(*lines), metadata=metadata, deadline=h.now + 5).decode().split("\n") == [
        "ok -", f"ok {h.now + 5}", "ok /a", "ok -", "ok 1", "ok 0",
    ]  # fmt: skip


def test_every_message_has_an_id_of_its_own(h: Harness) -> None:
    ids = {run(h, atom, "message.id $message")[0] for atom in ("script/a", "script/b") for _ in range(3)}
    assert len(ids) == 6


def test_one_that_wants_no_answer_is_accepted_when_it_is_in_its_mailbox(h: Harness) -> None:
    token = h.post("script/a", b"$w = message.wants-reply $message\nevent $w", wants=False)
    assert accepted(h, token) == 1
    assert h.reply(token) is None
    assert events(h, "script/a")[1:] == ["0"]


def test_what_cannot_be_delivered_is_refused_with_the_reason(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(message=10))})
    with pytest.raises(TooLarge, match=r"11 bytes for script/a; limits\.message is 10"):
        h.call("script/a", bytes(11))
    with pytest.raises(NotFound, match="no kind 'nobody'; this application has: script"):
        h.call("nobody/a")
    for name in ("", "@topic", "@client/1", "@once/k", "/"):
        with pytest.raises((NotFound, Closed)):
            h.call(name)
    with pytest.raises(TooLarge, match="a key of more than"):
        h.call("script/" + "k" * 1025)
    assert h.image().atoms == {}


def test_the_key_may_be_empty_long_or_of_any_text(h: Harness) -> None:
    for key in ("", "k" * 1024, "a/b/c", "ü\n\0"):
        text = f"script/{key}" if key else "script"
        assert h.call(text, b"$a = messaging.self\naddress.text $a").startswith(b"ok\nok ")
        assert h.lives(text)


# ---- order ----


def test_messages_of_one_pair_are_handled_in_order_behind_one_that_fails(h: Harness) -> None:
    h.send("script/a", script("$n = message.attempt $message", "if $n 0 err no", "event one"), pair="client 1")
    h.send("script/a", b"event two", pair="client 1")
    h.send("script/a", b"event other", pair="client 2")
    h.send("script/a", b"event alone")
    assert events(h, "script/a")[1:] == ["other", "alone"]
    h.restart()
    h.advance("100ms")
    assert events(h, "script/a")[1:] == ["other", "alone", "one", "two"]


def test_messages_of_one_gateway_address_are_a_pair(h: Harness) -> None:
    sender = Address("@line", "1")
    h.send("script/a", script("$n = message.attempt $message", "if $n 0 err no", "event one"), sender=sender)
    h.send("script/a", b"event two", sender=sender)
    h.advance("100ms")
    assert events(h, "script/a")[1:] == ["one", "two"]


# ---- dedup keys ----


@pytest.mark.one_domain
def test_a_message_with_a_known_dedup_key_gets_the_first_one_s_answer_and_is_not_handled(d: Harness) -> None:
    assert d.call("script/a", COUNT, once="k") == b"ok 1"
    assert d.call("script/a", COUNT, once="k") == b"ok 1"
    assert d.call("script/a", b'say "something else"', once="k") == b"ok 1"
    assert d.call("script/b", COUNT, once="k") == b"ok 1"
    assert not d.lives("script/b")
    assert d.call("script/a", COUNT, once="other") == b"ok 2"
    assert d.call("script/a", COUNT) == b"ok 3"


def test_the_answer_s_metadata_are_repeated_too(d: Harness) -> None:
    replies = [d.reply(d.post("script/a", b"message.reply-with $message made http.status 201", once="k")) for _ in "ab"]
    assert [reply and (reply.code, reply.body, reply.metadata) for reply in replies] == [
        (0, b"made", (("http.status", b"201"),)),
    ] * 2  # fmt: skip


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_dedup_key_is_known_across_a_restart_between_question_and_answer(d: Harness, snapshot: bool) -> None:
    first = d.post("script/a", b"message.keep $message 1\n" + COUNT, once="k")
    d.restart(snapshot=snapshot)
    second = d.post("script/a", COUNT, once="k")
    third = d.post("script/a", COUNT, once="k")
    assert d.answer(second) is None
    run(d, "script/a", "$m = messaging.kept 1", "message.reply $m done")
    assert [d.answer(token) for token in (second, third)] == [b"done", b"done"]
    assert d.answer(first) is None  # whoever asked it went with the process
    d.restart(snapshot=snapshot)
    assert d.call("script/a", COUNT, once="k") == b"done"
    assert count(d) == "1"


def test_all_who_ask_with_one_key_meanwhile_are_answered_once(d: Harness) -> None:
    tokens = [d.post("script/a", b"message.keep $message 1", once="k") for _ in range(3)]
    run(d, "script/a", "$m = messaging.kept 1", "message.reply $m done")
    assert [d.answer(token) for token in tokens] == [b"done"] * 3
    assert len([output for output in d.outputs if isinstance(output, x.Reply) and output.token in tokens]) == 3


def test_a_failure_for_good_is_an_answer_that_is_remembered(d: Harness) -> None:
    for _ in range(2):
        with pytest.raises(Closed):
            d.call("script/a", b"err no", once="k")
    assert len(d.dead()) == 1


def test_what_was_refused_at_the_door_is_not_remembered(d: Harness) -> None:
    with pytest.raises(NotFound):
        d.call("nobody/a", COUNT, once="k")
    assert d.call("script/a", COUNT, once="k") == b"ok 1"


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_message_that_wants_no_answer_is_handled_once_too(d: Harness, snapshot: bool) -> None:
    tokens = []
    for _ in range(2):
        tokens += [d.post("script/a", COUNT, wants=False, once="k") for _ in range(2)]
        d.restart(snapshot=snapshot)
    assert [accepted(d, token) for token in tokens] == [1] * 4
    assert count(d) == "1"


@pytest.mark.one_domain
def test_a_dedup_key_is_forgotten_after_its_time(d: Harness) -> None:
    assert d.call("script/a", COUNT, once="k") == b"ok 1"
    d.advance("3599s")
    assert d.call("script/a", COUNT, once="k") == b"ok 1"
    d.restart()
    d.advance("1s")
    assert d.call("script/a", COUNT, once="k") == b"ok 2"
    assert len(d.image().seen) == 1


def test_an_answer_after_the_key_was_forgotten_still_reaches_who_waits(d: Harness) -> None:
    token = d.post("script/a", b"message.keep $message 1", once="k")
    d.advance("3600s")
    run(d, "script/a", "$m = messaging.kept 1", "message.reply $m late")
    assert d.answer(token) == b"late"
    assert d.image().seen == {}


def test_who_waits_since_before_the_key_was_forgotten_gets_the_first_answer_that_there_is(d: Harness) -> None:
    first = d.post("script/a", b"message.keep $message 1", once="k")
    d.advance("3600s")
    second = d.post("script/a", b"message.keep $message 2", once="k")
    run(d, "script/a", "$m = messaging.kept 1", "message.reply $m one")
    assert (d.answer(first), d.answer(second)) == (b"one", b"one")
    run(d, "script/a", "$m = messaging.kept 2", "message.reply $m two")
    assert d.answer(d.post("script/a", COUNT, once="k")) == b"two"


def test_a_forwarded_message_is_answered_under_its_key(d: Harness) -> None:
    lines = ("$m = messaging.self", "$t = address.text $m", "if $t script/a message.forward $message script/b")
    answers = {d.call("script/a", script(*lines), once="k") for _ in range(2)}
    assert answers == {b"ok\nok script/b\nskipped"}


# ---- after a loss ----


def test_an_answer_to_someone_of_an_earlier_process_still_leaves(h: Harness) -> None:
    """Whom it is for the gateway has to know: it must not give out a token twice, not even in another process."""
    token = h.post("script/a", b"message.keep $message 1")
    h.restart()
    run(h, "script/a", "$m = messaging.kept 1", "message.reply $m late")
    assert h.answer(token) == b"late"


def test_a_message_that_was_accepted_is_handled_after_a_loss(h: Harness) -> None:
    h.post("script/a", b"event first", wants=False, run=False)
    token = h.post("script/a", b"event second", wants=False, run=False)
    h.step()  # both are taken in, and one is handled
    assert accepted(h, token) == 1
    h.restart()
    assert events(h, "script/a")[1:] == ["first", "second"]
