"""Histories of objects that are correct because there is only one thread, and a checker that tries every order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import permutations
from random import Random
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


class RealRegister:
    def __init__(self) -> None:
        self.value: Any = None

    def do(self, input: tuple[Any, ...]) -> Any:
        if input[0] == "read":
            return self.value
        (self.value,) = input[1:]
        return None


class RealQueues:
    def __init__(self) -> None:
        self.queues: dict[Any, deque[Any]] = {}

    def do(self, input: tuple[Any, ...]) -> Any:
        queue = self.queues.setdefault(input[1], deque())
        if input[0] == "enqueue":
            queue.append(input[2])
            return None
        return queue.popleft() if queue else None


def store_input(random: Random) -> tuple[Any, ...]:
    key, value = random.choice("xy"), random.randrange(3)
    return random.choice((
        ("get", key), ("get", key), ("put", key, value), ("cas", key, random.choice((None, 0, 1, 2)), value),
        ("add", key, 1 + value % 2), ("delete", key),
    ))  # fmt: skip


def register_input(random: Random) -> tuple[Any, ...]:
    return random.choice((("read",), ("write", random.randrange(2))))


def queue_input(random: Random) -> tuple[Any, ...]:
    queue = random.choice("xy")
    return random.choice((("enqueue", queue, random.randrange(3)), ("dequeue", queue)))


def ticket_input(random: Random) -> tuple[Any, ...]:
    """Of a queue that never has a value twice."""
    return random.choice((("enqueue", "q", random.getrandbits(60)), ("dequeue", "q")))


@st.composite
def histories(
    draw: st.DrawFn, make: Callable[[], Thing], input: Callable[[Random], Any], *, clients: int, operations: int
) -> list[Operation]:
    """What clients record who use one thing at once. Some answers get lost, some requests too, some are refused.

    Hypothesis draws a seed and the sizes only: what it would choose itself hardly ever overlaps.
    """
    random = draw(st.randoms(use_true_random=True))
    thing, recorder, left = make(), Recorder(), iter(range(draw(st.integers(1, operations))))
    lossy = random.choice((0, 0, 0.1, 0.4))
    machines = [_client(number, thing, recorder, left, input, random, lossy) for number in range(clients)]
    for _ in range(4 * operations):
        next(random.choice(machines), None)
    return recorder.history


def _client(
    number: int, thing: Thing, recorder: Recorder, left: Iterator[int], input: Callable[[Random], Any], random: Random,
    lossy: float,
) -> Iterator[None]:  # fmt: skip
    for _ in left:
        asked = input(random)
        call = recorder.begin(f"c{number}", asked)
        yield
        fate = random.choice(("answer lost", "request lost", "refused")) if random.random() < lossy else "answered"
        if fate in ("answered", "answer lost"):
            answer = thing.do(asked)
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
