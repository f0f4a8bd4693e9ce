"""docs/kv.md says how many lines the three stores have, and they are as few as they are meant to be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from radon.atoms.std import STANDARDS

PAGE = Path(__file__).parents[2] / "docs" / "kv.md"

NAMES = ("kv", "txkv", "kvr")


def lines_of_c(text: str) -> int:
    """Without comments and empty ones."""
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    return sum(1 for line in code.splitlines() if line.strip())


@pytest.fixture(scope="module")
def counted() -> dict[str, int]:
    return {name: sum(lines_of_c(path.read_text()) for path in STANDARDS[name].folder.glob("*.[ch]")) for name in NAMES}


def test_lines_are_counted_without_comments_and_empty_ones() -> None:
    assert lines_of_c("/* a\n * b */\n\nint c; /* d */\n// e\nint f;\n") == 2


def test_the_table_of_the_page_is_true(counted: dict[str, int]) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", PAGE.read_text(), re.MULTILINE))
    (all_three,) = re.findall(r"^\| all three \| ([\d,]+) \|", PAGE.read_text(), re.MULTILINE)
    assert {name: rows[name] for name in NAMES} == {name: f"{lines:,}" for name, lines in counted.items()}
    assert all_three == f"{sum(counted.values()):,}"


def test_the_three_stores_have_fewer_than_two_thousand_lines(counted: dict[str, int]) -> None:
    assert sum(counted.values()) < 2000
