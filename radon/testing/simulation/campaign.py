"""A run of many seeds: the graveyard first, then seeds until one fails, whose plan is made small and buried.

Prints nothing; a `Watch` may follow it. The same campaign gives the same report, on however many processes.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from radon.backends.simulation.faults import DEFAULT, KINDS, Fault
from radon.backends.simulation.world import SECOND
from radon.testing.simulation.graveyard import Grave, bury, read_graveyard
from radon.testing.simulation.seeds import Crew, Outcome, Run, Subject
from radon.testing.simulation.shrinking import Plan, Shrinker
from radon.testing.simulation.simulate import Options, Result
from radon.testing.simulation.workload import WorkloadError

SURELY = 10
"""A kind of fault of which so many were to be expected must have fired."""


DIFFERS = (
    "a second run of it went another way, so that nothing found about it holds: does the workload look at a clock, "
    "draw from another generator than `random`, or go by the order of a set?"
)


class Watch(Protocol):
    """Hears how far a campaign is."""

    def begins(self, what: str, runs: int) -> None:
        """So many runs at most are to come, for this."""

    def ran(self) -> None:
        """One of them is done."""


class Replay(NamedTuple):
    """Of a grave, the first of which has the number 1."""

    number: int
    grave: Grave
    violation: str  # "" where it fails no more


class Failure(NamedTuple):
    """Of the first seed that fails."""

    found: Result
    least: Result  # with the least plan
    runs: int  # that it took to find that
    number: int  # of its grave; 0 where it could not be buried
    unburied: str  # why; "" where it was


@dataclass
class Report:
    """`fingerprint` and the sums are of the seeds up to the first that fails, without the replays."""

    seeds: int = 0
    calls: int = 0
    commits: int = 0
    simulated: float = 0.0  # seconds
    fired: Counter[str] = field(default_factory=Counter)
    replays: list[Replay] = field(default_factory=list)
    failure: Failure | None = None
    silent: list[str] = field(default_factory=list)  # kinds that should have fired, and have not
    fingerprint: str = ""

    def add(self, result: Result) -> None:
        self.seeds += 1
        self.calls += result.calls
        self.commits += result.commits
        self.simulated += result.simulated
        self.fired += result.fired
        both = f"{self.fingerprint}{result.fingerprint}".encode()
        self.fingerprint = hashlib.blake2b(both, digest_size=16).hexdigest()


class Campaign:
    """Of one application and workload. `application`: its digest. `plan`: of all seeds, instead of drawn ones."""

    def __init__(
        self, subject: Subject, application: str, options: Options, graveyard: Path,
        plan: Sequence[Fault] | None = None,
    ) -> None:  # fmt: skip
        self.options, self.plan, self.graveyard = options, plan, graveyard
        self._subject, self._application = subject, application
        self._workload = hashlib.sha256(subject.workload.read_bytes()).hexdigest()
        self._graves = read_graveyard(graveyard)

    def run(self, seeds: Sequence[int], jobs: int, watch: Watch, *, replay: bool = True) -> Report:
        """`replay`: the graves before the seeds; if one of them fails, no seed is run.

        Raises WorkloadError, and Unavailable if a process ends that runs a seed.
        """
        report = Report()
        with Crew(self._subject, jobs) as crew:
            if replay:
                self._replay(crew, watch, report)
            if not any(replayed.violation for replayed in report.replays):
                self._run_seeds(crew, seeds, watch, report)
        return report

    def _replay(self, crew: Crew, watch: Watch, report: Report) -> None:
        watch.begins("graves", len(self._graves))
        results = _results(crew.run(grave.run for grave in self._graves))
        for number, (grave, result) in enumerate(zip(self._graves, results, strict=True), 1):
            watch.ran()
            report.replays.append(Replay(number, grave, result.violation))

    def _run_seeds(self, crew: Crew, seeds: Sequence[int], watch: Watch, report: Report) -> None:
        watch.begins("seeds", len(seeds))
        for result in _results(crew.run(Run(seed, self.options, self.plan) for seed in seeds)):
            watch.ran()
            report.add(result)
            if result.violation:
                report.failure = self._least(crew, result, watch)
                break
        else:
            report.silent = self._silent(report)

    def _silent(self, report: Report) -> list[str]:
        if self.plan is not None:
            return []
        rates = DEFAULT if self.options.rates is None else self.options.rates
        seconds = self.options.span // SECOND * report.seeds
        return [
            name for name, rate in rates.items()
            if rate * seconds * (self.options.hosts if KINDS[name].of == "host" else 1) >= SURELY
            and not report.fired[name]
        ]  # fmt: skip

    def _least(self, crew: Crew, found: Result, watch: Watch) -> Failure:
        (second,) = _results(crew.run([Run(found.seed, self.options, self.plan)]))
        if (second.fingerprint, second.violation) != (found.fingerprint, found.violation):
            return Failure(found, found, 1, 0, DIFFERS)
        least = found

        def first(plans: Sequence[Plan]) -> int | None:
            nonlocal least
            for number, outcome in enumerate(crew.run(Run(found.seed, self.options, plan) for plan in plans)):
                watch.ran()
                if isinstance(outcome, Result) and alike(outcome.violation, found.violation):
                    least = outcome._replace(plan=plans[number])
                    return number
            return None

        shrinker = Shrinker(first)
        watch.begins(f"making the plan of seed {found.seed} smaller", shrinker.most)
        with suppress(KeyboardInterrupt):  # whoever does not want to wait has what was found so far
            shrinker.shrink(found.plan)
        run = Run(found.seed, self.options, least.plan)
        grave = Grave(self._application, self._workload, run, least.violation)
        try:
            bury(self.graveyard, grave)
        except OSError as error:
            return Failure(found, least, shrinker.runs, 0, error.strerror or str(error))
        self._graves.append(grave)
        return Failure(found, least, shrinker.runs, len(self._graves), "")


def alike(violation: str, other: str) -> bool:
    """Are they of one kind: of one line of the workload, or the same but for numbers and what stands in quotes?"""
    place, there = (re.search(r"\([^()]+\.py:\d+\)$", text) for text in (violation, other))
    if place is not None or there is not None:
        return place is not None and there is not None and place[0] == there[0]
    form, its = (re.sub(r"\d+|'[^']*'", "?", text) for text in (violation, other))
    return bool(violation) and form == its


def _results(outcomes: Iterator[Outcome]) -> Iterator[Result]:
    for outcome in outcomes:
        if isinstance(outcome, WorkloadError):
            raise outcome
        yield outcome
