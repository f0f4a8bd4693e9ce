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
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from radon.abi.delivery import Address
from radon.abi.errors import Invalid
from radon.abi.records import Died, Put
from radon.host.image import Image
from radon.host.placement import place
from radon.testing.history import Operation
from radon.testing.simulation.clients import Client


class State:
    """What is durable in all domains at one moment."""

    def __init__(self, images: Sequence[Image]) -> None:
        self.images = images

    def get(self, address: str, bucket: str, key: bytes | str) -> bytes | None:
        """An entry of an atom's state. The address names the atom itself: no sharded kind, no "@here"."""
        kind, _, name = address.partition("/")
        at = place(Address(kind, name), lambda address: address, len(self.images))
        atom = self.images[at].atoms.get((kind, name))
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
        kind, _, name = address.partition("/")
        at = place(Address(kind, name), lambda address: address, len(self.images))
        atom = self.images[at].atoms.get((kind, name))
        return [] if atom is None else list(atom.entries())

    def dead_letters(self) -> list[Died]:
        """Messages that were given up."""
        return [letter for image in self.images for letter in image.dead.values()]


class Workload:
    """Made anew for each seed. What it draws comes from `random` or from a client's, and it looks at no clock."""

    clients = 20
    """How many there are."""

    def __init__(self, random: Random) -> None:
        self.random = random

    async def setup(self, client: Client) -> None:
        """Before anything else, and before anything goes wrong."""

    async def client(self, client: Client) -> None:
        """What each client does, one of `clients`, until the end. What it raises is a violation."""

    def invariant(self, state: State) -> None:
        """After each commit. Raises AssertionError."""

    def check(self, history: list[Operation], state: State) -> None:
        """At the end, when everything has come to rest. Raises AssertionError."""


def load_workload(path: Path) -> type[Workload]:
    """The one Workload that a Python file defines. Raises Invalid."""
    spec = importlib.util.spec_from_file_location(f"radon_workload_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise Invalid(f"{path}: is no Python file with a workload")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise Invalid(f"{path}: cannot be loaded: {type(error).__name__}: {error}") from error
    found = [
        thing for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, Workload) and thing.__module__ == module.__name__
    ]  # fmt: skip
    if len(found) != 1:
        raise Invalid(f"{path}: defines {len(found)} workloads; it must define one class that derives from Workload")
    return found[0]
