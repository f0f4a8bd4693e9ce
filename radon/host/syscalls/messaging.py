"""`messaging`: names, messages, answers. Everything but `cast` leaves with the commit."""

from __future__ import annotations

import hashlib

from radon.abi.delivery import NOWHERE, Address, Delivery, Metadata
from radon.abi.errors import Closed, Denied, ErrorCode, Exhausted, Invalid, Refused, Timeout, TooLarge
from radon.abi.records import CALL
from radon.host import intents
from radon.host.limits import KEY_BYTES, NAME_BYTES, NAME_FUEL
from radon.host.turn import NEVER, Message, Turn

SAME_DOMAIN, SAME_PROCESS, REMOTE = 0, 1, 3
"""The cases of `distance` that one domain can meet."""


def self(turn: Turn) -> Address:
    return turn.atom.address


def open(turn: Turn, name: str) -> Address:
    """A link, or "kind/key" under a grant; an atom may always open its own kind."""
    linked = turn.kind.links.get(name)
    if linked is not None:
        return turn.domain.routes.resolve(Address.parse(linked))
    if not name:
        raise Invalid("an empty name")
    if len(name.encode()) > KEY_BYTES + NAME_BYTES:
        raise TooLarge(f"a name of {len(name)} characters")
    turn.spend(NAME_FUEL * len(name))
    if name.startswith("http:"):
        if not turn.kind.grants.http(name[5:]):
            raise Denied(f"no grant {name!r}")
        return turn.domain.routes.resolve(Address(name, ""))
    address = turn.domain.routes.resolve(Address.parse(name))
    if address.kind != turn.kind.name and not turn.kind.grants.open(*Address.parse(name)[:2]):
        raise Denied(f"no grant for {name!r}")
    return address


def unseal(turn: Turn, sealed: bytes) -> Address:
    return turn.unseal(sealed)


def kept(turn: Turn, token: int) -> Message | None:
    if token in turn.kept:
        message = turn.kept[token]
    else:
        delivery = turn.atom.kept.get(token)
        message = Message(delivery) if delivery is not None else None
    if message is not None:
        message.open = message.delivery.reply is not NOWHERE
        turn.kept_messages -= turn.kept.get(token) is not None
        turn.kept[token] = None
        turn.held[message] = None
    return message


def answer_metadata(turn: Turn, name: str) -> bytes | None:
    return next((value for known, value in turn.answer_metadata if known == name), None)


# ---- address ----


def address_text(turn: Turn, address: Address) -> str:
    return address.text


def address_distance(turn: Turn, address: Address) -> int:
    if address.kind.startswith("http:"):
        return REMOTE
    far = address.kind.startswith("@") or turn.domain.routes.elsewhere(address) is not None
    return SAME_PROCESS if far else SAME_DOMAIN


def address_seal(turn: Turn, address: Address) -> bytes:
    return turn.seal(address)


def address_send(turn: Turn, to: Address, body: bytes) -> None:
    _check(turn, to, body)
    turn.intend(intents.send, to, turn.outgoing(body))


def address_cast(turn: Turn, to: Address, body: bytes) -> None:
    _check(turn, to, body)
    turn.intend(intents.send, to, turn.outgoing(body, cast=True))


def address_send_later(turn: Turn, to: Address, body: bytes, delay: int) -> None:
    _check(turn, to, body)
    turn.intend(intents.postpone, to, turn.outgoing(body), min(turn.now + delay, NEVER))


def address_request(turn: Turn, to: Address, body: bytes, timeout: int, token: int) -> None:
    deadline = turn.deadline_of(timeout)
    if deadline <= turn.now:
        raise Timeout("the deadline has passed already; nothing was sent")
    if len(turn.atom.asked) + turn.asked >= turn.kind.limits.outbox:
        raise Exhausted(f"{turn.kind.limits.outbox} questions of the atom await answers (limits.outbox)")
    _check(turn, to, body)
    turn.asked += 1
    message = turn.outgoing(body, deadline=deadline, reply=turn.atom.address)
    message.request = message.id
    turn.intend(intents.ask, to, message, token)


def address_call(turn: Turn, to: Address, body: bytes, timeout: int) -> bytes:
    deadline = turn.deadline_of(timeout)
    if deadline <= turn.now:
        raise Timeout("the deadline has passed already; nothing was sent")
    if turn.is_recorded():  # what has become of the other side since does not matter
        turn.count_sent()
    else:
        turn.check_born(to)
        _check(turn, to, body)
    message = turn.outgoing(body, deadline=deadline, reply=turn.atom.address)
    message.request = message.id
    digest = hashlib.sha256(b"call\0" + to.text.encode() + b"\0" + body).digest()[:16]
    answer = turn.domain.suspensions.suspend(
        turn, CALL, message.id, deadline, digest, lambda: turn.domain.routes.post(to, message)
    )
    if answer.code:
        raise Refused.of(ErrorCode(answer.code - 1), f"call of {to.text}")
    return answer.body


def _check(turn: Turn, to: Address, body: bytes) -> None:
    turn.check_body(body)
    if turn.has_ended(to):
        raise Closed(f"{to.text} has ended")
    turn.count_sent()


# ---- message ----


def message_sender(turn: Turn, message: Message) -> Address | None:
    sender = message.delivery.sender
    return sender if sender is not NOWHERE else None


def message_wants_reply(turn: Turn, message: Message) -> bool:
    return message.open


def message_id(turn: Turn, message: Message) -> bytes:
    turn.domain.ledger.numbered = True
    return message.delivery.id


def message_attempt(turn: Turn, message: Message) -> int:
    return message.delivery.attempt


def message_deadline(turn: Turn, message: Message) -> int:
    return message.delivery.deadline


def message_topic(turn: Turn, message: Message) -> str | None:
    return message.delivery.topic or None


def message_metadata(turn: Turn, message: Message, name: str) -> bytes | None:
    return next((value for known, value in message.delivery.metadata if known == name), None)


def message_reply(turn: Turn, message: Message, body: bytes) -> None:
    message_reply_with(turn, message, [], body)


def message_reply_with(turn: Turn, message: Message, metadata: list[tuple[str, bytes]], body: bytes) -> None:
    turn.check_body(body)
    if any(len(name.encode()) > NAME_BYTES for name, _ in metadata):
        raise TooLarge(f"a metadata name of more than {NAME_BYTES} bytes")
    size = sum(len(name.encode()) + len(value) for name, value in metadata)
    if size > turn.kind.limits.message:
        raise TooLarge("metadata larger than limits.message")
    turn.keep(len(body) + size)
    attached: Metadata = tuple(metadata)
    turn.intend(intents.reply, _discharge(message), attached, body)


def message_forward(turn: Turn, message: Message, to: Address) -> None:
    """As a message with a new identity that keeps sender, topic, metadata, deadline and the question behind it."""
    if turn.has_ended(to):
        raise Closed(f"{to.text} has ended")
    if not message.open and message.delivery.reply is not NOWHERE:
        raise Invalid("the message was answered, forwarded or kept already")
    turn.count_sent()
    old = message.delivery
    turn.keep(len(old.body) + sum(len(value) for _, value in old.metadata))
    message.open = False
    copy = Delivery(
        turn.new_id(), old.form, body=old.body, sender=old.sender, reply=old.reply, request=old.request,
        deadline=old.deadline, topic=old.topic, pair=old.pair, metadata=old.metadata,
    )  # fmt: skip
    turn.intend(intents.send, to, copy)


def message_keep(turn: Turn, message: Message, token: int) -> None:
    taken = turn.kept[token] is not None if token in turn.kept else token in turn.atom.kept
    if taken:
        raise Invalid(f"token {token} keeps another message")
    if len(turn.atom.kept) + turn.kept_messages >= turn.kind.limits.handles:
        raise Exhausted("kept messages (limits.handles)")
    _discharge(message)
    turn.kept_messages += 1
    turn.kept[token] = message


def _discharge(message: Message) -> Delivery:
    """The duty to answer leaves the turn's hands; there must be one. Raises Invalid."""
    if not message.open:
        raise Invalid("nobody waits for an answer to this message, or it has been given")
    message.open = False
    return message.delivery
