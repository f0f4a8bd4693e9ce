"""What `radon bench` does once its options are understood: starts stores, shows how far it is, prints and draws."""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from radon.abi.errors import Exhausted, Invalid
from radon.bench import inside, native, plot, results, servers
from radon.bench.campaign import Campaign, Cell, Plan
from radon.bench.processes import Pins
from radon.bench.targets import Target, TcpTarget, Tick
from radon.cli.client import Client
from radon.cli.deployments import find_running
from radon.cli.printing import naming, print_json, print_lines, print_table

DESCRIPTORS = 64
"""Beside those of connections."""


class Stores(NamedTuple):
    """Which ones load is put on."""

    in_process: bool
    radon: Sequence[str]
    deployments: Sequence[Path]
    with_redis: bool
    redis: Sequence[str]
    durability: str
    shards: int
    domains: int | None
    pins: Pins

    def check(self) -> None:
        """Raises Invalid for what can be seen to be wrong before anything is started."""
        if not (self.in_process or self.radon or self.deployments or self.with_redis or self.redis):
            which = "--in-process, --radon MANIFEST, --deployment DIR, --with-redis, --redis HOST:PORT"
            raise Invalid(f"say which stores: {which}")
        for text in self.redis:
            servers.parse_address(text)
        for text in self.radon:
            servers.parse_deployment(text)

    @contextmanager
    def started(self) -> Iterator[list[Target]]:
        """All of them, as they are compared."""
        over_tcp = self.radon or self.deployments or self.with_redis or self.redis
        if over_tcp:
            native.module()  # or else there is no client, which is to be said before anything is started
        with ExitStack() as stack:
            found: list[Target] = []
            for durable in {"volatile": [False], "durable": [True], "both": [False, True]}[self.durability]:
                found += map(stack.enter_context, self._ours(durable))
            found += [servers.attached(servers.parse_address(text), self.pins) for text in self.redis]
            found += [self._deployment(directory) for directory in self.deployments]
            yield found

    def _ours(self, durable: bool) -> Iterator[AbstractContextManager[Target]]:
        pins, domains = self.pins, self.domains
        if self.in_process:
            yield inside.inside(durable=durable, shards=self.shards, domains=domains, pins=pins)
        for text in self.radon:
            yield servers.radon(*servers.parse_deployment(text), durable=durable, domains=domains, pins=pins)
        if self.with_redis:
            yield servers.redis(durable=durable, pins=pins)

    def _deployment(self, directory: Path) -> TcpTarget:
        with Client(find_running(directory)) as client:
            facts = client.facts()
        bound = [each["address"] for each in facts["addresses"] if each["protocol"] == "tcp"]
        if len(bound) != 1:
            raise Invalid(f"{directory}: it listens for TCP in {len(bound)} places; name one with --redis HOST:PORT")
        target = servers.attached(servers.parse_address(bound[0]), self.pins)
        return target._replace(name=str(directory), pid=facts["pid"], version=facts["version"])


def measure(plan: Plan, stores: Stores, picture: Path | None, *, as_json: bool) -> None:
    """Measure all, and tell of what was measured also where it ends early. Raises Invalid for wrong answers."""
    _allow_descriptors(plan.clients)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: stores that were started are cleared away
    with stores.started() as targets:
        campaign = Campaign(plan, targets, bar := Bar(plan, len(targets)))
        try:
            with bar:
                campaign.run()
        finally:
            cells = [cell for cell in campaign.cells if cell.runs]
            documents = [results.document(cell, plan, stores.pins) for cell in cells]
            if as_json:
                for document in documents:
                    print_json(document)
            elif documents:
                _print(cells)
            if picture is not None and documents:
                drawn = [document for document in documents if document["workload"] != "load"] or documents
                with naming(picture):
                    picture.write_text(plot.svg(drawn, "radon bench kv"), encoding="utf-8")
    for document in documents:
        if document["errors"] or document["wrong"]:
            count = f"{document['errors']} errors and {document['wrong']} wrong answers"
            raise Invalid(f"{document['target']}, workload {document['workload']}: {count}: {document['why']}")


def _allow_descriptors(clients: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = clients + DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise Exhausted(f"{clients} connections need more descriptors than `ulimit -Hn` allows, which is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _print(cells: Sequence[Cell]) -> None:
    columns = (
        "workload", "bytes", "store", "ops/s", "p10-p90", "p50 us", "p90", "p99", "p99.9", "max", "server us/op",
        "client", "failed",
    )  # fmt: skip
    print_table(columns, map(_columns, cells))
    for cell in cells:
        whys = {measured.outcome.why for measured in cell.runs if measured.outcome.why}
        print_lines(f"{cell.target.name}, workload {cell.workload.name}: {why.strip()}" for why in sorted(whys))


def _columns(cell: Cell) -> tuple[object, ...]:
    rates, latencies = results.spread(results.rates_of(cell)), results.latencies_of(cell).get("all")
    costs = [results.per_operation(cell, which) for which in ("server", "client")]
    times: list[object] = ["-"] * 5
    if latencies is not None:
        times = [f"{latencies.percentile(percent) / 1e3:.0f}" for percent in (50, 90, 99, 99.9, 100)]
    failures = sum(m.outcome.errors + m.outcome.wrong + m.outcome.unfinished for m in cell.runs)
    return (
        cell.workload.name, cell.size, cell.target.name,
        *((f"{rates['median']:.0f}", f"{rates['p10']:.0f}-{rates['p90']:.0f}") if rates else ("-", "-")), *times,
        *("-" if cost is None else f"{cost['median']:.2f}" for cost in costs), failures,
    )  # fmt: skip


class Bar:
    """A Watch that shows a bar where somebody looks at a terminal. A context manager."""

    def __init__(self, plan: Plan, stores: int) -> None:
        self._runs = len(plan.sizes) * stores * (1 + len(plan.workloads) * plan.repeats * (1 + (plan.warmup > 0)))
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[done]}"), TimeElapsedColumn(),
            console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
        )  # fmt: skip
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        self._task = self._progress.add_task("", total=self._runs, done="")
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begins(self, cell: Cell, what: str, operations: int, seconds: float) -> Tick:
        assert self._task is not None
        task = self._task
        about = f"{cell.workload.name}, {cell.size} bytes, {cell.target.name}: {what}"
        self._progress.update(task, description=about, done="")
        return lambda done: self._progress.update(task, done=f"{done:,} operations")

    def ran(self, cell: Cell) -> None:
        if self._task is not None:
            self._progress.advance(self._task)
