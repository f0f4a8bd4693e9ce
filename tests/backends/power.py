"""A disk whose power can be cut at any moment: it keeps what a store did to its directory, and what of it was flushed.

What was flushed is there after the cut. Of what was not, each sector of a file, its size, and each name in the
directory is there or not by itself, in any version that it had since. A transaction of LMDB is there or not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from errno import EIO
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest

from radon.backends.stores import directory, environment, logfile

T = TypeVar("T")

SECTOR = 512


class _Versions:
    """Of one thing: those that the disk may have, the flushed one and what came after it, and what readers see."""

    def __init__(self, flushed: Any) -> None:
        self.now = flushed
        self._all = [flushed]

    def change(self, value: Any) -> None:
        self.now = value
        self._all.append(value)

    def flush(self) -> None:
        del self._all[:-1]

    def give_up(self) -> None:
        del self._all[1:]

    def survivor(self, random: Random) -> Any:
        """As often as not the newest or the oldest, lest nearly every cut leaves a mixture."""
        return random.choice([random.choice(self._all), self._all[random.choice([0, -1])]])


class _File:
    def __init__(self) -> None:
        self.size = _Versions(0)
        self.sectors: dict[int, _Versions] = {}

    def write(self, at: int, data: bytes) -> None:
        for number in range(at // SECTOR, (at + len(data) - 1) // SECTOR + 1):
            sector = self.sectors.setdefault(number, _Versions(bytes(SECTOR)))
            begin = number * SECTOR
            first, last = max(at, begin), min(at + len(data), begin + SECTOR)
            content = bytearray(sector.now)
            content[first - begin : last - begin] = data[first - at : last - at]
            sector.change(bytes(content))
        if at + len(data) > self.size.now:
            self.size.change(at + len(data))

    def resize(self, size: int) -> None:
        if size < (old := self.size.now):
            self.write(size, bytes(old - size))
        self.size.change(size)

    def flush(self) -> None:
        for each in (self.size, *self.sectors.values()):
            each.flush()

    def give_up(self) -> None:
        """What is not on the disk never comes there unless it is written again. Readers see it as before."""
        for each in self.sectors.values():
            each.give_up()

    def survivor(self, random: Random) -> bytes:
        content = bytearray(self.size.survivor(random))
        for number, versions in self.sectors.items():
            data = versions.survivor(random)[: max(0, len(content) - number * SECTOR)]
            content[number * SECTOR : number * SECTOR + len(data)] = data
        return bytes(content)


class Disk:
    """What a store did to the directory `home` since this was made, step by step, and what a power cut leaves of it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._steps: list[Callable[[_Content], None]] = []
        self._open: dict[int, str] = {}  # by descriptor: the name; "": the directory
        self.failing = 0  # so many of the next flushes of files fail
        self.keep_data()

    def __len__(self) -> int:
        return len(self._steps)

    def leave(self, steps: int, random: Random, home: Path) -> None:
        """Make the directory `home`: what is left when the power is cut after so many steps."""
        content = _Content()
        for step in self._steps[:steps]:
            step(content)
        home.mkdir()
        (home / "VERSION").write_bytes((self._home / "VERSION").read_bytes())
        (home / "data.mdb").write_bytes(content.data)
        for name, there in content.names.items():
            if there.survivor(random):
                (home / name).write_bytes(content.files[name].survivor(random))

    def keep_data(self) -> None:
        """A transaction of LMDB has ended."""
        data = (self._home / "data.mdb").read_bytes()
        self._steps.append(lambda content: setattr(content, "data", data))

    def name(self, name: str, there: bool) -> None:
        self._steps.append(lambda content: content.name(name, there))

    # ---- in place of the module `os` ----

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        file = os.open(path, flags, mode)
        self._open[file] = "" if path == self._home else path.name
        if flags & os.O_CREAT:
            self.name(path.name, True)
        return file

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)
        self._steps.append(lambda content: content.rename(old.name, new.name))

    def close(self, file: int) -> None:
        os.close(file)
        del self._open[file]

    def pwritev(self, file: int, parts: Sequence[bytes], at: int) -> int:
        return self.pwrite(file, b"".join(parts), at)

    def pwrite(self, file: int, data: bytes, at: int) -> int:
        name, size = self._open[file], os.pwrite(file, data, at)
        written = bytes(data[:size])
        self._steps.append(lambda content: content.files[name].write(at, written))
        return size

    def ftruncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)
        if (name := self._open[file]) != "LOCK":
            self._steps.append(lambda content: content.files[name].resize(size))

    def posix_fallocate(self, file: int, at: int, size: int) -> None:
        os.posix_fallocate(file, at, size)
        name, end = self._open[file], os.fstat(file).st_size
        self._steps.append(lambda content: content.files[name].resize(end))

    def fsync(self, file: int) -> None:
        name = self._open[file]
        if name and self.failing:
            self.failing -= 1
            self._steps.append(lambda content: content.files[name].give_up())
            raise OSError(EIO, os.strerror(EIO))
        self._steps.append(lambda content: content.files[name].flush() if name else content.flush_names())

    fdatasync = fsync


class _Content:
    """Of a directory, at some moment."""

    def __init__(self) -> None:
        self.data = b""
        self.names: dict[str, _Versions] = {}
        self.files: dict[str, _File] = {}

    def name(self, name: str, there: bool) -> None:
        self.names.setdefault(name, _Versions(False)).change(there)
        self.files.setdefault(name, _File())

    def rename(self, old: str, new: str) -> None:
        self.files[new] = self.files[old]
        self.name(old, False)
        self.name(new, True)

    def flush_names(self) -> None:
        for there in self.names.values():
            there.flush()


@contextmanager
def recorded(home: Path) -> Iterator[Disk]:
    """What stores do to this directory, which is a whole store already. One at a time, and without threads."""
    disk = Disk(home)
    write, unlink = environment.Environment.write, Path.unlink

    def write_and_keep(self: environment.Environment, act: Callable[..., T], **options: bool) -> T:
        done = write(self, act, **options)
        disk.keep_data()
        return done

    def unlink_and_tell(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        if path.parent == home:
            disk.name(path.name, False)

    with pytest.MonkeyPatch.context() as patch:
        for module in (logfile, directory):
            patch.setattr(module, "os", disk)
        patch.setattr(environment.Environment, "write", write_and_keep)
        patch.setattr(Path, "unlink", unlink_and_tell)
        yield disk
