"""What atoms log, on the standard error of the process that runs them. Never in the way of a turn.

Owns a thread, because a terminal or a full pipe may take its time. Knows nothing of how lines come about.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Full, Queue
from typing import Self

from radon.abi.exchange import Logged
from radon.cli.logs import log_line
from radon.gateways.control import fields_of

WAITING = 10_000
"""Lines that may wait to be written; what comes after is counted and left out."""

PATIENCE = 1.0
"""Seconds at the end for what still waits."""


class Journal:
    """Writes inside `with`. `after` is called behind whole lines: to put a long log aside."""

    def __init__(self, after: Callable[[], None] = lambda: None) -> None:
        self._after = after
        self._lines: Queue[Logged | None] = Queue(WAITING)
        self._missed = 0
        self._thread = threading.Thread(target=self._write_all, name="radon-journal", daemon=True)

    def note(self, line: Logged) -> None:
        """From any thread; does not block."""
        try:
            self._lines.put_nowait(line)
        except Full:
            self._missed += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Full):
            self._lines.put_nowait(None)
        self._thread.join(PATIENCE)

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            missed, self._missed = self._missed, 0
            with suppress(OSError, ValueError):  # nobody reads: then nobody misses it
                sys.stderr.write(f"{log_line(fields_of(line))}\n")
                if missed:
                    sys.stderr.write(f"{log_line({'missed': missed})}\n")
                self._after()
