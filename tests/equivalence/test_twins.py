"""Every domain there is does what the Python twin does; and the Python twin what it does in another way.

RADON_CASES says how many histories each test tries.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, currently_in_test_context, given, note, settings
from hypothesis import strategies as st

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.host.domain import Make, Settings
from radon.host.domains import available, load
from radon.host.kind import Kind
from radon.host.python_domain import PythonDomain
from radon.testing.around import Around, around
from tests.domains import AnotherSecret
from tests.equivalence.histories import Step, histories, perform
from tests.equivalence.twins import Difference, Twins
from tests.script_strategies import passing_kinds, script_kinds
from tests.scripts import ScriptModule, script_module

__all__ = ["script_module"]  # a fixture, found here by its name


Place = tuple[int, int]


class Kinds(dict[str, Kind]):
    """By name; a test that fails has more to show than these."""

    def __repr__(self) -> str:
        return f"<{', '.join(self)}>"


OTHERS = [name for name in available() if name != "python"] or [
    pytest.param("", marks=pytest.mark.skip("there is no other domain than the Python twin on this machine"))
]


def cases(number: int) -> settings:
    """That many histories, unless the environment says how many."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    number = int(os.environ.get("RADON_CASES") or number)
    return settings(max_examples=number, deadline=None, suppress_health_check=checks)


small = st.builds(
    Settings,
    instances=st.sampled_from([4096, 1, 3]),
    suspended=st.sampled_from([1000, 1000, 0, 2]),
    objects=st.sampled_from([10**9, 10**9, 700]),
    mail=st.sampled_from([10**9, 10**9, 10**9, 5_000]),
    dead=st.sampled_from([10**9, 2_000]),
    watchers=st.sampled_from([10_000, 1]),
    run=st.sampled_from([10**9, 20_000]),
    retention=st.sampled_from([10**14, 10**9]),
    idempotency=st.sampled_from([10**14, 10**9]),
    forgetful=st.booleans(),
    elide=st.booleans(),
)
"""Limits that are reached, and such that are not."""

places = st.sampled_from([(7, 1), (1, 3), (1, 3), (0, 3)])
"""Which domain of how many it is."""


@pytest.fixture(scope="module")
def kinds(script_module: ScriptModule) -> Kinds:
    return Kinds(script_kinds(script_module))


@pytest.fixture(scope="module")
def all_kinds(script_module: ScriptModule) -> Kinds:
    return Kinds(script_kinds(script_module) | passing_kinds(script_module))


def live(history: list[Step], *domains: Make, kinds: Kinds, **fields: Any) -> None:
    """All of it happens to both, and then they come to rest. Raises Difference."""
    with closing(Twins(*domains, kinds, **fields)) as twins:
        for step in history:
            if currently_in_test_context():
                note(repr(step))
            perform(twins, step)
        twins.rest()


# ---- one twin and another ----


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", OTHERS)
@given(history=histories(), chosen=small, place=places)
@cases(200)
def test_every_domain_does_what_the_python_twin_does(
    name: str, all_kinds: Kinds, history: list[Step], chosen: Settings, place: Place
) -> None:
    live(history, PythonDomain, load(name), kinds=all_kinds, settings=chosen, place=place)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", OTHERS)
@given(history=histories(), chosen=small, place=places)
@cases(10_000)
def test_every_domain_does_what_the_python_twin_does_in_many_lives(
    name: str, all_kinds: Kinds, history: list[Step], chosen: Settings, place: Place
) -> None:
    live(history, PythonDomain, load(name), kinds=all_kinds, settings=chosen, place=place)


# ---- the Python twin and itself ----


@pytest.mark.timeout(600)
@given(history=histories(), chosen=small, place=places)
@cases(100)
def test_the_same_history_is_the_same_twice(
    all_kinds: Kinds, history: list[Step], chosen: Settings, place: Place
) -> None:
    live(history, PythonDomain, PythonDomain, kinds=all_kinds, settings=chosen, place=place)


@pytest.mark.timeout(600)
@given(history=histories(volatile=False), place=places)
@cases(100)
def test_a_domain_that_drops_its_instances_does_the_same(kinds: Kinds, history: list[Step], place: Place) -> None:
    live(history, PythonDomain, PythonDomain, kinds=kinds, settings=Settings(instances=3), place=place, forgetful=True)


@pytest.mark.timeout(600)
@given(history=histories(), place=places)
@cases(100)
def test_a_domain_that_commits_after_each_turn_has_the_same_records(
    all_kinds: Kinds, history: list[Step], place: Place
) -> None:
    live(history, PythonDomain, PythonDomain, kinds=all_kinds, settings=Settings(elide=False), place=place, chop=True)


# ---- what the harness can see ----


class Forgets(Around):
    """It loses what it has not committed."""

    def run(self, max_turns: int) -> Any:
        status = self.inner.run(max_turns)
        self.inner.take_commit()
        return status


class Idles(Around):
    """It runs a turn less than it is told to."""

    def run(self, max_turns: int) -> Any:
        return self.inner.run(max(0, max_turns - 1))


SPAWN = Post(1, 0, 1, Address("script", "a"), NOWHERE, "", "", (), b"$b = lifecycle.spawn script")
SPAWNING: list[Step] = [("submit", 0, [SPAWN]), ("run", 1), ("take",), ("rest",)]


@pytest.mark.parametrize("defect", [AnotherSecret, Forgets, Idles])
def test_a_difference_is_found(defect: type[Around], kinds: Kinds) -> None:
    live(SPAWNING, PythonDomain, PythonDomain, kinds=kinds, settings=Settings())
    with pytest.raises(Difference):
        live(SPAWNING, PythonDomain, around(defect, PythonDomain), kinds=kinds, settings=Settings())
