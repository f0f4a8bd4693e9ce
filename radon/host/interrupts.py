"""Ctrl-C and its like, kept away from guests that are running in the main thread.

Python looks for pending signals when a host function begins, just outside of every `try`. What a signal handler raises
there cannot be caught: ctypes prints it, the syscall is skipped and the guest goes on. So the main thread enters guests
only inside `uninterrupted()`; other threads never handle signals and need nothing.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Signals whose handlers are Python functions wait until the block ends.

    Costs about 10 us in the main thread, where alone signals are handled, and nothing elsewhere.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[signal.Signals] = []

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append(signal.Signals(number))

    handlers: dict[signal.Signals, Any] = {}
    for number in SIGNALS:
        handler = signal.getsignal(number)
        if callable(handler):
            handlers[number] = handler
            signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for caught in waiting:  # called and not raised again: asyncio hears of a signal when it arrives
            handlers[caught](caught, None)
