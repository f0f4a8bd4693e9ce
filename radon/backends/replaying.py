"""A recording that is run again: each segment through a domain made anew, its commits compared with those recorded.

Reads what recording.py writes. Knows neither who asks nor how a difference is shown.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from radon.abi.delivery import NOWHERE, Address
from radon.abi.errors import Invalid, StoreError
from radon.abi.frames import Commit, FrameError, FrameType, decode_all, encode, look
from radon.abi.records import At, Step
from radon.atoms.application import Application
from radon.backends.recording import read_about
from radon.backends.segment import (
    Begun,
    Chosen,
    Committed,
    Cut,
    Deployed,
    Event,
    KindEnded,
    Opened,
    Ran,
    SegmentReader,
    Submitted,
)
from radon.host.domain import Domain, Make
from radon.host.kind import Kind


class Stop(Exception):
    """Raised in the domain that replays, to end the replay where it is."""


class Served(NamedTuple):
    """What a domain is told to run."""

    kinds: Mapping[str, Kind]
    endpoints: tuple[str, ...]


class Segment(NamedTuple):
    domain: int
    number: int  # from 1
    path: Path


class Difference(NamedTuple):
    """Where a commit is not the recorded one: its first record that differs."""

    commit: int  # which of the segment, from 1
    part: str  # of the commit: "durable" or "outgoing"
    step: int  # that the record belongs to; of one that leaves: the last of the commit
    atom: Address  # that the record is about
    recorded: Any  # None: nothing more was recorded
    replayed: Any  # None: nothing more came


class Replayed(NamedTuple):
    """How far it went."""

    opened: Opened | None
    turns: int
    commits: int  # that are equal
    difference: Difference | None
    cut: Cut | None
    stopped: bool  # before the end, because that was asked for


class Recording:
    """What is in a directory. Raises StoreError where there is no recording."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.application = read_about(directory).application

    def segments(self) -> list[Segment]:
        """Of each domain one behind the other."""
        folders = ((folder, folder.name.removeprefix("domain-")) for folder in self.directory.glob("domain-*"))
        return sorted(
            Segment(int(number), int(name), folder / name)
            for folder, number in folders if number.isdigit()
            for name in os.listdir(folder) if name.isdigit()
        )  # fmt: skip

    def digests(self) -> list[str]:
        """Of the applications that were deployed."""
        folder = self.directory / "applications"
        return sorted(path.name for path in folder.glob("*") if not path.suffix)

    def load(self, digest: str) -> Application:
        """An application that was deployed. Raises StoreError."""
        try:
            application = Application.unbundle((self.directory / "applications" / digest).read_bytes())
        except OSError as error:
            raise StoreError(f"{self.directory}: has no application {digest}: {error.strerror}") from None
        if application.digest != digest:
            raise StoreError(f"{self.directory}: the application {digest} is damaged: it is {application.digest}")
        return application


def opening(path: Path) -> Opened | None:
    """What a segment begins with, if that much of it is there. Raises OSError."""
    first = next(iter(SegmentReader(path)), None)
    return first[0] if isinstance(first, list) and isinstance(first[0], Opened) else None


def served(application: Application) -> Served:
    return Served(application.kinds(), tuple(application.manifest.egress.http))


def replay(
    path: Path, make: Make, serve: Callable[[str], Served], progress: Callable[[int], None] = lambda size: None
) -> Replayed:
    """Run a segment again, until it ends or a commit differs. `serve` finds what was deployed by its digest, or
    raises StoreError.

    `progress` hears how many bytes of the file were read. Raises OSError, what `make` raises, and Invalid for a segment
    that contradicts itself.
    """
    run = _Run(make, serve)
    reader = SegmentReader(path)
    stopped, missing = False, None
    try:
        for found in reader:
            if isinstance(found, bytes):
                run.images.append(found)
            elif not run.go_on(found):
                break
            progress(reader.place)
    except Stop:
        stopped = True
    except StoreError as error:
        missing = Cut(reader.place, str(error), damaged=True)
    except FrameError as error:
        raise Invalid(f"{path}: what it holds contradicts itself before byte {reader.place}: {error}") from None
    finally:
        turns = run.close()
    return Replayed(run.opened, turns, run.commits, run.difference, missing or reader.cut, stopped)


class _Run:
    """One segment under way."""

    def __init__(self, make: Make, serve: Callable[[str], Served]) -> None:
        self._make, self._serve = make, serve
        self._domain: Domain
        self.opened: Opened | None = None
        self.images: list[bytes] = []  # frames from which the domain is to be restored
        self.commits = 0
        self.difference: Difference | None = None
        self._turns: dict[str, int] = {}  # by kind

    def go_on(self, events: Iterable[Event]) -> bool:
        """False: something differs."""
        for event in events:
            if self.opened is None and not isinstance(event, Opened):
                raise FrameError("it does not begin with what the domain was made by")
            if self.images:
                self._restore()
            match event:
                case Opened(settings=settings):
                    self.opened, self._domain = event, self._make(settings)
                case Begun():
                    self._domain.setup(event.number, event.seed, event.secret, event.domains)
                case Chosen():
                    self._domain.settings = event.settings
                case Deployed():
                    self._count()  # what a deployment takes away is not counted any more
                    self._domain.deploy(event.digest, *self._serve(event.digest))
                case KindEnded():
                    self._domain.end_kind(event.name)
                case Submitted():
                    self._domain.submit(event.inputs)
                case Ran():
                    self._domain.run(event.turns)
                case Committed():
                    self._compare(Commit(event.durable, event.outgoing, b""), self._domain.take_commit())
                    if self.difference is not None:
                        return False
        return True

    def close(self) -> int:
        """The number of turns that were run."""
        if self.opened is None:
            return 0
        with closing(self._domain):
            self._count()
        return sum(self._turns.values())

    def _count(self) -> None:
        self._turns |= {name: kind.turns for name, kind in self._domain.usage().kinds.items()}

    def _restore(self) -> None:
        snapshot = self.images[0] if look(self.images[0]).kind == FrameType.SNAPSHOT else None
        self._domain.restore(snapshot, self.images[snapshot is not None :])
        self.images = []

    def _compare(self, recorded: Commit, replayed: Commit) -> None:
        for part in ("durable", "outgoing"):
            ours, theirs = getattr(replayed, part), getattr(recorded, part)
            if ours != theirs:
                self.difference = _difference(self.commits + 1, part, recorded, replayed)
                return
        self.commits += 1


def _difference(commit: int, part: str, recorded: Commit, replayed: Commit) -> Difference:
    then, now = (decode_all(getattr(each, part)) for each in (recorded, replayed))
    place = next((at for at, (one, other) in enumerate(zip(then, now, strict=False)) if encode(one) != encode(other)),
                 min(len(then), len(now)))  # fmt: skip
    before = now[:place] if part == "durable" else decode_all(replayed.durable)
    if part == "durable":
        before += then[place : place + 1]  # it may be a step itself
    step = next((record.number for record in reversed(before) if isinstance(record, Step)), 0)
    at = next((record for record in reversed(before) if isinstance(record, At)), At("", ""))
    found = [records[place] if place < len(records) else None for records in (then, now)]
    return Difference(commit, part, step, Address(at.kind, at.key) if at.kind else NOWHERE, *found)
