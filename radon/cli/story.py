"""Turns that are replayed, for people and for programs: what each was handed, asked of the host and did.

Owns which of them are told, and where the replay stops. Knows no recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from radon.abi.delivery import NOWHERE, Address, Delivery
from radon.abi.errors import Refused
from radon.backends.record_json import bytes_to_json, name_of, to_json
from radon.backends.replaying import Stop
from radon.cli.printing import shown_bytes, time_text
from radon.host.traced import BEGINS, Part

SHOWN = 60
"""Characters of a value on a line."""

ITEMS = 8
"""Of a list."""


class Until(NamedTuple):
    """Where a replay stops: at the turn with this number or, without one, at the first turn from this time on."""

    turn: int | None
    time: int  # ns since 1970

    def reached(self, part: Part) -> bool:
        if self.turn is None:
            return part.time >= self.time
        return part.step == self.turn or (part.how == BEGINS and part.step > self.turn)


class Story:
    """A Trace. Tells the turns of `atom`, if there is one, up to `until`, and the turn that is there."""

    def __init__(self, atom: Address | None, until: Until | None, tell: Callable[[Part, bool], None]) -> None:
        """`tell(part, over)` is called before and after what is told has run."""
        self.told = 0  # so many turns
        self._atom, self._until, self._tell = atom, until, tell

    def begins(self, part: Part) -> None:
        if self._is_told(part):
            self._tell(part, False)

    def ends(self, part: Part) -> None:
        if self._is_told(part):
            self.told += 1
            self._tell(part, True)
            if self._stops(part):
                raise Stop

    def _is_told(self, part: Part) -> bool:
        return part.atom == self._atom or (self._atom is None and self._stops(part))

    def _stops(self, part: Part) -> bool:
        return self._until is not None and self._until.reached(part)


# ---- for people ----


def handed(part: Part) -> Iterator[str]:
    """The lines that can be told before it runs."""
    how = "" if part.how == BEGINS else f" {part.how}"
    yield f"turn {part.step} of {part.atom.text}{how} at {time_text(part.time)}"
    delivery = part.delivery
    if delivery is not None and part.how == BEGINS:
        sender = f"from {delivery.sender.text}" if delivery.sender is not NOWHERE else "from outside"
        yield f"  {_delivery(delivery)}  ({sender}, attempt {delivery.attempt + 1})"
        for name, value in delivery.metadata:
            yield f"    {name}: {_value(value)}"


def done(part: Part) -> Iterator[str]:
    """The lines behind those."""
    for call in part.calls:
        result = "" if call.result is None else f" = {_value(call.result)}"
        yield f"  {call.name}({', '.join(map(_value, call.arguments))}){result}"
    if part.more_calls:
        yield f"  ... and {part.more_calls} more syscalls"
    for atom, record in part.changes:
        whose = "" if atom in (NOWHERE, part.atom) else f"{atom.text}: "
        yield f"  > {whose}{record_text(record)}"
    for output in part.left:
        yield f"  > leaves: {record_text(output)}"
    yield f"  {part.end}"


def record_text(record: Any) -> str:
    fields = (f"{name}={_value(value)}" for name, value in zip(record._fields, record, strict=True))
    return " ".join([name_of(type(record)), *fields])


def _value(value: Any) -> str:
    match value:
        case bytes():
            return _short(_text(value)) if value else "''"
        case Address():
            return _short(value.text) or "-"
        case Delivery():
            return _delivery(value)
        case Refused():
            return value.code.label
        case None:
            return "-"
        case list() | tuple():
            more = [f"... {len(value) - ITEMS} more"] if len(value) > ITEMS else []
            return f"[{', '.join([*map(_value, value[:ITEMS]), *more])}]"
        case str() | bool() | int() | float():
            return _short(str(value))
    return type(value).__name__.lower()


def _text(data: bytes) -> str:
    """Lines as they are, which whoever prints them escapes; else as everywhere."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    return text if "".join(text.split("\n")).isprintable() and text else shown_bytes(data)


def _delivery(delivery: Delivery) -> str:
    return f"{delivery.form.name.lower()} {_value(delivery.body)}"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


# ---- for programs ----


def to_document(part: Part) -> dict[str, Any]:
    """One for each part of a turn; docs/cli.md has the keys."""
    return {
        "turn": part.step, "time": part.time, "atom": part.atom.text, "how": part.how,
        "delivery": None if part.delivery is None else _json(part.delivery),
        "calls": [
            {"name": call.name, "arguments": [*map(_json, call.arguments)], "result": _json(call.result)}
            for call in part.calls
        ],
        "changes": [{"atom": atom.text, **to_json(record)} for atom, record in part.changes],
        "left": [to_json(output) for output in part.left], "end": part.end,
    }  # fmt: skip


def _json(value: Any) -> Any:
    match value:
        case bytes():
            return bytes_to_json(value)
        case Address():
            return value.text
        case Delivery():
            return {"id": value.id.hex(), "form": value.form.name.lower(), "sender": value.sender.text,
                    "attempt": value.attempt, "body": bytes_to_json(value.body)}  # fmt: skip
        case Refused():
            return {"refused": value.code.label}
        case list() | tuple():
            return [*map(_json, value)]
        case None | str() | bool() | int() | float():
            return value
    return type(value).__name__.lower()
