"""`objects`: immutable bytes by their SHA-256. What an undone turn put is forgotten with it."""

from __future__ import annotations

import hashlib

from radon.abi.errors import Exhausted, Invalid, Refused, TooLarge
from radon.host import intents
from radon.host.limits import OBJECT_OVERHEAD
from radon.host.turn import Turn


def put(turn: Turn, body: bytes) -> str:
    """The object is its name."""
    if len(body) > turn.kind.limits.state:
        raise TooLarge(f"{len(body)} bytes; limits.state is {turn.kind.limits.state}")
    turn.keep(len(body) + OBJECT_OVERHEAD)
    name = hashlib.sha256(body).hexdigest()
    if name not in turn.objects:
        _take_room(turn, body)
        turn.objects[name] = body
        turn.intend(intents.store_object, name, body)
    return name


def open(turn: Turn, name: str) -> str:
    _body(turn, name)
    return name


def pin(turn: Turn, name: str) -> None:
    _change_pins(turn, name, 1)


def unpin(turn: Turn, name: str) -> None:
    _change_pins(turn, name, -1)


def object_name(turn: Turn, object: str) -> str:
    return object


def object_size(turn: Turn, object: str) -> int:
    """0 once it is collected; `read` says so."""
    try:
        return len(_body(turn, object))
    except Refused:
        return 0


def object_read(turn: Turn, object: str, offset: int, length: int) -> bytes:
    """What there is of the range; empty at the end. Raises Invalid beyond it."""
    body = _body(turn, object)
    if offset > len(body):
        raise Invalid(f"offset {offset} is beyond the object's {len(body)} bytes")
    return body[offset : offset + length]


def _body(turn: Turn, name: str) -> bytes:
    if name in turn.objects:
        return turn.objects[name]
    found = turn.domain.image.objects.get(name)
    return found.body if found is not None else turn.domain.routes.fetches.find(turn, name)


def _take_room(turn: Turn, body: bytes) -> None:
    """The object is to stay in this domain. Raises Exhausted."""
    size = turn.object_bytes + len(body) + OBJECT_OVERHEAD
    if turn.domain.image.object_bytes + size > turn.domain.settings.objects:
        raise Exhausted("the domain's objects fill their room")
    turn.object_bytes = size


def _change_pins(turn: Turn, name: str, by: int) -> None:
    body = _body(turn, name)
    known = turn.domain.image.objects.get(name)
    pins = (known.pins if known else 0) + turn.pins.get(name, 0) + by
    if pins < 0:
        raise Invalid("the object is not pinned")
    if pins >= 2**32:
        raise Exhausted("pins of one object")
    if known is None and name not in turn.objects:  # it is another domain's: from now on it stays here as well
        turn.keep(len(body) + OBJECT_OVERHEAD)
        _take_room(turn, body)
    if name not in turn.pins:
        turn.intend(intents.pin_object, name)
        turn.objects.setdefault(name, body)  # it may be collected before a turn that suspends commits
    turn.pins[name] = turn.pins.get(name, 0) + by
