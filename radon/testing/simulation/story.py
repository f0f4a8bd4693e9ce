"""The story of one run: what happened on which lane, what went from one to another, and what went wrong meanwhile.

    story = Story(hosts, domains)
    result = Simulation(..., tell=story.hear).run()

`diagram.py` shows it as text, `page.py` as a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from radon.abi.delivery import Address
from radon.backends.program import Program
from radon.backends.simulation.faults import Fault
from radon.backends.simulation.story import Event
from radon.host.placement import place
from radon.testing.simulation.moments import CLIENTS, LOG, REGISTRY, Moment, Reader, Span, faults, lives
from radon.testing.simulation.simulate import Options, Result, Simulation
from radon.testing.simulation.workload import Workload

KINDS = {
    "client": "what clients ask, and are answered",
    "mail": "from domain to domain",
    "log": "commits, and what else is asked of the log",
    "domain": "who has a domain",
    "lease": "leases, and who is alive",
    "life": "machines that go down, start again, or stand still",
    "fault": "what goes wrong",
    "violation": "what does not hold",
}
"""What a moment may be."""

CONTEXT = ("life", "fault", "violation")
"""These belong to the story of every atom."""


class Story:
    """Of a world with these hosts. `hear` is told it by a Simulation; the rest is for when that has run."""

    def __init__(self, hosts: Iterable[str], domains: int) -> None:
        self.lanes = [CLIENTS, *hosts, LOG, REGISTRY]
        self._domains = domains
        self._told: list[tuple[int, Event]] = []

    def hear(self, now: int, event: Event) -> None:
        self._told.append((now, event))

    @property
    def end(self) -> int:
        """ns of the world."""
        return self._told[-1][0] if self._told else 0

    @cached_property
    def moments(self) -> Sequence[Moment]:
        """In order of time."""
        reader = Reader(self.lanes, self._lives)
        return [reader.read(now, event) for now, event in self._told]

    @cached_property
    def spans(self) -> Sequence[Span]:
        """In order of their beginnings."""
        return sorted([*faults(self._told, self.end), *(span for spans in self._lives.values() for span in spans)])

    @cached_property
    def homes(self) -> dict[str, int]:
        """The domain of each atom that it is about."""
        atoms = sorted({atom for moment in self.moments for atom in moment.atoms})
        return {atom: place(Address.parse(atom), lambda address: address, self._domains) for atom in atoms}

    def about(self, atom: str) -> list[Moment]:
        """What has to do with it or with its domain's owner, and what goes wrong meanwhile."""
        domain = self.homes.get(atom, -1)
        return [
            moment for moment in self.moments
            if atom in moment.atoms or moment.kind in CONTEXT or (moment.kind == "domain" and moment.domain == domain)
        ]  # fmt: skip

    def state(self, lane: str, at: int) -> str:
        """ "down", "still" or ""."""
        return next((span.kind for span in self._lives.get(lane, ()) if span.begin <= at < span.end), "")

    @cached_property
    def _lives(self) -> dict[str, list[Span]]:
        return lives(self._told, self.end)


def told(
    seed: int, program: Program, workload: type[Workload], options: Options, plan: Sequence[Fault] | None = None
) -> tuple[Result, Story]:
    """Run a seed for its story. It is the same run as without."""
    story = Story(options.names, options.domains)
    return Simulation(seed, program, workload, options, plan=plan, tell=story.hear).run(), story
