"""Plans made smaller, against seeds that fail for reasons which are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import pytest

from radon.backends.simulation.faults import DEFAULT, Fault, draw
from radon.backends.simulation.world import SECOND
from radon.testing.simulation.shrinking import Plan, Shrinker

PLAN = draw(Random(3), DEFAULT, ("h1", "h2", "h3"), 60 * SECOND)


def shrunk(plan: Plan, fails: Callable[[Plan], bool], most: int = 200) -> tuple[Plan, int]:
    tried: list[Plan] = []

    def first(plans: Sequence[Plan]) -> int | None:
        for number, candidate in enumerate(plans):
            tried.append(candidate)
            if fails(candidate):
                return number
        return None

    shrinker = Shrinker(first, most)
    least = shrinker.shrink(plan)
    assert shrinker.runs == len(tried) <= most
    assert fails(least)
    assert list(least) == sorted(least, key=lambda fault: fault.at)
    return least, len(tried)


@pytest.mark.parametrize("wanted", [{0}, {5}, {0, len(PLAN) - 1}, {3, 4, 20}])
def test_the_faults_that_matter_are_all_that_is_left(wanted: set[int]) -> None:
    kinds = sorted(PLAN[place].kind for place in wanted)
    times = {PLAN[place].at // SECOND for place in wanted}

    def fails(plan: Plan) -> bool:
        return times <= {fault.at // SECOND for fault in plan if fault.kind in kinds}

    least, _ = shrunk(PLAN, fails)
    assert len(least) == len(times)


def test_a_seed_that_fails_by_itself_has_no_plan() -> None:
    assert shrunk(PLAN, lambda plan: True) == ((), 1)


def test_what_is_left_is_short_and_at_a_time_that_is_easily_remembered() -> None:
    plan = [Fault("loss", 3_217 * 10**6, 2_713 * 10**6, (("",),), 0.731)]

    def fails(plan: Plan) -> bool:
        return any(fault.duration > SECOND // 4 and fault.at > 3_100 * 10**6 for fault in plan)

    least, _ = shrunk(plan, fails)
    assert least == [Fault("loss", 3_200 * 10**6, 500 * 10**6, (("",),), 1.0)]


@pytest.mark.parametrize("most", [0, 1, 7])
def test_it_takes_no_more_runs_than_it_may(most: int) -> None:
    least, runs = shrunk(PLAN, lambda plan: len(plan) > len(PLAN) // 2, most)
    assert runs <= most
    assert len(least) > len(PLAN) // 2
