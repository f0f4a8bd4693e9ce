"""The mailbox: within a pair nothing overtakes, between pairs nobody waits for another (rule 7)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from radon.abi.delivery import NOWHERE, Address, Delivery, Form
from radon.abi.frames import encode_all
from radon.abi.records import Attempted, Delivered, Retried
from radon.host.mailbox import Mailbox, pair_of

SENDERS = [Address("a", "1"), Address("a", "2", 7), Address("b", "")]


def delivery(number: int, sender: Address = SENDERS[0], form: Form = Form.MESSAGE, **fields: Any) -> Delivery:
    return Delivery(number.to_bytes(16, "big"), form, sender=sender, **fields)


def fired(number: int, token: int = 0) -> Delivery:
    return delivery(number, NOWHERE, Form.FIRED, token=token)


def start(number: int) -> Delivery:
    return delivery(number, NOWHERE, Form.START)


def rebuilt(mailbox: Mailbox) -> Mailbox:
    """What the records of a snapshot make."""
    other = Mailbox()
    for record in mailbox.records():
        if isinstance(record, Delivered):
            other.append(record.delivery)
        elif isinstance(record, Attempted):
            other.attempted(record.id, record.attempt, record.due)
        else:
            assert isinstance(record, Retried)
            other.retried(record.id)
    return other


def drained(mailbox: Mailbox) -> list[bytes]:
    """The ids in the order in which they are handled when every turn goes well and every retry is due at once."""
    order = []
    while len(mailbox):
        for id in sorted(mailbox.due):
            mailbox.retried(id)
        head = mailbox.next()
        assert head is not None
        order.append(head.id)
        mailbox.consumed(head.id)
    return order


# ---- pairs ----


def test_messages_of_one_sender_are_a_pair_whatever_life_it_is_in() -> None:
    assert pair_of(delivery(1, Address("a", "1", 4))) == pair_of(delivery(2, Address("a", "1", 9)))
    assert pair_of(delivery(1, Address("a", "1"))) != pair_of(delivery(2, Address("a", "2")))


def test_a_named_pair_goes_before_the_sender() -> None:
    assert pair_of(delivery(1, pair="p")) == pair_of(delivery(2, SENDERS[2], pair="p"))
    assert pair_of(delivery(1, pair="p")) != pair_of(delivery(2))


def test_messages_from_outside_without_a_pair_are_alone() -> None:
    assert pair_of(delivery(1, NOWHERE)) != pair_of(delivery(2, NOWHERE))


def test_all_timers_are_one_pair() -> None:
    assert pair_of(fired(1, 5)) == pair_of(fired(2, 6))


def test_an_answer_is_in_the_pair_of_the_answerer() -> None:
    assert pair_of(delivery(1, form=Form.REPLIED)) == pair_of(delivery(2))


# ---- retries ----


def test_deliveries_come_out_in_the_order_in_which_they_came() -> None:
    mailbox = Mailbox()
    for number in (3, 1, 2):
        mailbox.append(delivery(number))
    assert [int.from_bytes(id, "big") for id in drained(mailbox)] == [3, 1, 2]


def test_a_failed_delivery_holds_back_its_pair_and_nobody_else() -> None:
    mailbox = Mailbox()
    for one in (delivery(1), delivery(2), delivery(3, SENDERS[1])):
        mailbox.append(one)
    mailbox.attempted(delivery(1).id, 1, 50)
    mailbox.append(delivery(4))
    head = mailbox.next()
    assert head is not None
    assert head.id == delivery(3).id
    mailbox.consumed(head.id)
    assert mailbox.next() is None
    mailbox.retried(delivery(1).id)
    assert [int.from_bytes(id, "big") for id in drained(mailbox)] == [1, 2, 4]


def test_a_failed_start_holds_back_everything() -> None:
    mailbox = Mailbox()
    mailbox.append(start(1))
    mailbox.append(delivery(2))
    mailbox.append(fired(3))
    mailbox.attempted(start(1).id, 1, 50)
    assert mailbox.next() is None
    mailbox.retried(start(1).id)
    assert [int.from_bytes(id, "big") for id in drained(mailbox)] == [1, 2, 3]


def test_taking_back_one_that_waits_behind_a_failed_one_leaves_that_waiting() -> None:
    """A timer is cancelled while an earlier one of the pair waits for its retry."""
    mailbox = Mailbox()
    for number in (1, 2, 3):
        mailbox.append(fired(number, number))
    mailbox.attempted(fired(1).id, 1, 50)
    mailbox.consumed(fired(2).id)
    assert mailbox.next() is None
    assert mailbox.due == {fired(1).id: 50}
    mailbox.retried(fired(1).id)
    assert [int.from_bytes(id, "big") for id in drained(mailbox)] == [1, 3]


def test_taking_back_the_failed_one_lets_its_pair_go_on() -> None:
    mailbox = Mailbox()
    mailbox.append(fired(1, 1))
    mailbox.append(fired(2, 2))
    mailbox.attempted(fired(1).id, 1, 50)
    mailbox.consumed(fired(1).id)
    assert mailbox.due == {}
    assert drained(mailbox) == [fired(2).id]


def test_a_failed_attempt_leaves_the_delivery_as_others_know_it() -> None:
    """Commits are written at their end; what arrived in one is written as it arrived."""
    first = delivery(1)
    mailbox = Mailbox()
    mailbox.append(first)
    mailbox.attempted(first.id, 1, 50)
    assert first.attempt == 0
    assert mailbox.find(first.id).attempt == 1


def test_what_is_not_there_is_a_key_error() -> None:
    mailbox = Mailbox()
    for act in (mailbox.find, mailbox.consumed, mailbox.retried):
        with pytest.raises(KeyError):
            act(bytes(16))
    with pytest.raises(KeyError):
        mailbox.attempted(bytes(16), 1, 1)


def test_casts_are_in_no_snapshot() -> None:
    mailbox = Mailbox()
    for one in (delivery(1, cast=True), delivery(2), delivery(3, SENDERS[1]), delivery(4, SENDERS[1], cast=True)):
        mailbox.append(one)
    mailbox.attempted(delivery(1).id, 1, 50)  # and what waits behind it need not wait after a loss
    mailbox.attempted(delivery(3).id, 1, 60)
    other = rebuilt(mailbox)
    assert other.due == {delivery(3).id: 60}
    assert drained(other) == [delivery(2).id, delivery(3).id]


# ---- the model ----


class Box(RuleBasedStateMachine):
    """A mailbox beside lists, one for each pair, of what came; the head of each is all that may be handled."""

    def __init__(self) -> None:
        super().__init__()
        self.mailbox = Mailbox()
        self.pairs: dict[object, list[Delivery]] = defaultdict(list)
        self.due: dict[bytes, int] = {}
        self.count = 0

    def arrives(self, one: Delivery, pair: object) -> None:
        self.mailbox.append(one)
        self.pairs[pair].append(one)

    @rule(sender=st.sampled_from(range(len(SENDERS))), form=st.sampled_from([Form.MESSAGE, Form.REPLIED, Form.DOWN]))
    def message(self, sender: int, form: Form) -> None:
        self.count += 1
        self.arrives(delivery(self.count, SENDERS[sender], form), sender)

    @rule(sender=st.sampled_from(range(len(SENDERS))))
    def cast(self, sender: int) -> None:
        self.count += 1
        self.arrives(delivery(self.count, SENDERS[sender], cast=True), sender)

    @rule()
    def message_from_outside(self) -> None:
        self.count += 1
        self.arrives(delivery(self.count, NOWHERE), f"alone {self.count}")

    @rule()
    def timer(self) -> None:
        self.count += 1
        self.arrives(fired(self.count, self.count), "timers")

    @precondition(lambda self: self.count == 0)
    @rule()
    def start(self) -> None:
        self.count += 1
        self.arrives(start(self.count), "start")

    def handled(self) -> tuple[object, Delivery]:
        """What the next turn takes, and that it may: it heads its pair, and does not wait."""
        head = self.mailbox.next()
        assert head is not None
        pair = next(pair for pair, queue in self.pairs.items() if any(one.id == head.id for one in queue))
        assert self.pairs[pair][0].id == head.id, "overtaken"
        assert head.id not in self.due, "did not wait"
        if "start" in self.pairs:
            assert pair == "start"
        return pair, head

    @precondition(lambda self: self.mailbox.next() is not None)
    @rule()
    def turn_succeeds(self) -> None:
        pair, head = self.handled()
        assert self.mailbox.consumed(head.id).id == head.id
        self.forget(pair, head.id)

    @precondition(lambda self: self.mailbox.next() is not None)
    @rule(due=st.integers(1, 100))
    def turn_fails(self, due: int) -> None:
        _, head = self.handled()
        self.mailbox.attempted(head.id, head.attempt + 1, due)
        self.due[head.id] = due

    @precondition(lambda self: self.due)
    @rule(data=st.data())
    def retry_is_due(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.due)))
        self.mailbox.retried(id)
        del self.due[id]

    @precondition(lambda self: self.pairs.get("timers"))
    @rule(data=st.data())
    def timer_is_taken_back(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.pairs["timers"]))
        self.mailbox.consumed(one.id)
        self.forget("timers", one.id)
        self.due.pop(one.id, None)

    def forget(self, pair: object, id: bytes) -> None:
        self.pairs[pair] = [one for one in self.pairs[pair] if one.id != id]
        if not self.pairs[pair]:
            del self.pairs[pair]

    @rule()
    def restored_from_a_snapshot(self) -> None:
        """Without the casts."""
        self.mailbox = rebuilt(self.mailbox)
        for pair, queue in list(self.pairs.items()):
            for one in [one for one in queue if one.cast]:
                self.forget(pair, one.id)
                self.due.pop(one.id, None)

    @invariant()
    def someone_can_be_handled_whose_pair_does_not_wait(self) -> None:
        blocked = any(one.id in self.due for one in self.pairs.get("start", ()))
        free = [queue[0] for queue in self.pairs.values() if queue[0].id not in self.due]
        assert (self.mailbox.next() is not None) == (bool(free) and not blocked)

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        there = sorted(one.id for one in self.mailbox)
        assert there == sorted(one.id for queue in self.pairs.values() for one in queue)
        assert len(self.mailbox) == len(there)
        assert self.mailbox.due == self.due

    @invariant()
    def its_records_make_an_equal_one(self) -> None:
        other = rebuilt(self.mailbox)
        assert encode_all(other.records()) == encode_all(self.mailbox.records())
        casts = {one.id for one in self.mailbox if one.cast}
        assert other.due == {id: due for id, due in self.mailbox.due.items() if id not in casts}
        assert drained(other) == drained(rebuilt(self.mailbox))


TestMailbox = Box.TestCase
TestMailbox.settings = settings(stateful_step_count=40)
