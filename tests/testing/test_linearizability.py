"""The checker agrees with whoever tries every order, and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.abi.errors import Invalid
from radon.testing import Operation, Outcome, Verdict, check_linearizable
from radon.testing.models import Bank, KeyValue, Model, Queue, Register, Set
from tests.testing.simulated import (
    RealQueues,
    RealRegister,
    RealStore,
    Thing,
    histories,
    queue_input,
    register_input,
    some_order_explains,
    spoiled,
    store_input,
    ticket_input,
)  # fmt: skip

THINGS: dict[str, tuple[Callable[[], Thing], Any, Model]] = {
    "store": (RealStore, store_input, KeyValue()),
    "register": (RealRegister, register_input, Register()),
    "queues": (RealQueues, queue_input, Queue()),
    "tickets": (RealQueues, ticket_input, Queue()),
}


def op(client: int, text: str, output: Any, invoked: int, returned: int | None) -> Operation:
    """`text`: words, of which those of digits are numbers."""
    input = tuple(int(word) if word.isdigit() else word for word in text.split())
    return Operation(client, input, output, invoked, returned, Outcome.UNKNOWN if returned is None else Outcome.OK)


def verdict(model: Model, *operations: Operation) -> Verdict:
    return check_linearizable(operations, model).verdict


# ---- known histories ----


def test_a_read_may_see_a_write_that_is_under_way_or_not_but_not_both_in_the_wrong_order() -> None:
    write = op(1, "write 1", None, 0, 100)
    assert verdict(Register(0), write, op(2, "read", 1, 10, 20), op(3, "read", 0, 15, 25)) == "ok"
    assert verdict(Register(0), write, op(2, "read", 0, 10, 20), op(3, "read", 1, 30, 40)) == "ok"
    assert verdict(Register(0), write, op(2, "read", 1, 10, 20), op(3, "read", 0, 30, 40)) == "violation"


def test_a_write_that_would_change_nothing_now_may_be_needed_later() -> None:
    writes = [op(1, "write 1", None, 0, 5), op(1, "write 1", None, 10, 100), op(2, "write 2", None, 10, 100)]
    assert verdict(Register(), *writes, op(3, "read", 2, 20, 30), op(3, "read", 1, 40, 50)) == "ok"


def test_the_queues_of_herlihy_and_wing() -> None:
    """Figure 1 of "Linearizability: a correctness condition for concurrent objects" (1990): two that are, two not."""
    a = [
        op(1, "enqueue q 1", None, 0, 10), op(2, "enqueue q 2", None, 5, 15), op(2, "dequeue q", 1, 20, 30),
        op(1, "dequeue q", 2, 25, 35), op(1, "enqueue q 3", None, 40, 50),
    ]  # fmt: skip
    assert verdict(Queue(), *a) == "ok"
    b = [op(1, "enqueue q 1", None, 0, 10), op(2, "enqueue q 2", None, 20, 40), op(1, "dequeue q", 2, 30, 50)]
    assert verdict(Queue(), *b) == "violation"
    c = [op(1, "enqueue q 1", None, 0, 10), op(2, "dequeue q", 1, 5, 15)]
    assert verdict(Queue(), *c) == "ok"
    d = [
        op(1, "enqueue q 1", None, 0, 10), op(2, "enqueue q 2", None, 5, 15), op(1, "dequeue q", 2, 20, 30),
        op(2, "dequeue q", 2, 25, 35),
    ]  # fmt: skip
    assert verdict(Queue(), *d) == "violation"


def test_an_unknown_operation_may_take_effect_late_or_never_but_not_before_it_was_invoked() -> None:
    unknown = op(1, "write 1", None, 10, None)
    read = [op(2, "read", 0, 20, 30), op(2, "read", 1, 1000, 1010)]
    assert verdict(Register(0), unknown, *read) == "ok"
    assert verdict(Register(0), unknown, read[0]) == "ok"
    assert verdict(Register(0), unknown, op(2, "read", 1, 0, 5)) == "violation"
    assert verdict(Register(0), unknown, *read, op(2, "read", 0, 1020, 1030)) == "violation"


def test_an_unknown_operation_happens_once() -> None:
    lost = [op(1, "add x 1", None, 0, None), op(2, "add x 1", None, 0, None)]
    assert verdict(KeyValue(), *lost, op(3, "get x", 2, 10, 20)) == "ok"
    assert verdict(KeyValue(), *lost, op(3, "get x", 3, 10, 20)) == "violation"


def test_failed_operations_have_not_happened() -> None:
    failed = Operation(1, ("write", 1), None, 0, 5, Outcome.FAILED)
    assert verdict(Register(0), failed, op(2, "read", 0, 10, 20)) == "ok"
    assert verdict(Register(0), failed, op(2, "read", 1, 10, 20)) == "violation"


def test_two_events_of_one_time_are_concurrent() -> None:
    assert verdict(Register(0), op(1, "write 1", None, 0, 10), op(2, "read", 0, 10, 20)) == "ok"
    assert verdict(Register(0), op(1, "write 1", None, 0, 10), op(2, "read", 0, 11, 20)) == "violation"


def test_an_empty_history_is_linearizable() -> None:
    report = check_linearizable([], Register())
    assert report.ok
    assert report.text == "linearizable (0 steps)"


def test_an_answer_without_a_time_is_refused() -> None:
    with pytest.raises(Invalid, match="returned at some time: 1: read -> 7"):
        check_linearizable([Operation(1, ("read",), 7, 0, None)], Register())


# ---- models ----


@pytest.mark.parametrize(
    ("model", "operations"),
    [
        (Register(), [("read", None), ("write 1", None), ("cas 2 3", False), ("cas 1 3", True), ("read", 3)]),
        (KeyValue(), [("add x 2", 2), ("add x 3", 5), ("delete x", True), ("delete x", False), ("get x", None)]),
        (KeyValue(missing=""), [("get x", ""), ("append x a", None), ("append x b", None), ("get x", "ab")]),
        (KeyValue(number=lambda n: b"%d" % n), [("add x 2", 2), ("get x", b"2"), ("add x 3", 5), ("get x", b"5")]),
        (Set(), [("add s 1", False), ("add s 1", True), ("remove s 1", True), ("contains s 1", False)]),
        (
            Bank({"a": 10, "b": 0}),
            [("transfer a b 7", True), ("transfer a b 7", False), ("balance b", 7), ("balances", (3, 7))],
        ),
        (Bank({"a": 10}), [("transfer a a 7", True), ("balances", (10,))]),
    ],
)
def test_what_each_model_does(model: Model, operations: list[tuple[str, Any]]) -> None:
    history = [op(1, text, output, 10 * n, 10 * n + 5) for n, (text, output) in enumerate(operations)]
    assert check_linearizable(history, model).ok
    for n in range(len(history)):
        if history[n].input[0] not in ("write", "append"):
            wrong = history[n]._replace(output="wrong")
            assert not check_linearizable([*history[:n], wrong, *history[n + 1 :]], model).ok


@pytest.mark.parametrize("model", [Register(), KeyValue(), Queue(), Set(), Bank({})])
@pytest.mark.parametrize("text", ["jump", "jump x", "jump x 1"])
def test_an_operation_that_a_model_does_not_know_is_refused_with_those_that_it_knows(model: Model, text: str) -> None:
    with pytest.raises(Invalid, match=f"{type(model).__name__} knows no operation .*jump.*; known: "):
        check_linearizable([op(1, text, None, 0, 1)], model)


# ---- every order ----


@pytest.mark.parametrize("name", THINGS)
@given(data=st.data())
def test_a_correct_history_is_never_refused(name: str, data: st.DataObject) -> None:
    """Some queues take too many steps."""
    make, input, model = THINGS[name]
    history = data.draw(histories(make, input, clients=6, operations=40))
    report = check_linearizable(history, model, budget=50_000)
    assert report.verdict is not Verdict.VIOLATION, report.text


@pytest.mark.parametrize("name", THINGS)
@given(data=st.data())
def test_a_history_with_a_wrong_answer_is_judged_as_by_trying_all_orders(name: str, data: st.DataObject) -> None:
    make, input, model = THINGS[name]
    history = data.draw(histories(make, input, clients=4, operations=6))
    outputs = [None, True, False, 0, 1, 2, 3, *(operation.output for operation in history)]
    output = data.draw(st.sampled_from(outputs))
    history = spoiled(history, data.draw(st.integers(0, 5)), output)
    report = check_linearizable(history, model)
    assert report.ok == some_order_explains(history, make), report.text
    if report.violation is not None:
        at_fault = report.violation.operations
        assert not some_order_explains(at_fault, make)
        assert some_order_explains([_unanswered(o, report.violation.culprit.invoked) for o in at_fault], make)


def _unanswered(operation: Operation, invoked: int) -> Operation:
    """The operation, as unknown if it was invoked then."""
    if operation.invoked != invoked:
        return operation
    return operation._replace(output=None, returned=None, outcome=Outcome.UNKNOWN)


@given(st.randoms(use_true_random=False), histories(RealStore, store_input, clients=4, operations=20))
def test_the_order_in_which_operations_are_listed_does_not_matter(random: Any, history: list[Operation]) -> None:
    history = spoiled(history, 7, 17)
    shuffled = [*history]
    random.shuffle(shuffled)
    assert check_linearizable(history, KeyValue()).ok == check_linearizable(shuffled, KeyValue()).ok


# ---- what is said ----


def test_a_violation_names_the_key_the_order_and_the_operation_that_fits_nowhere() -> None:
    history = [
        op(1, "put y 9", None, 0, 100),
        op(1, "put x 1", None, 0, 10),
        op(2, "put x 2", None, 20, 30),
        op(3, "get x", 1, 40, 50),
        op(2, "put x 3", None, 45, 70),
        op(3, "get x", 9, 60, 90),
    ]
    report = check_linearizable(history, KeyValue())
    assert (
        report.text
        == """\
not linearizable: key 'x', the first 4 operations. No order explains the answer to
    [40..50] 3: get x -> 1
This order explains all others:
    [0..10] 1: put x 1 -> None
    [20..30] 2: put x 2 -> None
so that it should be 2"""
    )


def test_of_several_parts_that_are_wrong_the_smallest_is_shown() -> None:
    wrong = [op(1, "get x", 7, 10 * n, 10 * n + 5) for n in range(5)] + [op(1, "get y", 8, 100, 105)]
    report = check_linearizable(wrong, KeyValue())
    assert report.violation is not None
    assert report.violation.key == "y"


def test_a_check_ends_when_its_steps_are_used_up_and_says_so() -> None:
    history = [op(n, f"enqueue q {n}", None, 0, 100) for n in range(12)] + [op(99, "dequeue q", 99, 200, 210)]
    report = check_linearizable([*history, op(1, "enqueue p 1", None, 0, 1)], Queue(), budget=5000)
    assert report.verdict is Verdict.UNKNOWN
    assert not report.ok
    assert 5000 <= report.steps < 5100
    assert report.text.endswith("Undecided: 'q'")


def test_the_same_history_takes_the_same_steps() -> None:
    history = [op(n, f"put x {n}", None, n, n + 5) for n in range(20)] + [op(200, "get x", 5, 200, 201)]
    assert check_linearizable(history, KeyValue()) == check_linearizable(history, KeyValue())
