"""`topics`: publish, subscribe and unsubscribe are messages to the system atom "@topic/NAME" (rule 19)."""

from __future__ import annotations

from radon.abi.delivery import Address
from radon.abi.errors import Denied, Invalid, TooLarge
from radon.host import intents
from radon.host.limits import NAME_BYTES, NAME_FUEL
from radon.host.turn import Turn

PUBLISH, SUBSCRIBE, UNSUBSCRIBE = 0, 1, 2
"""What a message to a topic asks for, in `Delivery.token`."""


def publish(turn: Turn, topic: str, body: bytes) -> None:
    _check_name(turn, topic)
    if not turn.kind.grants.publish(topic):
        raise Denied(f"no grant 'publish:{topic}'")
    turn.check_body(body)
    _tell(turn, topic, PUBLISH, body)


def subscribe(turn: Turn, topic: str) -> None:
    _check_name(turn, topic)
    if not turn.kind.grants.subscribe(topic):
        raise Denied(f"no grant 'subscribe:{topic}'")
    _tell(turn, topic, SUBSCRIBE, b"")


def unsubscribe(turn: Turn, topic: str) -> None:
    _check_name(turn, topic)
    if not turn.kind.grants.subscribe(topic):
        raise Denied(f"no grant 'subscribe:{topic}'")
    _tell(turn, topic, UNSUBSCRIBE, b"")


def _tell(turn: Turn, topic: str, what: int, body: bytes) -> None:
    turn.count_sent()
    turn.intend(intents.send, Address("@topic", topic), turn.outgoing(body, token=what))


def _check_name(turn: Turn, topic: str) -> None:
    if not topic:
        raise Invalid("a topic needs a name")
    if len(topic.encode()) > NAME_BYTES:
        raise TooLarge(f"a topic's name of more than {NAME_BYTES} bytes")
    turn.spend(NAME_FUEL * len(topic))
