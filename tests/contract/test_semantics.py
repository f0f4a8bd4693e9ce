"""docs/semantics.md: every rule names the tests that hold it, and every test that it names exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from radon.atoms.units import SIZES
from radon.host import limits, routes, topic, turn
from radon.host.domain import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "semantics.md").read_text()
TESTS = {
    name
    for folder in ("tests", "radon/testing")
    for path in (ROOT / folder).rglob("*.py")
    for name in re.findall(r"^ *(?:async )?def (test_\w+)\(", path.read_text(), re.MULTILINE)
}
RULES = dict(re.findall(r"^\*\*(\d+\.\d+)\*\* (.*?)(?=\n\n|\Z)", PAGE, re.MULTILINE | re.DOTALL))
"""The number of a rule and its paragraph."""


@pytest.mark.parametrize("number", RULES)
def test_a_rule_names_its_tests_or_says_that_they_come_later(number: str) -> None:
    named = re.findall(r"`(test_\w+)`", RULES[number].partition("\nTests: ")[2])
    assert named or re.search(r"\n\*Later: .+\*$", RULES[number]), f"rule {number} names no test"
    assert [name for name in named if name not in TESTS] == []


def number(text: str) -> int:
    """ "1,000", "64 KiB"."""
    count, _, unit = text.replace(",", "").partition(" ")
    return int(count) * SIZES[unit or "B"]


def test_the_numbers_of_the_tables_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `([A-Z_]{4,}|Settings\.\w+)` \| ([\d,]+(?: \w+)?) \|", PAGE, re.MULTILINE)
    assert len(rows) == 30
    for name, written in rows:
        owner, _, field = name.rpartition(".")
        places: list[Any] = [Settings()] if owner else [limits, turn, routes, topic]
        assert {getattr(place, field) for place in places if hasattr(place, field)} == {number(written)}, name


def test_no_test_is_named_outside_of_a_rule_s_list() -> None:
    in_lists = {name for text in RULES.values() for name in re.findall(r"`(test_\w+)`", text.partition("\nTests: ")[2])}
    assert set(re.findall(r"\btest_\w+(?=`)", PAGE)) == in_lists


def test_the_rules_are_numbered_one_after_the_other() -> None:
    sections = re.findall(r"^### Rule (\d+): ", PAGE, re.MULTILINE)
    assert sections == [str(number) for number in range(1, 21)]
    for section in sections:
        parts = [part for whole, _, part in (number.partition(".") for number in RULES) if whole == section]
        assert parts == [str(number + 1) for number in range(len(parts))]
        assert parts, f"rule {section} says nothing"
