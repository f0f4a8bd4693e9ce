"""What the cells of a key are and how two states of it are joined, by docs/kvr.md: the readable twin of cells.c.

A replica here is a key of one replica, with all operations that clients have on it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

WRITERS = 16
REGISTER, COUNTER, ELEMENT = range(3)


class Cell(NamedTuple):
    type: int
    stamp: int
    payload: bytes = b""
    expiry: int = 0

    @property
    def writer(self) -> int:
        return self.stamp % WRITERS

    @property
    def place(self) -> tuple[object, ...]:
        """Cells in one place replace each other; in this order they lie in the state."""
        if self.type == REGISTER:
            return (self.type, -self.stamp)
        return (self.type, self.payload if self.type == ELEMENT else b"", self.writer)


Cells = tuple[Cell, ...]
Seen = tuple[int, ...]


def encode(cells: Iterable[Cell]) -> bytes:
    return b"".join(
        struct.pack("<BBHIQQ", 0, 0, cell.type, len(cell.payload), cell.stamp, cell.expiry) + cell.payload
        for cell in cells
    )


def join(
    newest: bool,
    left: Cells,
    right: Cells,
    removed: frozenset[int] = frozenset(),
    seen: tuple[Seen, Seen] | None = None,
) -> Cells:
    """`removed`: what the right side has replaced; `seen`: by either side."""
    ours, theirs = {cell.place: cell for cell in left}, {cell.place: cell for cell in right}

    def stays(place: tuple[object, ...]) -> Cell | None:
        if place in ours and place in theirs:
            return max(ours[place], theirs[place], key=lambda cell: cell.stamp)
        cell, other = (ours[place], 1) if place in ours else (theirs[place], 0)
        had = seen is not None and cell.stamp <= seen[other][cell.writer]
        return None if had or (place in ours and cell.stamp in removed) else cell

    cells = [cell for place in sorted(ours.keys() | theirs.keys()) if (cell := stays(place)) is not None]  # type: ignore[type-var]
    latest = max((cell.stamp for cell in cells if cell.type == REGISTER), default=0) if newest else 0
    return tuple(cell for cell in cells if cell.stamp >= latest)


class Change(NamedTuple):
    stamp: int
    removed: frozenset[int]
    added: Cells


Join = Callable[..., Cells]


@dataclass
class Replica:
    number: int
    newest: bool
    replicas: int
    cells: Cells = ()
    log: list[Change] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seen = [0] * self.replicas

    def next_stamp(self) -> int:
        return (max(self.seen) // WRITERS + 1) * WRITERS + self.number

    # ---- what clients do ----

    def put(self, payload: bytes, context: Seen | None = None) -> None:
        removed = {cell.stamp for cell in self.cells if context is None or cell.stamp <= context[cell.writer]}
        stamp = self.next_stamp()
        self.change(
            Change(stamp, frozenset() if self.newest else frozenset(removed), (Cell(REGISTER, stamp, payload),))
        )

    def delete(self) -> None:
        stamp = self.next_stamp()
        if self.newest:
            self.change(Change(stamp, frozenset(), (Cell(REGISTER, stamp, b"", 1),)))
        else:
            self.change(Change(stamp, frozenset(cell.stamp for cell in self.cells), ()))

    def add(self, delta: int) -> None:
        own = [cell for cell in self.cells if cell.type == COUNTER and cell.writer == self.number]
        total = sum(int.from_bytes(cell.payload, "little", signed=True) for cell in own) + delta
        stamp = self.next_stamp()
        counter = Cell(COUNTER, stamp, total.to_bytes(8, "little", signed=True))
        self.change(Change(stamp, frozenset(), (counter,)))

    def insert(self, element: bytes) -> None:
        stamp = self.next_stamp()
        self.change(Change(stamp, self._stamps_of(element), (Cell(ELEMENT, stamp, element),)))

    def remove(self, element: bytes) -> None:
        self.change(Change(self.next_stamp(), self._stamps_of(element), ()))

    def _stamps_of(self, element: bytes) -> frozenset[int]:
        return frozenset(cell.stamp for cell in self.cells if cell.type == ELEMENT and cell.payload == element)

    # ---- what replicas do ----

    def change(self, change: Change) -> None:
        self.cells = join(self.newest, self.cells, change.added, change.removed)
        self.log.append(change)
        self.seen[change.stamp % WRITERS] = change.stamp

    def hear(self, other: Replica, count: int) -> None:
        """A beginning of what the other one has in its log."""
        for change in [each for each in other.log if each.stamp > self.seen[each.stamp % WRITERS]][:count]:
            self.change(change)
