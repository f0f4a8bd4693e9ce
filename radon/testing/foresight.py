"""What the operations still to come say about a state: whether it may be left.

Owns what a model tells beforehand, and counts of the operations that have to find a state and of those that can bring
it about. Nothing is lost by going by it: what it rules out could not have been completed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from radon.testing.history import Operation
from radon.testing.models import NO_TRACE, Model, Of, Trace


class Foresight:
    """Of the operations of a part, by their numbers."""

    def __init__(self, model: Model, operations: Sequence[Operation]) -> None:
        trace = getattr(model, "trace", None)
        hopeless = getattr(model, "hopeless", None)
        self._traces: list[Trace] = [trace(o) for o in operations] if trace else [NO_TRACE] * len(operations)
        self._hopeless: Callable[[Any], bool] = hopeless(operations) if hopeless else lambda state: False
        self._to_find: Counter[Hashable] = Counter(found for found, _ in self._traces)
        self._to_bring: Counter[Hashable] = Counter(left for _, left in self._traces)

    def changes_nothing(self, number: int) -> bool:
        """Whether the operation, answered as it was, changes no state."""
        return self._traces[number][1] is Of.SAME

    def lift(self, number: int) -> None:
        """The operation has been put in order."""
        found, left = self._traces[number]
        self._to_find[found] -= 1
        self._to_bring[left] -= 1

    def unlift(self, number: int) -> None:
        found, left = self._traces[number]
        self._to_find[found] += 1
        self._to_bring[left] += 1

    def rules_out(self, state: Hashable) -> bool:
        """Whether, when nothing has been put in order yet, some answer needs a state that nothing can bring about."""
        return not self._to_bring[Of.ANY] and any(
            found != state and not self._to_bring[found] for found in self._to_find if found is not Of.ANY
        )

    def allows(self, number: int, state: Any, following: Any) -> bool:
        """False if the operation, by changing `state` to `following`, would make another's answer impossible."""
        waiting = self._to_find[state] - (self._traces[number][0] == state)
        if waiting and not self._to_bring[state] and not self._to_bring[Of.ANY]:
            return False
        return not self._hopeless(following)
