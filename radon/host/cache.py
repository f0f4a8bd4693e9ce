"""Precompiled modules on disk: bytes under a name, given back only if they are whole and our own.

What lies here is native code that the engine will run. So directory and files must belong to this user and be closed
to all others, and a file must carry the right tag and the hash of its content; anything else counts as absent, and so
does every failure. Whoever can write to such a directory could replace the Python interpreter as well: the hash is
there against accidents, not against them. Knows nothing of WebAssembly.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from radon.host.limits import GIB

_MAGIC = b"radon precompiled 1\n"


def directory(environment: Mapping[str, str]) -> Path:
    """$RADON_CACHE, else radon/ in $XDG_CACHE_HOME, else ~/.cache/radon."""
    if own := environment.get("RADON_CACHE"):
        return Path(own)
    if shared := environment.get("XDG_CACHE_HOME"):
        return Path(shared) / "radon"
    return Path(environment.get("HOME") or "~").expanduser() / ".cache" / "radon"


class Cache:
    """Files of one directory, `limit` bytes in all; the least recently used are removed. Any process may share it.

    `tag` says for whom the content is made (versions, settings): content under another tag is not given back.
    """

    def __init__(self, path: Path, tag: str, limit: int = GIB) -> None:
        self._path = path
        self._tag = tag.encode()
        self._limit = limit

    def get(self, name: str) -> bytes | None:
        """What was `put` under this name, or None."""
        try:
            folder = self._open()
        except OSError:
            return None
        try:
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            with os.fdopen(file, "rb") as stream:
                _must_be_ours(os.fstat(file), stat.S_ISREG)
                header = self._header(name)
                if stream.read(len(header)) != header:
                    return None
                checksum, content = stream.read(32), stream.read()
            if hashlib.sha256(content).digest() != checksum:
                return None
            with suppress(OSError):  # mark it as used
                os.utime(name, dir_fd=folder)
            return content
        except OSError:
            return None
        finally:
            os.close(folder)

    def put(self, name: str, content: bytes) -> None:
        """Keep `content`. A reader sees all of it or nothing; when it cannot be kept, nothing happens."""
        if len(content) > self._limit:
            return
        with suppress(OSError):
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = self._open()
            try:
                self._write(folder, name, content)
                self._shrink(folder)
            finally:
                os.close(folder)

    def _open(self) -> int:
        """The directory, if it is ours. What is done through this descriptor cannot be led elsewhere by a rename."""
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _must_be_ours(os.fstat(folder), stat.S_ISDIR)
        except OSError:
            os.close(folder)
            raise
        return folder

    def _header(self, name: str) -> bytes:
        return b"%s%s\n%s\n" % (_MAGIC, self._tag, name.encode())

    def _write(self, folder: int, name: str, content: bytes) -> None:
        unfinished = f".{name}.{os.getpid()}.{threading.get_ident()}"
        with suppress(FileNotFoundError):  # what a writer with these numbers left when it was killed
            os.unlink(unfinished, dir_fd=folder)
        file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            with os.fdopen(file, "wb") as stream:
                stream.write(self._header(name))
                stream.write(hashlib.sha256(content).digest())
                stream.write(content)
            os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(unfinished, dir_fd=folder)
            raise

    def _shrink(self, folder: int) -> None:
        files = []
        for name in os.listdir(folder):
            with suppress(OSError):  # another process may have removed it
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                files.append((status.st_mtime_ns, name, status.st_size))
        excess = sum(size for _, _, size in files) - self._limit
        for _, name, size in sorted(files):
            if excess <= 0:
                break
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
            excess -= size


def _must_be_ours(status: os.stat_result, is_kind: object) -> None:
    """PermissionError unless it is of that kind, belongs to this user, and nobody else may use it."""
    assert callable(is_kind)
    if not is_kind(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise PermissionError("not a file of this user alone")
