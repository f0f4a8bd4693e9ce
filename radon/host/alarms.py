"""What falls due when, in one heap. Owns the order; whether an alarm still means anything is asked when it rings.

Ties are broken by content, never by insertion, so that a restored domain rings in the same order (rule 2).
"""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush
from typing import NamedTuple


class Cause(IntEnum):
    TIMER = 0  # name: token, 8 bytes big-endian
    POSTPONED = 1  # name: delivery id
    RETRY = 2  # name: delivery id
    ASKED = 3  # name: request id
    CALLED = 4  # name: request id
    SEEN = 5  # name: dedup key
    OBJECT = 6  # name: object name


class Alarm(NamedTuple):
    due: int  # ns since 1970
    cause: Cause
    kind: str
    key: str
    name: bytes


class Alarms:
    """A heap of Alarm. Alarms are never withdrawn: the one who pops compares with what is true now."""

    def __init__(self) -> None:
        self._heap: list[Alarm] = []

    def set(self, due: int, cause: Cause, kind: str, key: str, name: bytes) -> None:
        heappush(self._heap, Alarm(due, cause, kind, key, name))

    def next_due(self) -> int | None:
        """ns since 1970 of the earliest alarm, which may be void."""
        return self._heap[0].due if self._heap else None

    def pop(self, now: int) -> Alarm | None:
        """The earliest alarm with due <= now."""
        return heappop(self._heap) if self._heap and self._heap[0].due <= now else None
