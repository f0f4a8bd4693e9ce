"""The turn of a topic, "@topic/NAME": the host itself is the guest (rule 19).

Subscribers come and go by messages, so that a publisher's own subscriptions and publications keep their order.
"""

from __future__ import annotations

from radon.abi import crossing as c
from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import Address, Delivery
from radon.abi.errors import ErrorCode
from radon.host.atom import LISTENER, Atom
from radon.host.limits import KEPT_FUEL, MIB, SYSCALL_FUEL
from radon.host.routes import Routes
from radon.host.syscalls.topics import PUBLISH, SUBSCRIBE

FAN_OUT = 256 * MIB
"""Bytes of all copies of one message; one that would be more is a dead letter."""


def take_turn(routes: Routes, topic: Atom) -> int:
    """Handle the topic's next message. What that costs, as fuel for syscalls."""
    ledger, cost = routes.ledger, SYSCALL_FUEL
    message = topic.mailbox.next()
    assert message is not None
    ledger.step(ledger.next_step())
    ledger.consume(topic, message)
    if message.token != PUBLISH:
        record = r.Subscribed if message.token == SUBSCRIBE else r.Unsubscribed
        ledger.emit(topic, record(message.sender))
    elif len(message.body) * len(topic.subscribers) > FAN_OUT:
        routes.bury(topic.address, message, "too-large")
    else:
        cost += len(topic.subscribers) * (SYSCALL_FUEL + KEPT_FUEL * len(message.body))
        for subscriber in list(topic.subscribers):
            _hand_out(routes, topic, subscriber, message)
    routes.answer(message, ErrorCode.CLOSED)  # a topic answers nobody, and says so at once
    routes.wake(topic)
    forget(routes, topic)
    return cost


def forget(routes: Routes, topic: Atom) -> None:
    """Drop the topic if nobody is left who would hear of it."""
    if not topic.subscribers and not len(topic.mailbox):
        routes.ledger.emit(topic, r.Ended())


def _hand_out(routes: Routes, topic: Atom, subscriber: Address, message: Delivery) -> None:
    ledger = routes.ledger
    if subscriber.kind == LISTENER:
        ledger.leave(x.Published(int(subscriber.key), topic.key, message.body))
        return
    far = routes.elsewhere(subscriber)
    if far is None and routes.living(subscriber) is None:
        ledger.emit(topic, r.Unsubscribed(subscriber))
    else:
        copy = Delivery(
            ledger.new_id(), body=message.body, sender=message.sender, topic=topic.key, deadline=message.deadline,
            pair=message.pair, metadata=message.metadata,
        )  # fmt: skip
        if far is None:
            routes.post(subscriber, copy)
        else:
            ledger.cross(far, c.Handed(subscriber, copy))
