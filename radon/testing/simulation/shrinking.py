"""A fault plan under which a seed fails, made as small as can be had: fewer faults, then simpler ones.

Fewer by delta debugging (Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002). A run without
some fault is another run from there on, so what comes out is small and fails, and not for certain the smallest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from radon.backends.simulation.faults import KINDS, Fault
from radon.backends.simulation.world import MILLISECOND, SECOND

Plan = Sequence[Fault]

MOST = 200
"""Runs that making a plan smaller may take."""


class Shrinker:
    """`first(plans)`: the number, from 0, of the first of these under which the seed fails, or None."""

    def __init__(self, first: Callable[[Sequence[Plan]], int | None], most: int = MOST) -> None:
        self.runs = 0
        self.most = most
        self._first = first

    def shrink(self, plan: Plan) -> Plan:
        """The smallest that is found, `plan` itself at worst."""
        return self._simpler(self._fewer(plan))

    def _try(self, plans: Sequence[Plan]) -> int | None:
        plans = plans[: self.most - self.runs]
        found = self._first(plans) if plans else None
        self.runs += len(plans) if found is None else found + 1
        return found

    def _fewer(self, plan: Plan) -> Plan:
        if not plan or self._try([()]) is not None:
            return ()
        parts = 2
        while len(plan) > 1:
            pieces = _split(plan, parts)
            rests = [_without(plan, piece) for piece in pieces] if parts > 2 else []
            found = self._try([*(list(plan[piece]) for piece in pieces), *rests])
            if found is None and parts >= len(plan):
                break
            if found is None:
                parts = min(2 * parts, len(plan))
            elif found < parts:
                plan, parts = plan[pieces[found]], 2
            else:
                plan, parts = rests[found - parts], parts - 1
        return plan

    def _simpler(self, plan: Plan) -> Plan:
        for place, aspect in ((place, aspect) for place in range(len(plan)) for aspect in (_ended, _begun, _graded)):
            fault = plan[place]
            rest = [*plan[:place], *plan[place + 1 :]]
            choices = [sorted([*rest, simple], key=_time) for simple in aspect(fault) if simple != fault]
            found = self._try(choices)
            if found is not None:
                plan = choices[found]
        return plan


def _time(fault: Fault) -> int:
    return fault.at


def _split(plan: Plan, parts: int) -> list[slice]:
    edges = [len(plan) * part // parts for part in range(parts + 1)]
    return [slice(begin, end) for begin, end in zip(edges, islice(edges, 1, None), strict=False)]


def _without(plan: Plan, piece: slice) -> Plan:
    return [*plan[: piece.start], *plan[piece.stop :]]


# ---- simpler forms of a fault, the simplest first ----


def _ended(fault: Fault) -> Iterator[Fault]:
    """Shorter."""
    shorter = (100 * MILLISECOND, 500 * MILLISECOND, SECOND, 2 * SECOND)
    yield from (fault._replace(duration=duration) for duration in shorter if duration < fault.duration)


def _begun(fault: Fault) -> Iterator[Fault]:
    """At a time that is easily remembered."""
    yield from (fault._replace(at=fault.at // unit * unit) for unit in (SECOND, 100 * MILLISECOND))


def _graded(fault: Fault) -> Iterator[Fault]:
    """Of a round strength."""
    if KINDS[fault.kind].is_graded:
        yield from (fault._replace(strength=strength) for strength in (1.0, 0.5, round(fault.strength, 1)))
