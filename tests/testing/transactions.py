"""Transactions on lists and registers, carried out with isolation or without, and a checker that tries every order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, permutations
from typing import Any

from hypothesis import strategies as st

from radon.testing.history import Operation, Outcome, Recorder

Part = tuple[Any, ...]


class Database:
    """Lists and versioned registers without any isolation."""

    def __init__(self) -> None:
        self.lists: dict[Any, list[Any]] = {}
        self.registers: dict[Any, tuple[Any, int]] = {}

    def do(self, part: Part) -> Any:
        name, key, *value = part
        if name == "append":
            self.lists.setdefault(key, []).extend(value)
            return None
        if name == "read":
            return tuple(self.lists.get(key, ()))
        before = self.registers.get(key, (None, 0))
        if name == "get":
            return before
        self.registers[key] = (value[0], before[1] + 1)
        return before[1] + 1


LISTS, REGISTERS = ("read", "append"), ("get", "write")


@st.composite
def recorded(
    draw: st.DrawFn, names: tuple[str, str], *, atomic: bool, clients: int, transactions: int, keys: str = "xy"
) -> list[Operation]:
    """What clients record of one database.

    `atomic`: each transaction is carried out at once, or not at all if it fails. Otherwise their parts interleave, and
    what fails leaves what it had written.
    """
    database, recorder, values = Database(), Recorder(), count(1)
    left = iter(range(draw(st.integers(0, transactions))))
    machines = [
        _client(number, database, recorder, left, values, draw, names, atomic, keys) for number in range(clients)
    ]
    for number in draw(st.lists(st.integers(0, clients - 1), max_size=transactions * (3 if atomic else 6))):
        next(machines[number], None)
    return recorder.history


def _client(
    number: int, database: Database, recorder: Recorder, left: Iterator[int], values: Iterator[int], draw: st.DrawFn,
    names: tuple[str, str], atomic: bool, keys: str,
) -> Iterator[None]:  # fmt: skip
    for _ in left:
        kinds = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(keys)), min_size=1, max_size=3))
        parts = [(name, key, next(values)) if name == names[1] else (name, key) for name, key in kinds]
        fate = draw(st.sampled_from(["answered"] * 8 + ["answer lost", "request lost", "failed"]))
        call = recorder.begin(f"c{number}", ("txn", *parts))
        yield
        answers = []
        for part in parts if fate in ("answered", "answer lost") or (fate == "failed" and not atomic) else ():
            answers.append(database.do(part))
            if not atomic:
                yield
        if atomic:
            yield
        if fate == "answered":
            call.ok(answers)
        elif fate == "failed":
            call.failed()
        else:
            call.unknown()


def some_order_is_serial(history: list[Operation], precedes: Callable[[Operation, Operation], bool]) -> bool:
    """Whether the answers could come of an order of what was answered and of any of what is unknown.

    `precedes` says of two transactions that no order may turn them round.
    """
    answered = [operation for operation in history if operation.outcome is Outcome.OK]
    unknown = [operation for operation in history if operation.outcome is Outcome.UNKNOWN]
    for chosen in range(1 << len(unknown)):
        these = answered + [operation for bit, operation in enumerate(unknown) if chosen >> bit & 1]
        for order in permutations(these):
            turned = any(precedes(b, a) for place, a in enumerate(order) for b in order[place + 1 :])
            if not turned and _is_serial(order):
                return True
    return False


def _is_serial(order: tuple[Operation, ...]) -> bool:
    """Versions of registers may have gaps, so that of these only their order is compared."""
    database = Database()
    numbers: dict[Any, list[int]] = {}
    for operation in order:
        answers = operation.output or [None] * (len(operation.input) - 1)
        for part, answer in zip(operation.input[1:], answers, strict=True):
            if part[0] == "get" and operation.output:
                if answer[0] != database.do(part)[0]:
                    return False
            elif part[0] == "write":
                database.do(part)
                if operation.output:
                    numbers.setdefault(part[1], []).append(answer)
            elif (did := database.do(part)) != answer and operation.output:
                assert part[0] == "read", did
                return False
    return all(versions == sorted(versions) for versions in numbers.values())
