"""What goes from one domain to another, between the commit that lets it leave and the one that has it there.

A channel belongs to whoever owns the domain that speaks, and goes with it: the next owner has it all from the outbox.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from radon.abi.frames import ends
from radon.backends.cluster.events import Timing

PIECE = 256 * 1024
"""Bytes of a frame, if no crossing in it is longer."""

CREDIT = 1024 * 1024
"""Bytes that may be under way and not confirmed: what does not take them in cannot be flooded by them."""


class Frame(NamedTuple):
    first: int  # the numbers of the crossings in it
    last: int
    crossings: bytes


class Channel:
    """Frames in order, of which the first `_under_way` have been said and not confirmed. Times in ns."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._frames: deque[Frame] = deque()
        self._under_way = 0
        self._bytes = 0  # of those
        self._last = 0
        self._known = self._unknown_bytes = 0  # what was confirmed last, and bytes of which the domain does not know it
        self._said_at = 0
        self._pause = timing.patience

    @property
    def is_empty(self) -> bool:
        """Has all that left been confirmed?"""
        return not self._frames

    def add(self, first: int, crossings: bytes) -> None:
        """What left the domain. A domain that is asked to says again what is here already."""
        for frame in pieces(first, crossings):
            if frame.last > self._last:
                self._frames.append(frame)
                self._last = frame.last

    def confirm(self, number: int, now: int) -> None:
        """All up to this number is durable at the other domain. What is still under way has that much longer time."""
        confirmed = False
        while self._under_way and self._frames[0].last <= number:
            frame = self._frames.popleft()
            self._bytes -= len(frame.crossings)
            self._under_way -= 1
            self._known, self._unknown_bytes = frame.last, self._unknown_bytes + len(frame.crossings)
            confirmed = True
        if confirmed:
            self._pause, self._said_at = self._timing.patience, now

    def take_known(self, least: int) -> int:
        """The last crossing that the domain may forget; 0: it knows already, or it is about less than so many bytes."""
        if self._unknown_bytes < least:
            return 0
        self._unknown_bytes = 0
        return self._known

    def due(self, now: int) -> list[Frame]:
        """What is to be said now: what there is credit for; and again what has waited too long for confirmation."""
        said: list[Frame] = []
        if self._under_way and now - self._said_at >= self._pause:
            said = [self._frames[at] for at in range(self._under_way)]
            self._pause = min(2 * self._pause, self._timing.longest)
            self._said_at = now
        while self._under_way < len(self._frames):
            frame = self._frames[self._under_way]
            if self._under_way and self._bytes + len(frame.crossings) > CREDIT:
                break
            if not self._under_way:
                self._said_at = now
            self._under_way += 1
            self._bytes += len(frame.crossings)
            said.append(frame)
        return said

    def hurry(self) -> None:
        """The other domain has a new owner, who has not heard what the old one was told last."""
        self._said_at -= self._timing.longest


def pieces(first: int, crossings: bytes) -> Iterator[Frame]:
    """A body of crossings, the first with this number, in frames of about PIECE bytes."""
    begin, number = 0, first
    last = first - 1
    for end in ends(crossings):
        last += 1
        if end - begin >= PIECE or end == len(crossings):
            yield Frame(number, last, crossings[begin:end])
            begin, number = end, last + 1
