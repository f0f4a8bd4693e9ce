"""The lattices: joining states is commutative, associative and idempotent, is what telling each other all changes comes
to, and is done by kvr itself byte for byte as docs/kvr.md says.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radon.atoms.build import build_c
from radon.atoms.std import STANDARDS
from radon.host.domains import chosen
from radon.testing.harness import Harness
from tests.kvr.lattices import Cells, Replica, Seen, encode, join

REPLICAS = 3
VECTOR = 9  # stamps

NUMBERS = st.integers(0, REPLICAS - 1)
SMALL = st.sampled_from([b"", b"a", b"b", b"ab"])
PUTS = st.tuples(st.just("put"), NUMBERS, SMALL, st.none() | NUMBERS)  # perhaps with the context of another replica
DELETIONS = st.tuples(st.just("delete"), NUMBERS)
ADDS = st.tuples(st.just("add"), NUMBERS, st.integers(-5, 5))
SETS = st.tuples(st.sampled_from(["insert", "remove"]), NUMBERS, SMALL)
HEARS = st.tuples(st.just("hear"), NUMBERS, NUMBERS, st.integers(1, 9))
LATTICES = {
    "registers": PUTS | DELETIONS | HEARS,
    "counters": ADDS | DELETIONS | HEARS,
    "sets": SETS | DELETIONS | HEARS,
    "all": PUTS | DELETIONS | ADDS | SETS | HEARS,
}
STEPS = LATTICES["all"]


@pytest.fixture(scope="module", autouse=True)
def each_domain() -> str:
    """One: all of this is the guest's and the model's."""
    return chosen()


def played(newest: bool, steps: list[tuple[Any, ...]]) -> list[Replica]:
    replicas = [Replica(number, newest, REPLICAS) for number in range(REPLICAS)]
    for name, number, *arguments in steps:
        if name == "put":
            payload, other = arguments
            context = None if other is None else tuple(map(min, replicas[number].seen, replicas[other].seen))
            replicas[number].put(payload, context)
        elif name == "hear":
            replicas[number].hear(replicas[arguments[0]], arguments[1])
        else:
            getattr(replicas[number], name)(*arguments)
    return replicas


State = tuple[Cells, Seen]


def joined(newest: bool, left: State, right: State) -> State:
    cells = join(newest, left[0], right[0], seen=(left[1], right[1]))
    return cells, tuple(map(max, left[1], right[1]))


@pytest.mark.parametrize("newest", [False, True], ids=["causal", "eventual"])
@pytest.mark.parametrize("lattice", LATTICES)
def test_joining_is_commutative_associative_and_idempotent(lattice: str, newest: bool) -> None:
    @settings(max_examples=100, deadline=None)
    @given(st.lists(LATTICES[lattice], max_size=30))
    def holds(steps: list[tuple[Any, ...]]) -> None:
        states: list[State] = [(each.cells, tuple(each.seen)) for each in played(newest, steps)]
        for a, b, c in permutations(states):
            assert joined(newest, a, a) == a
            assert joined(newest, a, b) == joined(newest, b, a)
            assert joined(newest, joined(newest, a, b), c) == joined(newest, a, joined(newest, b, c))
            assert joined(newest, joined(newest, a, b), b) == joined(newest, a, b)

    holds()


@pytest.mark.parametrize("newest", [False, True], ids=["causal", "eventual"])
def test_telling_all_changes_comes_to_the_same_as_joining(newest: bool) -> None:
    @settings(max_examples=200, deadline=None)
    @given(st.lists(STEPS, max_size=30))
    def holds(steps: list[tuple[Any, ...]]) -> None:
        replicas = played(newest, steps)
        a, b, c = ((each.cells, tuple(each.seen)) for each in replicas)
        all_of_it = joined(newest, joined(newest, a, b), c)
        for one, other in [*permutations(replicas, 2)] * 2:
            one.hear(other, 1000)
        assert [(each.cells, tuple(each.seen)) for each in replicas] == [all_of_it] * REPLICAS

    holds()


@pytest.fixture(scope="module")
def joins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    out = tmp_path_factory.mktemp("joins") / "joins.wasm"
    kvr, kv = STANDARDS["kvr"].folder, STANDARDS["kv"].folder
    assert build_c([Path(__file__).with_name("joins.c"), kvr / "cells.c", kv / "common.c"], out).warnings == ""
    with Harness({"joins": out.read_bytes()}) as harness:
        yield harness


def test_kvr_joins_as_the_page_says(joins: Harness) -> None:
    def done(newest: bool, left: Cells, right: Cells, removed: frozenset[int], seen: tuple[Seen, Seen] | None) -> bytes:
        vectors = [b"", b""] if seen is None else [b"".join(n.to_bytes(8, "little") for n in each) for each in seen]
        stamps = b"".join(stamp.to_bytes(8, "little") for stamp in sorted(removed))
        parts = [
            encode(left),
            encode(right),
            stamps,
            *(each.ljust(8 * VECTOR, b"\0") if each else b"" for each in vectors),
        ]
        return joins.call(
            "joins/a", bytes([newest]) + b"".join(len(part).to_bytes(4, "little") + part for part in parts)
        )

    @settings(max_examples=150, deadline=None)
    @given(st.booleans(), st.lists(STEPS, max_size=25))
    def holds(newest: bool, steps: list[tuple[Any, ...]]) -> None:
        replicas = played(newest, steps)
        for one, other in permutations(replicas, 2):
            seen = (tuple(one.seen), tuple(other.seen))
            expected = join(newest, one.cells, other.cells, seen=seen)
            assert done(newest, one.cells, other.cells, frozenset(), seen) == encode(expected)
            for change in other.log[-2:]:
                expected = join(newest, one.cells, change.added, change.removed)
                assert done(newest, one.cells, change.added, change.removed, None) == encode(expected)

    holds()
