"""The search for a linearization: an order of operations that explains every answer and contradicts no clock.

It is that of J. M. Wing and C. Gong, "Testing and verifying concurrent objects" (Journal of Parallel and Distributed
Computing 17, 1993): try what may come next, go on from there, and go back when nothing fits. No configuration is
explored twice, as G. Lowe, "Testing for linearizability" (Concurrency and Computation: Practice and Experience 29(4),
2017) proposed; and as in his just-in-time search, an operation is put in order early only where something needs it.

Owns one part of a history. Deterministic: it counts steps and never looks at a clock.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any, NamedTuple

from radon.testing.foresight import Foresight
from radon.testing.history import Operation, Outcome, Verdict
from radon.testing.models import Model


class Found(NamedTuple):
    verdict: Verdict
    steps: int
    order: list[Operation]  # of all answered operations, with unknown ones where they helped; empty if there is none


class _Configuration(NamedTuple):
    """Which operations have been put in order, and the state after them.

    Of the answered ones these are all below `base`, and base + n for each bit n of `window`; so it is small however
    long the history is. `assumed` has a bit for each unknown one.
    """

    base: int
    window: int
    state: Any
    assumed: int

    def with_answered(self, number: int, state: Any) -> _Configuration:
        base, window = self.base, self.window | 1 << (number - self.base)
        while window & 1:
            base, window = base + 1, window >> 1
        return _Configuration(base, window, state, self.assumed)


_Move = tuple[int, _Configuration]
"""The operation that comes next, and what that leads to."""


class _Level(NamedTuple):
    """A configuration of the path that is explored."""

    number: int  # of the operation that led here
    configuration: _Configuration
    moves: Iterator[_Move]  # not yet tried


class Search:
    """Depth first over the orders of `operations`, of which none has failed.

    They are numbered: the answered ones in the order of their invocations, then the unknown ones likewise. The answered
    ones that are not in order yet are a doubly linked list, with `end` at both its ends: to lift one out and to put it
    back costs the same however long the history is.
    """

    def __init__(self, model: Model, key: Hashable, operations: Iterable[Operation], budget: int) -> None:
        inputs = sorted(operations, key=lambda o: (o.outcome is Outcome.UNKNOWN, o.invoked))
        self.operations = inputs
        self.end = sum(o.outcome is Outcome.OK for o in inputs)
        self.invoked = [o.invoked for o in inputs]
        self.returned = [o.returned for o in inputs if o.returned is not None]
        self.after = [*range(1, self.end + 1), 0]
        self.before = [self.end, *range(self.end)]
        self.twins = _earlier_twins(inputs[self.end :])
        self.foresight = Foresight(model, inputs)
        self.apply = model.apply
        self.start = _Configuration(0, 0, model.initial(key), 0)
        self.seen: dict[tuple[int, int, Any], list[int]] = {}
        self.budget = budget
        self.steps = 0

    def run(self) -> Found:
        if self.foresight.rules_out(self.start.state):
            return Found(Verdict.VIOLATION, self.steps, [])
        levels = [_Level(-1, self.start, self.moves(self.start))]
        while self.after[self.end] != self.end:
            if self.steps >= self.budget:
                return Found(Verdict.UNKNOWN, self.steps, [])
            for number, configuration in levels[-1].moves:
                if self.is_new(configuration):
                    self.lift(number)
                    levels.append(_Level(number, configuration, self.moves(configuration)))
                    break
            else:
                if len(levels) == 1:
                    return Found(Verdict.VIOLATION, self.steps, [])
                self.unlift(levels.pop().number)
        return Found(Verdict.OK, self.steps, [self.operations[level.number] for level in levels[1:]])

    # ---- what comes next ----

    def moves(self, configuration: _Configuration) -> Iterator[_Move]:
        """What may come next, the most promising first.

        An answer that fits, of an operation that changes nothing, forecloses nothing, so nothing else need be tried.
        Otherwise the operation that returns first is the one to be got into order: it is tried first, then those
        after which its answer would fit.
        """
        state, operations, returned = configuration.state, self.operations, self.returned
        candidates = self.candidates()
        fitting = list[tuple[int, Any]]()
        for number in candidates:
            self.steps += 1
            answer, following = self.apply(state, operations[number].input)
            if answer == operations[number].output:
                if self.foresight.changes_nothing(number):
                    yield number, configuration.with_answered(number, state)
                    return
                if following == state or self.foresight.allows(number, state, following):
                    fitting.append((number, following))
        first = min(candidates, key=returned.__getitem__)
        for number, following in self.by_promise(fitting, first):
            yield number, configuration.with_answered(number, following)
        yield from self.assumptions(configuration, returned[first])

    def by_promise(self, fitting: list[tuple[int, Any]], first: int) -> list[tuple[int, Any]]:
        """Numbers and the states that follow: `first`, those that `first` could follow, the others; by return."""

        def promise(move: tuple[int, Any]) -> tuple[bool, bool, int]:
            number, following = move
            self.steps += 1
            leads = self.apply(following, self.operations[first].input)[0] == self.operations[first].output
            return number != first, not leads, self.returned[number]

        return sorted(fitting, key=promise) if len(fitting) > 1 else fitting

    def candidates(self) -> list[int]:
        """Those not yet in order that were invoked before any of these returned."""
        found = []
        number = self.after[self.end]
        earliest = self.returned[number]
        while number != self.end and self.invoked[number] <= earliest:
            found.append(number)
            earliest = min(earliest, self.returned[number])
            number = self.after[number]
        return found

    def assumptions(self, configuration: _Configuration, until: int) -> Iterator[_Move]:
        """Unknown operations that were invoked before `until` and may have taken effect now.

        They are tried last, and only where they change the state: not to assume one leaves more open. Of those with
        equal inputs the one that was invoked first is assumed first.
        """
        _, _, state, assumed = configuration
        for number in range(self.end, len(self.operations)):
            if self.invoked[number] > until:
                return
            bit, twin = 1 << number - self.end, self.twins[number - self.end]
            if not assumed & bit and assumed & twin == twin:
                self.steps += 1
                _, following = self.apply(state, self.operations[number].input)
                if following != state and self.foresight.allows(number, state, following):
                    yield number, configuration._replace(state=following, assumed=assumed | bit)

    # ---- what has been tried ----

    def is_new(self, configuration: _Configuration) -> bool:
        """Lowe's memory. What differs from an earlier configuration only in assuming more can do nothing more."""
        base, window, state, assumed = configuration
        assumptions = self.seen.setdefault((base, window, state), [])
        if any(not fewer & ~assumed for fewer in assumptions):
            return False
        assumptions.append(assumed)
        return True

    def lift(self, number: int) -> None:
        """Take out of the list what has been put in order. Unknown operations are never in it."""
        self.foresight.lift(number)
        if number < self.end:
            before, after = self.before[number], self.after[number]
            self.after[before], self.before[after] = after, before

    def unlift(self, number: int) -> None:
        """Put the operation that was lifted last back where it was."""
        self.foresight.unlift(number)
        if number < self.end:
            self.after[self.before[number]] = self.before[self.after[number]] = number


def _earlier_twins(unknown: list[Operation]) -> list[int]:
    """For each the bit of the one before it that has the same input, or 0."""
    latest: dict[Any, int] = {}
    twins = []
    for number, operation in enumerate(unknown):
        twins.append(latest.get(operation.input, 0))
        latest[operation.input] = 1 << number
    return twins
