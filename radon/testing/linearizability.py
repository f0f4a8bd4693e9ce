"""Is a history linearizable: does every operation seem to take effect at one instant between its two times?

    report = check_linearizable(recorder.history, KeyValue())
    assert report.ok, report.text

The independent parts of a system are checked one by one, which A. Horn and D. Kroening, "Faster linearizability
checking via P-compositionality" (FORTE 2015) showed to suffice; `linearization` searches each of them.

Owns the report and how a violation is made short. The same history and model give the same report, after the same
number of steps.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from radon.abi.errors import Invalid
from radon.testing.history import Operation, Outcome, Verdict, shown
from radon.testing.linearization import Search
from radon.testing.models import Model

BUDGET = 5_000_000
"""Steps: applications of the model. A million takes about a second."""

SHOWN = 10  # operations of an order in the text of a violation


@dataclass(frozen=True, slots=True)
class Violation:
    """Why a part is not linearizable. It speaks of the shortest beginning of the history that is not."""

    key: Hashable
    operations: list[Operation]  # of that part up to then; those answered later are unknown here
    culprit: Operation  # its answer is the last event of that beginning, and the one that has no explanation
    order: list[Operation]  # one that explains all other answers; empty if none was found within the budget
    answers: list[Any]  # what the culprit could have been answered in that order

    @property
    def text(self) -> str:
        part = "" if self.key is None else f"key {shown(self.key)}, "
        lines = [
            f"not linearizable: {part}the first {len(self.operations)} operations. No order explains the answer to",
            _line(self.culprit),
        ]
        if self.answers:
            last = f" (the last {SHOWN} of {len(self.order)})" if len(self.order) > SHOWN else ""
            lines += [f"This order explains all others{last}:", *map(_line, self.order[-SHOWN:])] if self.order else []
            lines.append(f"so that it should be {' or '.join(map(shown, self.answers))}")
        return "\n".join(lines)


def _line(operation: Operation) -> str:
    return f"    [{operation.invoked}..{'' if operation.returned is None else operation.returned}] {operation.text}"


@dataclass(frozen=True, slots=True)
class Linearizability:
    """The report of a check."""

    verdict: Verdict
    steps: int
    violation: Violation | None = None
    undecided: tuple[Hashable, ...] = ()  # keys of the parts for which the steps did not suffice

    @property
    def ok(self) -> bool:
        return self.verdict is Verdict.OK

    @property
    def text(self) -> str:
        if self.violation is not None:
            return self.violation.text
        if self.undecided:
            keys = ", ".join(map(shown, self.undecided))
            return f"unknown after {self.steps} steps: give a larger budget, or shorter histories. Undecided: {keys}"
        return f"linearizable ({self.steps} steps)"


def check_linearizable(history: Iterable[Operation], model: Model, *, budget: int = BUDGET) -> Linearizability:
    """Whether `history` is linearizable with respect to `model`; unknown after `budget` steps in all.

    Short parts come first, so that the violation which is found is a small one. Two events of the same time count as
    concurrent. Operations that failed are left out. The violation is then made as short as another `budget` allows.
    """
    steps = 0
    undecided: list[Hashable] = []
    for key, operations in sorted(_parts(history, model).items(), key=lambda part: len(part[1])):
        found = Search(model, key, operations, budget - steps).run()
        steps += found.steps
        if found.verdict is Verdict.VIOLATION:
            return Linearizability(Verdict.VIOLATION, steps, _violation(model, key, operations, budget))
        if found.verdict is Verdict.UNKNOWN:
            undecided.append(key)
    return Linearizability(Verdict.UNKNOWN if undecided else Verdict.OK, steps, None, tuple(undecided))


def _parts(history: Iterable[Operation], model: Model) -> dict[Hashable, list[Operation]]:
    parts: dict[Hashable, list[Operation]] = {}
    for operation in history:
        if operation.outcome is Outcome.OK and operation.returned is None:
            raise Invalid(f"an operation that was answered returned at some time: {operation.text}")
        if operation.outcome is not Outcome.FAILED:
            parts.setdefault(model.key(operation.input), []).append(operation)
    return parts


def _violation(model: Model, key: Hashable, operations: list[Operation], budget: int) -> Violation:
    """Of a part that is not linearizable: the shortest beginning that is not, found by bisection.

    What is linearizable up to some time is so up to every earlier time. A beginning for which `budget` does not suffice
    is taken for one that is; the result is a violation all the same.
    """
    ends = sorted(o.returned for o in operations if o.returned is not None)
    low, high = -1, len(ends) - 1
    while high - low > 1:
        middle = (low + high) // 2
        found = Search(model, key, _until(operations, ends[middle]), budget).run()
        low, high = (low, middle) if found.verdict is Verdict.VIOLATION else (middle, high)
        budget -= found.steps
    shortest = _until(operations, ends[high])
    culprit = next(o for o in shortest if o.returned == ends[high])
    unanswered = _unanswered(culprit)
    others = Search(model, key, [unanswered if o is culprit else o for o in shortest], budget).run()
    answers = _answers(model, key, unanswered, others.order) if others.verdict is Verdict.OK else []
    return Violation(key, shortest, culprit, others.order, answers)


def _answers(model: Model, key: Hashable, asked: Operation, order: list[Operation]) -> list[Any]:
    """What the unknown operation `asked` would be answered in `order`: where it stands, or else wherever it may."""
    places = [order.index(asked)] if asked in order else range(_earliest(asked, order), len(order) + 1)
    state, answers = model.initial(key), list[Any]()
    for place, operation in enumerate([*order, asked]):
        if place in places and (answer := model.apply(state, asked.input)[0]) not in answers:
            answers.append(answer)
        _, state = model.apply(state, operation.input)
    return answers


def _earliest(asked: Operation, order: list[Operation]) -> int:
    before = [place for place, o in enumerate(order, 1) if o.returned is not None and o.returned < asked.invoked]
    return before[-1] if before else 0


def _until(operations: list[Operation], time: int) -> list[Operation]:
    """What was known of them at `time`."""
    known = [o for o in operations if o.invoked <= time]
    return [o if o.returned is None or o.returned <= time else _unanswered(o) for o in known]


def _unanswered(operation: Operation) -> Operation:
    return operation._replace(output=None, returned=None, outcome=Outcome.UNKNOWN)
