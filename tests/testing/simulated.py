"""Histories of objects that are correct because there is only one thread, and a checker that tries every order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any, Protocol

from hypothesis import strategies as st

from radon.testing.history import Operation, Outcome, Recorder


class Thing(Protocol):
    """Does one operation after the other."""

    def do(self, input: tuple[Any, ...]) -> Any: ...


class RealStore:
    """Keys and values, in a dict."""

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}

    def do(self, input: tuple[Any, ...]) -> Any:
        name, key, *given = input
        old = self.values.get(key)
        if name == "get":
            return old
        if name == "cas" and old != given[0]:
            return False
        if name == "delete":
            self.values.pop(key, None)
            return old is not None
        self.values[key] = {"put": lambda: given[0], "cas": lambda: given[1], "add": lambda: (old or 0) + given[0]}[
            name
        ]()
        return {"put": None, "cas": True, "add": self.values[key]}[name]


class RealQueues:
    def __init__(self) -> None:
        self.queues: dict[Any, deque[Any]] = {}

    def do(self, input: tuple[Any, ...]) -> Any:
        queue = self.queues.setdefault(input[1], deque())
        if input[0] == "enqueue":
            queue.append(input[2])
            return None
        return queue.popleft() if queue else None


KEYS, VALUES = st.sampled_from("xy"), st.integers(0, 2)

STORE_INPUTS = st.one_of(
    st.tuples(st.just("get"), KEYS),
    st.tuples(st.just("get"), KEYS),
    st.tuples(st.just("put"), KEYS, VALUES),
    st.tuples(st.just("cas"), KEYS, st.one_of(st.none(), VALUES), VALUES),
    st.tuples(st.just("add"), KEYS, st.integers(1, 2)),
    st.tuples(st.just("delete"), KEYS),
)

QUEUE_INPUTS = st.one_of(st.tuples(st.just("enqueue"), KEYS, VALUES), st.tuples(st.just("dequeue"), KEYS))


@st.composite
def histories(
    draw: st.DrawFn,
    make: Callable[[], Thing],
    inputs: st.SearchStrategy[Any],
    *,
    clients: int = 4,
    operations: int = 30,
) -> list[Operation]:
    """What clients record who use one thing at once. Some answers get lost, some requests too, some are refused."""
    thing, recorder = make(), Recorder()
    asked = iter(draw(st.lists(inputs, max_size=operations)))
    machines = [_client(number, thing, recorder, asked, draw) for number in range(clients)]
    for number in draw(st.lists(st.integers(0, clients - 1), max_size=4 * operations)):
        next(machines[number], None)
    return recorder.history


def _client(number: int, thing: Thing, recorder: Recorder, asked: Iterator[Any], draw: st.DrawFn) -> Iterator[None]:
    for input in asked:
        call = recorder.begin(f"c{number}", input)
        yield
        fate = draw(st.sampled_from(["answered"] * 7 + ["answer lost", "request lost", "refused"]))
        if fate in ("answered", "answer lost"):
            answer = thing.do(input)
            yield
        if fate == "answered":
            call.ok(answer)
        elif fate == "refused":
            call.failed()
        else:
            call.unknown()
        yield


def spoiled(history: list[Operation], place: int, output: Any) -> list[Operation]:
    """With another answer to one of the answered operations, if there are any."""
    answered = [number for number, operation in enumerate(history) if operation.outcome is Outcome.OK]
    if not answered:
        return history
    number = answered[place % len(answered)]
    return [*history[:number], history[number]._replace(output=output), *history[number + 1 :]]


def some_order_explains(history: list[Operation], make: Callable[[], Thing]) -> bool:
    """By trying all orders of the operations that were answered and of any of those that are unknown."""
    answered = [operation for operation in history if operation.outcome is Outcome.OK]
    unknown = [operation for operation in history if operation.outcome is Outcome.UNKNOWN]
    for chosen in range(1 << len(unknown)):
        these = answered + [operation for bit, operation in enumerate(unknown) if chosen >> bit & 1]
        if any(_explains(order, make()) for order in permutations(these)):
            return True
    return False


def _explains(order: tuple[Operation, ...], thing: Thing) -> bool:
    latest = 0
    for operation in order:
        latest = max(latest, operation.invoked)
        if operation.returned is not None and operation.returned < latest:
            return False
        answer = thing.do(operation.input)
        if operation.outcome is Outcome.OK and answer != operation.output:
            return False
    return True
