"""What LMDB and the system say when they fail, in our words: the directory's name, what is wrong, the way out."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, EFBIG, EIO, ENOMEM, ENOSPC
from pathlib import Path

import lmdb

from radon.abi.errors import StoreError
from radon.backends.driver import StoreDamaged, StoreFull, StoreVersion

WAY_OUT = "go back to a backup, or to an export with `radon state import`"


def _room(path: Path) -> int:
    """Bytes by which the data may grow: what the disk has left, and what a limit of this process on files allows."""
    try:
        free, limit = shutil.disk_usage(path).free, resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        data = path / "data.mdb"
        used = data.stat().st_size if data.exists() else 0
    except OSError:  # nothing can be said of a disk that does not answer
        return 1 << 20
    return free if limit == resource.RLIM_INFINITY else min(free, limit - used)


def translated(error: lmdb.Error | OSError, path: Path) -> StoreError:
    """LMDB's error, or the system's, as a StoreError that names the directory and the way out."""
    code: int = getattr(error, "errno" if isinstance(error, OSError) else "code", 0)  # py-lmdb's own have none
    # LMDB reports a write that was cut short as EIO, and that is how a disk mostly becomes full.
    if code in (ENOSPC, EDQUOT, EFBIG) or (code == EIO and _room(path) < 1 << 20):
        return StoreFull(f"{path}: the disk is full; make room on it")
    if isinstance(error, lmdb.VersionMismatchError):
        return StoreVersion(f"{path}: data.mdb is of another LMDB format; export it where it was written")
    if isinstance(error, (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError)):
        return StoreDamaged(f"{path}: data.mdb is damaged ({error}); {WAY_OUT}")
    if code == ENOMEM:
        return StoreError(
            f"{path}: data.mdb cannot be mapped: raise the limit of address space, or it is damaged: {WAY_OUT}"
        )
    reason = error.strerror if isinstance(error, OSError) else error
    return StoreError(f"{path}: {reason}{'; look at the disk and its permissions' if code > 0 else ''}")


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Errors of the system as those of the directory `path`."""
    try:
        yield
    except OSError as error:
        raise translated(error, path) from error


def rescue(file: int, path: Path) -> str | None:
    """None, or how to save an open file that was removed.

    Not by `fstat`: who was told the times of a file makes its next write change them, so that the flush takes half as
    long again.
    """
    with suppress(OSError):
        if os.readlink(f"/proc/self/fd/{file}").endswith(" (deleted)"):
            return f"cp /proc/{os.getpid()}/fd/{file} {path.name}"
    return None
