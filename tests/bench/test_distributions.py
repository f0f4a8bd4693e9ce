"""What is drawn follows the law that it is said to follow, and the same seed draws the same."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from radon.abi.errors import Invalid
from radon.bench import native
from radon.bench.load import Load
from radon.bench.workloads import KINDS, LATEST, UNIFORM, WORKLOADS, ZIPFIAN, Distribution, parse_distribution

RECORDS = 1000
DRAWS = 200_000


@pytest.fixture(scope="module")
def draws() -> Any:
    return native.module()


def mix(draws: Any, load: Load) -> Any:
    made = draws.ffi.new("load_mix *")
    draws.ffi.buffer(made)[:] = load.pack()
    return made


def ids(draws: Any, load: Load, count: int = DRAWS) -> list[int]:
    drawn = draws.ffi.new("uint64_t[]", count)
    draws.lib.load_draw_ids(mix(draws, load), drawn, count)
    return draws.ffi.unpack(drawn, count)


def operations(draws: Any, load: Load, count: int = DRAWS) -> tuple[list[str], list[int]]:
    kinds, starts = draws.ffi.new("uint32_t[]", count), draws.ffi.new("uint64_t[]", count)
    found = draws.lib.load_draw_operations(mix(draws, load), kinds, starts, count)
    return [KINDS[kind] for kind in draws.ffi.unpack(kinds, found)], draws.ffi.unpack(starts, found)


def chi_square(seen: Counter[int], expected: list[float]) -> tuple[float, float]:
    """The statistic, and what it exceeds once in some ten thousand times. Rare cells count together."""
    statistic, cells, rare_seen, rare = 0.0, 0, 0, 0.0
    for at, wanted in enumerate(expected):
        if wanted < 10:
            rare_seen, rare = rare_seen + seen[at], rare + wanted
        else:
            statistic, cells = statistic + (seen[at] - wanted) ** 2 / wanted, cells + 1
    if rare > 0:
        statistic, cells = statistic + (rare_seen - rare) ** 2 / max(rare, 1), cells + 1
    freedom = cells - 1
    return statistic, freedom + 3.7 * math.sqrt(2 * freedom) + 9  # Wilson and Hilferty, rounded up


def zipf(theta: float, count: int) -> list[float]:
    weights = [rank**-theta for rank in range(1, count + 1)]
    return [DRAWS * weight / sum(weights) for weight in weights]


@pytest.mark.parametrize("theta", [0.2, 0.5, 0.99, 1.0, 1.01, 2.0, 4.0, 20.0])
def test_ranks_follow_zipfs_law(draws: Any, theta: float) -> None:
    load = Load(seed=7, records=RECORDS, distribution=Distribution("latest", theta))
    seen = Counter(RECORDS - 1 - each for each in ids(draws, load))  # the latest record is rank 0
    statistic, bound = chi_square(seen, zipf(theta, RECORDS))
    assert statistic < bound


@pytest.mark.parametrize("theta", [0.5, 0.99, 4.0])
def test_a_wrong_exponent_does_not_pass(draws: Any, theta: float) -> None:
    load = Load(seed=7, records=RECORDS, distribution=Distribution("latest", theta))
    seen = Counter(RECORDS - 1 - each for each in ids(draws, load))
    statistic, bound = chi_square(seen, zipf(theta * 1.1, RECORDS))
    assert statistic > bound


def test_hot_records_are_scattered_and_keep_their_frequencies(draws: Any) -> None:
    seen = Counter(ids(draws, Load(seed=7, records=RECORDS, distribution=ZIPFIAN)))
    places = [rank * 2654435761 % RECORDS for rank in range(RECORDS)]
    assert sorted(places) == list(range(RECORDS))
    statistic, bound = chi_square(
        Counter({rank: seen[place] for rank, place in enumerate(places)}), zipf(0.99, RECORDS)
    )
    assert statistic < bound
    hottest = [each for each, _ in seen.most_common(10)]
    assert sum(abs(a - b) for a, b in pairwise(hottest)) > 10 * 100


def test_uniform_is_uniform(draws: Any) -> None:
    statistic, bound = chi_square(Counter(ids(draws, Load(seed=7, records=RECORDS))), [DRAWS / RECORDS] * RECORDS)
    assert statistic < bound


@pytest.mark.parametrize("distribution", [UNIFORM, ZIPFIAN, LATEST], ids=str)
@pytest.mark.parametrize("records", [1, 2, 2**31 - 1])
def test_every_draw_is_a_record_that_is_there(draws: Any, distribution: Distribution, records: int) -> None:
    drawn = ids(draws, Load(seed=1, records=records, distribution=distribution), 10_000)
    assert 0 <= min(drawn) <= max(drawn) < records


@pytest.mark.parametrize("name", WORKLOADS)
def test_each_kind_of_operation_has_its_share(draws: Any, name: str) -> None:
    workload = WORKLOADS[name]
    load = Load(seed=3, records=RECORDS, shares=workload.shares, distribution=workload.distribution)
    kinds, _ = operations(draws, load, 50_000)
    seen = Counter(KINDS.index(kind) for kind in kinds)
    assert sum(workload.shares.values()) == pytest.approx(1)
    assert {KINDS[kind] for kind in seen} == set(workload.shares)
    statistic, bound = chi_square(seen, [50_000 * workload.shares.get(kind, 0) for kind in KINDS])
    assert statistic < bound


def test_the_same_seed_draws_the_same_and_another_one_something_else(draws: Any) -> None:
    load = Load(seed=5, records=RECORDS, shares=WORKLOADS["d"].shares, distribution=LATEST, rate=1000)
    assert operations(draws, load) == operations(draws, load)
    assert operations(draws, load) != operations(draws, replace(load, seed=6))
    assert ids(draws, load) != ids(draws, replace(load, seed=6))


def test_draws_stay_what_they_are(draws: Any) -> None:
    """On every machine, and in WebAssembly. A change here is a change of all measurements."""
    load = Load(seed=42, records=1_000_000, distribution=ZIPFIAN)
    assert ids(draws, load, 4) == [765547, 593596, 826691, 205391]


def test_poisson_arrivals_do_not_depend_on_each_other(draws: Any) -> None:
    kinds, starts = operations(draws, Load(seed=9, records=RECORDS, rate=1000, operations=DRAWS))
    gaps = [b - a for a, b in pairwise(starts)]
    mean = sum(gaps) / len(gaps)
    assert len(kinds) == DRAWS
    assert mean == pytest.approx(1e6, rel=0.01)
    cells = Counter(min(int(20 * (1 - math.exp(-gap / 1e6))), 19) for gap in gaps)
    statistic, bound = chi_square(cells, [len(gaps) / 20] * 20)
    assert statistic < bound
    neighbours = sum((a - mean) * (b - mean) for a, b in pairwise(gaps)) / len(gaps) / 1e12
    assert abs(neighbours) < 0.01


def test_fixed_arrivals_are_evenly_spaced(draws: Any) -> None:
    _, starts = operations(draws, Load(records=RECORDS, rate=8, arrivals="fixed", seconds=1))
    assert starts == [n * 125_000_000 for n in range(1, 9)]


def test_the_number_and_the_time_of_operations_are_bounds(draws: Any) -> None:
    assert len(operations(draws, Load(records=RECORDS, operations=17))[0]) == 17
    assert len(operations(draws, Load(records=RECORDS, operations=17, rate=100))[0]) == 17
    assert len(operations(draws, Load(records=RECORDS, rate=100, arrivals="fixed", seconds=0.1))[0]) == 10


@pytest.mark.parametrize("text", ["uniform", "zipf:0.5", "zipf:4", "latest:0.99"])
def test_a_distribution_is_read_as_it_is_written(text: str) -> None:
    assert str(parse_distribution(text)) == text


@pytest.mark.parametrize("text", ["", "zip", "zipf:", "zipf:0", "zipf:nan", "zipf:101", "uniform:1", "zipf:x"])
def test_no_distribution(text: str) -> None:
    with pytest.raises(Invalid, match="it is uniform, zipf:EXPONENT or latest:EXPONENT"):
        parse_distribution(text)
