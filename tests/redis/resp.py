"""Replies in RESP2 and RESP3, read into values that keep apart what the protocol keeps apart."""

from __future__ import annotations

from typing import Any, NamedTuple


class Status(str):
    """A simple string."""


class Error(str):
    """An error."""


class Null(NamedTuple):
    """No value, with the bytes that said so."""

    how: bytes


class Double(NamedTuple):
    """A double of RESP3, as it was written."""

    text: bytes


class Map(list[tuple[Any, Any]]):
    """A map of RESP3, in its order."""


class Set(list[Any]):
    """A set of RESP3, in its order."""


class Push(list[Any]):
    """What came unasked."""


def parse(data: bytes) -> Any:
    """All of `data` as one reply."""
    value, end = parse_at(data, 0)
    assert end == len(data), f"{data[end:]!r} is behind the reply"
    return value


def parse_at(data: bytes, at: int) -> tuple[Any, int]:
    """The reply that begins at this offset, and where it ends. Raises ValueError where not all of it is there."""
    end = data.index(b"\r\n", at)
    letter, rest, at = data[at : at + 1], data[at + 1 : end], end + 2
    match letter:
        case b"+":
            return Status(rest.decode()), at
        case b"-":
            return Error(rest.decode("latin-1")), at
        case b":":
            return int(rest), at
        case b",":
            return Double(rest), at
        case b"#":
            return rest == b"t", at
        case b"_":
            return Null(b"_"), at
        case b"$":
            size = int(rest)
            if size < 0:
                return Null(b"$"), at
            if len(data) < at + size + 2:
                raise ValueError("the rest of a string is missing")
            return data[at : at + size], at + size + 2
        case b"*" | b"~" | b">":
            if int(rest) < 0:
                return Null(b"*"), at
            values, at = _many(data, at, int(rest))
            return {b"*": list, b"~": Set, b">": Push}[letter](values), at
        case b"%":
            values, at = _many(data, at, 2 * int(rest))
            return Map(zip(values[::2], values[1::2], strict=True)), at
    raise AssertionError(f"no reply begins with {letter!r}")


def _many(data: bytes, at: int, count: int) -> tuple[list[Any], int]:
    values = []
    for _ in range(count):
        value, at = parse_at(data, at)
        values.append(value)
    return values, at
