"""What atoms logged and counted: how much of it is kept, and who hears of it."""

from __future__ import annotations

import pytest

from radon.abi.delivery import Address
from radon.abi.exchange import Accepted, Counted, Logged, Observed
from radon.backends import observed
from radon.backends.observed import BUCKETS, Observations


def line(text: str) -> Logged:
    return Logged(1, 2, 0, 1, Address("agent", "a"), text)


def texts(observations: Observations) -> list[str]:
    return [logged.text for logged in observations.lines()]


def test_the_last_lines_are_kept_by_number_and_by_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "LINES", 3)
    monkeypatch.setattr(observed, "CHARACTERS", 10)
    observations = Observations()
    for text in ("a", "b", "c", "d"):
        assert observations.take(line(text))
    assert texts(observations) == ["b", "c", "d"]
    observations.take(line("12345678"))
    assert texts(observations) == ["c", "d", "12345678"]
    observations.take(line("123"))
    assert texts(observations) == ["123"]
    observations.take(line("far too long"))
    assert texts(observations) == []


def test_a_follower_hears_lines_until_it_leaves() -> None:
    observations, heard = Observations(), []
    number = observations.follow(heard.append)
    observations.take(line("one"))
    observations.leave(number)
    observations.leave(number)
    observations.take(line("two"))
    assert heard == [line("one")]


def test_counters_and_histograms_add_up_by_kind_and_name() -> None:
    observations = Observations()
    for by in (2, 3):
        observations.take(Counted(by, "agent", "sold"))
    observations.take(Counted(1, "other", "sold"))
    for value in (0.5, 7.0, 1e9, float("nan")):
        observations.take(Observed(value, "agent", "seconds"))
    assert observations.counters == {("agent", "sold"): 5, ("other", "sold"): 1}
    *counts, total = observations.histograms["agent", "seconds"]
    assert sum(counts) == 4
    assert counts[BUCKETS.index(0.5)] == counts[BUCKETS.index(10)] == 1
    assert counts[-1] == 2, "what is beyond all bounds, and what is no number"
    assert total != total


def test_names_beyond_a_number_of_series_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "SERIES", 1)
    observations = Observations()
    for name in ("first", "second", "first"):
        observations.take(Counted(1, "agent", name))
        observations.take(Observed(1.0, "agent", name))
    assert observations.counters == {("agent", "first"): 2}
    assert list(observations.histograms) == [("agent", "first")]


def test_what_is_no_observation_is_left_to_others() -> None:
    assert Observations().take(Accepted(1)) is False
