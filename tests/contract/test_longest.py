"""The files that tests/conftest.py puts first are there: one that is renamed would come last without a word."""

from __future__ import annotations

from tests.conftest import LONGEST, TESTS


def test_each_of_the_longest_files_is_there() -> None:
    assert [name for name in LONGEST if not (TESTS / name).is_file()] == []
