"""Lends a domain to an event loop: what is submitted in the loop's thread is run there, once per turn of the loop.

Owns when the loop drives. Whether it may, and what it leaves to the domain's own thread, the runner says.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable

from radon.backends.runner import Runner


class Lending:
    """From when it is made, to the running loop."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._context = contextvars.copy_context()  # not that of whoever happens to submit first
        self._coming = False

    def borrow(self) -> bool:
        """Drive when all that is ready now has run: what it submits makes one batch. False in any other
        thread, and while the loop does not run."""
        if threading.get_ident() != self._thread or not self._loop.is_running():
            return False
        if not self._coming:
            self._coming = True
            self._loop.call_soon(self._drive, context=self._context)
        return True

    def at_once(self, submit: Callable[[], None]) -> None:
        """Call `submit`, and drive before this returns if it is called in the loop: for whoever has gathered all that
        makes one batch. Raises what `submit` raises."""
        if self._coming or threading.get_ident() != self._thread or not self._loop.is_running():
            return submit()
        self._coming = True
        try:
            submit()
        finally:
            self._context.run(self._drive)

    def _drive(self) -> None:
        self._coming = False
        if self._runner.drive():
            self.borrow()
