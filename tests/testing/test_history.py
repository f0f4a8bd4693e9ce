"""What clients record is what a checker gets, also by way of a file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.abi.errors import Invalid
from radon.testing import Operation, Outcome, Recorder
from radon.testing.history import from_lines, to_lines
from tests.testing.simulated import RealStore, histories, store_input

LINE = '{"client": "c1", "input": ["get", "x"], "output": 1, "invoked": 1, "returned": 2, "outcome": "ok"}'

values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
)


def test_operations_are_recorded_with_what_is_known_of_them() -> None:
    recorder = Recorder()
    first = recorder.begin("c1", ["put", "x", [1, 2]])
    recorder.begin("c2", ("get", "x"))
    first.ok()
    recorder.begin("c3", ("get", "y")).failed()
    with recorder.begin("c4", ("get", "z")) as call:
        call.ok([3])
    assert recorder.history == [
        Operation("c1", ("put", "x", (1, 2)), None, 1, 3, Outcome.OK),
        Operation("c2", ("get", "x"), None, 2, None, Outcome.UNKNOWN),
        Operation("c3", ("get", "y"), None, 4, 5, Outcome.FAILED),
        Operation("c4", ("get", "z"), (3,), 6, 7, Outcome.OK),
    ]


def test_an_operation_left_by_an_exception_is_unknown_and_the_exception_passes() -> None:
    recorder = Recorder()
    with pytest.raises(TimeoutError), recorder.begin("c1", ("get", "x")):
        raise TimeoutError
    assert [operation.outcome for operation in recorder.history] == [Outcome.UNKNOWN]


def test_events_of_one_instant_keep_their_order_and_a_clock_set_back_does_not_change_it() -> None:
    times = iter([100, 100, 100, 50, 200, 300])
    recorder = Recorder(lambda: next(times))
    for _ in range(3):
        recorder.begin(1, ("read",)).ok(0)
    assert [(o.invoked, o.returned) for o in recorder.history] == [(100, 101), (102, 103), (200, 300)]


def test_an_operation_ends_once() -> None:
    call = Recorder().begin("c1", ("get", "x"))
    call.ok(1)
    with pytest.raises(Invalid, match=r"has ended before: c1: get x -> 1"):
        call.failed()


def test_what_no_file_could_hold_is_refused_when_it_is_recorded() -> None:
    with pytest.raises(TypeError, match="a history cannot hold"):
        Recorder().begin("c1", ("put", "x", {1}))


@given(histories(RealStore, store_input, clients=4, operations=20), st.lists(values))
def test_a_history_comes_back_from_its_lines(history: list[Operation], more: list[Any]) -> None:
    history += [Operation(7, ("put", "k", value), value, 1, 2) for value in more]
    lines = list(to_lines(history))
    assert not any("\n" in line for line in lines)
    assert from_lines([*lines, "", "\n"]) == history


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"more": 1}, "an object of client, input, output, invoked, returned, outcome"),
        ({"outcome": "maybe"}, "'maybe' is not a valid Outcome"),
        ({"client": None}, "`client` is text or a number"),
        ({"input": []}, "begins with the operation's name"),
        ({"input": "get"}, "begins with the operation's name"),
        ({"output": {"hex": "00"}}, "an object in a value is"),
        ({"output": {"bytes": 7}}, "an object in a value is"),
        ({"output": {"bytes": "\u1234"}}, "latin-1"),
        ({"invoked": "now"}, "`invoked` is a number"),
        ({"returned": None}, "unless the outcome is unknown"),
        ({"outcome": "unknown"}, "unless the outcome is unknown"),
        ({"invoked": 3}, "returned before it was invoked"),
    ],
)
def test_a_line_that_is_no_operation_is_refused_by_its_number(change: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match="^line 2 of the history is no operation: .*" + why):
        from_lines([LINE, json.dumps(json.loads(LINE) | change)])


@pytest.mark.parametrize("line", ["{", "[1]", "[" * 100_000])
def test_a_line_that_is_no_object_is_refused(line: str) -> None:
    with pytest.raises(Invalid, match="line 1 of the history is no operation"):
        from_lines([line])
