"""What comes from one domain to another, which takes it in order only: what is early waits here for what it follows.

It belongs to whoever owns the domain that hears, and goes with it: whatever was not confirmed is said again.
"""

from __future__ import annotations

from sortedcontainers import SortedDict

from radon.abi.frames import ends
from radon.backends.cluster.channels import CREDIT, Frame


class Arrivals:
    """From one domain, while the other is open here."""

    def __init__(self) -> None:
        self._next = 0  # the crossing that the domain has to be given next; 0: it has not said yet
        self._early: SortedDict[int, Frame] = SortedDict()  # by their first crossings
        self._bytes = 0  # of those: no more than a channel has under way

    def take(self, first: int, crossings: bytes) -> list[Frame]:
        """These came; `first` is 0 for casts. What is to be handed on now. Raises FrameError."""
        frame = Frame(first, first + sum(1 for _ in ends(crossings)) - 1, crossings)
        if first > self._next:
            self._keep(frame)
            return [] if self._next else [frame]  # as long as nobody else knows, the domain says what is early
        if first:
            self._next = max(self._next, frame.last + 1)
        return [frame, *self._following()]

    def heard(self, number: int) -> list[Frame]:
        """The domain has all up to this number. What is to be handed on now."""
        self._next = max(self._next, number + 1)
        return self._following()

    def _keep(self, frame: Frame) -> None:
        if frame.first not in self._early and 0 < len(frame.crossings) <= CREDIT - self._bytes:
            self._early[frame.first] = frame
            self._bytes += len(frame.crossings)

    def _following(self) -> list[Frame]:
        """What was early, and is not any more."""
        found = []
        while self._early and self._early.peekitem(0)[0] <= self._next:
            _, frame = self._early.popitem(0)
            self._bytes -= len(frame.crossings)
            if frame.last >= self._next:
                self._next = frame.last + 1
                found.append(frame)
        return found
