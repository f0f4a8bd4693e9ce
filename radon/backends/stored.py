"""A deployment that nobody runs now, or as it was at a moment: its application and its durable image, to look at.

Reads data directories and changes no record of them. Runs no atom.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from radon.abi.delivery import Address
from radon.abi.errors import StoreError
from radon.abi.frames import FrameError
from radon.abi.records import Put, Setup
from radon.atoms.application import Application
from radon.backends.monolith import domains_of
from radon.backends.stores.lmdb import LmdbStore
from radon.host.domain import Settings
from radon.host.image import Image
from radon.host.lookup import entries, resolve, restored
from radon.host.placement import place


class Stored(NamedTuple):
    """The application that was deployed last, and all that its domains hold, in the order of their numbers."""

    application: Application
    images: list[Image]

    def entries(self, address: Address, bucket: str | None = None, key: bytes | None = None) -> list[Put]:
        """The state of the atom that a name means; see `Domain.resolve` and `Domain.entries`."""
        endpoints = {f"http:{name}" for name in self.application.manifest.egress.http}
        atom = resolve(address, self.application.kinds(), endpoints, Settings().host)
        return entries(self.images[place(atom, lambda address: address, len(self.images))], atom, bucket, key)


def read_stored(directory: Path) -> Stored:
    """What a stopped deployment holds; the directory is this process's own while it is read.

    Raises StoreError, and StoreBusy while the deployment runs.
    """
    if not (directory / "data.mdb").is_file():
        raise StoreError(f"{directory}: holds no data; name the directory of a deployment")
    store = LmdbStore(directory)
    try:
        bundle = store.read("application")
        if bundle is None:
            raise StoreError(f"{directory}: nothing was ever deployed here")
        found = [store.open(domain) for domain in range(domains_of(store) or 1)]
    finally:
        store.close()
    try:
        images = [restored(image.snapshot, image.tail) for image in found]
    except FrameError as error:
        raise StoreError(f"{directory}: {error}; go back to a backup") from None
    return Stored(Application.unbundle(bundle), images)


def images_of(records: Iterable[Any]) -> list[Image]:
    """The images that the snapshots of several domains make, one behind the other: each begins with its Setup.

    Raises LookupError and AssertionError for records that contradict each other.
    """
    images: list[Image] = []
    for record in records:
        if isinstance(record, Setup):
            images.append(Image())
        if not images:
            raise LookupError("a domain begins with its setup")
        images[-1].load([record])
    numbers = [(image.domain, image.domains) for image in images]
    if not images or numbers != [(number, len(images)) for number in range(len(images))]:
        raise LookupError("the domains of an application are numbered from 0, and none is missing")
    return images
