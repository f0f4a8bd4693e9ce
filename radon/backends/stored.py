"""A deployment that nobody runs now, or as it was at a moment: its application and its durable image, to look at.

Reads data directories and changes no record of them. Runs no atom.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from radon.abi.delivery import Address
from radon.abi.errors import StoreError
from radon.abi.frames import FrameError
from radon.abi.records import Put
from radon.atoms.application import Application
from radon.backends.monolith import DOMAIN
from radon.backends.stores.lmdb import LmdbStore
from radon.host.domain import Settings
from radon.host.image import Image
from radon.host.lookup import entries, resolve, restored


class Stored(NamedTuple):
    """The application that was deployed last, and all that the domain holds."""

    application: Application
    image: Image

    def entries(self, address: Address, bucket: str | None = None, key: bytes | None = None) -> list[Put]:
        """The state of the atom that a name means; see `Domain.resolve` and `Domain.entries`."""
        endpoints = {f"http:{name}" for name in self.application.manifest.egress.http}
        atom = resolve(address, self.application.kinds(), endpoints, Settings().host)
        return entries(self.image, atom, bucket, key)


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
        found = store.open(DOMAIN)
    finally:
        store.close()
    try:
        image = restored(found.snapshot, found.tail)
    except FrameError as error:
        raise StoreError(f"{directory}: {error}; go back to a backup") from None
    return Stored(Application.unbundle(bundle), image)
