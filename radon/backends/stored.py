"""A deployment that nobody runs now, or as it was at a moment: its application and its durable image, to look at.

Reads data directories and changes no record of them. Runs no atom.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from radon.abi.delivery import Address
from radon.abi.errors import NotFound, StoreError
from radon.abi.frames import FrameError, FrameType, decode_all, unseal
from radon.abi.records import Put
from radon.atoms.application import Application
from radon.backends.monolith import DOMAIN
from radon.backends.stores.lmdb import LmdbStore
from radon.host.domain import Settings
from radon.host.image import Image
from radon.host.ledger import Ledger
from radon.host.routes import Routes


class Stored(NamedTuple):
    """The application that was deployed last, and all that the domain holds."""

    application: Application
    image: Image

    def atom(self, address: Address) -> Address:
        """The atom that a name means: shards are chosen. Raises NotFound."""
        routes = Routes(Ledger(self.image), Settings().host, lambda atom: None)
        routes.kinds = self.application.kinds()
        return routes.resolve(address)


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
    image = Image()
    try:
        if found.snapshot is not None:
            image.load(decode_all(unseal(FrameType.SNAPSHOT, found.snapshot)))
        for frame in found.tail:
            image.load(decode_all(unseal(FrameType.LOG, frame)))
    except FrameError as error:
        raise StoreError(f"{directory}: {error}; go back to a backup") from None
    return Stored(Application.unbundle(bundle), image)


def entries(image: Image, address: Address, bucket: str | None = None, key: bytes | None = None) -> list[Put]:
    """The committed state of an atom, or of one bucket of it, or one entry. Raises NotFound where there is none."""
    atom = image.find(address.kind, address.key)
    if atom is None:
        raise NotFound(f"there is no atom {address.text}: it was never sent anything, or it has ended")
    found = [put for put in atom.entries() if bucket in (None, put.bucket) and key in (None, put.key)]
    if not found and bucket is not None:
        raise NotFound(f"{address.text} has {'no such key' if key is not None else 'nothing'} in bucket {bucket!r}")
    return found
