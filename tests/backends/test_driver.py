"""What backends declare, against what applications require."""

from __future__ import annotations

from itertools import pairwise

import pytest

from radon.abi.errors import StoreError
from radon.backends.driver import Fenced, Guarantees, StoreBusy, StoreDamaged, StoreFull, StoreVersion

STRONGEST = Guarantees("exactly-once", "machine", "pair")


def test_whoever_requires_nothing_can_be_served_by_anyone() -> None:
    assert Guarantees().shortfalls(Guarantees()) == []
    assert STRONGEST.shortfalls(Guarantees()) == []
    assert STRONGEST.shortfalls(STRONGEST) == []


def test_each_guarantee_that_is_too_weak_gets_a_line() -> None:
    assert Guarantees("at-least-once", "process", "pair").shortfalls(STRONGEST) == [
        "delivery 'exactly-once' is required, 'at-least-once' is offered",
        "durability 'machine' is required, 'process' is offered",
    ]
    assert len(Guarantees().shortfalls(STRONGEST)) == 3


def test_durability_is_graded_from_nothing_to_a_power_cut() -> None:
    grades = [Guarantees(durability=durability) for durability in ("none", "process", "machine")]
    for weak, strong in pairwise(grades):
        assert strong.shortfalls(weak) == []
        assert len(weak.shortfalls(strong)) == 1


@pytest.mark.parametrize("error", [Fenced, StoreBusy, StoreDamaged, StoreFull, StoreVersion])
def test_every_failure_of_a_store_is_a_store_error(error: type[StoreError]) -> None:
    assert issubclass(error, StoreError)
