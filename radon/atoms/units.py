"""Sizes and durations as people write them: "64MiB", "100ms". Owns the units and their spelling.

Whole numbers only, so that a value has one meaning and survives being printed and read again. Units of 1000 bytes
("MB") are refused rather than guessed at.
"""

from __future__ import annotations

import re

from radon.abi.errors import ManifestError

SIZES: dict[str, int] = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
"""Bytes per unit, smallest first."""

DURATIONS: dict[str, int] = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
"""Nanoseconds per unit, smallest first."""

LARGEST = (1 << 63) - 1
"""The largest size in bytes and the longest duration in ns (292 years): what a signed 64-bit integer holds."""

_QUANTITY = re.compile(r"([0-9]{1,19})([A-Za-z]*)")


def parse_size(text: str) -> int:
    """Bytes: "64MiB" is 67108864. Raises ManifestError."""
    return _parse(text, SIZES, "size", "64MiB")


def parse_duration(text: str) -> int:
    """Nanoseconds: "100ms" is 100000000. Raises ManifestError."""
    return _parse(text, DURATIONS, "duration", "100ms")


def format_size(size: int) -> str:
    """`size` bytes in the largest unit that divides them: what `parse_size` reads back."""
    return _format(size, SIZES)


def format_duration(duration: int) -> str:
    """`duration` ns in the largest unit that divides them: what `parse_duration` reads back."""
    return _format(duration, DURATIONS)


def _parse(text: str, units: dict[str, int], what: str, example: str) -> int:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ManifestError(f'a {what} is a whole number and a unit ({", ".join(units)}), as in "{example}"')
    number, unit = found.groups()
    if unit not in units:
        fault = f"unknown unit '{unit}'" if unit else "the unit is missing"
        raise ManifestError(f"{fault}; the units of a {what} are {', '.join(units)}")
    value = int(number) * units[unit]
    if value > LARGEST:
        raise ManifestError(f"a {what} is at most {LARGEST}{next(iter(units))}")
    return value


def _format(value: int, units: dict[str, int]) -> str:
    if value < 0:
        raise ValueError(f"{value} is negative")
    unit = next(name for name in reversed(units) if value % units[name] == 0) if value else next(iter(units))
    return f"{value // units[unit]}{unit}"
