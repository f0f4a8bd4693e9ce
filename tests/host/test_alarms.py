"""Alarms ring in the order of their content, whatever order they were set in, unless they mean nothing any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hypothesis import given
from hypothesis import strategies as st

from radon.host.alarms import Alarm, Alarms, Cause

texts = st.text(max_size=3)
alarms = st.builds(Alarm, st.integers(0, 5), st.sampled_from(Cause), texts, texts, st.binary(max_size=3))


def clock(batch: Iterable[Alarm], void: Collection[Alarm] = ()) -> Alarms:
    made = Alarms(lambda alarm: alarm not in void)
    for alarm in batch:
        made.set(*alarm)
    return made


def rung(alarms: Alarms, now: int) -> list[Alarm]:
    found = []
    while (alarm := alarms.pop(now)) is not None:
        found.append(alarm)
    return found


def test_nothing_is_due_where_nothing_was_set() -> None:
    empty = clock([])
    assert empty.next_due() is None
    assert empty.pop(2**64 - 1) is None


@given(st.lists(alarms), st.integers(0, 5))
def test_what_is_due_rings_in_order_and_the_rest_stays(batch: list[Alarm], now: int) -> None:
    made = clock(batch)
    assert made.next_due() == min((alarm.due for alarm in batch), default=None)
    assert rung(made, now) == sorted(alarm for alarm in batch if alarm.due <= now)
    assert rung(made, 5) == sorted(alarm for alarm in batch if alarm.due > now)
    assert made.next_due() is None


@given(st.lists(alarms), st.data())
def test_the_order_does_not_depend_on_who_was_set_first(batch: list[Alarm], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(batch))
    assert rung(clock(batch), 5) == rung(clock(shuffled), 5)


def test_at_one_instant_timers_come_before_retries_and_those_before_time_outs() -> None:
    made = clock(Alarm(7, cause, "k", "a", b"") for cause in reversed(Cause))
    assert [alarm.cause for alarm in rung(made, 7)] == list(Cause)


@given(st.lists(alarms), st.data())
def test_what_nobody_awaits_any_more_is_not_heard(batch: list[Alarm], data: st.DataObject) -> None:
    void = [alarm for alarm in batch if data.draw(st.booleans())]
    assert rung(clock(batch, void), 5) == sorted(alarm for alarm in batch if alarm not in void)


def test_alarms_that_mean_nothing_take_no_room() -> None:
    """A timer that is moved for ever: only the last of its alarms means anything."""
    last: list[Alarm] = []
    moved = Alarms(lambda alarm: alarm == last[-1])
    for due in range(100_000):
        last.append(Alarm(due, Cause.TIMER, "k", "a", b""))
        moved.set(*last[-1])
    assert len(moved._heap) < 2_000
    assert rung(moved, 100_000) == last[-1:]
