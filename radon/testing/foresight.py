"""What the operations still to come say about a state: whether it may be left.

Owns counts of those that have to find a state and of those that can bring it about. Nothing is lost by going by them:
what they rule out could not have been completed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

from radon.testing.models import Of, Trace


class Foresight:
    def __init__(self, traces: Sequence[Trace]) -> None:
        self._traces = traces
        self._to_find: Counter[Hashable] = Counter(found for found, _ in traces)
        self._to_bring: Counter[Hashable] = Counter(left for _, left in traces)

    def lift(self, number: int) -> None:
        """The operation has been put in order."""
        found, left = self._traces[number]
        self._to_find[found] -= 1
        self._to_bring[left] -= 1

    def unlift(self, number: int) -> None:
        found, left = self._traces[number]
        self._to_find[found] += 1
        self._to_bring[left] += 1

    def is_hopeless(self, state: Hashable) -> bool:
        """Whether in `state`, at first, there is an operation whose answer neither it nor another can bring about."""
        return not self._to_bring[Of.ANY] and any(
            found != state and not self._to_bring[found] for found in self._to_find if found is not Of.ANY
        )

    def may_leave(self, state: Any, number: int) -> bool:
        """False if the operation, which changes `state`, would make another's answer impossible."""
        waiting = self._to_find[state] - (self._traces[number][0] == state)
        return not waiting or bool(self._to_bring[state] or self._to_bring[Of.ANY])
