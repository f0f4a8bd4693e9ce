"""Transactions on lists and registers, carried out with isolation or without, and a checker that tries every order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import count, permutations
from random import Random
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
    """What clients record of one database. Hypothesis draws a seed and the size only.

    `atomic`: each transaction is carried out at once, or not at all if it fails. Otherwise their parts interleave, and
    what fails leaves what it had written, and a read may see the database as it was when the client began.
    """
    random = draw(st.randoms(use_true_random=True))
    database, recorder, values = Database(), Recorder(), count(1)
    left = iter(range(draw(st.integers(0, transactions))))
    machines = [
        _client(number, database, recorder, left, values, random, names, atomic, keys) for number in range(clients)
    ]
    for _ in range(6 * transactions):
        next(random.choice(machines), None)
    return recorder.history


def _client(
    number: int, database: Database, recorder: Recorder, left: Iterator[int], values: Iterator[int], random: Random,
    names: tuple[str, str], atomic: bool, keys: str,
) -> Iterator[None]:  # fmt: skip
    old = deepcopy(database)
    for _ in left:
        kinds = [(random.choice(names), random.choice(keys)) for _ in range(random.randint(1, 3))]
        parts = [(name, key, next(values)) if name == names[1] else (name, key) for name, key in kinds]
        fate = random.choice(["answered"] * 8 + ["answer lost", "request lost", "failed"])
        call = recorder.begin(f"c{number}", ("txn", *parts))
        yield
        answers = []
        for part in parts if fate in ("answered", "answer lost") or (fate == "failed" and not atomic) else ():
            reads_old = not atomic and part[0] == names[0] and random.random() < 0.2
            answers.append((old if reads_old else database).do(part))
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
    """Versions of registers may have gaps, so that of these only the order is compared."""
    database = Database()
    known = _versions(order)
    written: dict[Any, list[int]] = {}
    for operation in order:
        answers = operation.output or [None] * (len(operation.input) - 1)
        for part, answer in zip(operation.input[1:], answers, strict=True):
            did = database.do(part)
            if part[0] == "write":
                written.setdefault(part[1], []).extend(known.get(part, ()))
            elif operation.output and (did[0] != answer[0] if part[0] == "get" else did != answer):
                return False
    return all(versions == sorted(versions) for versions in written.values())


def _versions(order: tuple[Operation, ...]) -> dict[Part, list[int]]:
    """Of each write that version which anybody was told."""
    known: dict[Part, list[int]] = {}
    for operation in order:
        for part, answer in zip(operation.input[1:], operation.output or (), strict=False):
            if part[0] == "write":
                known[part] = [answer]
            elif part[0] == "get":
                known["write", part[1], answer[0]] = [answer[1]]
    return known
