"""A recording while it is made: what enters the domains of a deployment, from which all of their commits follow.

    recording.json         {"radon": "recording", "version": 1, "application": NAME}; locked by the process that records
    applications/DIGEST    each application that was deployed meanwhile, as `Application.bundle` gives it
    domain-0/000001        a segment (segment.py) for each time that domain 0 was opened

Owns the directory, and the domain that notes what is done to it. Nothing below the runner knows of it, and a deployment
that does not record has none of it. What an input does is written before the turns that it leads to run, and a commit
before anything of it leaves, so that a killed process leaves all that anybody saw of it. A disk that is full ends the
recording and not the deployment.
"""

from __future__ import annotations

import fcntl
import logging
import os
import platform
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import msgspec

from radon._version import __version__
from radon.abi.delivery import Address
from radon.abi.errors import StoreError
from radon.abi.frames import Commit
from radon.abi.records import Died, Put
from radon.atoms.application import Application
from radon.backends.driver import StoreBusy, StoreVersion
from radon.backends.segment import (
    Begun,
    Chosen,
    Closed,
    Committed,
    Deployed,
    Event,
    KindEnded,
    Opened,
    Ran,
    SegmentWriter,
    Submitted,
)
from radon.backends.stores.directory import make as make_directory
from radon.host.domain import Domain, Make, Settings, Status, Usage
from radon.host.domains import chosen
from radon.host.kind import Kind

log = logging.getLogger(__name__)

FILE = "recording.json"
VERSION = 1


class About(msgspec.Struct):
    """What is in `recording.json`."""

    radon: str
    version: int
    application: str


class Recorder:
    """Adds to the recording in a directory, which it makes if need be, until `close`.

    Raises StoreBusy where another process does, StoreError for a directory that is no recording of this application.
    """

    def __init__(self, directory: Path, application: str) -> None:
        self.directory = directory
        try:
            make_directory(directory)
            self._lock = _claim(directory, application)
        except OSError as error:
            raise StoreError(f"{directory}: cannot hold a recording: {error.strerror}") from error

    def keep(self, application: Application) -> None:
        """Before it is deployed: a replay needs its modules."""
        path = self.directory / "applications" / application.digest
        try:
            if not path.exists():
                make_directory(path.parent)
                draft = path.with_suffix(".new")
                draft.write_bytes(application.bundle())
                draft.chmod(0o600)
                draft.replace(path)
        except OSError as error:
            log.error("%s: cannot hold the application: %s; it cannot be replayed from here on", path, error.strerror)

    def domains(self, number: int, make: Make) -> Make:
        """Makes domains with this number, as `make` does, and notes in a segment for each what is done to it."""
        folder = self.directory / f"domain-{number}"

        def recorded(settings: Settings) -> Domain:
            domain = make(settings)
            try:
                writer = _new_segment(folder)
            except OSError as error:
                log.error("%s: domain %d is not recorded: %s", folder, number, error.strerror)
                return domain
            return RecordedDomain(domain, _Notes(folder, writer))

        return recorded

    def close(self) -> None:
        """Idempotent."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


class RecordedDomain(Domain):
    """Does what the domain inside does. See `Domain`."""

    def __init__(self, domain: Domain, notes: _Notes) -> None:
        self._domain, self._notes = domain, notes
        self.threads = domain.threads
        settings = domain.settings
        notes.write(Opened(settings, time.time_ns(), *surroundings(), chosen()))

    # ---- what changes it ----

    @property
    def settings(self) -> Settings:
        return self._domain.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._domain.settings = settings
        self._notes.add(Chosen(settings))

    def setup(self, number: int, seed: bytes, secret: bytes, domains: int = 1) -> None:
        self._domain.setup(number, seed, secret, domains)
        self._notes.add(Begun(number, seed, secret, domains))

    def restore(self, snapshot: bytes | None, tail: Iterable[bytes] = ()) -> None:
        tail = list(tail)
        self._domain.restore(snapshot, tail)
        self._notes.write_frames(tail if snapshot is None else [snapshot, *tail])

    def deploy(self, digest: str, kinds: Mapping[str, Kind], endpoints: Iterable[str] = ()) -> None:
        """One that fails is not noted: instances are gone then, as they are by the one that has to follow."""
        self._domain.deploy(digest, kinds, endpoints)
        self._notes.add(Deployed(digest))

    def end_kind(self, name: str) -> None:
        self._domain.end_kind(name)
        self._notes.add(KindEnded(name))

    def submit(self, inputs: bytes) -> None:
        self._domain.submit(inputs)
        self._notes.add(Submitted(inputs))

    def run(self, max_turns: int) -> Status:
        self._notes.write(Ran(max_turns))
        return self._domain.run(max_turns)

    def take_commit(self) -> Commit:
        commit = self._domain.take_commit()  # noted even where it is empty: steps may have been left out of it
        self._notes.write(Committed(commit.durable, commit.outgoing))
        return commit

    def close(self) -> None:
        self._domain.close()
        self._notes.write(Closed())
        self._notes.end()

    # ---- what does not ----

    @property
    def digest(self) -> str:
        return self._domain.digest

    def snapshot(self) -> bytes:
        return self._domain.snapshot()

    def next_due(self) -> int | None:
        return self._domain.next_due()

    def instances(self) -> Mapping[str, int]:
        return self._domain.instances()

    def usage(self) -> Usage:
        return self._domain.usage()

    def dead_letters(self) -> list[Died]:
        return self._domain.dead_letters()

    def dead_letter(self, id: bytes) -> Died | None:
        return self._domain.dead_letter(id)

    def resolve(self, address: Address) -> Address:
        return self._domain.resolve(address)

    def entries(self, address: Address, bucket: str | None = None, key: bytes | None = None) -> list[Put]:
        return self._domain.entries(address, bucket, key)


class _Notes:
    """Events on their way into a segment; after the first failure they go nowhere."""

    def __init__(self, folder: Path, writer: SegmentWriter) -> None:
        self._folder = folder
        self._writer: SegmentWriter | None = writer
        self._pending: list[Event] = []

    def add(self, event: Event) -> None:
        """To be written with the next one that is."""
        if self._writer is not None:
            self._pending.append(event)

    def write(self, event: Event) -> None:
        """With all before it."""
        if self._writer is not None:
            pending, self._pending = [*self._pending, event], []
            self._write(pending)

    def write_frames(self, frames: Iterable[bytes]) -> None:
        for frame in frames:
            self._write(frame)

    def end(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, what: bytes | list[Event]) -> None:
        if self._writer is None:
            return
        try:
            self._writer.write(what)
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            log.error("%s: the recording ends here, and the deployment goes on: %s", self._folder, why)
            with suppress(OSError):
                self._writer.cut()
            self.end()


def _new_segment(folder: Path) -> SegmentWriter:
    """Behind those that there are. Raises OSError."""
    make_directory(folder)
    last = max((int(name) for name in os.listdir(folder) if name.isdigit()), default=0)
    return SegmentWriter(folder / f"{last + 1:06}")


def _claim(directory: Path, application: str) -> int:
    """The file that says what is there, locked. Raises OSError, StoreError."""
    if os.listdir(directory) and not (directory / FILE).exists():
        raise StoreError(f"{directory}: not empty, and no recording; name a new directory")
    file = os.open(directory / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file).st_size == 0:
            os.write(file, msgspec.json.encode(About("recording", VERSION, application)) + b"\n")
        about = read_about(directory)
        if about.application != application:
            raise StoreError(f"{directory}: a recording of {about.application!r}, not of {application!r}")
    except BaseException as error:
        os.close(file)
        if isinstance(error, BlockingIOError):
            raise StoreBusy(f"{directory}: another process records there; name another directory") from None
        raise
    return file


def surroundings() -> tuple[str, str, str]:
    """The versions of Radon and its engine, and the architecture: what equality is promised for (rule 5)."""
    return __version__, version("wasmtime"), platform.machine()


def read_about(directory: Path) -> About:
    """Raises StoreError where there is no recording that this Radon reads."""
    try:
        about = msgspec.json.decode((directory / FILE).read_bytes(), type=About)
    except (OSError, msgspec.MsgspecError, RecursionError):
        raise StoreError(f"{directory}: no recording: it has no {FILE} that can be read") from None
    if (about.radon, about.version) != ("recording", VERSION):
        raise StoreVersion(f"{directory}: a {about.radon} of version {about.version}; this Radon reads {VERSION}")
    return about
