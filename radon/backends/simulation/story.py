"""What a world tells of itself while it runs, for people: the events of a story. Who listens changes nothing of it.

They are as they happened, and mean nothing by themselves yet; `radon.testing.simulation.story` makes sense of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Lives(NamedTuple):
    """A machine's life takes a turn: it is "down", "up" again, or stands "still" until then."""

    node: str
    how: str
    until: int = 0


class Holds(NamedTuple):
    """A host "runs" a domain from now on, "closes" it, or "drops" it."""

    node: str
    how: str
    domain: int
    epoch: int


class Befalls(NamedTuple):
    """A fault (faults.py) begins, or `ends`. `number`: of the plan."""

    number: int
    fault: Any
    ends: bool


class Sent(NamedTuple):
    """`message` is what the target gets, some time after `arrivals`, and `lost` what kept it from that, or ""."""

    source: str
    target: str
    message: tuple[Any, ...]
    arrivals: tuple[int, ...]
    lost: str


class Committed(NamedTuple):
    """The log has this frame."""

    domain: int
    member: str
    epoch: int
    frame: bytes


class Violated(NamedTuple):
    """Something does not hold, and the run ends."""

    reason: str


Event = Lives | Holds | Befalls | Sent | Committed | Violated
