"""`radon replay`: a recording run again, compared with itself, and told turn by turn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radon.cli.failures import Usage
from radon.cli.options import Json, manifest_file
from radon.cli.printing import print_json, print_lines, time_text

if TYPE_CHECKING:
    from radon.abi.delivery import Address
    from radon.atoms.application import Application
    from radon.backends.replaying import Recording, Replayed, Segment, Served
    from radon.backends.segment import Opened
    from radon.cli.story import Story, Until
    from radon.host.domain import Make
    from radon.host.traced import Part

EXAMPLE = "radon replay rec --until 30s --atom counter/a"


def verb(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What --record DIR of a deployment was.")],
    until: Annotated[
        str,
        typer.Option(
            metavar="T",
            help="Stop at a turn and show it: its number, or a time: 2026-01-31T12:00:00Z, or 30s from the beginning.",
        ),
    ] = "",
    atom: Annotated[str, typer.Option(metavar="ADDRESS", help="Show the turns of this atom.")] = "",
    manifest: Annotated[
        Path | None, typer.Option(metavar="MANIFEST", help="Run this application instead of those recorded.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also if it is another one: up to the first difference.")
    ] = False,
    segment: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the Nth start of each domain.")] = None,
    as_json: Json = False,
) -> None:
    """Run a recording again, and compare the commits."""
    from radon.abi.errors import Invalid, NotFound
    from radon.backends.replaying import Recording

    if anyway and manifest is None:
        raise Usage("--anyway is about another application than was recorded: name it with --manifest")
    recording = Recording(directory)
    segments = [each for each in recording.segments() if segment in (None, each.number)]
    if not segments:
        raise Usage(f"{directory}: nothing is recorded there{f' as segment {segment}' if segment else ''}")
    telling = _Telling(until, atom, segments, as_json)
    found = _replay(telling, _serving(recording, manifest, anyway))
    failed = [_name(segment) for segment, replayed in found if _has_failed(replayed)]
    if as_json:
        rows = [_document(*each) for each in found]
        print_json({"application": recording.application, "equal": not failed, "segments": rows, "turns": telling.told})
    else:
        print_lines(line for each in found for line in _lines(*each))
    if failed:
        raise Invalid(f"{directory}: not replayed as it was recorded: {'; '.join(failed)}")
    if atom and telling.story is not None and telling.story.told == 0:
        raise NotFound(f"{directory}: {atom} takes no turn there{f' up to {until}' if until else ''}")


class _Telling:
    """Which segments are replayed how far, and what is told of them meanwhile."""

    def __init__(self, until: str, atom: str, segments: list[Segment], as_json: bool) -> None:
        from radon.abi.delivery import Address
        from radon.cli.story import Story

        self.told: list[dict[str, Any]] = []
        self._as_json = as_json
        self.story: Story | None = None
        self.segments = segments
        if until or atom:
            whose = Address.parse(atom) if atom else None
            stop = _parse_until(until, segments[0].path) if until else None
            self.story = Story(whose, stop, self._tell)
            home = _home(whose, stop, 1 + max(segment.domain for segment in segments))
            self.segments = [each for each in segments if home in (None, each.domain)]

    def make(self) -> Make:
        """Whoever tells needs the readable twin; else it is the one that this process uses."""
        from radon.host.domains import default
        from radon.host.traced import traced

        return traced(self.story) if self.story is not None else default()

    def _tell(self, part: Part, over: bool) -> None:
        from radon.cli.story import done, handed, to_document

        if not self._as_json:
            print_lines(done(part) if over else handed(part))
        elif over:
            self.told.append(to_document(part))


def _replay(telling: _Telling, serve: Callable[[str], Served]) -> list[tuple[Segment, Replayed]]:
    from radon.backends.replaying import replay

    found: list[tuple[Segment, Replayed]] = []
    stopped: set[int] = set()
    for segment in telling.segments:
        if segment.domain not in stopped:
            with _progress(segment, telling.story is None) as progress:
                replayed = replay(segment.path, telling.make(), serve, progress)
            found.append((segment, replayed))
            if replayed.stopped:
                stopped.add(segment.domain)
    return found


@contextmanager
def _progress(segment: Segment, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar for whoever looks at a terminal and is told nothing else."""
    if not shown or not sys.stderr.isatty():
        yield lambda size: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(_name(segment), total=segment.path.stat().st_size)
        yield lambda size: bar.update(task, completed=size)


# ---- what is replayed ----


def _serving(recording: Recording, manifest: Path | None, anyway: bool) -> Callable[[str], Served]:
    """Finds what was deployed by its digest, or has another application in its place. Raises ManifestError."""
    from radon.abi.errors import ManifestError
    from radon.atoms.application import Application
    from radon.atoms.manifest import Manifest
    from radon.backends.replaying import served

    if manifest is None:
        return cache(lambda digest: served(recording.load(digest)))
    given = Application.load(Manifest.load(manifest_file(manifest)))
    others = [digest for digest in recording.digests() if digest != given.digest]
    if others and not anyway:
        what = _what_differs(recording.load(others[-1]), given)
        raise ManifestError(f"{manifest}: {what}; --anyway replays up to the first difference")
    return lambda digest: served(given)


def _what_differs(old: Application, new: Application) -> str:
    for kind, module in old.modules.items():
        if kind in new.modules and new.modules[kind].digest != module.digest:
            return f"kind {kind!r} was recorded with the module {module.digest}, and has {new.modules[kind].digest}"
    return f"the application {old.digest} was recorded, and this is {new.digest}"


def _home(atom: Address | None, until: Until | None, domains: int) -> int | None:
    """The domain whose turns are told; None: of each."""
    from radon.host.placement import place

    if atom is not None:
        return place(atom, lambda address: address, domains)
    return until.turn % domains if until is not None and until.turn is not None else None


def _parse_until(text: str, first: Path) -> Until:
    from radon.abi.errors import ManifestError
    from radon.atoms.units import parse_duration
    from radon.backends.replaying import opening
    from radon.cli.story import Until

    if text.isascii() and text.isdecimal():
        return Until(int(text), 0)
    with suppress(ManifestError):
        opened = opening(first)
        return Until(None, parse_duration(text) + (opened.time if opened is not None else 0))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Usage(f"--until {text}: neither a turn's number nor a time, as 2026-01-31T12:00:00Z or 30s") from None
    since = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return Until(None, since // timedelta(microseconds=1) * 1000)


# ---- what came of it ----


def _has_failed(replayed: Replayed) -> bool:
    return replayed.difference is not None or (replayed.cut is not None and replayed.cut.damaged)


def _name(segment: Segment) -> str:
    return f"domain {segment.domain}, segment {segment.number}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _lines(segment: Segment, replayed: Replayed) -> Iterator[str]:
    opened, cut, difference = replayed.opened, replayed.cut, replayed.difference
    how = "equal" if difference is None else "then a difference"
    since = f" from {time_text(opened.time)}" if opened is not None else ""
    yield f"{_name(segment)}{since}: {_count(replayed.turns, 'turn')}, {_count(replayed.commits, 'commit')}: {how}"
    if difference is not None:
        about = f" of {difference.atom.text}" if difference.atom.kind else ""
        yield f"  commit {difference.commit}, {difference.part}, in turn {difference.step}{about}"
        yield f"    recorded {_record(difference.recorded)}"
        yield f"    replayed {_record(difference.replayed)}"
    if replayed.stopped:
        yield "  stopped there"
    elif cut is not None and difference is None:
        yield f"  {'damaged' if cut.damaged else 'cut off'} at byte {cut.place}: {cut.reason}"
    if opened is not None and (elsewhere := _elsewhere(opened)):
        yield f"  recorded by {elsewhere}, where all this may be otherwise (rule 5)"


def _record(record: Any) -> str:
    from radon.cli.story import record_text

    return "nothing more" if record is None else record_text(record)


def _elsewhere(opened: Opened) -> str:
    """What it was recorded by, if that is not what it is replayed by."""
    from radon.backends.recording import surroundings

    then, now = (opened.radon, opened.engine, opened.machine), surroundings()
    return "" if then == now else "Radon {}, wasmtime {} on {}".format(*then)


def _document(segment: Segment, replayed: Replayed) -> dict[str, Any]:
    from radon.backends.record_json import to_json

    opened, cut, difference = replayed.opened, replayed.cut, replayed.difference
    return {
        "domain": segment.domain, "segment": segment.number, "opened": opened.time if opened is not None else None,
        "turns": replayed.turns, "commits": replayed.commits, "stopped": replayed.stopped,
        "cut": None if cut is None else cut._asdict(),
        "difference": None if difference is None else {
            "commit": difference.commit, "part": difference.part, "turn": difference.step, "atom": difference.atom.text,
            "recorded": difference.recorded and to_json(difference.recorded),
            "replayed": difference.replayed and to_json(difference.replayed),
        },
    }  # fmt: skip
