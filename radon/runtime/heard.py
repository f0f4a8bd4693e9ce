"""What a subscription has heard and its reader has not; the same for readers in an event loop and in a thread.

Knows no lock: its owner does.
"""

from __future__ import annotations

from collections import deque

from radon.abi.errors import Exhausted, RadonError
from radon.abi.exchange import Published

SUBSCRIBED = 10_000
"""Messages that a subscription holds for a slow reader; then it ends with Exhausted."""


class Heard:
    """`bodies` in order. Once `ended` nothing more comes; `error` says why, unless all is well."""

    def __init__(self, topic: str) -> None:
        self.bodies: deque[bytes] = deque()
        self.ended = False
        self.error: RadonError | None = None
        self._topic = topic

    def put(self, published: Published) -> None:
        if not self.ended and len(self.bodies) >= SUBSCRIBED:
            self.end(Exhausted(f"the subscriber of {self._topic!r} is {SUBSCRIBED} messages behind"))
        elif not self.ended:
            self.bodies.append(published.body)

    def end(self, error: RadonError | None) -> None:
        """Only the first reason counts."""
        if not self.ended:
            self.ended, self.error = True, error
