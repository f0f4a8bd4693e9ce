"""Rule 19: an outgoing HTTP endpoint is an address; what is sent to it leaves until there is an outcome."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.abi import exchange as x
from radon.abi.delivery import Address
from radon.abi.errors import ErrorCode
from radon.host.kind import Retry
from radon.testing.harness import Harness
from tests.scripts import events, run, script, script_kind, word

Open = Callable[..., Harness]

API = Address("http:api", "")
GRANTS = ("script/*", "http:api", "http:gone")


@pytest.fixture
def e(open_harness: Open, module: bytes) -> Harness:
    """Atoms `script/KEY` with grants for the endpoint `http:api`, which there is, and `http:gone`, which is not."""
    return open_harness({"script": script_kind(module, grants=GRANTS)}, endpoints=["api", "secret"])


def left(h: Harness) -> list[x.Sent]:
    return [output for output in h.outputs if isinstance(output, x.Sent)]


def outcome(h: Harness, sent: x.Sent, body: bytes = b"fine", code: ErrorCode | None = None) -> None:
    number = 0 if code is None else code + 1
    h.submit(x.Outcome(sent.delivery.id, number, sent.to, (("http.status", b"200"),), body))
    h.run()


def request(h: Harness, atom: str = "script/a", body: str = "ping", timeout: str = "10s", token: int = 1) -> None:
    assert run(h, atom, f"address.request http:api {body} {timeout} {token}") == ["ok"]


def test_a_request_leaves_with_its_commit_and_its_outcome_is_the_answer(e: Harness) -> None:
    run(e, "script/a", f"bucket.put scripts replied {word('messaging.answer-metadata http.status')}")
    request(e)
    (sent,) = left(e)
    assert (sent.wants, sent.to, sent.delivery.body) == (1, API, b"ping")
    assert sent.delivery.deadline == e.now + 10 * 10**9
    outcome(e, sent)
    assert events(e, "script/a") == ['start ""', "replied 1 ok fine", "ok 200"]


@pytest.mark.parametrize("code", ErrorCode)
def test_an_outcome_may_be_any_error(e: Harness, code: ErrorCode) -> None:
    request(e)
    outcome(e, left(e)[0], b"", code)
    assert events(e, "script/a")[1:] == [f"replied 1 {code.label}"]


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_request_without_an_outcome_leaves_again_after_a_restart_under_the_same_identity(
    e: Harness, snapshot: bool
) -> None:
    """The gateway makes its idempotency key from that, so that the far side acts once."""
    for number in range(3):
        request(e, body=f"ping{number}", token=number)
    first = left(e)
    outcome(e, first[1])
    e.outputs.clear()
    e.restart(snapshot=snapshot)
    again = left(e)
    assert [sent.delivery.id for sent in again] == [first[0].delivery.id, first[2].delivery.id]
    assert [sent.delivery.body for sent in again] == [b"ping0", b"ping2"]
    assert {sent.wants for sent in again} == {1}
    outcome(e, again[0])
    e.outputs.clear()
    e.restart(snapshot=snapshot)
    assert [sent.delivery.body for sent in left(e)] == [b"ping2"]


def test_a_second_outcome_is_ignored(e: Harness) -> None:
    request(e)
    (sent,) = left(e)
    outcome(e, sent)
    outcome(e, sent, b"other")
    e.restart()
    outcome(e, sent, b"other")
    assert events(e, "script/a")[1:] == ["replied 1 ok fine"]


def test_an_outcome_that_nobody_asked_for_is_ignored(e: Harness) -> None:
    e.submit(x.Outcome(bytes(16), 0, API, (), b""), x.Outcome(bytes(16), 0, Address("http:nobody", ""), (), b""))
    e.run()
    assert events(e, "script/a") == []


def test_a_request_that_timed_out_is_answered_once_and_its_late_outcome_ends_it(e: Harness) -> None:
    request(e, timeout="1s")
    e.advance("1s")
    assert events(e, "script/a")[1:] == ["replied 1 timeout"]
    outcome(e, left(e)[0])
    assert events(e, "script/a")[1:] == ["replied 1 timeout"]
    e.outputs.clear()
    e.restart()
    assert left(e) == []


@pytest.mark.one_domain
def test_a_message_leaves_again_too_until_there_is_an_outcome_and_a_cast_does_not(e: Harness) -> None:
    run(e, "script/a", "address.send http:api said", "address.cast http:api whispered")
    assert [(sent.wants, sent.delivery.body) for sent in left(e)] == [(1, b"said"), (0, b"whispered")]
    queue = e.image().find("http:api", "")
    assert queue is not None
    assert [delivery.body for delivery in queue.mailbox] == [b"said"]
    e.outputs.clear()
    e.restart()
    assert [(sent.wants, sent.delivery.body) for sent in left(e)] == [(1, b"said")]
    outcome(e, left(e)[0])
    e.outputs.clear()
    e.restart()
    assert left(e) == []
    assert events(e, "script/a") == ['start ""']


def test_a_failed_turn_sends_nothing_out(open_harness: Open, module: bytes) -> None:
    kinds = {"script": script_kind(module, grants=GRANTS, retry=Retry(attempts=1))}
    h = open_harness(kinds, endpoints=["api"])
    h.send("script/a", b"address.request http:api ping 1s 1\naddress.cast http:api ping\nerr no")
    assert left(h) == []


def test_a_turn_may_wait_for_an_endpoint_across_a_restart(open_harness: Open, fiber: bytes) -> None:
    h = open_harness({"script": script_kind(fiber, grants=GRANTS)}, endpoints=["api"])
    token = h.post("script/a", script("address.call http:api ping 10s", "messaging.answer-metadata http.status"))
    (sent,) = left(h)
    h.restart()
    assert [again.delivery.id for again in left(h)] == [sent.delivery.id] * 2
    outcome(h, sent)
    assert h.answer(token) == b"ok fine\nok 200"


def test_the_duty_to_answer_can_be_handed_to_an_endpoint(e: Harness) -> None:
    token = e.post("script/a", b"message.forward $message http:api")
    outcome(e, left(e)[0])
    reply = e.reply(token)
    assert reply is not None
    assert (reply.code, reply.body, reply.metadata) == (0, b"fine", (("http.status", b"200"),))


def test_the_outside_reaches_an_endpoint_by_its_name(e: Harness) -> None:
    token = e.post("http:api", b"ping")
    outcome(e, left(e)[0])
    assert e.answer(token) == b"fine"


def test_an_endpoint_needs_a_grant_and_has_to_be_there(e: Harness) -> None:
    names = ("http:api", "http:secret", "http:gone", "http:", "http:api/x")
    assert run(e, "script/a", *(f"messaging.open {name}" for name in names)) == [
        "ok", "denied", "not-found", "denied", "denied",
    ]  # fmt: skip


def test_a_link_leads_to_an_endpoint_without_a_grant(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, grants=(), links={"out": "http:api"})}, endpoints=["api"])
    assert run(h, "script/a", "address.send out ping", "address.text out", "messaging.open http:api") == [
        "ok", "ok http:api", "denied",
    ]  # fmt: skip
    assert [sent.delivery.body for sent in left(h)] == [b"ping"]


def test_an_endpoint_is_remote_and_no_atom(e: Harness) -> None:
    assert run(e, "script/a", "address.distance http:api", "lifecycle.monitor http:api 1") == ["ok remote", "invalid"]


def test_one_asker_s_end_leaves_the_request_to_its_outcome(e: Harness) -> None:
    request(e)
    run(e, "script/a", "lifecycle.exit 0")
    run(e, "script/a", "say hi")
    outcome(e, left(e)[0])
    assert events(e, "script/a") == ['start ""']


@pytest.mark.one_domain
def test_a_message_to_an_endpoint_that_is_gone_is_a_dead_letter_until_it_is_back(
    open_harness: Open, module: bytes
) -> None:
    kinds = {"script": script_kind(module, grants=GRANTS)}
    h = open_harness(kinds, endpoints=["api"])
    run(h, "script/a", "address.send-later http:api ping 1s")
    h.domain.deploy("without", kinds)
    h.advance("1s")
    (letter,) = h.dead()
    assert (letter.cause, letter.to) == ("not-found", API)
    h.submit(x.Revive(letter.delivery.id, 1))
    h.run()
    assert len(h.dead()) == 1
    h.domain.deploy("with", kinds, ["api"])
    h.submit(x.Revive(letter.delivery.id, 1))
    h.run()
    assert h.dead() == []
    assert [sent.delivery.body for sent in left(h)] == [b"ping"]
