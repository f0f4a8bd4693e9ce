"""What the coroutines of simulated clients await."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any


class Wait:
    """What a client's coroutine awaits. `start(resume)` sees to it that `resume` is called, once, with what came."""

    def __init__(self, start: Callable[[Callable[[Any], None]], None]) -> None:
        self.start = start

    def __await__(self) -> Generator[Wait, Any, Any]:
        return (yield self)


class Stopped(BaseException):
    """Ends the coroutine of a client that has begun nothing since it was stopped."""
