"""One instance as the gate has it: its guest, the turn that it is in, and the handles of the atoms that it serves.

What a syscall may do to guest memory is checked and charged here. When instances are made, entered and dropped is
`gate.py`'s to say.
"""

from __future__ import annotations

from radon.host.assembly import MAX_REALLOCS, Assembly
from radon.host.guest import Guest
from radon.host.handles import Handles, Violation
from radon.host.kind import Kind
from radon.host.limits import SHARED_HANDLES, SYSCALL_FUEL
from radon.host.linked import Recipe
from radon.host.turn import Turn

REALLOCS = ["cabi_realloc", *(f"cabi_realloc {number}" for number in range(1, MAX_REALLOCS))]
"""What the functions of a guest are called that make room in its memory; a core module has the first one."""


class Instance:
    """A guest, and the handles of the atoms that have had turns in it: one, or many of a shared kind (rule 18).

    Discarded when a turn in it fails; may be dropped between any two turns (rule 4).
    """

    def __init__(self, recipe: Recipe, kind: Kind) -> None:
        self.guest = Guest(recipe, kind.limits.memory)
        self.seats: dict[str, Handles] = {}  # by the key of the atom
        self.handles: Handles  # of the atom that it is in a turn of, or was last
        self.held = 0  # handles in all seats
        self._common = Handles(kind.limits.handles) if kind.shared else None
        self.message_limit = kind.limits.message
        self.allocates_all = isinstance(kind.module.compiled, Assembly)
        self.turn: Turn  # the one that it is in, or was in last
        self.size = 0  # bytes of memory, when it was last weighed
        self.realloc = REALLOCS[0]  # the one of its functions that makes room for what it is given now
        self.starting = False  # inside the start functions of a component, which cannot wait
        self.leaving = False  # inside cabi_realloc or cabi_post, where no syscall is allowed (rule 11) ...
        self.may_drop = False  # ... but for drops of handles inside cabi_post

    def adopt(self, turn: Turn) -> None:
        """It is in this turn from now on, which brings its fuel."""
        key, limit = turn.atom.key, turn.kind.limits.handles
        if key not in self.seats:
            self.seats[key] = Handles(limit, self._common)
        self.handles = turn.handles = self.seats[key]
        self.held -= len(self.handles)
        self.turn = turn
        self.guest.set_fuel(turn.kind.limits.fuel)

    def release(self) -> bool:
        """The turn has ended well. False: too many handles are held, which is to say that the guest leaks them."""
        self.held += len(self.handles)
        limit = self.turn.kind.limits.handles
        if self._common is None:
            return 2 * len(self.handles) <= limit
        return 2 * max(len(self.handles), len(self._common)) <= limit and self.held <= SHARED_HANDLES

    def leave(self, key: str) -> None:
        """The atom of this key has no more to do with it."""
        self.held -= len(self.seats.pop(key))

    def spend(self, fuel: int) -> None:
        self.turn.spend(fuel)

    def check(self, pointer: int, length: int) -> None:
        self.guest.check(pointer, length)

    def read(self, pointer: int, length: int) -> bytes:
        self.guest.check(pointer, length)  # first: a wrong length is not told as one that costs too much
        self.turn.spend(length)
        return self.guest.read(pointer, length)

    def write(self, pointer: int, data: bytes) -> None:
        self.guest.check(pointer, len(data))
        self.turn.spend(len(data))
        self.guest.write(pointer, data)

    def allocate(self, align: int, size: int) -> int:
        if size >= 2**32:
            raise Violation(f"{size} bytes do not fit a guest's memory")
        self.turn.spend(SYSCALL_FUEL)
        pointer = self.guest.take(size)
        if pointer is None:
            pointer = self.call_closed(self.realloc, 0, 0, align, size)
        if pointer is None or pointer % align:
            raise Violation(f"room was made at {pointer}, not aligned to {align}")
        self.guest.check(pointer, size)
        return pointer

    def call_closed(self, name: str, *args: int, may_drop: bool = False) -> int | None:
        """Call an export in which the guest may make no syscall, but perhaps for drops of handles."""
        entry = self.guest.entry(name)
        if entry is None:
            raise Violation(f"the module does not export {name}")
        self.leaving, self.may_drop = True, may_drop
        try:
            return self.guest.call(entry, *args)
        finally:
            self.leaving = False
