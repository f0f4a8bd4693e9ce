"""Rules 12.4 and 12.5: between domains nothing is lost, doubled or reordered, and all is as within one, but later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from radon.abi import crossing as c
from radon.abi import exchange as x
from radon.abi.delivery import NOWHERE, Address, Delivery
from radon.abi.frames import FrameError, FrameType, decode_all, encode, encode_all, seal
from radon.host.domain import Domain, Make, Settings
from radon.host.hash import domain_of
from radon.host.kind import Kind
from radon.host.lookup import restored
from radon.testing.harness import NOON, Harness, kind
from tests.conformance.family import HOLD, end, spawn
from tests.scripts import ECHO, events, run, script, script_kind, word

Open = Callable[..., Harness]

NEAR, FAR = (next(f"script/{key}" for key in "abcdefgh" if domain_of("script", key, 2) == number) for number in (0, 1))
FAR_ECHO = next(f"echo/{key}" for key in "abcdefgh" if domain_of("echo", key, 2) == 1)


class Pair:
    """Two domains, and by hand what leaves one and comes to the other."""

    def __init__(self, make: Make, kind: Kind) -> None:
        self.make, self.kind = make, kind
        self.logs: list[list[bytes]] = [[], []]
        self.domains = [make(Settings()), make(Settings())]
        for number, domain in enumerate(self.domains):
            domain.setup(number, bytes(32), bytes(32), 2)
            domain.deploy("digest", {"script": kind})

    def run(self, number: int, *inputs: Any) -> list[Any]:
        """What leaves one of them after these inputs, but for log lines."""
        domain = self.domains[number]
        domain.submit(encode_all([x.Now(NOON), *inputs]))
        domain.run(100)
        commit = domain.take_commit()
        if commit.durable:
            self.logs[number].append(seal(FrameType.LOG, commit.durable))
        left = decode_all(commit.outgoing) + decode_all(commit.volatile)
        return [output for output in left if not isinstance(output, x.Logged)]

    def send(self, *bodies: bytes) -> list[x.Crossing]:
        """From the near atom to the far one, one commit for each; what leaves."""
        left = []
        for body in bodies:
            lines = script(f"$a = messaging.open {FAR}", f"address.send $a {word(body)}")
            post = x.Post(1, 0, 0, Address.parse(NEAR), NOWHERE, "", "", (), lines)
            left += [output for output in self.run(0, post) if isinstance(output, x.Crossing)]
        return left

    def restart(self, number: int, *, snapshot: bool) -> None:
        stored = self.domains[number].snapshot() if snapshot else None
        self.domains[number].close()
        domain = self.domains[number] = self.make(Settings())
        domain.restore(stored, [] if snapshot else self.logs[number])
        domain.deploy("digest", {"script": self.kind})

    def heard(self) -> list[str]:
        """What the far atom noted down since its start, in order."""
        puts = self.domains[1].entries(Address.parse(FAR), "events")
        return [put.value.decode() for put in puts][1:]


@pytest.fixture
def pair(make: Make, fiber: bytes) -> Iterator[Pair]:
    two = Pair(make, script_kind(fiber))
    yield two
    for domain in two.domains:
        domain.close()


def event(text: str) -> bytes:
    return script(f"event {text}")


def crossed(*crossings: x.Crossing) -> list[x.Crossed]:
    return [x.Crossed(0, *crossing[1:]) for crossing in crossings]


# ---- 12.4 ----


def test_what_was_sent_to_another_domain_leaves_again_until_it_was_heard(pair: Pair) -> None:
    one, two = pair.send(event("one"), event("two"))
    assert (one.domain, one.first, two.first) == (1, 1, 2)
    again = x.Crossing(1, 1, one.crossings + two.crossings)
    assert pair.run(0, x.Resend(1)) == [again]
    heard = pair.run(1, *crossed(one))
    assert heard == [x.Heard(0, 1)]
    assert pair.run(0, x.Acknowledged(1, 1)) == []
    assert pair.run(0, x.Acknowledged(1, 1), x.Resend(1)) == [two]
    assert pair.run(1, *crossed(again)) == [x.Heard(0, 2)]
    assert pair.run(0, x.Acknowledged(1, 2), x.Resend(1)) == []
    assert pair.heard() == ["one", "two"]


def test_what_comes_twice_or_out_of_order_is_taken_once_and_in_order(pair: Pair) -> None:
    one, two, three = crossed(*pair.send(event("one"), event("two"), event("three")))
    assert pair.run(1, two) == []  # nobody is told, so it comes again
    assert pair.run(1, one, one, three) == [x.Heard(0, 1)] * 2
    assert pair.run(1, two, one) == [x.Heard(0, 2)] * 2
    assert pair.run(1, x.Crossed(0, 2, two.crossings + three.crossings)) == [x.Heard(0, 3)]
    assert pair.heard() == ["one", "two", "three"]


@pytest.mark.parametrize("snapshot", [False, True], ids=["log", "snapshot"])
def test_an_outbox_is_there_after_a_restart_and_goes_on_counting(pair: Pair, snapshot: bool) -> None:
    one, two = pair.send(event("one"), event("two"))
    pair.run(0, x.Acknowledged(1, 1))
    pair.run(1, *crossed(one, two))
    for number in (0, 1):
        pair.restart(number, snapshot=snapshot)
    assert pair.run(0) == [two]  # which the other may not have
    pair.run(0, x.Acknowledged(1, 2))
    pair.restart(0, snapshot=snapshot)
    (three,) = pair.send(event("three"))
    assert three.first == 3
    assert pair.run(1, *crossed(two, three)) == [x.Heard(0, 2), x.Heard(0, 3)]
    assert pair.heard() == ["one", "two", "three"]


def test_a_cast_to_another_domain_leaves_at_once_and_is_not_kept(pair: Pair) -> None:
    lines = script(f"$a = messaging.open {FAR}", f"address.cast $a {word(event('cast'))}")
    post = x.Post(1, 0, 0, Address.parse(NEAR), NOWHERE, "", "", (), lines)
    _, cast = pair.run(0, post)
    assert (cast.domain, cast.first) == (1, 0)
    assert pair.run(0, x.Resend(1)) == []
    assert pair.run(1, *crossed(cast)) == []
    assert pair.heard() == ["cast"]


def test_a_cast_and_a_message_that_has_its_id_are_both_handled(pair: Pair) -> None:
    """The cast left before its turn was durable; its sender was lost, and gave the id again."""
    cast, message = (Delivery(bytes(15) + b"\1", body=event(what), cast=what == "cast") for what in ("cast", "message"))
    bodies = [encode(c.Mail(Address.parse(FAR), delivery)) for delivery in (cast, message)]
    pair.run(1, x.Crossed(0, 0, bodies[0]), x.Crossed(0, 1, bodies[1]))
    assert pair.heard() == ["cast", "message"]


def test_what_waits_in_an_outbox_is_under_way(pair: Pair) -> None:
    before = pair.domains[0].usage().mail_bytes
    pair.send(bytes(1000))
    assert pair.domains[0].usage().mail_bytes >= before + 1000
    pair.run(0, x.Acknowledged(1, 1))
    assert pair.domains[0].usage().mail_bytes == before


@pytest.mark.parametrize(
    "body", [b"\xe0", encode(x.Now(1))[:-1], b"\0", encode(x.Now(1))], ids=["cut", "short", "no record", "no crossing"]
)
def test_what_is_no_crossing_is_refused_with_all_that_came_with_it(pair: Pair, body: bytes) -> None:
    domain: Domain = pair.domains[1]
    (one,) = crossed(*pair.send(event("one")))
    with pytest.raises(FrameError):
        domain.submit(encode_all([one, x.Crossed(0, 2, body)]))
    assert pair.run(1) == []


# ---- 12.5 ----


@pytest.fixture
def spread(open_harness: Open, fiber: bytes) -> Harness:
    """Two domains."""
    return open_harness({"script": script_kind(fiber), "echo": kind("echo", ECHO)}, domains=2)


def test_a_life_in_another_domain_is_closed_when_the_message_gets_there(spread: Harness) -> None:
    keep = ("$s = bucket.get data other", "$a = messaging.unseal $s")
    run(spread, FAR, "$m = messaging.self", "$s = address.seal $m", "bucket.put data me $s")
    me = spread.state(FAR)["data"][b"me"]
    run(spread, NEAR, f"bucket.put data other {word(me)}")
    end(spread, FAR)
    assert run(spread, NEAR, *keep, 'address.call $a "say hello" 1s')[2:] == ["closed"]
    assert run(spread, NEAR, *keep, "address.send $a lost")[2:] == ["ok"]
    assert [(letter.cause, letter.delivery.body) for letter in spread.dead()][-1] == ("closed", b"lost")


def test_a_status_is_kept_for_a_parent_in_another_domain(spread: Harness) -> None:
    """Children get keys that spread over the domains."""
    homes = set()
    for _ in range(12):
        child = spawn(spread, NEAR)
        homes.add(domain_of("script", child.removeprefix("script/"), 2))
        end(spread, child, 7)
        assert run(spread, NEAR, *HOLD, "lifecycle.wait $c 1s", "lifecycle.monitor $c 5")[2:] == ["ok 7", "ok"]
        assert events(spread, NEAR)[-1].startswith("down 5 ")
        assert run(spread, NEAR, *HOLD, "lifecycle.wait $c 1s")[2:] == ["closed"]
    assert homes == {0, 1}


def test_a_call_across_domains_that_nobody_answers_ends_by_its_timeout(spread: Harness) -> None:
    token = spread.post(NEAR, script(f"$a = messaging.open {FAR}", 'address.call $a "clock.sleep 10s" 1s'))
    spread.advance("1s")
    assert spread.answer(token) == b"ok\ntimeout"
    spread.advance("20s")  # the answer comes, and nobody waits
    assert run(spread, NEAR, "say here") == ["ok here"]


def test_an_idempotency_key_is_known_where_the_message_went(spread: Harness) -> None:
    """Also where somebody in another domain answers it."""
    body = script(f"$a = messaging.open {FAR_ECHO}", "message.forward $message $a")
    first = spread.post(NEAR, body, once="order 7")
    again = spread.post(NEAR, body, once="order 7")
    replies = [spread.reply(token) for token in (first, again)]
    assert replies[0] is not None
    assert replies[0].body == body
    assert replies[1] == replies[0]._replace(token=again)


def test_an_idempotency_key_is_known_in_the_whole_application(spread: Harness) -> None:
    """As in one domain: whatever atom a second message with it is for, it does nothing."""
    body = script("$n = bucket.add data n 1", "say counted")
    answers = {spread.call(f"script/{key}", body, once="receipt") for key in "abcdefgh"}
    assert len(answers) == 1
    assert sum(spread.lives(f"script/{key}") for key in "abcdefgh") == 1
    spread.restart()
    assert {spread.call(f"script/{key}", body, once="receipt") for key in "hgfe"} == answers


def test_a_subscriber_in_another_domain_that_has_ended_is_none_any_more(spread: Harness) -> None:
    for atom in (NEAR, FAR):
        run(spread, atom, "topics.subscribe news")
    end(spread, FAR)
    run(spread, NEAR, f"topics.publish news {word(event('hello'))}")
    assert not spread.dead()
    assert not spread.lives(FAR)
    assert events(spread, NEAR)[-1] == "hello"
    topic = restored(spread.domains[domain_of("@topic", "news", 2)].snapshot()).atoms["@topic", "news"]
    assert [address.text for address in topic.subscribers] == [NEAR]
