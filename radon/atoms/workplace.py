"""A folder in which something is made: beside its target, so that it is put into place by a rename.

Owns its name, and its lock, which says whether anybody works there. The lock is the kernel's and ends with the process,
however that ends. Knows nothing of what is made.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BUILD = ".radon-build-"
IMPORT = ".radon-import-"
"""What their names begin with, by what they are for."""


@contextmanager
def workplace(parent: Path, purpose: str = BUILD) -> Iterator[Path]:
    """A new folder in `parent`, for as long as the block lasts. What killed processes left there is removed."""
    sweep(parent, purpose)
    folder, lock = _make(parent, purpose)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def sweep(parent: Path, purpose: str = BUILD) -> None:
    """Remove the folders in `parent` of processes that were killed. Those in which somebody works stay."""
    for folder in parent.glob(f"{purpose}*"):
        with suppress(OSError):  # it is locked, or gone, or no folder, or nobody can say
            lock = _lock(folder)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _make(parent: Path, purpose: str) -> tuple[Path, int | None]:
    """A folder and its lock; None where the file system has no locks, and so no sweep either."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=purpose, dir=parent))
        try:
            lock = _lock(folder)
        except (BlockingIOError, FileNotFoundError):
            continue
        except OSError:
            return folder, None
        if folder.exists():  # else a sweep took it for one that was left, before it was locked
            return folder, lock
        os.close(lock)


def _lock(folder: Path) -> int:
    """Raises BlockingIOError while somebody has it, and OSError."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(lock)
        raise
    return lock
