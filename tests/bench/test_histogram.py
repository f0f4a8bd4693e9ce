"""Histograms against exact percentiles, and against the library whose form they are written in."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from radon.abi.errors import Invalid
from radon.bench import native
from radon.bench.histogram import BUCKETS, LONGEST, Histogram, highest_of, lowest_of

VALUES = st.integers(0, LONGEST) | st.integers(0, 5000) | st.integers(0, 41).map(lambda bits: (1 << bits) - 1)


def counted(values: list[int]) -> Histogram:
    module = native.module()
    counts = module.ffi.new("uint64_t[]", BUCKETS)
    for value in values:
        module.lib.load_histogram_add(counts, value)
    return Histogram((bucket, n) for bucket, n in enumerate(module.ffi.unpack(counts, BUCKETS)) if n)


@given(VALUES)
def test_a_value_is_in_the_bucket_whose_bounds_enclose_it(value: int) -> None:
    (bucket,) = counted([value]).counts
    assert lowest_of(bucket) <= value <= highest_of(bucket)
    assert highest_of(bucket) - lowest_of(bucket) <= value / 1000


def test_buckets_follow_each_other_and_the_last_is_for_all_beyond() -> None:
    for bucket in range(BUCKETS - 1):
        assert lowest_of(bucket + 1) == highest_of(bucket) + 1
    assert counted([LONGEST, LONGEST + 1, 2**64 - 1]).counts == {max(counted([LONGEST]).counts): 3}


@pytest.mark.parametrize("spread", [1, 3])
def test_percentiles_are_exact_to_three_digits(spread: int) -> None:
    generator = random.Random(spread)
    values = sorted(int(generator.lognormvariate(11, spread)) for _ in range(20_000))
    histogram = counted(values)
    for percent in (0.01, 1, 50, 90, 99, 99.9, 99.99, 100):
        exact = values[max(math.ceil(len(values) * percent / 100 - 1e-9), 1) - 1]
        assert histogram.percentile(percent) == pytest.approx(exact, rel=0.001, abs=1)
    assert histogram.highest == pytest.approx(values[-1], rel=0.001)
    assert histogram.mean == pytest.approx(sum(values) / len(values), rel=0.001)
    assert histogram.total == len(values)


def test_an_empty_histogram_is_zeros() -> None:
    empty = Histogram()
    assert (empty.total, empty.percentile(99), empty.highest, empty.mean) == (0, 0, 0, 0)


@given(st.lists(VALUES), st.lists(VALUES))
def test_adding_counts_all_of_both(some: list[int], more: list[int]) -> None:
    histogram = counted(some)
    histogram.add(counted(more))
    assert histogram.counts == counted(some + more).counts


@given(st.dictionaries(st.integers(0, BUCKETS - 1), st.integers(1, 2**62), max_size=20))
def test_what_is_encoded_is_read_back(counts: dict[int, int]) -> None:
    assert Histogram.decode(Histogram(counts).encode()).counts == counts


@given(st.lists(VALUES.filter(lambda value: value > 0), min_size=1, max_size=50))
def test_the_library_reads_what_is_encoded(values: list[int]) -> None:
    histogram = counted(values)
    theirs: Any = HdrHistogram.decode(histogram.encode())
    mine: Any = HdrHistogram(1, LONGEST, 3)
    for value in values:
        mine.record_value(value)
    assert theirs.get_total_count() == len(values)
    for percent in (1, 50, 90, 99, 99.9, 100):
        assert theirs.get_value_at_percentile(percent) == mine.get_value_at_percentile(percent)
    assert histogram.highest == mine.get_value_at_percentile(100)
    assert Histogram.decode(mine.encode().decode()).counts == histogram.counts


@pytest.mark.parametrize("text", ["", "x", "HISTFAAA", "AAAAAAAAAAA="])
def test_what_is_no_histogram_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Histogram.decode(text)
