"""The handle table of one atom in its instance: small numbers for the resources that a guest holds.

One table for all types, lowest free number first (rule 2). A number that is not live, or is of another type, is a
violation of the ABI and traps; it can never reach another atom's resources, because each atom has its own table.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

from radon.abi.errors import Exhausted
from radon.host.trap import Trap


class Violation(Trap):
    """The guest broke the Canonical ABI. Ends the turn as a trap with this message."""

    def __init__(self, message: str) -> None:
        super().__init__("abi", message)


OF_THE_INSTANCE = frozenset(("input-stream", "output-stream", "pollable"))
"""Types of WASI. They give no power over any atom, and runtimes of languages keep them as long as their memory."""


class Handles:
    """Resources by number. Not thread-safe."""

    def __init__(self, limit: int, common: Handles | None = None) -> None:
        """`common`: where those of WASI are, of an instance that several atoms share."""
        self._limit = limit
        self._common = common
        self._slots: list[tuple[str, Any] | None] = [None]  # 0 is never a handle
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._slots) - 1 - len(self._free)

    def check_room(self, count: int) -> None:
        """Raises Exhausted if so many more go beyond the limit."""
        if len(self) + count > self._limit:
            raise Exhausted(f"{len(self)} of {self._limit} handles are in use; {count} more: see limits.handles")

    def insert(self, resource: str, thing: Any, *, beyond_limit: bool = False) -> int:
        """A new handle for `thing`. Raises Exhausted at the limit, unless the host itself hands it in."""
        if self._common is not None and resource in OF_THE_INSTANCE:
            return self._common.insert(resource, thing)
        if not beyond_limit:
            self.check_room(1)
        if self._free:
            handle = heappop(self._free)
            self._slots[handle] = (resource, thing)
            return handle
        self._slots.append((resource, thing))
        return len(self._slots) - 1

    def get(self, handle: int, resource: str) -> Any:
        """The thing behind a live handle of this type. Raises Violation."""
        if self._common is not None and resource in OF_THE_INSTANCE:
            return self._common.get(handle, resource)
        slot = self._slots[handle] if 0 < handle < len(self._slots) else None
        if slot is None or slot[0] != resource:
            raise Violation(f"{handle} is no handle of a live {resource}")
        return slot[1]

    def drop(self, handle: int, resource: str) -> None:
        """Free the handle. Raises Violation."""
        if self._common is not None and resource in OF_THE_INSTANCE:
            return self._common.drop(handle, resource)
        self.get(handle, resource)
        self._slots[handle] = None
        heappush(self._free, handle)

    def release(self, handle: int, thing: Any) -> None:
        """Free the handle if it still stands for `thing`: what the host lent is taken back."""
        slot = self._slots[handle]
        if slot is not None and slot[1] is thing:
            self._slots[handle] = None
            heappush(self._free, handle)
