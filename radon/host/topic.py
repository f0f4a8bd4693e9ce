"""The turn of a topic, "@topic/NAME": the host itself is the guest (rule 19).

Subscribers come and go by messages, so that a publisher's own subscriptions and publications keep their order.
"""

from __future__ import annotations

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import Address, Delivery
from radon.host.image import Atom
from radon.host.routes import Routes
from radon.host.syscalls.topics import PUBLISH, SUBSCRIBE


def take_turn(routes: Routes, topic: Atom) -> None:
    """Handle the topic's next message; forget the topic when nobody is left."""
    ledger = routes.ledger
    message = topic.mailbox.next()
    assert message is not None
    ledger.step(ledger.next_step())
    ledger.consume(topic, message)
    if message.token != PUBLISH:
        record = r.Subscribed if message.token == SUBSCRIBE else r.Unsubscribed
        ledger.emit(topic, record(message.sender))
    else:
        for subscriber in list(topic.subscribers):
            _hand_out(routes, topic, subscriber, message)
    if topic.mailbox.next() is not None:
        routes.wake(topic)
    elif not topic.subscribers:
        ledger.emit(topic, r.Ended())


def _hand_out(routes: Routes, topic: Atom, subscriber: Address, message: Delivery) -> None:
    if subscriber.kind == "@listener":
        routes.ledger.leave(x.Published(int(subscriber.key), topic.key, message.body))
    elif routes.living(subscriber) is None:
        routes.ledger.emit(topic, r.Unsubscribed(subscriber))
    else:
        copy = Delivery(
            routes.new_id(), body=message.body, sender=message.sender, topic=topic.key, deadline=message.deadline,
            pair=message.pair, metadata=message.metadata,
        )  # fmt: skip
        routes.post(subscriber, copy)
