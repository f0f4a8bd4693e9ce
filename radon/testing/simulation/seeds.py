"""Many seeds, on several processes, with the results in the order in which they were asked for.

A process that runs seeds has loaded the application once. It ends with the one that started it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple, Self

from radon.abi.errors import ManifestError, Unavailable
from radon.atoms.application import Application
from radon.backends.program import Program
from radon.backends.simulation.faults import Fault
from radon.backends.simulation.story import Event, Violated
from radon.backends.simulation.world import SECOND
from radon.host.domain import Settings
from radon.testing.simulation.simulate import Options, Result, Simulation
from radon.testing.simulation.workload import WorkloadError, load_workload

AHEAD = 4
"""Runs per process that may be done before an earlier one is."""


class Subject(NamedTuple):
    """What is simulated: an application as `Application.bundle` gives it, and the file of a workload."""

    bundle: bytes
    workload: Path


class Run(NamedTuple):
    """One seed. `plan`: None draws one by the rates of the options."""

    seed: int
    options: Options
    plan: Sequence[Fault] | None = None


Outcome = Result | WorkloadError
"""Of a run; the history of a result is left out."""


def check_application(application: Application) -> None:
    """Raises ManifestError for what a simulated cluster does not offer."""
    endpoints = ", ".join(application.manifest.egress.http)
    if endpoints:
        raise ManifestError(
            f"{application.manifest.file}: [egress.http] {endpoints}: a simulated cluster has no endpoints yet; "
            "simulate a manifest without them, with an atom in their place"
        )


class Laboratory:
    """Runs seeds in this process."""

    def __init__(self, subject: Subject) -> None:
        application = Application.unbundle(subject.bundle)
        manifest = application.manifest
        settings = Settings(retention=manifest.objects, idempotency=manifest.idempotency)
        self._program = Program(application.digest, application.kinds(), (), settings)
        self._workload = subject.workload

    def run(self, run: Run, tell: Callable[[int, Event], None] | None = None) -> Result:
        """One seed. The workload's file is loaded anew: what it keeps in globals is not seen by the next.

        What should not have happened in Radon is a violation like any other. Raises WorkloadError.
        """
        workload = load_workload(self._workload)
        simulation = Simulation(run.seed, self._program, workload, run.options, plan=run.plan, tell=tell)
        try:
            return simulation.run()._replace(history=[])
        except WorkloadError:
            raise
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(frame.filename).name}:{frame.lineno}"
            violation = f"defect of Radon: {type(error).__name__}: {error} ({place})"
            simulation.world.tell(Violated(violation))
            return Result(
                run.seed, simulation.world.fingerprint, violation, simulation.plan, simulation.world.fired,
                simulation.calls, simulation.monitor.commits, simulation.world.now / SECOND, [],
            )  # fmt: skip


class Crew:
    """Processes that run seeds. A context manager."""

    def __init__(self, subject: Subject, processes: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._idle: list[Connection] = []
        self._busy: dict[Connection, tuple[int, Run]] = {}  # what each is at, and the number of that
        self._numbers = 0
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, subject), daemon=True)
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited: Ctrl-C is for us alone
            try:
                process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()
            self._processes.append(process)
            self._idle.append(ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """What is still being run is given up."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()
        for connection in (*self._idle, *self._busy):
            connection.close()

    def run(self, runs: Iterable[Run]) -> Iterator[Outcome]:
        """The outcome of each, in their order. Some are run in advance of their turn, and may be so for nothing.

        Raises Unavailable if a process ends that runs one.
        """
        waiting, done = iter(runs), dict[int, Outcome]()
        following, has_more = self._numbers, True  # smaller numbers are of an earlier call, which wants them no more
        while True:
            while has_more and self._idle and self._numbers < following + AHEAD * len(self._processes):
                run = next(waiting, None)
                has_more = run is not None
                if run is not None:
                    self._begin(run)
            if following in done:
                yield done.pop(following)
                following += 1
            elif following == self._numbers and not has_more:
                return
            else:
                self._hear(done)

    def _begin(self, run: Run) -> None:
        connection = self._idle.pop()
        self._busy[connection] = (self._numbers, run)
        self._numbers += 1
        with suppress(BrokenPipeError):  # then nothing will be heard of it
            connection.send(run)

    def _hear(self, done: dict[int, Outcome]) -> None:
        for connection in wait([*self._busy]):
            assert isinstance(connection, Connection)
            number, run = self._busy.pop(connection)
            self._idle.append(connection)
            try:
                done[number] = connection.recv()
            except (EOFError, ConnectionResetError):
                raise Unavailable(
                    f"seed {run.seed}: the process that ran it has ended, killed or by its own doing"
                ) from None


def _work(connection: Connection, subject: Subject) -> None:
    """The main function of a process of a crew."""
    sys.stdout = sys.stderr  # what a workload prints is not the command's answer
    laboratory = Laboratory(subject)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            run: Run = connection.recv()
            try:
                outcome: Outcome = laboratory.run(run)
            except WorkloadError as error:
                outcome = WorkloadError(str(error))
            connection.send(outcome)


def processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0))
