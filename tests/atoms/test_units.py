"""Sizes and durations: what is read, what is printed, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.abi.errors import ManifestError
from radon.atoms.units import LARGEST, format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("0B", 0), ("100B", 100), ("512KiB", 524_288), ("64MiB", 67_108_864), ("1GiB", 2**30), ("2TiB", 2**41)],
)
def test_a_size_is_read_in_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("10ns", 10), ("250us", 250_000), ("100ms", 10**8), ("1s", 10**9), ("5m", 300 * 10**9), ("2h", 7200 * 10**9),
        ("1d", 86_400 * 10**9), ("0s", 0),
    ],
)  # fmt: skip
def test_a_duration_is_read_in_nanoseconds(text: str, duration: int) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("64MB", "unknown unit 'MB'; the units of a size are B, KiB, MiB, GiB, TiB"),
        ("64mib", "unknown unit 'mib'; the units of a size are B, KiB, MiB, GiB, TiB"),
        ("64", "the unit is missing; the units of a size are B, KiB, MiB, GiB, TiB"),
        ("", 'a size is a whole number and a unit (B, KiB, MiB, GiB, TiB), as in "64MiB"'),
        ("1.5GiB", 'a size is a whole number and a unit (B, KiB, MiB, GiB, TiB), as in "64MiB"'),
        ("-1B", 'a size is a whole number and a unit (B, KiB, MiB, GiB, TiB), as in "64MiB"'),
        ("64 MiB", 'a size is a whole number and a unit (B, KiB, MiB, GiB, TiB), as in "64MiB"'),
        ("٣KiB", 'a size is a whole number and a unit (B, KiB, MiB, GiB, TiB), as in "64MiB"'),
        ("9" * 5000 + "B", 'a size is a whole number and a unit (B, KiB, MiB, GiB, TiB), as in "64MiB"'),
        ("8388608TiB", "a size is at most 9223372036854775807B"),
    ],
)
def test_what_is_no_size_is_refused_with_the_way_out(text: str, fault: str) -> None:
    with pytest.raises(ManifestError) as refusal:
        parse_size(text)
    assert str(refusal.value) == fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("5sec", "unknown unit 'sec'; the units of a duration are ns, us, ms, s, m, h, d"),
        ("5", "the unit is missing; the units of a duration are ns, us, ms, s, m, h, d"),
        ("soon", 'a duration is a whole number and a unit (ns, us, ms, s, m, h, d), as in "100ms"'),
        ("106752d", "a duration is at most 9223372036854775807ns"),
    ],
)
def test_what_is_no_duration_is_refused_with_the_way_out(text: str, fault: str) -> None:
    with pytest.raises(ManifestError) as refusal:
        parse_duration(text)
    assert str(refusal.value) == fault


@given(st.integers(0, LARGEST))
def test_a_size_survives_being_printed_and_read(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.integers(0, LARGEST))
def test_a_duration_survives_being_printed_and_read(duration: int) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(st.integers(0, 10**5), st.sampled_from(["ns", "us", "ms", "s", "m", "h", "d"]))
def test_units_are_multiples_of_the_second_that_they_say(number: int, unit: str) -> None:
    seconds = {"d": "86400", "h": "3600", "m": "60", "s": "1", "ms": "1/1000", "us": "1/1000000", "ns": "1/1000000000"}
    assert parse_duration(f"{number}{unit}") == number * Fraction(seconds[unit]) * 10**9


def test_the_largest_unit_that_divides_is_printed() -> None:
    assert [format_size(n) for n in (0, 1023, 1024, 1536, 2**20, 3 * 2**30)] == [
        "0B", "1023B", "1KiB", "1536B", "1MiB", "3GiB",
    ]  # fmt: skip
    assert [format_duration(n) for n in (0, 90 * 10**9, 60 * 10**9, 86_400 * 10**9)] == ["0ns", "90s", "1m", "1d"]


def test_a_negative_number_is_no_size() -> None:
    with pytest.raises(ValueError, match="-1 is negative"):
        format_size(-1)
