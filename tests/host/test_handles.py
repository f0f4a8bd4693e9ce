"""Handle numbers are the same in every replay, and reach nothing but live things of their type."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from radon.abi.errors import Exhausted
from radon.host.handles import Handles, Violation

TYPES = ("address", "message", "bucket", "object")


def test_the_lowest_free_number_is_next() -> None:
    handles = Handles(10)
    assert [handles.insert("address", name) for name in "abcd"] == [1, 2, 3, 4]
    handles.drop(3, "address")
    handles.drop(1, "address")
    assert [handles.insert("bucket", name) for name in "efg"] == [1, 3, 5]


@pytest.mark.parametrize("number", [0, 2, 3, 2**31, 2**32 - 1, -1])
def test_a_number_that_is_no_handle_is_a_violation(number: int) -> None:
    handles = Handles(10)
    handles.insert("address", "a")
    handles.drop(handles.insert("address", "b"), "address")
    with pytest.raises(Violation, match="no handle of a live address"):
        handles.get(number, "address")
    with pytest.raises(Violation):
        handles.drop(number, "address")
    assert len(handles) == 1


def test_a_handle_of_another_type_is_a_violation() -> None:
    handles = Handles(10)
    handle = handles.insert("bucket", "a")
    with pytest.raises(Violation):
        handles.get(handle, "object")
    with pytest.raises(Violation):
        handles.drop(handle, "address")
    assert handles.get(handle, "bucket") == "a"


def test_at_the_limit_only_the_host_hands_in_more() -> None:
    handles = Handles(2)
    handles.check_room(2)
    with pytest.raises(Exhausted):
        handles.check_room(3)
    handles.insert("address", "a")
    handles.insert("address", "b")
    with pytest.raises(Exhausted, match=r"limits\.handles"):
        handles.insert("address", "c")
    assert handles.insert("message", "m", beyond_limit=True) == 3
    handles.drop(1, "address")
    with pytest.raises(Exhausted):
        handles.insert("address", "c")
    handles.release(3, "m")
    assert handles.insert("address", "c") == 1


def test_what_was_lent_is_taken_back_only_while_it_is_there() -> None:
    handles = Handles(10)
    first, second = object(), object()
    handle = handles.insert("message", first)
    handles.release(handle, second)
    assert handles.get(handle, "message") is first
    handles.release(handle, first)
    handles.release(handle, first)
    assert handles.insert("address", "a") == handle
    handles.release(handle, first)
    assert handles.get(handle, "address") == "a"


class Table(RuleBasedStateMachine):
    """A table beside a dict of what is live."""

    LIMIT = 6

    def __init__(self) -> None:
        super().__init__()
        self.handles = Handles(self.LIMIT)
        self.live: dict[int, tuple[str, object]] = {}

    @rule(type_=st.sampled_from(TYPES))
    def insert(self, type_: str) -> None:
        if len(self.live) >= self.LIMIT:
            with pytest.raises(Exhausted):
                self.handles.insert(type_, None)
            return
        thing = object()
        lowest = min(set(range(1, self.LIMIT + 2)) - set(self.live))
        assert self.handles.insert(type_, thing) == lowest
        self.live[lowest] = (type_, thing)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        handle = data.draw(st.sampled_from(sorted(self.live)))
        self.handles.drop(handle, self.live.pop(handle)[0])

    @rule(handle=st.integers(-2, LIMIT + 3), type_=st.sampled_from(TYPES))
    def get(self, handle: int, type_: str) -> None:
        known = self.live.get(handle)
        if known is not None and known[0] == type_:
            assert self.handles.get(handle, type_) is known[1]
        else:
            with pytest.raises(Violation):
                self.handles.get(handle, type_)

    @invariant()
    def counts_what_is_live(self) -> None:
        assert len(self.handles) == len(self.live)


TestTable = Table.TestCase
TestTable.settings = settings(stateful_step_count=30)
