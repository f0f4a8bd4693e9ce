"""The checker of sessions: histories that keep the promises, and one for each way to break them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from radon.abi.errors import Invalid
from radon.testing.history import Operation, Recorder
from radon.testing.sessions import check_sessions


def told(*lines: tuple[Any, ...]) -> list[Operation]:
    """One operation after the other: (client, "put", key, value) or (client, "get", key, values)."""
    recorder = Recorder()
    for client, name, key, value in lines:
        if name == "put":
            recorder.begin(client, (name, key, value)).ok()
        elif name == "put?":
            recorder.begin(client, ("put", key, value)).unknown()
        else:
            recorder.begin(client, (name, key)).ok(value)
    return recorder.history


def names(history: Iterable[Operation], **options: Any) -> list[str]:
    return [breach.name for breach in check_sessions(history, **options).breaches]


A_THEN_B = [("ann", "put", "x", "a"), ("bob", "get", "x", ["a"]), ("bob", "put", "x", "b")]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([("ann", "get", "x", [])], []),
        ([("ann", "put", "x", 1), ("bob", "get", "x", []), ("bob", "get", "x", [1])], []),
        ([("ann", "put", "x", 1), ("ann", "get", "x", [])], ["read-your-writes"]),
        ([("ann", "put", "x", 1), ("ann", "put", "x", 2), ("ann", "get", "x", [1])], ["read-your-writes"]),
        ([("ann", "put?", "x", 1), ("ann", "get", "x", []), ("ann", "get", "x", [1])], []),
        ([("ann", "put", "x", 1), ("bob", "get", "x", [1]), ("bob", "get", "x", [])], ["monotonic-reads"]),
        ([*A_THEN_B, ("cid", "get", "x", ["b"]), ("cid", "get", "x", ["a"])], ["monotonic-reads"]),
        ([*A_THEN_B, ("cid", "get", "x", ["a"]), ("cid", "get", "x", ["b"])], []),
        ([*A_THEN_B, ("bob", "put", "y", 1), ("cid", "get", "y", [1]), ("cid", "get", "x", ["a"])], ["causal-order"]),
        ([*A_THEN_B, ("bob", "put", "y", 1), ("cid", "get", "y", [1]), ("cid", "get", "x", [])], ["causal-order"]),
        ([("ann", "get", "x", [1]), ("bob", "put", "x", 1)], ["out-of-nowhere"]),
    ],
)
def test_what_is_kept_and_what_is_not(lines: list[tuple[Any, ...]], found: list[str]) -> None:
    assert names(told(*lines)) == found


def test_one_of_two_concurrent_values_may_go_unless_both_are_to_be_kept() -> None:
    two = [("ann", "put", "x", "a"), ("bob", "put", "x", "b"), ("ann", "get", "x", ["b"])]
    assert names(told(*two)) == []
    assert names(told(*two), keeps=True) == ["read-your-writes"]
    assert names(told(*two[:2], ("ann", "get", "x", ["b", "a"])), keeps=True) == []
    assert names(told(*two[:2], ("bob", "get", "x", ["b", "a"]), ("bob", "put", "x", "c"), ("ann", "get", "x", ["c"])),
                 keeps=True) == []  # fmt: skip


def test_what_was_acknowledged_is_known_in_the_end() -> None:
    history = told(*A_THEN_B, ("cid", "put?", "x", "c"))
    for values, found in (
        [["b"], []],
        [["c"], []],
        [["a"], ["lost"]],
        [[], ["lost"]],
        [["z"], ["out-of-nowhere", "lost"]],
    ):
        assert names(history, final={"x": values}) == found
    assert names(history, final={"x": ["c"]}, keeps=True) == ["lost"]
    assert names(history, final={"x": ["b", "c"]}, keeps=True) == []


def test_a_breach_is_told_in_words() -> None:
    report = check_sessions(told(("ann", "put", "x", 1), ("ann", "get", "x", [])))
    assert not report.ok
    assert report.text == "read-your-writes: ann: get x -> []\n    does not know of ann: put x 1 -> None"
    assert check_sessions([]).text == "sessions: no breach"


def test_a_value_that_is_put_twice_tells_nothing() -> None:
    with pytest.raises(Invalid, match="1 is put twice under 'x'"):
        check_sessions(told(("ann", "put", "x", 1), ("bob", "put", "x", 1)))
    with pytest.raises(Invalid, match="a put or a get"):
        check_sessions(told(("ann", "delete", "x", 1)))
