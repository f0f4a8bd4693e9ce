"""Rule 12.6: an object of another domain is found as one of this domain; its turn begins again when it is here."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from radon.abi import crossing as c
from radon.abi import exchange as x
from radon.abi.delivery import NOWHERE, Address
from radon.abi.frames import Commit, decode_all, encode_all
from radon.host.domain import Make, Settings, Status
from radon.host.hash import domain_of
from radon.host.kind import Retry
from radon.host.limits import FETCHES, MIB, Limits
from radon.host.lookup import restored
from radon.testing.around import Around, around
from radon.testing.harness import NOON, Harness
from tests.conformance.test_domains import FAR, NEAR, Pair, pair
from tests.scripts import run, script, script_kind, word

__all__ = ["pair"]  # a fixture, found here by its name

Open = Callable[..., Harness]

BODY = "body"
NAME = hashlib.sha256(BODY.encode()).hexdigest()
NOBODY_S = "0" * 64
OPEN, READ = f"$o = objects.open {NAME}", "object.read $o 0 9"
HOUR = 3600 * 10**9
OF_THREE = [next(f"script/{key}" for key in "abcdefgh" if domain_of("script", key, 3) == number) for number in range(3)]


class Counting(Around):
    """It counts what leaves it for other domains, by type."""

    left: ClassVar[Counter[type]] = Counter()

    def take_commit(self) -> Commit:
        commit = self.inner.take_commit()
        for output in decode_all(commit.outgoing) + decode_all(commit.volatile):
            if isinstance(output, x.Crossing):
                self.left.update(map(type, decode_all(output.crossings)))
        return commit


@pytest.fixture
def left() -> Counter[type]:
    """What left one domain for another, by type."""
    Counting.left.clear()
    return Counting.left


@pytest.fixture
def two(open_harness: Open, make: Make, fiber: bytes) -> Harness:
    """Two domains; the far atom has put the object."""
    h = open_harness({"script": script_kind(fiber)}, domains=2, make=around(Counting, make))
    assert run(h, FAR, f"$o = objects.put {BODY}") == ["ok"]
    return h


# ---- beginning again ----


def test_a_turn_begins_again_when_the_object_is_here_and_that_is_no_attempt(two: Harness) -> None:
    assert run(two, NEAR, "log.write info begun", "message.attempt $message", OPEN, READ) == [
        "ok",
        "ok 0",
        "ok",
        "ok body",
    ]
    assert two.logs() == ["begun", "begun"]
    assert not two.dead()


def test_nothing_that_it_did_before_it_began_again_has_happened(two: Harness) -> None:
    assert run(two, NEAR, "$n = bucket.add data n 1", OPEN, "say $n") == ["ok 1", "ok", "ok 1"]
    assert run(two, NEAR, "$n = bucket.add data n 1") == ["ok 2"]


def test_what_was_asked_for_once_is_there_to_the_end_of_the_turn(two: Harness, left: Counter[type]) -> None:
    assert run(two, NEAR, OPEN, READ, OPEN, READ, "object.size $o")[-3:] == ["ok", "ok body", "ok 4"]
    assert left[c.Fetch] == 1
    run(two, NEAR, OPEN)
    assert left[c.Fetch] == 2, "and no longer"


def test_what_a_turn_opened_stays_though_it_is_collected_meanwhile(open_harness: Open, fiber: bytes) -> None:
    h = open_harness({"script": script_kind(fiber)}, domains=2, settings=Settings(retention=HOUR))
    run(h, FAR, f"$o = objects.put {BODY}")
    token = h.post(NEAR, script(OPEN, "clock.sleep 3600s", READ))
    h.advance("3600s")
    assert h.answer(token) == b"ok\nok\nok body"
    assert run(h, NEAR, OPEN) == ["not-found"]


def test_a_turn_that_was_suspended_takes_the_recorded_answers(two: Harness) -> None:
    counts = word(script("$n = bucket.add data n 1", "say $n"))
    lines = (f"$a = messaging.open {FAR}", f"address.call $a {counts} 1s", OPEN, READ)
    assert run(two, NEAR, *lines)[2:] == ["ok", "ok body"]
    assert run(two, FAR, "$n = bucket.add data n 1") == ["ok 2"], "it was called once"


class Waiting:
    """The near atom of a pair of domains has a message that wants an object, and one behind it."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        (self.asked,) = pair.run(0, self.post(OPEN, READ, "event first"))

    @staticmethod
    def post(*lines: str, to: str = NEAR) -> x.Post:
        return x.Post(1, 0, 1, Address.parse(to), NOWHERE, "", "", (), script(*lines))

    def answered(self, crossing: x.Crossing) -> list[x.Crossed]:
        """What the far domain sends back."""
        left = self.pair.run(1, x.Crossed(0, *crossing[1:]))
        return [x.Crossed(1, *output[1:]) for output in left if isinstance(output, x.Crossing)]

    def events(self) -> list[str]:
        return [put.value.decode() for put in self.pair.domains[0].entries(Address.parse(NEAR), "events")]


def test_an_atom_that_waits_for_an_object_handles_nothing_else_and_others_do(pair: Pair) -> None:
    waiting = Waiting(pair)
    other = next(f"script/{key}" for key in "klmnop" if domain_of("script", key, 2) == 0)
    assert pair.run(0, waiting.post("event second")) == []
    assert [type(output) for output in pair.run(0, waiting.post("say here", to=other))] == [x.Reply]
    replies = [output.body for output in pair.run(0, *waiting.answered(waiting.asked)) if isinstance(output, x.Reply)]
    assert replies == [b"not-found\nunset\nok", b"ok"]
    assert waiting.events()[1:] == ["first", "second"]


@pytest.mark.parametrize("snapshot", [False, True], ids=["log", "snapshot"])
def test_after_a_restart_it_asks_again_and_does_not_hear_the_old_answer(pair: Pair, snapshot: bool) -> None:
    waiting = Waiting(pair)
    old = waiting.answered(waiting.asked)
    pair.run(1, waiting.post(f"$o = objects.put {BODY}", to=FAR))
    pair.restart(0, snapshot=snapshot)
    (again,) = pair.run(0)
    assert pair.run(0, *old) == []
    assert waiting.events()[1:] == []
    pair.run(0, *waiting.answered(again))
    assert waiting.events()[1:] == ["first"]


def test_a_domain_restored_while_a_turn_waits_goes_on_as_one_that_did_not_stop_at_that_barrier(pair: Pair) -> None:
    waiting = Waiting(pair)
    restored = pair.make(Settings())
    restored.restore(pair.domains[0].snapshot())
    restored.deploy("digest", {"script": pair.kind})
    both = (pair.domains[0], restored)

    def run(*inputs: Any) -> list[x.Crossing]:
        for domain in both:
            domain.submit(encode_all([x.Now(NOON), *inputs]))
            domain.run(100)
        commits = [domain.take_commit() for domain in both]
        assert commits[0].durable == commits[1].durable
        assert commits[0].outgoing == commits[1].outgoing
        return [output for output in decode_all(commits[1].outgoing) if isinstance(output, x.Crossing)]

    (asked,) = run(x.Barrier())
    run(*waiting.answered(asked))
    assert waiting.events()[1:] == ["first"]
    restored.close()


def test_when_the_atom_is_stopped_its_message_begins_the_next_life(pair: Pair) -> None:
    waiting = Waiting(pair)
    stops = waiting.post(f"$a = messaging.open {NEAR}", "lifecycle.stop $a", to=FAR)
    left = [output for output in pair.run(1, stops) if isinstance(output, x.Crossing)]
    (asked,) = [o for o in pair.run(0, *(x.Crossed(1, *o[1:]) for o in left)) if isinstance(o, x.Crossing)]
    replies = [
        o for o in pair.run(0, *waiting.answered(waiting.asked), *waiting.answered(asked)) if isinstance(o, x.Reply)
    ]
    assert [reply.body for reply in replies] == [b"not-found\nunset\nok"]
    assert waiting.events()[1:] == ["first"]


@pytest.mark.parametrize("lost", ["question", "answer"])
def test_it_asks_again_when_something_may_be_lost_and_hears_one_answer(pair: Pair, lost: str) -> None:
    waiting = Waiting(pair)
    late = waiting.answered(waiting.asked) if lost == "answer" else []
    assert pair.run(0, x.Resend(1)) == [waiting.asked]
    pair.run(0, *waiting.answered(waiting.asked))
    assert waiting.events()[1:] == ["first"]
    assert pair.run(0, *late, x.Resend(1)) == []


# ---- who is asked ----


@pytest.fixture
def three(open_harness: Open, make: Make, fiber: bytes) -> Harness:
    return open_harness({"script": script_kind(fiber)}, domains=3, make=around(Counting, make))


@pytest.mark.parametrize("holder", [1, 2])
def test_who_sent_the_message_is_asked_first(three: Harness, left: Counter[type], holder: int) -> None:
    sends = word(script(OPEN, READ, "event $o"))
    run(
        three,
        OF_THREE[holder],
        f"$o = objects.put {BODY}",
        f"$a = messaging.open {OF_THREE[0]}",
        f"address.send $a {sends}",
    )
    assert left[c.Fetch] == 1


def test_the_question_goes_round_until_a_domain_has_it_or_all_were_asked(three: Harness, left: Counter[type]) -> None:
    run(three, OF_THREE[2], f"$o = objects.put {BODY}")
    assert run(three, OF_THREE[0], OPEN, READ) == ["ok", "ok body"]
    assert left[c.Fetch] == 2
    assert run(three, OF_THREE[1], f"objects.open {NOBODY_S}") == ["not-found"]
    assert left[c.Fetch] == 4


def test_what_is_no_name_is_asked_of_nobody(three: Harness, left: Counter[type]) -> None:
    names = ("nonsense", '""', NAME.upper(), NAME + "0", NAME[:-1])
    assert run(three, OF_THREE[0], *(f"objects.open {name}" for name in names)) == ["not-found"] * 5
    assert left[c.Fetch] == 0


def test_a_great_object_comes_in_pieces(open_harness: Open, make: Make, fiber: bytes, left: Counter[type]) -> None:
    kinds = {"script": script_kind(fiber, limits=Limits(message=4 * MIB))}
    h = open_harness(kinds, domains=2, make=around(Counting, make))
    name = hashlib.sha256(b"g" * (2 * MIB + 1)).hexdigest()
    assert run(h, FAR, f"$b = fill {2 * MIB + 1} g", "$o = objects.put $b")[1:] == ["ok"]
    lines = (f"$o = objects.open {name}", "object.size $o", f"object.read $o {2 * MIB - 1} 9", f"objects.pin {name}")
    assert run(h, NEAR, *lines) == ["ok", f"ok {2 * MIB + 1}", "ok gg", "ok"]
    assert left[c.Fetched] == 3
    assert restored(h.domains[0].snapshot()).objects[name].body == b"g" * (2 * MIB + 1)


# ---- pins ----


def test_who_pins_it_has_it_whatever_becomes_of_the_others(open_harness: Open, fiber: bytes) -> None:
    h = open_harness({"script": script_kind(fiber)}, domains=2, settings=Settings(retention=HOUR))
    run(h, FAR, f"$o = objects.put {BODY}")
    assert run(h, NEAR, f"objects.pin {NAME}", f"objects.unpin {NAME}", f"objects.pin {NAME}") == ["ok"] * 3
    h.advance("3600s")
    held = [{name: thing.pins for name, thing in restored(domain.snapshot()).objects.items()} for domain in h.domains]
    assert held == [{NAME: 1}, {}]
    assert run(h, FAR, OPEN, READ, f"objects.unpin {NAME}") == ["ok", "ok body", "invalid"], (
        "that pin is not of this domain"
    )
    assert run(h, NEAR, f"objects.unpin {NAME}") == ["ok"]
    h.advance("3600s")
    assert run(h, FAR, OPEN) == ["not-found"]
    assert [domain.usage().object_bytes for domain in h.domains] == [0, 0]


def test_a_turn_that_fails_pins_nothing_and_keeps_nothing(two: Harness) -> None:
    two.send(NEAR, script(f"objects.pin {NAME}", "err no"))
    two.advance("10s")
    assert len(two.dead()) == 1
    assert two.domains[0].usage().object_bytes == 0


# ---- what bounds it ----


def test_copies_fill_the_room_for_objects_and_no_more(open_harness: Open, fiber: bytes) -> None:
    h = open_harness({"script": script_kind(fiber)}, domains=2, settings=Settings(objects=3100))
    names = [hashlib.sha256(letter.encode() * 1000).hexdigest() for letter in "ab"]
    run(h, FAR, "$b = fill 1000 a", "$o = objects.put $b")
    run(h, FAR, "$b = fill 1000 b", "$o = objects.put $b")
    run(h, NEAR, "$b = fill 1000 c", "$o = objects.put $b")
    assert run(h, NEAR, *(f"$o = objects.open {name}" for name in names)) == ["ok", "exhausted"]
    assert run(h, NEAR, f"objects.open {names[1]}", f"objects.pin {names[1]}") == ["ok", "ok"], "it was given back"
    assert run(h, NEAR, f"objects.pin {names[0]}") == ["exhausted"], "with the one that is pinned there is no room"


def test_one_message_has_so_many_objects_of_other_domains(open_harness: Open, fiber: bytes) -> None:
    h = open_harness({"script": script_kind(fiber, limits=Limits(outbox=2))}, domains=2)
    names = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(3)]
    opens = [f"objects.open {name}" for name in names]
    assert run(h, NEAR, *opens, opens[0]) == ["not-found", "not-found", "exhausted", "not-found"]
    assert run(h, NEAR, opens[2]) == ["not-found"]


def test_so_many_turns_of_a_domain_wait_for_objects(pair: Pair) -> None:
    posts = [Waiting.post(OPEN, to=f"script/{n}") for n in range(3 * FETCHES) if domain_of("script", str(n), 2) == 0]
    pair.run(0, *posts)
    replies = []
    while pair.domains[0].run(1000) is Status.BUSY:
        pass
    replies = [o for o in decode_all(pair.domains[0].take_commit().outgoing) if isinstance(o, x.Reply)]
    assert len(replies) == len(posts) - FETCHES
    assert {reply.body for reply in replies} == {b"exhausted"}


def test_what_came_is_paid_for_as_what_is_put(open_harness: Open, fiber: bytes) -> None:
    cheap = Limits(turn=2_000_000)
    kinds = {
        "script": script_kind(fiber), "other": script_kind(fiber, "other", limits=cheap, retry=Retry(attempts=1)),
    }  # fmt: skip
    h = open_harness(kinds, domains=2)
    near = next(f"other/{key}" for key in "abcdefgh" if domain_of("other", key, 2) == 0)
    great = hashlib.sha256(b"g" * 300_000).hexdigest()
    run(h, FAR, "$b = fill 300000 g", "$o = objects.put $b")
    h.send(near, script(f"objects.open {great}"))
    assert [letter.cause for letter in h.dead()] == ["trap: out-of-fuel"]
    assert run(h, near, f"objects.open {NOBODY_S}") == ["not-found"]
