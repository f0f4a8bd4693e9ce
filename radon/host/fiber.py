"""A guest that can be left in the middle of a host function and entered again: a thread with strict hand-over.

Exactly one side runs at a time, so nothing that owner and guest share needs a lock. The native twin suspends through
wasmtime's async calls instead; this one shows what that has to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Abandoned(BaseException):
    """Raised inside the guest's host function when its turn will never be resumed; unwinds the guest."""


class Fiber:
    """Runs functions, one after another, each of which may `suspend` any number of times."""

    def __init__(self) -> None:
        self._enter = threading.Lock()  # bare locks, held from the start: the cheapest way to hand over
        self._leave = threading.Lock()
        self._enter.acquire()
        self._leave.acquire()
        self._function: Callable[[], None] | None = None
        self._sent: Any = None
        self._raised: BaseException | None = None
        self._abandon = False
        self.done = True  # no function is under way
        self._thread = threading.Thread(target=self._run, name="radon-fiber", daemon=True)
        self._thread.start()

    # ---- the owner's side ----

    def start(self, function: Callable[[], None]) -> None:
        """Run until `function` returns (`done`) or suspends. What it raises, now or later, is raised here."""
        self._function, self.done = function, False
        self._switch()

    def resume(self, value: Any) -> None:
        """Go on from `suspend`, which returns `value`, until the next one or the end."""
        self._sent = value
        self._switch()

    def abandon(self) -> None:
        """Unwind a suspended function: its `suspend` raises Abandoned."""
        self._abandon = True
        while not self.done:
            self._switch()
        self._abandon = False

    def close(self) -> None:
        """End the thread. Not while a function is suspended."""
        self._function = None
        self._enter.release()
        self._thread.join()

    def _switch(self) -> None:
        self._enter.release()
        self._leave.acquire()
        if self._raised is not None:
            raised, self._raised = self._raised, None
            raise raised

    # ---- the guest's side ----

    def suspend(self) -> Any:
        """Hand over to the owner; returns what `resume` brings. Raises Abandoned."""
        if not self._abandon:
            self._leave.release()
            self._enter.acquire()
        if self._abandon:
            raise Abandoned
        return self._sent

    def _run(self) -> None:
        while True:
            self._enter.acquire()
            if self._function is None:
                return
            try:
                self._function()
            except BaseException as error:  # a defect of the host; the owner waits, and would wait forever
                self._raised = error
            self._function, self.done = None, True
            self._leave.release()
