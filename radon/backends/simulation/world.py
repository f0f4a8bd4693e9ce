"""Virtual time, one source of chance, and all that is to happen, in order. A node is a machine in it.

Owns no host and no message. Time is in ns since the world began, and jumps to whatever happens next.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from radon.backends.simulation.story import Event, Lives

BEGINNING = 1_767_268_800_000_000_000
"""2026-01-01T12:00:00Z in ns since 1970: what a true clock says when a world begins."""

MILLISECOND, SECOND = 10**6, 10**9


class World:
    """`tell(now, event)` hears the story of it, if anyone wants to."""

    def __init__(self, seed: int, tell: Callable[[int, Event], None] | None = None) -> None:
        self.random = Random(seed)
        self.now = 0
        self.fired = Counter[str]()  # how often each kind of fault had its effect
        self.has_story = tell is not None
        self._tell = tell
        self._events: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._scheduled = 0
        self._trace = hashlib.blake2b(digest_size=16)

    @property
    def fingerprint(self) -> str:
        """Of everything that was noted: two runs of one seed have the same."""
        return self._trace.hexdigest()

    def note(self, what: bytes) -> None:
        """It happens now, and is part of the fingerprint."""
        self._trace.update(b"%d %d " % (self.now, len(what)) + what)

    def tell(self, event: Event) -> None:
        """It happens now, for people who follow the story."""
        if self._tell is not None:
            self._tell(self.now, event)

    def after(self, delay: int, act: Callable[..., None], *arguments: Any) -> None:
        """Let `act` happen in so many ns."""
        self._scheduled += 1
        heapq.heappush(self._events, (self.now + delay, self._scheduled, act, arguments))

    def run(self, until: int, stop: Callable[[], bool] = lambda: False) -> None:
        """Let everything happen up to this moment, or until `stop()`."""
        events = self._events
        while events and events[0][0] <= until and not stop():
            self.now, _, act, arguments = heapq.heappop(events)
            act(*arguments)
        if not stop():
            self.now = max(self.now, until)


class Node:
    """A machine: it may be down, or stand still, and its clocks are its own."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.is_up = True
        self.skew = 0  # ns that its wall clock is ahead
        self._drift = 0  # millionths that its clocks are too fast
        self._drifts_since = 0
        self._ahead = 0  # ns that they had gained by then
        self._life = 0
        self._still_until = 0

    def wall(self) -> int:
        """ns since 1970, as this machine believes."""
        return BEGINNING + self.monotonic() + self.skew

    def monotonic(self) -> int:
        """ns, never back."""
        now = self.world.now
        return now + self._ahead + (now - self._drifts_since) * self._drift // 1_000_000

    def drift(self, millionths: int) -> None:
        """From now on its clocks go too fast by so much, or too slow; what they gain or lose meanwhile stays."""
        self._ahead = self.monotonic() - self.world.now
        self._drift, self._drifts_since = millionths, self.world.now

    def after(self, delay: int, act: Callable[..., None], *arguments: Any) -> None:
        """Let `act` happen here in so many ns, unless the machine goes down before."""
        self.world.after(delay, self._happen, self._life, act, arguments)

    def pause(self, duration: int) -> None:
        """Stand still; what should happen meanwhile happens then."""
        self._still_until = max(self._still_until, self.world.now + duration)
        self.world.tell(Lives(self.name, "still", self._still_until))

    def crash(self) -> None:
        """All that was to happen here does not, and memory is lost."""
        self.is_up = False
        self._life += 1
        self._still_until = 0
        self.world.tell(Lives(self.name, "down"))

    def restart(self) -> None:
        self.is_up = True
        self._life += 1
        self.world.tell(Lives(self.name, "up"))

    def arrive(self, act: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        """What comes from elsewhere: whoever is up takes it, also one that was not when it was sent."""
        wait = self._still_until - self.world.now
        if wait > 0:
            self.world.after(wait, self.arrive, act, arguments)
        elif self.is_up:
            act(*arguments)

    def _happen(self, life: int, act: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if life != self._life:
            return
        wait = self._still_until - self.world.now
        if wait > 0:
            self.world.after(wait, self._happen, life, act, arguments)
        else:
            act(*arguments)
