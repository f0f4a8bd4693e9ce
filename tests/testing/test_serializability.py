"""The checker finds each anomaly by its name, and an anomaly exactly where no serial order exists."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.abi.errors import Invalid
from radon.testing import Operation, Outcome, check_serializable
from radon.testing.serializability import Level
from tests.testing.transactions import LISTS, REGISTERS, recorded, some_order_is_serial

PRECEDES = {
    "serializable": lambda one, other: False,
    "session-serializable": lambda one, other: one.client == other.client and _before(one, other),
    "strict-serializable": lambda one, other: _before(one, other),
}


def _before(one: Operation, other: Operation) -> bool:
    return one.returned is not None and one.returned < other.invoked


def txn(text: str, client: int = 1, begin: int = 0, end: int = 1000, outcome: Outcome = Outcome.OK) -> Operation:
    """ "x+1, y=12": it appended 1 to x and read y as [1, 2]. "x:3@1, y?4@2": it wrote 3 as version 1, got 4 as 2."""
    parts, answers = [], list[Any]()
    for word in text.split(", "):
        key, sign, rest = word[0], word[1], word[2:]
        value, _, version = rest.partition("@")
        if sign == "+":
            parts.append(("append", key, int(value)))
            answers.append(None)
        elif sign == "=":
            parts.append(("read", key))
            answers.append(tuple(map(int, value)))
        elif sign == ":":
            parts.append(("write", key, int(value)))
            answers.append(int(version))
        else:
            parts.append(("get", key))
            answers.append((int(value) if value else None, int(version)))
    known = outcome is Outcome.OK
    returned = None if outcome is Outcome.UNKNOWN else end
    return Operation(client, ("txn", *parts), tuple(answers) if known else None, begin, returned, outcome)


def names(level: Level, *history: Operation) -> set[str]:
    return {anomaly.name for anomaly in check_serializable(history, level).anomalies}


FAILED, UNKNOWN = Outcome.FAILED, Outcome.UNKNOWN

ANOMALIES: list[tuple[str, Level, list[Operation]]] = [
    ("G0", "read-committed", [txn("x+1, y+1"), txn("x+2, y+2"), txn("x=12, y=21")]),
    ("G1a", "read-committed", [txn("x+1", outcome=FAILED), txn("x=1")]),
    ("G1a", "read-committed", [txn("x:1@1", outcome=FAILED), txn("x?1@1")]),
    ("G1b", "read-committed", [txn("x+1, x+2"), txn("x=1"), txn("x=12")]),
    ("G1c", "read-committed", [txn("x+1, y=2"), txn("y+2, x=1")]),
    ("G1c", "read-committed", [txn("x:1@1, y?2@1"), txn("y:2@1, x?1@1")]),
    ("garbage-read", "read-committed", [txn("x=7")]),
    ("garbage-read", "read-committed", [txn("x?7@1")]),
    ("duplicate-append", "read-committed", [txn("x+1"), txn("x=11")]),
    ("incompatible-order", "read-committed", [txn("x+1"), txn("x+2"), txn("x=12"), txn("x=21")]),
    ("incompatible-order", "read-committed", [txn("x:1@1"), txn("x:2@1")]),
    ("internal", "read-committed", [txn("x+1, x=")]),
    ("internal", "read-committed", [txn("x:1@1, x?2@2"), txn("x:2@2")]),
    ("G-single", "serializable", [txn("x+1, y+1"), txn("x=1, y="), txn("y=1")]),
    ("G-single", "serializable", [txn("x:1@1, y:1@1"), txn("x?1@1, y?@0")]),
    ("G2-item", "serializable", [txn("x+1, y="), txn("y+1, x="), txn("x=1, y=1")]),
    ("G2-item", "serializable", [txn("x:1@1, y?@0"), txn("y:1@1, x?@0")]),
    ("G2-item", "serializable", [txn("x+1, y="), txn("y+1, x=")]),  # nobody has seen either, but both committed
    ("lost-update", "serializable", [txn("x=, x+1"), txn("x=, x+2"), txn("x=12")]),
    ("lost-update", "serializable", [txn("x?@0, x:1@1"), txn("x?@0, x:2@2")]),
    ("G-single-process", "session-serializable", [txn("x+1", 1, 0, 10), txn("x=", 1, 20, 30), txn("x=1", 2)]),
    ("G-single-realtime", "strict-serializable", [txn("x+1", 1, 0, 10), txn("x=", 2, 20, 30), txn("x=1", 3)]),
    ("G-single-realtime", "strict-serializable", [txn("x:1@1", 1, 0, 10), txn("x?@0", 2, 20, 30)]),
    ("G0-realtime", "strict-serializable", [txn("x+1", 1, 50, 60), txn("x+2", 2, 20, 30), txn("x=12", 3)]),
    ("G1c-realtime", "strict-serializable", [txn("x+1", 1, 50, 60), txn("x=1", 2, 20, 30)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "level", "history"), ANOMALIES)
def test_each_anomaly_is_found_by_its_name_and_at_the_levels_that_forbid_it(
    name: str, level: Level, history: list[Operation]
) -> None:
    levels = get_args(Level)
    forbidding = levels[levels.index(level) :]
    for other in levels:
        plain = name.removesuffix("-process").removesuffix("-realtime")
        found = {found.removesuffix("-process").removesuffix("-realtime") for found in names(other, *history)}
        assert (plain in found) == (other in forbidding), other
    assert name in names(level, *history)


@pytest.mark.parametrize("level", get_args(Level))
@pytest.mark.parametrize(
    "history",
    [
        [],
        [txn("x+1"), txn("x+2"), txn("x=21"), txn("x=2")],
        [txn("x+1, x=1, x+2, x=12"), txn("x=12, x+3"), txn("x=123")],
        [txn("x+1", outcome=FAILED), txn("x+2, x=2")],
        [txn("x+1, y+1", outcome=UNKNOWN), txn("x=, y="), txn("x=1, y=1", 1, 2000, 3000)],
        [txn("x+1", outcome=UNKNOWN), txn("x=", 1, 2000, 3000)],
        [txn("x?@0, x:1@1"), txn("x?1@1, x:2@5"), txn("x?2@5")],
    ],
)
def test_what_is_in_order_is_found_to_be(history: list[Operation], level: Level) -> None:
    report = check_serializable(history, level)
    assert report.ok, report.text
    assert report.text == f"{level}: no anomaly"


def test_an_unknown_transaction_of_which_a_part_was_seen_took_effect_wholly() -> None:
    seen = [txn("x+1, y+1", outcome=UNKNOWN), txn("x=1", 1, 10, 20), txn("y=", 1, 30, 40)]
    assert names("serializable", *seen) == set()
    assert names("strict-serializable", *seen) == {"G-single-realtime"}


@pytest.mark.parametrize("kind", [LISTS, REGISTERS])
@given(data=st.data())
def test_atomic_transactions_are_strictly_serializable(kind: tuple[str, str], data: st.DataObject) -> None:
    history = data.draw(recorded(kind, atomic=True, clients=5, transactions=30, keys="xyz"))
    report = check_serializable(history)
    assert report.ok, report.text


@pytest.mark.parametrize("level", PRECEDES)
@pytest.mark.parametrize("kind", [LISTS, REGISTERS])
@given(data=st.data())
def test_transactions_without_isolation_are_judged_as_by_trying_all_orders(
    kind: tuple[str, str], level: Level, data: st.DataObject
) -> None:
    history = data.draw(recorded(kind, atomic=False, clients=3, transactions=5))
    report = check_serializable(history, level)
    serial = some_order_is_serial(history, PRECEDES[level])
    if kind == REGISTERS and report.ok and any(operation.outcome is UNKNOWN for operation in history):
        return  # nobody knows which version an unknown transaction wrote, if it did, so that something may be missed
    assert report.ok == serial, report.text


def test_an_anomaly_is_told_with_its_transactions_and_why_each_comes_before_the_next() -> None:
    history = [txn("x+1, y+1", 1), txn("x=1, y=", 2), txn("y=1", 3)]
    assert (
        check_serializable(history).text
        == """\
not strict-serializable
G-single: each would have to come before the next, and so before itself
    T1 before T2: T1 read 'y' without 1, which T2 wrote (rw)
    T2 before T1: T1 read 1 from 'x', which T2 wrote (wr)
    T1 = 2: txn ['read', 'x'] ['read', 'y'] -> [[1], []]
    T2 = 1: txn ['append', 'x', 1] ['append', 'y', 1] -> [None, None]"""
    )


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (Operation(1, ("read", "x"), (1,), 0, 1), "a transaction is"),
        (Operation(1, ("txn", ("read", "x")), (), 0, 1), "has an answer a part"),
        (Operation(1, ("txn", ("read", "x")), None, 0, 1), "has an answer a part"),
        (Operation(1, ("txn", ("read", "x")), (None,), 0, 1), "could be answered None"),
        (Operation(1, ("txn", ("jump", "x")), (None,), 0, 1), "'jump'.* is no part"),
        (txn("x+1, x+1"), "1 is written to 'x' twice"),
        (txn("x?7@0"), "version 0 of 'x' cannot be 7"),
        (txn("x=1, x?1@1"), "'x' is a list to some and a register to others"),
    ],
)
def test_what_is_no_transaction_is_refused(operation: Operation, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        check_serializable([operation])


def test_an_unknown_level_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(Invalid, match="unknown level 'best'; known: read-committed, serializable"):
        check_serializable([], "best")  # type: ignore[arg-type]
