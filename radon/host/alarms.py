"""What falls due when, in one heap. Owns the order; whether an alarm still means anything is the image's to say.

Ties are broken by content, never by insertion, so that a restored domain rings in the same order (rule 2).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from heapq import heapify, heappop, heappush
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


_FEW = 1024


class Alarms:
    """A heap of Alarm. None is taken out of it: `awaited` says whether one still means anything.

    Once most of them may mean nothing they are looked through, so that a timer which is moved for ever, or requests
    that are answered long before their deadlines, take no room.
    """

    def __init__(self, awaited: Callable[[Alarm], bool]) -> None:
        self._awaited = awaited
        self._heap: list[Alarm] = []
        self._most = _FEW
        self._aside: dict[Alarm, None] = {}

    def set(self, due: int, cause: Cause, kind: str, key: str, name: bytes) -> None:
        heappush(self._heap, Alarm(due, cause, kind, key, name))
        if len(self._heap) > self._most:
            self._heap = list({alarm for alarm in self._heap if self._awaited(alarm)})
            heapify(self._heap)
            self._most = 2 * len(self._heap) + _FEW

    def set_aside(self, alarm: Alarm) -> None:
        """To be set when somebody looks, unless it is withdrawn before: most deadlines of requests are."""
        self._aside[alarm] = None

    def withdraw(self, alarm: Alarm) -> None:
        """One that was set aside. If it is set already it is void, and stays."""
        self._aside.pop(alarm, None)

    def _look(self) -> None:
        aside, self._aside = self._aside, {}
        for alarm in aside:
            self.set(*alarm)

    def next_due(self) -> int | None:
        """ns since 1970 of the earliest alarm, which may be void."""
        self._look()
        return self._heap[0].due if self._heap else None

    def pop(self, now: int) -> Alarm | None:
        """The earliest alarm with due <= now that still means something."""
        self._look()
        while self._heap and self._heap[0].due <= now:
            alarm = heappop(self._heap)
            if self._awaited(alarm):
                return alarm
        return None
