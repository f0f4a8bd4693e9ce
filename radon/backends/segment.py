"""A segment of a recording: what entered one domain from when it was opened until it was closed, and its commits.

A file of frames, each behind its length and the checksum of that: so a file that ends in a frame, as after a `kill -9`,
is told from one whose bytes have changed. The first frame says what the domain was made by; a snapshot and log frames
follow where it was restored, as the store had them; all others hold events, in their order. Knows the file, and neither
a domain nor a deployment.

The bytes of events are msgpack, so that fields may be added; what is in `Submitted` and `Committed` are bodies of
records as everywhere.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, NamedTuple

import msgspec

from radon.abi.frames import FrameError, FrameType, look, seal, unseal
from radon.host.domain import Settings


class Event(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Something that happened to the domain: a call of the `Domain` protocol that changes it."""


class Opened(Event, frozen=True):
    """First in every segment."""

    settings: Settings
    time: int  # ns since 1970, by the clock of the machine
    radon: str  # versions
    engine: str
    machine: str  # "x86_64"
    domain: str  # the name of the twin


_Seed = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class Begun(Event, frozen=True):
    """`setup`: it was new."""

    number: int
    seed: _Seed
    secret: _Seed
    domains: int


class Chosen(Event, frozen=True):
    settings: Settings


class Deployed(Event, frozen=True):
    digest: str


class KindEnded(Event, frozen=True):
    name: str


class Submitted(Event, frozen=True):
    inputs: bytes


class Ran(Event, frozen=True):
    turns: int  # at most


class Committed(Event, frozen=True):
    """A commit was taken that was not empty. What leaves at once is not compared, and not kept."""

    durable: bytes
    outgoing: bytes


class Closed(Event, frozen=True):
    """Last in a segment whose process ended in order."""


_BEFORE = struct.Struct("<8sI")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(
    list[Opened | Begun | Chosen | Deployed | KindEnded | Submitted | Ran | Committed | Closed]
).decode


class SegmentWriter:
    """Appends to a new file. Every method raises OSError, and then the file may end in a part of a frame.

    What was written outlives the process at once; a power cut may take the end of it.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._whole = 0  # bytes of whole frames

    def write(self, what: bytes | list[Event]) -> None:
        """A snapshot or log frame as it is, or events."""
        frame = what if isinstance(what, bytes) else seal(FrameType.EVENTS, _encode(what))
        length = len(frame).to_bytes(8, "little")
        frame = _BEFORE.pack(length, zlib.crc32(length)) + frame
        written = os.write(self._file, frame)
        while written < len(frame):
            written += os.write(self._file, memoryview(frame)[written:])
        self._whole += written

    def cut(self) -> None:
        """Leave whole frames only."""
        os.ftruncate(self._file, self._whole)

    def close(self) -> None:
        os.close(self._file)


class Cut(NamedTuple):
    """Where a segment ends before it is over, or cannot be read any further."""

    place: int  # the byte in the file
    reason: str
    damaged: bool  # False: it ends there


class SegmentReader:
    """The frames of a segment, as far as they are whole. `cut` is known once all were read."""

    def __init__(self, path: Path) -> None:
        self.place = 0  # bytes of the file that were read: where the next frame begins
        self.cut: Cut | None = None
        self._path = path

    def __iter__(self) -> Iterator[bytes | list[Event]]:
        """Snapshot and log frames as they are, events in lists. Raises OSError."""
        found: bytes | list[Event] = []
        with open(self._path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            while self.place < size:
                try:
                    frame = self._read(file, size - self.place)
                    if frame is None:
                        return
                    found = _opened(frame)
                except (FrameError, msgspec.MsgspecError) as error:
                    self.cut = Cut(self.place, str(error), damaged=True)
                    return
                self.place += _BEFORE.size + len(frame)
                yield found
        if not (isinstance(found, list) and found and isinstance(found[-1], Closed)):
            self.cut = Cut(
                self.place,
                "it was not closed: its process was killed, its disk was full, or it still records",
                damaged=False,
            )

    def _read(self, file: BinaryIO, left: int) -> bytes | None:
        """The next frame; None: the file ends in it. Raises FrameError for a length that nobody wrote."""
        length = 0
        if left >= _BEFORE.size:
            written, checksum = _BEFORE.unpack(file.read(_BEFORE.size))
            length = int.from_bytes(written, "little")
            if zlib.crc32(written) != checksum:
                raise FrameError("frame: damaged (its length is not what was written)")
        if _BEFORE.size + length > left:
            self.cut = Cut(
                self.place, f"the file ends in the frame there, {left} bytes behind its beginning", damaged=False
            )
            return None
        return file.read(length)


def _opened(frame: bytes) -> bytes | list[Event]:
    """Raises FrameError, msgspec.MsgspecError."""
    kind = look(frame).kind
    if kind in (FrameType.SNAPSHOT, FrameType.LOG):
        unseal(FrameType(kind), frame)  # which checks it
        return frame
    return [*_decode(unseal(FrameType.EVENTS, frame))]
