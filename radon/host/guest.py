"""One instance of a module or component in a store of its own: enter it, be called by it, read and write its memory.

With `linked.py` and `joined.py` the thin and only layer between Python and wasmtime on the path of a turn. It knows
addresses, fuel and traps; it refuses to know what a syscall means, what an atom is, and which guest should run next.

A guest may be used by any thread, by one at a time; the main thread enters it inside `uninterrupted()` only.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from typing import NamedTuple

from radon.host import capi, limits
from radon.host.interrupts import uninterrupted
from radon.host.linked import HostFunction, Linked, Raw, Recipe, callback
from radon.host.signatures import ARENA, ARENA_UNIT
from radon.host.trap import OutOfBounds, Trap, engine_error, engine_trap

__all__ = ["Entry", "Guest", "HostFunction", "Linked", "OutOfBounds", "Raw", "Trap", "callback", "uninterrupted"]


_FREE = struct.Struct("<II")  # of the arena: where it begins, and where it ends


class Entry(NamedTuple):
    """An exported function of one guest, ready to be called."""

    address: int
    arity: int
    mask: int  # of the result; 0: there is none


class Guest:
    """An instance. `Guest(recipe, limit)` only makes its store; give it fuel, then `start` it, then `call`.

    `memory_limit` is in bytes: `memory.grow` beyond it answers -1. `view` is the whole address space of the memory:
    use no byte of it that `check` has not passed, and nothing of it after `close`.
    """

    def __init__(self, recipe: Recipe, memory_limit: int) -> None:
        self._recipe = recipe
        self._found: set[int] = set()  # parts whose exports are known
        self._limit = memory_limit
        self._running = 0
        self._raised: BaseException | None = None
        self._base = 0
        self._length = 0  # what the memory has had at least: it never shrinks
        self._memory = 0
        self._arena: int | None = None  # where it says which part of its memory is free, if it does
        self.view = memoryview(b"")
        self.entries: dict[str, Entry] = {}
        self._raw = (ctypes.c_uint64 * recipe.words)()
        self._raw_at = ctypes.addressof(self._raw)
        self._out = ctypes.c_void_p()  # trap
        self._out_at = ctypes.addressof(self._out)
        self._fuel = ctypes.c_uint64()
        self._externs = (ctypes.c_uint64 * (capi.EXTERN_SIZE // 8 * (len(recipe.entries) + 1)))()
        self._store: int | None = capi.store_new(recipe.engine, id(self), None)
        self._context: int = capi.store_context(self._store)
        capi.store_limiter(self._store, memory_limit, limits.TABLE_ELEMENTS, recipe.instances, limits.TABLES, 1)

    # -- life --

    def start(self) -> None:
        """Instantiate, run the start function and `_initialize`. Both use fuel and may call host functions.

        Raises Trap, or whatever a host function raised. A guest that did not start cannot be started again.
        """
        self._must_be_open()
        recipe = self._recipe
        if recipe.memory_minimum > self._limit:
            needs = f"needs {recipe.memory_minimum} bytes of memory to begin with"
            raise Trap("memory-limit", f"the module {needs}; its limit is {self._limit}")
        self._running += 1
        try:
            error = recipe.make(self._context, self._out_at, self._made)
        finally:
            self._running -= 1
        if error or self._out.value:
            self._end(error)
        if recipe.initializes:
            self.call(self.entries["_initialize"])

    def _made(self, part: int, instance: int) -> None:
        context = self._context
        self._find(part, lambda name, into: capi.instance_export_get(context, instance, name, len(name), into))

    def _adopt(self, caller: int) -> None:
        """The start function is running: find by its caller what `start` will find by the instance."""
        self._find(0, lambda name, into: capi.caller_export_get(caller, name, len(name), into))

    def _find(self, part: int, export: Callable[[bytes, int], bool]) -> None:
        if part in self._found:
            return
        self._found.add(part)
        at = ctypes.addressof(self._externs)
        memory = self._recipe.memory
        if memory is not None and memory.part == part and export(memory.export, at):
            self._memory = at + capi.EXTERN_OF
            self._base = capi.memory_data(self._context, self._memory)
            self._length = capi.memory_data_size(self._context, self._memory)
            self.view = capi.view(self._base, 1 << 32)  # reserved at once and never moved: see engine.py
        if self._recipe.has_arena:
            self._arena = capi.constant(self._context, lambda into: export(ARENA.encode(), into))
        for wanted in self._recipe.entries:
            at += capi.EXTERN_SIZE
            if wanted.part == part and export(wanted.export, at):
                self.entries[wanted.name] = Entry(at + capi.EXTERN_OF, wanted.arity, wanted.mask)

    def close(self) -> None:
        """Free instance and memory now. Idempotent; RuntimeError while the guest is running."""
        if self._running:
            raise RuntimeError("a guest cannot be closed while it is running")
        if self._store is not None:
            self.view.release()
            self.view = memoryview(b"")
            self._base = self._length = self._memory = 0
            self.entries = {}
            store, self._store = self._store, None
            capi.store_delete(store)

    def _must_be_open(self) -> None:
        if self._store is None:
            raise RuntimeError("the guest is closed")

    def __del__(self) -> None:
        if getattr(self, "_store", None) is not None:
            self.close()

    # -- running --

    def set_fuel(self, fuel: int) -> None:
        """What the guest may use from now on, in units of limits.FUEL_PER_SECOND; a new guest has none."""
        self._must_be_open()
        capi.context_set_fuel(self._context, fuel)

    def fuel_left(self) -> int:
        """What is left of it."""
        self._must_be_open()
        capi.context_get_fuel(self._context, ctypes.addressof(self._fuel))
        return self._fuel.value

    def entry(self, name: str) -> Entry | None:
        """The export of that name, if it is among the entries of `Linked` and the module has it."""
        return self.entries.get(name)

    def call(self, entry: Entry, *arguments: int) -> int | None:
        """Enter the guest; the result is unsigned. May be used by a host function that this guest is calling.

        Raises Trap, or whatever a host function raised. A float's bits are passed as an integer.
        """
        at, arity, mask = entry
        if self._store is None or len(arguments) != arity:
            self._must_be_open()
            raise TypeError(f"the export takes {arity} arguments, not {len(arguments)}")
        raw = self._raw
        word = 0
        for argument in arguments:
            raw[word] = argument
            word += 2  # capi.RAW_WORDS
        self._running += 1
        try:
            error = capi.func_call(self._context, at, self._raw_at, word // 2 or 1, self._out_at)
        finally:
            self._running -= 1
        if error or self._out.value:
            self._end(error)
        return raw[0] & mask if mask else None

    def _remember(self, error: BaseException) -> int:
        """A host function raised: keep it for the call that will end, and make the trap that ends it."""
        self._raised = error
        trap: int = capi.trap_new(b"host", 4)
        return trap

    def _end(self, error: int | None) -> None:
        """Raise what ended the call: our own exception, the guest's trap, or the engine's refusal."""
        trap_at, self._out.value = self._out.value, None
        raised, self._raised = self._raised, None
        ended = engine_error(error) if error else engine_trap(trap_at or 0)
        if raised is None:
            raise ended
        if isinstance(raised, Trap) and not raised.frames:
            raised.frames = ended.frames
        try:
            raise raised
        finally:
            del raised  # or the error and this frame would keep each other, and what the host function held, alive

    # -- memory --

    def memory_base(self) -> int:
        """Where in this process the memory begins; the same for the life of the guest. 0: it has none."""
        return self._base

    def memory_size(self) -> int:
        """Its length in bytes now."""
        if self._memory:
            self._length = capi.memory_data_size(self._context, self._memory)
        return self._length

    def check(self, pointer: int, length: int) -> None:
        """OutOfBounds unless all `length` bytes at `pointer` are in the memory; no bytes may lie at its very end."""
        if not 0 <= pointer <= pointer + length <= self._length:
            self._check_again(pointer, length)

    def _check_again(self, pointer: int, length: int) -> None:
        size = self.memory_size()  # it may have grown
        if not 0 <= pointer <= pointer + length <= size:
            raise OutOfBounds(pointer, length, size)

    def read(self, pointer: int, length: int) -> bytes:
        """A copy of guest memory, or OutOfBounds."""
        end = pointer + length
        if not 0 <= pointer <= end <= self._length:
            self._check_again(pointer, length)
        return self.view[pointer:end].tobytes()

    def write(self, pointer: int, data: bytes | bytearray | memoryview) -> None:
        """Copy `data` into guest memory, or OutOfBounds and nothing is written."""
        end = pointer + len(data)
        if not 0 <= pointer <= end <= self._length:
            self._check_again(pointer, len(data))
        self.view[pointer:end] = data

    def take(self, size: int) -> int | None:
        """Room for so many bytes from its arena, or None: it shows none, or has too little left. Raises OutOfBounds."""
        if self._arena is None:
            return None
        self.check(self._arena, _FREE.size)
        start, end = _FREE.unpack_from(self.view, self._arena)
        after: int = start + -(-size // ARENA_UNIT) * ARENA_UNIT
        if after > end:
            return None
        _FREE.pack_into(self.view, self._arena, after, end)
        return int(start)
