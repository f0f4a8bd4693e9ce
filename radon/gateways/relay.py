"""From a deployment's threads into an event loop: answers and messages for a gateway, in the order in which they left.

One of these threads may be the loop's own, when it drives the domain.

Owns the crossing and its wake-ups. Knows nothing of what crosses.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Relay:
    """Made in the loop's thread. From any: `relay(function, argument)` runs `function(argument)` in the loop, soon and
    in order.

    One wake-up of the loop serves all that gathers until it comes; `after` runs once they are served. A function that
    raises is reported to the loop, and the others are served. When the loop is closed, nothing more is served.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, after: Callable[[], None] | None = None) -> None:
        self._loop = loop
        self._after = after
        self._thread = threading.get_ident()
        self._calls: deque[tuple[Callable[..., None], object]] = deque()
        self._awake = False

    def __call__(self, function: Callable[[T], None], argument: T) -> None:
        self._calls.append((function, argument))
        if not self._awake:  # looked at after the append, and reset before the calls are: none is left behind
            self._awake = True
            try:
                self._wake()
            except RuntimeError:  # the loop is closed
                self._calls.clear()

    def _wake(self) -> None:
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._serve)
        else:
            self._loop.call_soon_threadsafe(self._serve)

    def _serve(self) -> None:
        self._awake = False
        for _ in range(len(self._calls)):  # what comes meanwhile wakes again, and the sockets have their turn before
            function, argument = self._calls.popleft()
            try:
                function(argument)
            except Exception as error:
                self._loop.call_exception_handler({"message": "a gateway failed on what left", "exception": error})
        if self._after is not None:
            self._after()
