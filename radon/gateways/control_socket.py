"""Where a deployment is found: the Unix socket in its directory, and the claim of the one process that serves it.

Knows no request: those are `control.py`'s. Imports no web framework and no engine, because every verb of the command
line loads this.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from radon.abi.errors import Unavailable

SOCKET = "control"
"""The socket's name in the directory of a deployment."""

PID = "pid"
"""The file that its process holds a lock on and writes its number into. The lock ends with the process, however that
ends; so neither the file nor the socket, found without the lock, means anything."""

BACKLOG = 128


class Claim:
    """The right to serve in `directory`, which exists. From here until `release`, or the end of the process.

    Raises Unavailable when another process has it, OSError when the directory cannot be used.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory
        self._directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._lock = -1
        try:
            with _naming(directory / PID):
                self._lock = self._take()
                os.ftruncate(self._lock, 0)
                os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            if self._lock >= 0:
                self.release()
            else:
                os.close(self._directory)
            raise

    def listen(self) -> socket.socket:
        """The socket, which takes connections from now on. The caller closes it."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _naming(self._path / SOCKET):
                with suppress(FileNotFoundError):  # a process that was killed left it
                    os.unlink(SOCKET, dir_fd=self._directory)
                listener.bind(_within(self._directory))
                os.chmod(SOCKET, 0o600, dir_fd=self._directory)  # before `listen`, without which nobody can connect
                listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
        return listener

    def release(self) -> None:
        """Remove the socket, then the claim. Idempotent."""
        if self._lock < 0:
            return
        for name in (SOCKET, PID):
            with suppress(OSError):
                os.unlink(name, dir_fd=self._directory)
        os.close(self._lock)
        os.close(self._directory)
        self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _take(self) -> int:
        while True:
            lock = os.open(PID, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=self._directory)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Whoever had it may have removed the file between the two calls: then this lock is on nothing.
                with suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(lock), os.stat(PID, dir_fd=self._directory)):
                        return lock
            except BlockingIOError:
                owner = os.read(lock, 20).decode("ascii", "replace").strip() or "that is starting"
                os.close(lock)
                raise Unavailable(
                    f"{self._path}: in use by process {owner}; stop it, or use another directory"
                ) from None
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)


@contextmanager
def socket_path(directory: Path) -> Iterator[str]:
    """A path of the socket in `directory` that fits into an address, whose 108 bytes that of a directory may not.

    Good for this process, inside the block. Raises FileNotFoundError where there is no directory.
    """
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield _within(descriptor)
    finally:
        os.close(descriptor)


def answers(directory: Path) -> bool:
    """Does a process serve there now?"""
    try:
        with socket_path(directory) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.connect(path)
    except OSError:
        return False
    return True


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """An error of the system names the file, which was known by its name within the directory, or by a number."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error


def _within(directory: int) -> str:
    """The kernel follows this link to the open directory, wherever that is and whatever it is called."""
    return f"/proc/self/fd/{directory}/{SOCKET}"
