"""A data directory, owned by one process at a time: its LOCK and VERSION files.

Knows nothing of what else is in the directory but that `data.mdb` and VERSION belong together: one without the other
is not ours, or has lost its data. While a directory is being made it holds NEW, and only then may `data.mdb` be there
in part: nothing in it was ever acknowledged. The lock is the kernel's and ends with the process, however that ends; the
number in LOCK is only there to be shown.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, ENOSPC
from pathlib import Path

from radon.abi.errors import StoreError
from radon.backends.driver import StoreBusy, StoreDamaged, StoreFull, StoreVersion
from radon.backends.stores.failures import WAY_OUT

FORMAT = "radon store 3"
READABLE = (FORMAT, "radon store 2")
"""2 had no log file."""


class Directory:
    """Owned from here until `release`. Made if absent, for the owner of the process alone; `made` ends the making.

    Raises StoreBusy, StoreVersion, StoreDamaged, and StoreError when the path is no directory or may not be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _told(path):
            make(path)
            self._lock = _lock(path)
            try:
                found = _check_version(path)
                self._new = found != FORMAT
                if not found:
                    _begin(path)
            except BaseException:
                self.release()
                raise

    def made(self) -> None:
        """What belongs into it is there and durable; from now on it has to be."""
        if self._new:
            with _told(self.path):
                seal(self.path)
                (self.path / "NEW").unlink(missing_ok=True)
            self._new = False

    def release(self) -> None:
        """Idempotent."""
        if self._lock >= 0:
            with suppress(OSError):
                os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = -1


def make(path: Path) -> None:
    """A directory for its owner alone, if there is none; its name and those of its parents outlive a power cut."""
    absent = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in absent:
        sync(each.parent)


@contextmanager
def made_anew(path: Path) -> Iterator[None]:
    """A directory with an empty `data.mdb`, to be filled while this lasts; after a failure all of it is gone. Raises
    StoreError if it is not empty, or somebody else's."""
    new = not path.exists()
    taken = StoreError(f"{path}: not empty; a backup needs a directory of its own")
    if not new and any(path.iterdir()):
        raise taken
    ours: list[Path] = []
    try:
        make(path)
        try:
            os.close(os.open(path / "data.mdb", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            raise taken from None
        ours = [path / name for name in ("data.mdb", "VERSION.new", "VERSION")]
        yield
    except BaseException:
        with suppress(OSError):
            for each in ours:
                each.unlink(missing_ok=True)
            if new:
                path.rmdir()
        raise


def seal(path: Path) -> None:
    """Mark a directory as a whole one of this version. The names that it holds are durable before the mark is."""
    sync(path)
    draft = path / "VERSION.new"
    with open(draft, "w", encoding="ascii") as file:
        file.write(f"{FORMAT}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path / "VERSION")
    sync(path)


def sync(path: Path) -> None:
    """Make the names in a directory outlive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise StoreFull(f"{path}: the disk is full; make room on it") from error
        raise StoreError(f"{path}: not usable as a data directory: {error.strerror}") from error


def _lock(path: Path) -> int:
    fd = os.open(path / "LOCK", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
    except BaseException as error:
        owner = os.read(fd, 20).decode("ascii", "replace").strip()
        os.close(fd)
        if isinstance(error, BlockingIOError):
            raise StoreBusy(f"{path}: in use by {_who(owner)}; stop it, or use another directory") from None
        raise
    return fd


def _who(owner: str) -> str:
    if owner == str(os.getpid()):
        return "this process already"
    # Between its lock and its number an owner is nameless, or goes under the number of one that was killed.
    return f"process {owner}" if owner.isdigit() else "another process"


def _check_version(path: Path) -> str:
    """The version; "": it is still to be made."""
    data = path / "data.mdb"
    try:
        found = (path / "VERSION").read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        if data.exists() and not (path / "NEW").exists():
            raise StoreVersion(
                f"{path}: holds a data.mdb but no VERSION: not a whole Radon data directory; use another directory"
            ) from None
        return ""
    if found not in READABLE:
        raise StoreVersion(
            f"{path}: its VERSION is {found[:40]!r}, this Radon reads {FORMAT!r}; "
            f"export with the Radon that wrote it and import here"
        )
    if not data.exists() or not data.stat().st_size:
        lost = "is empty" if data.exists() else "is gone"
        raise StoreDamaged(f"{path}: its data.mdb {lost}; {WAY_OUT}, or remove the directory to begin anew")
    return found


def _begin(path: Path) -> None:
    """Begin to make it, over what a process left that ended while it did."""
    (path / "NEW").touch()
    sync(path)
    (path / "data.mdb").unlink(missing_ok=True)
