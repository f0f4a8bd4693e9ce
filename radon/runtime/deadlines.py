"""Ends waits that take too long. One timer of the event loop serves all that wait equally long: they end in order.

A timer each would cost more than the rest of the waiting, and nearly all are answered long before.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Deadlines:
    """In one event loop. A future that is not done in time is given None."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queues: dict[float, _Queue] = {}  # by seconds

    def add(self, future: asyncio.Future[Any], seconds: float) -> None:
        queue = self._queues.get(seconds)
        if queue is None:
            queue = self._queues[seconds] = _Queue()
        when = queue.waiting[future] = self._loop.time() + seconds
        if queue.timer is None:
            queue.timer = self._loop.call_at(when, self._look, seconds)

    def remove(self, future: asyncio.Future[Any], seconds: float) -> None:
        """It is done, or nobody waits for it. It may have been ended already."""
        queue = self._queues.get(seconds)
        if queue is not None:
            queue.waiting.pop(future, None)

    def close(self) -> None:
        """End nothing any more."""
        for queue in self._queues.values():
            if queue.timer is not None:
                queue.timer.cancel()
        self._queues.clear()

    def _look(self, seconds: float) -> None:
        """At the time of one that was the first, and may be answered by now."""
        queue, now = self._queues[seconds], self._loop.time()
        late = []
        for future, when in queue.waiting.items():
            if when > now:
                queue.timer = self._loop.call_at(when, self._look, seconds)
                break
            late.append(future)
        else:
            del self._queues[seconds]
        for future in late:
            queue.waiting.pop(future)
            if not future.done():
                future.set_result(None)


class _Queue:
    __slots__ = ("timer", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[asyncio.Future[Any], float] = {}  # when by the loop's clock; later ones behind
        self.timer: asyncio.TimerHandle | None = None
