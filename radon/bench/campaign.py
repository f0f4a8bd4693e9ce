"""Many runs that can be compared: each store is loaded, then all take their turns, A B C A B C, workload by workload.

Owns the order, the seeds and the warm-up. Knows neither what the stores are nor who looks at the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from radon.bench.load import Load
from radon.bench.targets import Measured, Target, Tick
from radon.bench.workloads import Distribution, Workload

LOADING = Workload("load", {"insert": 1}, Distribution("uniform"), "the records are put")

LOADERS = 16
"""Clients that load, with as many operations under way each, at least."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be measured. Times in seconds."""

    workloads: Sequence[Workload]
    sizes: Sequence[int] = (256,)  # of values
    records: int = 100_000
    operations: int = 0  # of a run; 0: as many as there is time for
    seconds: float = 2
    warmup: float = 0.5
    repeats: int = 5
    clients: int = 50
    window: int = 1  # operations under way of each client
    rate: float = 0
    arrivals: str = "poisson"
    longest_scan: int = 100
    seed: int = 0


@dataclass
class Cell:
    """All runs of a workload on a store."""

    target: Target
    workload: Workload
    size: int
    runs: list[Measured] = field(default_factory=list)


class Watch(Protocol):
    """Who looks on."""

    def begins(self, cell: Cell, what: str, operations: int, seconds: float) -> Tick:
        """A run that will have so many operations, or take so long; the answer is told how many are done."""

    def ran(self, cell: Cell) -> None: ...


class Campaign:
    """`cells` has all that was measured so far, also after an interrupt."""

    def __init__(self, plan: Plan, targets: Sequence[Target], watch: Watch) -> None:
        self.cells: list[Cell] = []
        self._plan, self._targets, self._watch = plan, targets, watch
        self._indexed = any(workload.scans for workload in plan.workloads)
        self._fresh = [plan.records] * len(targets)  # from where on each has no records

    def run(self) -> None:
        """Raises Unavailable where a store fails."""
        for size in self._plan.sizes:
            for target in self._targets:
                cell = self._cell(target, LOADING, size)
                self._add(cell, "load", self._loading(size), max(self._plan.clients, LOADERS))
            for workload in self._plan.workloads:
                cells = [self._cell(target, workload, size) for target in self._targets]
                for repeat in range(self._plan.repeats):
                    for number, cell in enumerate(cells):
                        self._measure(number, cell, repeat)

    def _cell(self, target: Target, workload: Workload, size: int) -> Cell:
        cell = Cell(target, workload, size)
        self.cells.append(cell)
        return cell

    def _loading(self, size: int) -> Load:
        window = max(self._plan.window, LOADERS)
        return Load(
            seed=self._plan.seed, operations=self._plan.records, shares=LOADING.shares, value_size=size, window=window,
            indexed=self._indexed,
        )  # fmt: skip

    def _measure(self, number: int, cell: Cell, repeat: int) -> None:
        plan = self._plan
        if plan.warmup > 0:
            self._run(number, cell, "warm-up", self._load(number, cell, repeat, counts=False), keep=False)
        self._run(number, cell, f"run {repeat + 1}", self._load(number, cell, repeat, counts=True), keep=True)

    def _load(self, number: int, cell: Cell, repeat: int, *, counts: bool) -> Load:
        """The same for every store, but for where its inserts begin. A run has another seed than its warm-up."""
        plan = self._plan
        return Load(
            seed=plan.seed + 2 * repeat + counts + 1, records=plan.records, fresh=self._fresh[number],
            operations=plan.operations if counts else 0, seconds=plan.seconds if counts else plan.warmup,
            rate=plan.rate, arrivals=plan.arrivals, shares=cell.workload.shares,
            distribution=cell.workload.distribution, value_size=cell.size, longest_scan=plan.longest_scan,
            indexed=self._indexed, window=plan.window,
        )  # fmt: skip

    def _run(self, number: int, cell: Cell, what: str, load: Load, *, keep: bool) -> None:
        measured = self._add(cell, what, load, self._plan.clients, keep=keep)
        if cell.workload.inserts:  # those count too that were not acknowledged
            outcome = measured.outcome
            begun = max(outcome.inserted, outcome.done["insert"]) + outcome.unfinished
            self._fresh[number] += begun + self._plan.clients * self._plan.window

    def _add(self, cell: Cell, what: str, load: Load, clients: int, *, keep: bool = True) -> Measured:
        tick = self._watch.begins(cell, what, load.operations, load.seconds)
        measured = cell.target.run(load, clients, tick)
        if keep:
            cell.runs.append(measured)
        self._watch.ran(cell)
        return measured
