"""Records as JSON objects and back, by the names of their fields: for people, and for files that outlive a format.

Follows the layouts of `abi/records.py`, so a new record needs nothing here. Knows no file and no order of records.

    bytes      a string when they are text (UTF-8 without control characters), else {"base64": TEXT}
    16 bytes   an identity: hexadecimal
    address    {"kind": ..., "key": ..., "life": ...}, or null for none
    delivery   an object of its fields, without those that have their usual value
    metadata   a list of [name, value]
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from typing import Any

from radon.abi.delivery import NO_ID, NOWHERE, Address, Delivery, Form
from radon.abi.errors import Invalid
from radon.abi.records import LAYOUTS

_FIXED = re.compile(r"\d+s|[A-Za-z]")
_CONTROL = re.compile("[\0-\b\v\f\x0e-\x1f\x7f]")
_FIRST_INPUT = 64
"""The tag where what is in a commit ends."""


def name_of(cls: type) -> str:
    """ "timer-set" for TimerSet."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()


RECORDS = {name_of(cls): cls for cls, layout in LAYOUTS.items() if layout.tag < _FIRST_INPUT}
"""The records of a commit by name."""


def to_json(record: Any) -> dict[str, Any]:
    """What `from_json` reads back, for `json.dumps` or the like."""
    cls: Any = type(record)
    fields = zip(cls._fields, _codes(cls), record, strict=True)
    return {"record": name_of(cls), **{name: _WRITE[code](value) for name, code, value in fields}}


def from_json(given: object) -> Any:
    """The record that `given` spells. Raises Invalid."""
    if not isinstance(given, dict):
        raise Invalid("not an object")
    cls: Any = RECORDS.get(given.get("record", ""))
    if cls is None:
        raise Invalid(f"there is no record {given.get('record')!r}")
    if given.keys() != {"record", *cls._fields}:
        raise Invalid(f"a record {given['record']!r} has the fields {', '.join(cls._fields)}")
    values = (_read(code, name, given[name]) for name, code in zip(cls._fields, _codes(cls), strict=True))
    return cls(*values)


def bytes_to_json(data: bytes) -> Any:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    return {"base64": base64.b64encode(data).decode()} if _CONTROL.search(text) else text


def bytes_from_json(given: Any) -> bytes:
    """Raises KeyError, TypeError, ValueError, AttributeError for what is none."""
    return given.encode() if isinstance(given, str) else base64.b64decode(given["base64"], validate=True)


def _codes(cls: type) -> list[str]:
    """The codes of the layout, one for each field."""
    layout = LAYOUTS[cls]
    return [_CODES.get(code, "n") for code in _FIXED.findall(layout.fixed)] + list(layout.variable)


def _read(code: str, name: str, given: Any) -> Any:
    try:
        return _READ[code](given)
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        raise Invalid(f"field {name!r} cannot be {str(given)[:80]!r}") from None


# ---- fields ----


def _write_address(address: Address) -> Any:
    return None if address == NOWHERE else address._asdict()


def _read_address(given: Any) -> Address:
    if given is None:
        return NOWHERE
    return Address(_text(given["kind"]), _text(given["key"]), _number(given["life"]))


def _write_metadata(metadata: Any) -> list[Any]:
    return [[name, bytes_to_json(value)] for name, value in metadata]


def _read_metadata(given: Any) -> Any:
    return tuple((_text(name), bytes_from_json(value)) for name, value in given)


def _write_delivery(delivery: Delivery) -> dict[str, Any]:
    usual = Delivery(NO_ID)
    fields = {"id": delivery.id.hex(), "form": delivery.form.name.lower()}
    for name, code in _DELIVERY.items():
        value = getattr(delivery, name)
        if code == "a" and value is not NOWHERE:  # nowhere is that one object; an empty address is another thing
            fields[name] = value._asdict()
        elif value != getattr(usual, name):
            fields[name] = _WRITE[code](value)
    return fields


def _read_delivery(given: Any) -> Delivery:
    unknown = given.keys() - {"id", "form", *_DELIVERY}
    if unknown:
        raise ValueError(unknown)
    fields = {name: _read(code, name, given[name]) for name, code in _DELIVERY.items() if name in given}
    return Delivery(_id(given["id"]), Form[given["form"].upper()], **fields)


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError(given)
    return given


def _number(given: Any) -> int:
    if not isinstance(given, int) or given < 0:
        raise TypeError(given)
    return given


def _id(given: Any) -> bytes:
    id = bytes.fromhex(given)
    if len(id) != len(NO_ID):
        raise ValueError(given)
    return id


_DELIVERY = {
    "body": "b", "sender": "a", "reply": "a", "request": "id", "deadline": "n", "token": "n", "code": "n", "life": "n",
    "topic": "s", "pair": "s", "metadata": "m", "cast": "n", "attempt": "n",
}  # fmt: skip
"""The fields of a delivery beside its id and form, and how they are spelled."""

_CODES = {"16s": "id", "d": "f"}
"""Of fixed fields that are no whole numbers."""

_WRITE: dict[str, Callable[[Any], Any]] = {
    "n": int, "f": lambda number: number if math.isfinite(number) else str(number), "id": bytes.hex, "s": str,
    "b": bytes_to_json, "a": _write_address, "m": _write_metadata, "d": _write_delivery,
}  # fmt: skip
_READ: dict[str, Callable[[Any], Any]] = {
    "n": _number, "id": _id, "s": _text, "b": bytes_from_json, "a": _read_address, "m": _read_metadata,
    "d": _read_delivery,
}  # fmt: skip
