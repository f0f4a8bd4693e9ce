"""The way into a domain: input records and tasks, from any thread, in the order in which they came.

Owns the door: what got in is looked at, what did not raises. Owns the bell, too, that wakes the domain's own thread;
who rings it when is the runner's. Knows no record's meaning and runs nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from radon.abi.errors import Invalid, TooLarge, Unavailable
from radon.abi.frames import FrameError, encode_all
from radon.host.domain import Domain
from radon.host.limits import GIB

T = TypeVar("T")


INPUT_BYTES = 2 * GIB
"""The most that one submission may have: whatever a domain makes of it fits into a record's fields of 4 GiB."""


class Task(NamedTuple):
    """To be called with the domain between two runs, after everything that came before it was taken in."""

    function: Callable[[Domain], Any]
    future: Future[Any]

    def perform(self, domain: Domain) -> None:
        try:
            result = self.function(domain)
        except BaseException as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


Item = bytes | Task
"""Encoded input records, or a task."""


def encoded(inputs: Iterable[Any]) -> bytes:
    """What `Inbox.submit` takes. Raises Invalid for what makes no record."""
    try:
        return encode_all(inputs)
    except (FrameError, TypeError, ValueError, AttributeError) as error:
        names = " and ".join(type(record).__name__ for record in inputs)
        raise Invalid(f"no valid {names}: {error}") from None


class Inbox:
    """Open when made. `submit`, `perform`, `close` and `wake` are for any thread, `wait` is for the domain's own, and
    the rest for whichever has the domain.
    """

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._rung = False
        self._door = threading.Lock()
        self._closed = ""  # the reason
        self._for_good = False

    def submit(self, records: bytes) -> None:
        """A body of inputs; nobody looks into it before the domain. Raises Unavailable with the reason when closed,
        TooLarge.
        """
        if len(records) > INPUT_BYTES:
            raise TooLarge(f"an input of {len(records)} bytes; {INPUT_BYTES} at most")
        self._enter(records)

    def perform(self, function: Callable[[Domain], T]) -> Future[T]:
        """The future raises Unavailable with the reason when closed, now or before it was the task's turn."""
        future: Future[T] = Future()
        try:
            self._enter(Task(function, future))
        except Unavailable as error:
            future.set_exception(error)
        return future

    def close(self, reason: str, *, for_good: bool = False) -> None:
        """Let nothing more in. What is in stays."""
        with self._door:
            self._closed = reason
            self._for_good |= for_good
        self.wake()

    def open(self) -> None:
        """Let in again, unless it was closed for good."""
        with self._door:
            if not self._for_good:
                self._closed = ""

    def wake(self) -> None:
        """Let `wait` return: now, or at once when it is called next."""
        if not self._rung:  # looked at after whatever it is rung for was done, and reset before that is looked at
            self._rung = True
            self._bell.put(None)

    def wait(self, patience: float | None) -> None:
        """Until `wake`, `patience` seconds at most (None: for ever). Look at everything afterwards."""
        with suppress(Empty):
            if patience != 0:
                self._bell.get(timeout=patience)
            while True:
                self._bell.get_nowait()
        self._rung = False

    def empty(self) -> bool:
        return not self._items

    def gather(self) -> list[Item]:
        """All that is in."""
        return [self._items.popleft() for _ in range(len(self._items))]

    def gather_inputs(self) -> list[bytes]:
        """All that is in before the first task."""
        found: list[bytes] = []
        while self._items and isinstance(item := self._items[0], bytes):
            found.append(item)
            self._items.popleft()
        return found

    def turn_away(self) -> None:
        """When closed: drop the inputs that are in, and fail the tasks."""
        for item in self.gather():
            if isinstance(item, Task) and item.future.set_running_or_notify_cancel():
                item.future.set_exception(Unavailable(self._closed))

    def _enter(self, item: Item) -> None:
        with self._door:
            if self._closed:
                raise Unavailable(self._closed)
            self._items.append(item)
