"""One seed: a world is made, clients work while things go wrong, all comes to rest, and the books are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from radon.abi.errors import RadonError
from radon.backends.cluster.events import Timing
from radon.backends.program import Program
from radon.backends.simulation import faults
from radon.backends.simulation.host import Cluster, Host
from radon.backends.simulation.network import Network
from radon.backends.simulation.running import Running
from radon.backends.simulation.services import Log, Registry
from radon.backends.simulation.story import Committed, Event, Violated
from radon.backends.simulation.world import BEGINNING, SECOND, World
from radon.host.domain import Make
from radon.host.domains import default
from radon.testing.history import Operation, Recorder
from radon.testing.simulation.clients import Client
from radon.testing.simulation.monitor import Monitor, unfinished
from radon.testing.simulation.workload import State, Workload, WorkloadError, told

SETUP = 60 * SECOND
"""ns at most that a workload's `setup` may take; nothing goes wrong meanwhile."""

LONGER = 3

REST = 120 * SECOND
"""ns at most until all has come to rest once nothing goes wrong any more."""


@dataclass(frozen=True)
class Options:
    """What all seeds of a run have in common."""

    hosts: int = 3
    domains: int = 6
    span: int = 20 * SECOND  # ns, at least, during which clients work and things go wrong
    operations: int = 500  # calls, at least, that are answered meanwhile; but it takes LONGER times `span` at most
    rates: Mapping[str, float] | None = None  # of faults; None: the defaults
    timing: Timing = Timing()  # noqa: RUF009  (it is frozen)

    @property
    def names(self) -> list[str]:
        """Of the hosts."""
        return [f"h{number + 1}" for number in range(self.hosts)]


@dataclass(frozen=True)
class Drivers:
    """What a world is made of. Tests of the simulation itself put parts in that are not as they should be."""

    log: type[Log] = Log
    registry: type[Registry] = Registry
    host: type[Host] = Host
    running: type[Running] = Running
    make: Make | None = None  # None: the domain that the environment names


class Result(NamedTuple):
    """Of one seed."""

    seed: int
    fingerprint: str
    violation: str  # "" where all is well
    plan: Sequence[faults.Fault]
    fired: Counter[str]
    calls: int  # of clients, that were answered
    commits: int
    simulated: float  # seconds
    history: list[Operation]


class Simulation:
    """One world. `run` it once."""

    def __init__(
        self, seed: int, program: Program, workload: type[Workload], options: Options, *,
        plan: Sequence[faults.Fault] | None = None, tell: Callable[[int, Event], None] | None = None,
        drivers: Drivers | None = None,
    ) -> None:  # fmt: skip
        """`plan`: None draws one by the rates. `tell` hears the story: see `World`."""
        self.seed, self.options = seed, options
        self.world = world = World(seed, tell)
        names = options.names
        rates = faults.DEFAULT if options.rates is None else options.rates
        span = LONGER * options.span
        self.plan = faults.draw(Random(f"plan {seed}"), rates, names, span) if plan is None else plan
        self.monitor = Monitor(options.domains)
        self.network = Network(world)
        drivers = drivers or Drivers()
        self.log = drivers.log(world, self.network, options.domains, self._committed, self.monitor.opened)
        self.registry = drivers.registry(world, self.network, options.timing)
        self._hosts: dict[str, Host] = {}
        cluster = Cluster(
            world, self.network, self.log, self.registry, options.timing, program, options.domains,
            drivers.running, self.monitor.watch(drivers.make or default()), world.random.randbytes(32),
            tuple(world.random.randbytes(32) for _ in range(options.domains)), self.monitor,
        )  # fmt: skip
        for number, name in enumerate(names):
            self._hosts[name] = drivers.host(cluster, number, name, self._hosts)
        self._recorder = Recorder(lambda: world.now)
        self._mistake: WorkloadError | None = None
        try:
            self.workload = workload(Random(f"workload {seed}"))
        except (Exception, SystemExit) as error:
            raise WorkloadError(told(error, workload)) from error
        self.clients = [
            Client(world, self.network, self._hosts, number, self._recorder) for number in range(workload.clients)
        ]
        self.state = State(self.monitor.images)
        if workload.invariant is not Workload.invariant:
            self.monitor.checks.append(self._check_invariant)

    def _committed(self, domain: int, member: str, epoch: int, frame: bytes) -> None:
        self.world.note(frame)
        if self.world.has_story:
            self.world.tell(Committed(domain, member, epoch, frame))
        self.monitor.committed(domain, member, epoch, frame)

    # ---- running it ----

    def run(self) -> Result:
        """All of it. What does not come to rest is a violation like any other.

        Raises WorkloadError where the workload raises what says nothing about the application.
        """
        try:
            for host in self._hosts.values():
                host.boot()
            self._set_up()
            self._work()
            self._come_to_rest()
            self._compare()
        finally:
            for host in self._hosts.values():
                host.close()
        if self._mistake is not None:
            raise self._mistake
        violation = str(self.monitor.violation) if self.monitor.violation is not None else ""
        if violation:
            self.world.tell(Violated(violation))
        return Result(
            self.seed, self.world.fingerprint, violation, self.plan, self.world.fired,
            self.calls, self.monitor.commits, self.world.now / SECOND,
            self._recorder.history,
        )  # fmt: skip

    @property
    def calls(self) -> int:
        """Of clients, that were answered."""
        return sum(client.calls for client in self.clients)

    def _is_over(self) -> bool:
        return self.monitor.violation is not None or self._mistake is not None

    def _set_up(self) -> None:
        done = []

        async def setup() -> None:
            await self.workload.setup(self.clients[0])
            done.append(True)

        self.clients[0].run(setup(), self._failed)
        self.world.run(SETUP, lambda: bool(done) or self._is_over())
        if not done:
            self.monitor.fail("the workload's setup does not end")

    def _work(self) -> None:
        begin, longest = self.world.now, LONGER * self.options.span
        plan = [fault._replace(at=fault.at + begin) for fault in self.plan]
        machines = faults.Machines(self.world, self.network, self._hosts, self.log)
        end_all = faults.schedule(machines, plan)
        for client in self.clients:
            client.run(self.workload.client(client), self._failed)
        self.world.run(begin + self.options.span, self._is_over)
        while not self._is_over() and self.calls < self.options.operations and self.world.now < begin + longest:
            self.world.run(self.world.now + SECOND, self._is_over)
        self.plan = [fault for fault in self.plan if begin + fault.at <= self.world.now]
        end_all()

    def _come_to_rest(self) -> None:
        for client in self.clients:
            client.stop()
        self.world.run(self.world.now + int(self.workload.settles * SECOND), self._is_over)
        until = self.world.now + REST
        while not self._is_over() and self._is_busy():
            if self.world.now >= until:
                self.monitor.fail(f"it does not come to rest: {self._is_busy()}")
            self.world.run(min(self.world.now + SECOND // 4, until), self._is_over)

    def _is_busy(self) -> str:
        """What is still under way; "" when nothing is."""
        for client in self.clients:
            if client.open:
                return f"{client.name} waits for an answer of {next(iter(client.open.values()))}"
        now = BEGINNING + self.world.now - SECOND
        return next(filter(None, (unfinished(image, now) for image in self.monitor.images)), "")

    def _compare(self) -> None:
        if self._is_over():
            return
        for domain in range(self.options.domains):
            self.monitor.compare(domain, self.log.image(domain))
        with self._judging():
            self.workload.check(self._recorder.history, self.state)

    def _check_invariant(self) -> None:
        with self._judging():
            self.workload.invariant(self.state)

    @contextmanager
    def _judging(self) -> Iterator[None]:
        try:
            yield
        except (Exception, SystemExit) as error:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        """The workload has raised this: because of what the application did, or by a mistake of its own."""
        if isinstance(error, AssertionError | RadonError):
            self.monitor.fail(told(error, type(self.workload)))
        elif self._mistake is None:
            self._mistake = WorkloadError(told(error, type(self.workload)))
