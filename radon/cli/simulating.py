"""What `radon sim` does once its options are understood: runs a campaign or a single run, shows how far, prints."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from radon.abi.errors import Invalid
from radon.atoms.application import Application
from radon.backends.simulation.faults import KINDS, Fault
from radon.cli.failures import Usage
from radon.cli.printing import naming, print_json, print_lines, print_table
from radon.testing.simulation.campaign import DIFFERS, SURELY, Campaign, Failure, Replay, Report
from radon.testing.simulation.diagram import diagram
from radon.testing.simulation.graveyard import Grave, read_graveyard
from radon.testing.simulation.page import page
from radon.testing.simulation.plans import fault_table, plan_text
from radon.testing.simulation.seeds import Laboratory, Run, Subject
from radon.testing.simulation.simulate import Options
from radon.testing.simulation.story import Story

WIDTH = 160
"""Characters of a diagram that nobody looks at on a terminal."""

SOME = 10
"""Atoms that an error names."""


class Telling(NamedTuple):
    """How the story of a run is told."""

    trace: bool
    atom: str  # "": all
    html: Path | None

    def __bool__(self) -> bool:
        return self.trace or self.html is not None


@dataclass(frozen=True)
class Case:
    """`command`: what brings the same application, workload and graveyard again."""

    subject: Subject
    application: Application
    options: Options
    plan: Sequence[Fault] | None
    graveyard: Path
    command: str
    as_json: bool

    def search(self, seeds: Sequence[int], jobs: int, *, replay: bool) -> None:
        """Run seeds until one fails. Raises Invalid for what does not hold, WorkloadError."""
        campaign = Campaign(self.subject, self.application.digest, self.options, self.graveyard, self.plan)
        with Bar() as bar:
            report = campaign.run(seeds, min(jobs, max(len(seeds), 1)), bar, replay=replay)
        self._print(report)

    def look(self, seed: int | None, number: int | None, telling: Telling) -> None:
        """One run: of a seed, or of a grave. Raises as `search` does."""
        report = Report()
        grave = self._grave(number) if number is not None else None
        run = grave.run if grave is not None else Run(seed or 0, self.options, self.plan)
        story = Story(run.options.names, run.options.domains)
        with redirect_stdout(sys.stderr):  # where a workload prints, too
            result = Laboratory(self.subject).run(run, story.hear if telling else None)
        report.add(result)
        self._tell(story, telling, f"{self.application.name}, seed {run.seed}")
        if number is not None and grave is not None and self.as_json:
            report.replays.append(Replay(number, grave, result.violation))
        self._print(report)
        if result.violation:
            raise Invalid(f"seed {run.seed}: {result.violation}")

    def _grave(self, number: int) -> Grave:
        graves = read_graveyard(self.graveyard)
        if number > len(graves):
            raise Usage(f"--grave {number}: {self.graveyard} has {len(graves)}")
        return graves[number - 1]

    def _tell(self, story: Story, telling: Telling, title: str) -> None:
        if telling.html is not None:
            with naming(telling.html):
                telling.html.write_text(page(story, title), encoding="utf-8")
        if telling.atom and telling.atom not in story.homes:
            known = ", ".join([*story.homes][:SOME])
            raise Usage(f"--atom {telling.atom}: the story has no such atom; it has {known}")
        if telling.trace:
            print_lines(diagram(story, width=shutil.get_terminal_size((WIDTH, 1)).columns, atom=telling.atom))

    # ---- what came of it ----

    def _print(self, report: Report) -> None:
        if self.as_json:
            print_json(self._document(report))
        else:
            self._print_lines(report)
        failing = next((replay for replay in report.replays if replay.violation), None)
        if failing is not None:
            raise Invalid(f"grave {failing.number}, seed {failing.grave.run.seed}: {failing.violation}")
        if report.failure is not None:
            raise Invalid(f"seed {report.failure.least.seed}: {report.failure.least.violation}")
        if report.silent:
            raise Invalid(
                f"never fired: {', '.join(report.silent)}, of each of which {SURELY} or more were to be expected; "
                "a run without them proves little"
            )

    def _document(self, report: Report) -> dict[str, Any]:
        return {
            "application": self.application.name, "digest": self.application.digest,
            "workload": str(self.subject.workload), "seeds": report.seeds, "calls": report.calls,
            "commits": report.commits, "simulated": round(report.simulated, 3), "fingerprint": report.fingerprint,
            "fired": {kind: report.fired[kind] for kind in KINDS}, "silent": report.silent,
            "graves": [
                {
                    "grave": replay.number, "seed": replay.grave.run.seed, "was": replay.grave.violation,
                    "violation": replay.violation,
                }
                for replay in report.replays
            ],
            "failure": None if report.failure is None else self._failure_document(report.failure),
        }  # fmt: skip

    def _failure_document(self, failure: Failure) -> dict[str, Any]:
        return {
            "seed": failure.least.seed, "violation": failure.least.violation, "found": failure.found.violation,
            "faults": len(failure.found.plan), "runs": failure.runs,
            "plan": [fault_table(fault) for fault in failure.least.plan],
            "graveyard": str(self.graveyard), "grave": failure.number or None, "unburied": failure.unburied or None,
            "again": self._again(failure.number) if failure.number else None,
        }  # fmt: skip

    def _again(self, number: int) -> str:
        return f"{self.command} --grave {number} --trace"

    def _print_lines(self, report: Report) -> None:
        for replay in report.replays:
            about = f"grave {replay.number}, seed {replay.grave.run.seed}"
            was = f"{about}: fails no more; it was: {replay.grave.violation}"
            print_lines([f"{about} fails; again: {self._again(replay.number)}" if replay.violation else was])
        if report.seeds:
            sums = f"{report.calls} calls, {report.commits} commits, {report.simulated:.0f} simulated seconds"
            print_lines([f"{self.application.name}: {report.seeds} seed{'s' * (report.seeds > 1)}, {sums}"])
            print_table(("fault", "fired", "what it is"), (
                (name, report.fired[name], kind.says) for name, kind in KINDS.items()
            ))  # fmt: skip
            if self.application.manifest.ingress.http is not None:
                print_lines(["its [ingress.http] is not simulated: clients call atoms, and connect to them by TCP"])
        if report.failure is not None:
            self._print_failure(report.failure)

    def _print_failure(self, failure: Failure) -> None:
        least, found = failure.least, failure.found
        if failure.unburied == DIFFERS:
            print_lines(["", f"seed {found.seed} is not kept in {self.graveyard}: {DIFFERS}"])
            return
        print_lines([
            "",
            f"seed {least.seed} fails under {len(least.plan)} of its {len(found.plan)} faults ({failure.runs} runs):",
            *(f"  {line}" for line in plan_text(least.plan).splitlines()),
        ])  # fmt: skip
        if failure.unburied:
            print_lines([f"it cannot be kept in {self.graveyard}: {failure.unburied}"])
        else:
            print_lines([f"kept in {self.graveyard}; again, with its story:", f"  {self._again(failure.number)}"])


class Bar:
    """A Watch that shows a bar where somebody looks at a terminal. A context manager."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Pace(), TimeElapsedColumn(),
            console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
        )  # fmt: skip
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begins(self, what: str, runs: int) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=runs)

    def ran(self) -> None:
        if self._task is not None:
            self._progress.advance(self._task)


class Pace(ProgressColumn):
    """Runs a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:.1f}/s")
