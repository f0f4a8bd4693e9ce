"""What clients do to an application in a simulated cluster, and what must hold of it. For application developers.

    class Transfers(Workload):
        clients = 20

        async def client(self, client):
            while True:
                await client.sleep(1.0)
                await client.call("account/a", b'{"deposit": 1}')

        def invariant(self, state):
            assert ...

A file with one such class is what `radon sim --workload` takes.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from radon.abi.errors import RadonError
from radon.abi.records import Died, Put
from radon.host.image import Image
from radon.testing.history import Operation
from radon.testing.simulation.clients import Client


class WorkloadError(RadonError):
    """A workload cannot be used, or raises what says nothing about the application: a mistake in the workload."""


class State:
    """What is durable in all domains at one moment."""

    def __init__(self, images: Sequence[Image]) -> None:
        self.images = images

    def get(self, address: str, bucket: str, key: bytes | str) -> bytes | None:
        """An entry of an atom's state. The address names the atom itself: no sharded kind, no "@here"."""
        atom = self._find(address)
        if atom is None or bucket not in atom.buckets:
            return None
        found = atom.buckets[bucket].get(key.encode() if isinstance(key, str) else key)
        return None if found is None else bytes(found)

    def atoms(self, kind: str) -> Iterator[str]:
        """The keys of all that live, in no order that means anything."""
        for image in self.images:
            yield from (atom.key for atom in image.atoms.values() if atom.kind == kind and atom.life)

    def entries(self, address: str) -> list[Put]:
        """All of an atom's state."""
        atom = self._find(address)
        return [] if atom is None else list(atom.entries())

    def dead_letters(self) -> list[Died]:
        """Messages that were given up."""
        return [letter for image in self.images for letter in image.dead.values()]

    def _find(self, address: str) -> Any:
        """The atom, as the image of its domain has it; None where there is none."""
        kind, _, key = address.partition("/")
        for image in self.images:
            atom = image.find(kind, key)
            if atom is not None:
                return atom
        return None


class Workload:
    """Made anew for each seed. What it draws comes from `random` or from a client's, and it looks at no clock."""

    clients = 20
    """How many there are."""

    settles = 0.0
    """Seconds that atoms get, when clients have stopped and nothing goes wrong any more, before all has to be at rest:
    what they do of their own accord, by timers, is no sign that they are not."""

    def __init__(self, random: Random) -> None:
        self.random = random

    async def setup(self, client: Client) -> None:
        """Before anything else, and before anything goes wrong."""

    async def client(self, client: Client) -> None:
        """What each client does, one of `clients`, until the end.

        An AssertionError or an error of Radon that it raises is a violation, as in `setup`, `invariant` and `check`;
        any other error is a mistake of the workload, and ends the run.
        """

    def invariant(self, state: State) -> None:
        """After each commit. Raises AssertionError."""

    def check(self, history: list[Operation], state: State) -> None:
        """At the end, when everything has come to rest. Raises AssertionError."""


def load_workload(path: Path) -> type[Workload]:
    """The one Workload that a Python file defines. Raises WorkloadError."""
    module = _load_module(path)
    known = [thing for thing in vars(module).values() if isinstance(thing, type) and issubclass(thing, Workload)]
    found = [thing for thing in known if thing.__module__ == module.__name__]
    if len(found) != 1:
        names = f": {', '.join(thing.__name__ for thing in found)}" if found else ""
        imported = next((thing.__name__ for thing in known if thing is not Workload and not found), None)
        hint = f"; one that is imported is derived from: class Its{imported}({imported})" if imported else ""
        raise WorkloadError(
            f"{path}: must define one class that derives from Workload, and has {len(found)}{names}{hint}"
        )
    (workload,) = found
    for name in ("setup", "client", "invariant", "check"):
        wanted = inspect.iscoroutinefunction(getattr(Workload, name))
        if inspect.iscoroutinefunction(getattr(workload, name)) is not wanted:
            raise WorkloadError(f"{path}: {workload.__name__}.{name} must be {'an async def' if wanted else 'a def'}")
    clients: object = workload.clients
    if not isinstance(clients, int) or clients < 1:
        raise WorkloadError(f"{path}: {workload.__name__}.clients = {clients!r}: must be an integer of at least 1")
    return workload


def _load_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"radon_workload_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise WorkloadError(f"{path}: is no Python file with a workload")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses, for one, look for the module that they are in
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise WorkloadError(f"{path}:{error.lineno}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        raise WorkloadError(f"{path}: cannot be loaded: {_told(error, str(module.__file__))}") from error
    return module


def told(error: BaseException, workload: type[Workload]) -> str:
    """An error that a workload raised, and where, on one line: "money was lost (workload.py:83)"."""
    own = [each for each in workload.__mro__ if issubclass(each, Workload) and each is not Workload]
    return _told(error, *(str(sys.modules[each.__module__].__file__) for each in own))


def _told(error: BaseException, *files: str) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    text = str(error)
    if not isinstance(error, AssertionError | RadonError):
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    elif not text:
        text = (frames[-1].line or "" if frames else "") or type(error).__name__
    return f"{text} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else text
