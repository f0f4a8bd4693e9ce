"""What atoms logged and counted, for people and scrapers. Not transactional and not durable: it leaves at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from radon.abi.exchange import Counted, Logged, Observed

LINES = 10_000
"""Log lines that are kept; the oldest go first."""

CHARACTERS = 10_000_000
"""In all of them together: a line may have 16,384."""

BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, float("inf"))
"""Upper bounds of every histogram: it is not known what guests measure."""

SERIES = 10_000
"""Names of counters and histograms that are kept apart; what comes after is dropped."""


class Observations:
    """Any thread."""

    def __init__(self) -> None:
        self.counters: dict[tuple[str, str], int] = {}  # kind, name
        self.histograms: dict[tuple[str, str], list[float]] = {}  # kind, name -> counts by BUCKETS, then the sum
        self._lines: deque[Logged] = deque()
        self._characters = 0
        self._followers: dict[int, Callable[[Logged], None]] = {}
        self._next = 0
        self._lock = threading.Lock()

    def take(self, output: Any) -> bool:
        """Keep it if it is a log line, a count or an observation."""
        if isinstance(output, Logged):
            with self._lock:
                self._keep(output)
                followers = list(self._followers.values())
            for follower in followers:
                follower(output)
        elif isinstance(output, Counted):
            self._count(output)
        elif isinstance(output, Observed):
            self._observe(output)
        else:
            return False
        return True

    def lines(self) -> list[Logged]:
        """What is kept, oldest first."""
        with self._lock:
            return list(self._lines)

    def follow(self, follower: Callable[[Logged], None]) -> int:
        """Call `follower`, from any thread, with every line from now on, until `leave` of the number returned."""
        with self._lock:
            self._next += 1
            self._followers[self._next] = follower
            return self._next

    def leave(self, number: int) -> None:
        with self._lock:
            self._followers.pop(number, None)

    def _keep(self, line: Logged) -> None:
        self._lines.append(line)
        self._characters += len(line.text)
        while len(self._lines) > LINES or self._characters > CHARACTERS:
            self._characters -= len(self._lines.popleft().text)

    def _count(self, counted: Counted) -> None:
        series = (counted.kind, counted.name)
        with self._lock:
            if series in self.counters or len(self.counters) < SERIES:
                self.counters[series] = self.counters.get(series, 0) + counted.by

    def _observe(self, observed: Observed) -> None:
        series = (observed.kind, observed.name)
        with self._lock:
            if series not in self.histograms:
                if len(self.histograms) >= SERIES:
                    return
                self.histograms[series] = [0.0] * (len(BUCKETS) + 1)
            counts = self.histograms[series]
            counts[next((at for at, bound in enumerate(BUCKETS) if observed.value <= bound), len(BUCKETS) - 1)] += 1
            counts[-1] += observed.value
