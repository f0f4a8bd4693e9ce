"""Every store there is, by name. To add one: a file beside this one, a line below, and a test file of one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from radon.abi.errors import Invalid
from radon.backends.driver import Store
from radon.backends.stores.lmdb import LmdbStore
from radon.backends.stores.memory import MemoryStore

__all__ = ["STORES", "open_store"]

STORES: Mapping[str, Callable[[Path, bool], Store]] = MappingProxyType(
    {
        "memory": lambda directory, fsync: MemoryStore(keeps=False),
        "lmdb": lambda directory, fsync: LmdbStore(directory, fsync=fsync),
    }
)


def open_store(name: str, directory: Path, *, fsync: bool = True) -> Store:
    """The store `name` in `directory`, which "memory" leaves alone, as it does commits. The caller closes it.

    `fsync`: a commit is on the disk when it returns; else it outlives the process but not a power cut.
    Raises Invalid for an unknown name, and StoreError.
    """
    make = STORES.get(name)
    if make is None:
        raise Invalid(f"unknown store {name!r}; known: {', '.join(STORES)}")
    return make(directory, fsync)
