"""A log file: the commits of all domains in one order, each durable when `append` has returned.

A commit is one write into room that was allocated ahead, and one flush. The room of an ended file is kept for the next
one: in what was written before, a flush has no metadata to carry. Knows no epoch and no snapshot, and never reuses a
byte of its own: what is not needed any more goes with its file.

    file    MAGIC, token:8s
    commit  token:8s crc32:u32, what the CRC is of: domain:u32 position:u64 flushed:u8 count:u32 bytes:u64,
            the sizes of `count` frames, u64 each, and the frames; these are `bytes` long

All numbers are little-endian. The token is drawn for each file, so that nothing that a guest writes, and nothing of an
older file, passes for a commit. `flushed` says that all commits before this one were durable when it was written: only
behind the last such commit may a power cut have torn something. So what fails its checksum in front of one is damage;
anything else is the end of the log, where nothing was acknowledged.
"""

from __future__ import annotations

import logging
import os
import secrets
import stat
import struct
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from errno import EDQUOT, EFBIG, EINVAL, ENOSPC, EOPNOTSUPP
from itertools import accumulate
from mmap import ACCESS_READ, mmap
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from radon.abi.errors import StoreError
from radon.backends.driver import StoreDamaged
from radon.backends.stores.directory import sync
from radon.backends.stores.failures import WAY_OUT, rescue, told

log = logging.getLogger(__name__)

MAGIC = b"radon log 1\n"
FIRST_STEP, LAST_STEP = 1 << 20, 16 << 20
"""Bytes that are allocated ahead: as many as there are already, within these bounds."""

NAMES = "commits." + "[0-9a-f]" * 16
"""Of files that are, or were, in use: a pattern."""
SPARE = "commits.spare"
"""The name of an ended file that waits for its next use. There is none while another file is in use."""
SPARE_BYTES = 256 << 20
"""Its length at most."""

_TOKEN_BYTES = 8
_BEGIN = len(MAGIC) + _TOKEN_BYTES
_SEAL = struct.Struct(f"<{_TOKEN_BYTES}sI")
_HEAD = struct.Struct("<IQ?IQ")
_FIXED = _SEAL.size + _HEAD.size
_MOST_PIECES = os.sysconf("SC_IOV_MAX")


class Commit(NamedTuple):
    """What was appended at once. The frames are views of the file, which stays mapped as long as one of them lives."""

    domain: int
    position: int  # of the first frame
    flushed: bool
    frames: list[memoryview]
    end: int  # where it ends in the file


class LogFile:
    """One process has it. `flush`: a commit outlives the machine, else the process. Raises StoreError and StoreFull.

    After a failure of `append` nothing may be appended before `cut_back` has succeeded. After one of `flush` nothing
    can be before another one has.
    """

    def __init__(self, path: Path, file: int, token: bytes, *, end: int, flush: bool) -> None:
        self.path = path
        self.token = token
        self.end = end
        self.positions: dict[int, range] = {}  # of each domain's frames; none is missing in between
        self._begins: dict[int, array[int]] = {}  # where each domain's commits lie
        self._file = file
        self._flush = flush
        self._room = end  # may be written up to here
        self.size = end  # of the file, which may have more room
        self._sizing = Lock()  # guards these two
        self._safe = end  # the disk has it up to here
        self._failure: BaseException | None = None  # why it may not have the rest
        self._flushing = Lock()

    @classmethod
    def create(cls, directory: Path, *, flush: bool) -> LogFile:
        """A new one, which is durable with its name; nobody looks for it yet."""
        token = secrets.token_bytes(_TOKEN_BYTES)
        path = directory / name_of(token)
        with told(directory):
            made = cls(path, _new_file(path), token, end=0, flush=flush)
            try:
                made.size = os.fstat(made._file).st_size
                made._write([MAGIC, token], _BEGIN)
                made.end = made._safe = _BEGIN
                os.fsync(made._file)
                sync(directory)
            except BaseException:
                made.close()
                with suppress(OSError):
                    path.unlink()
                raise
        return made

    @classmethod
    def open(cls, directory: Path, token: bytes, *, flush: bool) -> LogFile:
        """What a process left, without what it did not come to the end of. Raises StoreDamaged."""
        path = directory / name_of(token)
        with told(directory):
            try:
                file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                raise StoreDamaged(f"{directory}: its {path.name} is gone; {WAY_OUT}") from None
            found = cls(path, file, token, end=_BEGIN, flush=flush)
            try:
                found.end, found._safe = found._find_end()
                found._write_again(found.end)
                found.cut_back()
            except BaseException:
                found.close()
                raise
        return found

    def append(self, domain: int, position: int, frames: Sequence[bytes]) -> None:
        if self._failure is not None:
            raise StoreError(f"{self._failure}; nothing is committed before a flush succeeds")
        sizes = struct.pack(f"<{len(frames)}Q", *map(len, frames))
        size = len(sizes) + sum(map(len, frames))
        head = _HEAD.pack(domain, position, self._safe == self.end, len(frames), size)
        crc = zlib.crc32(sizes, zlib.crc32(head))
        for frame in frames:
            crc = zlib.crc32(frame, crc)
        with told(self.path.parent):
            self._write([_SEAL.pack(self.token, crc), head, sizes, *frames], _FIXED + size)
        self._note(domain, position, len(frames), self.end)
        self.end += _FIXED + size
        if self._flush:
            self._safe = self.end

    def frames(self, domain: int) -> Iterator[tuple[int, memoryview]]:
        """Positions and frames of a domain. Raises StoreDamaged."""
        data = self._map()
        for at in self._begins.get(domain, ()):
            if (commit := _commit_at(data, self.token, at)) is None:
                raise self._damaged(at)
            yield from enumerate(commit.frames, commit.position)

    def commits(self, begin: int = 0) -> Iterator[Commit]:
        """All of them in order, or from the one that begins at `begin`. Raises StoreDamaged."""
        at, end = begin or _BEGIN, self.end
        data = self._map()
        while at < end:
            commit = _commit_at(data, self.token, at)
            if commit is None:
                raise self._damaged(at)
            yield commit
            at = commit.end

    def flush(self) -> None:
        """Make durable what was appended; may run beside everything else.

        A failure is told once, and leaves what it was about where it can be read for a while, as if the disk had it. So
        the next flush begins with writing all of that again. Raises StoreDamaged where it cannot be read any more.
        """
        with self._flushing:
            if (end := self.end) == self._safe:
                return
            try:
                with told(self.path.parent):
                    if self._failure is not None:
                        self._write_again(end)
                    os.fdatasync(self._file)
            except BaseException as error:
                self._failure = error
                raise
            self._safe, self._failure = end, None

    def cut_back(self) -> None:
        """To its end, durably: what a failed write left behind it is gone."""
        self.flush()
        with told(self.path.parent):
            with self._sizing:
                os.ftruncate(self._file, self.end)
                self._room = self.size = self.end
            os.fdatasync(self._file)
        for begins in self._begins.values():
            while begins and begins[-1] >= self.end:
                begins.pop()

    @property
    def rescue(self) -> str | None:
        """None, or how to save it after it was removed: what is written into it then is lost with the process."""
        return rescue(self._file, self.path)

    def close(self) -> None:
        """Waits for a flush; those that come later find nothing to do."""
        with self._flushing, self._sizing:
            os.close(self._file)
            self._file, self._safe = -1, self.end

    def shrink(self) -> bool:
        """Give the disk back what is not in use. Was there any? May run beside everything else."""
        with told(self.path.parent), self._sizing:
            unused = self.size > self._room
            if unused:
                os.ftruncate(self._file, self._room)
                self.size = self._room
            return unused

    def retire(self) -> None:
        """Close it, when nobody looks for it any more: its room is for the next one, or else for the disk."""
        try:
            if self.size > SPARE_BYTES:
                os.ftruncate(self._file, SPARE_BYTES)
            os.rename(self.path, self.path.parent / SPARE)
        except OSError:
            with suppress(OSError):
                self.path.unlink()
        self.close()

    def _write(self, pieces: list[bytes], size: int) -> None:
        """All of `pieces`, which are `size` bytes, at the end; durable if each commit is to be."""
        if self.end + size > self._room:
            self._allocate(size)
        if len(pieces) > _MOST_PIECES:
            pieces = [b"".join(pieces)]
        written = os.pwritev(self._file, pieces, self.end)
        if written < size:  # the disk is full, or this was too much for one call: the next one tells
            rest = memoryview(b"".join(pieces))
            while written < size:
                written += os.pwrite(self._file, rest[written:], self.end + written)
        if self._flush:
            os.fdatasync(self._file)

    def _allocate(self, size: int) -> None:
        """Room for `size` more, and for what comes after it if there is any.

        As much as the file is long stays free: else there would be no room to end it, so that none ever came back.
        """
        step = max(size, min(max(self.end, FIRST_STEP), LAST_STEP))
        with self._sizing:
            disk = os.fstatvfs(self._file)
            if disk.f_blocks:  # some file systems do not tell
                free = disk.f_bavail * disk.f_frsize
                spare = (free + max(0, self.size - self.end) - self.end) // 2
                if size > spare:
                    raise OSError(ENOSPC, os.strerror(ENOSPC))
                step = min(step, spare)
                if free < self.end + step < self.size:
                    os.ftruncate(self._file, self.end + step)
                    self.size = self.end + step
            if self.end + step > self.size:
                try:
                    os.posix_fallocate(self._file, self.end, step)
                except OSError as error:
                    if error.errno not in (ENOSPC, EDQUOT, EFBIG, EOPNOTSUPP, EINVAL):
                        raise
                    step = size  # the write will tell
            self._room = self.end + step
            self.size = max(self.size, self._room)

    def _note(self, domain: int, position: int, count: int, begin: int) -> None:
        first = self.positions[domain].start if domain in self.positions else position
        self._begins.setdefault(domain, array("Q")).append(begin)
        self.positions[domain] = range(first, position + count)

    def _map(self) -> mmap | bytes:
        with told(self.path.parent):
            return mmap(self._file, 0, access=ACCESS_READ) if os.fstat(self._file).st_size else b""

    def _write_again(self, end: int) -> None:
        """The commits that the disk may not have, up to `end`. Raises StoreDamaged if the system has them no more."""
        data, at = self._map(), self._safe
        while at < end:
            if (commit := _commit_at(data, self.token, at)) is None:
                raise self._damaged(at)
            while at < commit.end:
                at += os.pwrite(self._file, memoryview(data)[at : commit.end], at)

    def _find_end(self) -> tuple[int, int]:
        """And where the last commits begin that the disk may not have though they can be read: who wrote them may have
        been told that a flush failed, and nobody is told twice."""
        data = self._map()
        if data[:_BEGIN] != MAGIC + self.token:  # it was durable before anyone looked for it
            raise self._damaged(0)
        end = safe = _BEGIN
        while (commit := _commit_at(data, self.token, end)) is not None:
            self._note(commit.domain, commit.position, len(commit.frames), end)
            safe = end if commit.flushed else safe
            end = commit.end
        lost, at = 0, end
        while (at := data.find(self.token, at + 1)) >= 0:
            if (commit := _commit_at(data, self.token, at)) is not None:
                if commit.flushed:
                    raise self._damaged(end)
                lost += 1
        if lost:
            log.warning("%s: %d commits that were not flushed before a power cut are lost", self.path, lost)
        return end, safe

    def _damaged(self, at: int) -> StoreDamaged:
        return StoreDamaged(f"{self.path}: the commit at byte {at} fails its checksum; {WAY_OUT}")


def _new_file(path: Path) -> int:
    """The spare one if there is any. What is in it has another token."""
    spare = path.parent / SPARE
    with suppress(OSError):
        file = os.open(spare, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:  # whoever put it there
                raise OSError(EINVAL, os.strerror(EINVAL))
            os.rename(spare, path)
        except BaseException:
            os.close(file)
            raise
        return file
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def name_of(token: bytes) -> str:
    return f"commits.{token.hex()}"


def _commit_at(data: mmap | bytes, token: bytes, at: int) -> Commit | None:
    """None: there is no whole one."""
    head = at + _SEAL.size
    first = head + _HEAD.size
    if first > len(data):
        return None
    found, crc = _SEAL.unpack_from(data, at)
    domain, position, flushed, count, size = _HEAD.unpack_from(data, head)
    end = first + size
    if found != token or end > len(data) or 8 * count > size:
        return None
    view = memoryview(data)
    if zlib.crc32(view[head:end]) != crc:
        return None
    sizes = struct.unpack_from(f"<{count}Q", data, first)
    ends = list(accumulate(sizes, initial=first + 8 * count))
    frames = [view[ends[n] : ends[n + 1]] for n in range(count)]
    return Commit(domain, position, flushed, frames, end)
