"""The one wasmtime engine of a process, and the modules that it has compiled.

Owns the settings that make guests deterministic and the in-memory and on-disk stores of compiled code, both keyed by
the SHA-256 of the module. Refuses to know what a module imports or exports: that is the loader's.

The engine is process-wide on purpose, the only such thing in Radon: function types, modules and stores of two engines
must never meet (wasmtime aborts the process when they do), and compiled code is worth sharing. It holds no atom's
state, so two runtimes in one process cannot see each other through it.

Instances are made in a pool of slots that keep their maps, and what they were told of a module's memory, from one
instance to the next: making one anew costs mostly what the kernel does, three times as long. Where more turns are to be
suspended than it has room for, memories and stacks lie side by side without guards (native/slabs.h), and code checks
its accesses. Where neither can be had (the machine limits addresses, say) each instance is mapped by itself. Nothing
but speed and numbers differ.

It learns of traps through signals (SIGSEGV, SIGILL, SIGFPE). An embedder that wants `faulthandler` enables it before
the first module is loaded: enabled later it would stand in front, and take a guest's trap for a crash of the process.
"""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple
from weakref import WeakValueDictionary

import wasmtime
from wasmtime import _ffi

from radon.abi.errors import LoadError
from radon.abi.parts import MAX_PARTS
from radon.host import capi, limits, native
from radon.host.cache import Cache, directory
from radon.host.room import VARIABLE, Plan, Room, guarded, maps_left, plan

SETTINGS: Mapping[str, bool | int | str] = MappingProxyType({
    # Turns end by fuel, at the same instruction everywhere (rule 3). Epochs would cost more and count time.
    "consume_fuel": True,
    "epoch_interruption": False,
    # The same bits on every machine (rule 5).
    "cranelift_nan_canonicalization": True,
    "wasm_relaxed_simd_deterministic": True,
    "wasm_threads": False,
    "shared_memory": False,
    # Where the stack ends is observable (rule 2).
    "max_wasm_stack": limits.MAX_WASM_STACK,
    # A 32-bit memory fits its reservation, so that its address never changes while the host holds it.
    "memory_may_move": False,
    "memory_reservation": 4 * limits.GIB,
    "wasm_memory64": False,
    "wasm_multi_memory": False,
    "wasm_custom_page_sizes": False,
    # Heaps beside the linear memory, which the memory limit would not count.
    "wasm_gc": False,
    "wasm_stack_switching": False,
    # Asked for the type of a function that takes a typed reference, the engine's C API ends the process.
    "wasm_function_references": False,
    # A throw is thousands of instructions of the host for one unit of fuel: a second of it took 41 s.
    "wasm_exceptions": False,
    "cranelift_opt_level": "speed",
})  # fmt: skip
"""What is set on the engine. No caller chooses any of it: wasmtime aborts on settings that contradict each other."""


DENSE: Mapping[str, bool | int | str] = MappingProxyType({
    # Code compares every address with the size of the memory. With a reservation it would compare with that, and leave
    # what lies between to the kernel: but there is no guard here, only other guests.
    "memory_reservation": 0,
    "memory_guard_size": 0,
    # A memory begins as a copy: an image would be a map.
    "memory_init_cow": False,
})  # fmt: skip
"""What is set instead where guests lie side by side."""

DENSE_MEMORY = 256 * limits.MIB
"""Bytes of addresses that each of them has: its memory can grow, and never moves, as everywhere."""

DENSE_STACK = 2 * limits.MIB
"""Bytes of a stack without a guard. A guest uses MAX_WASM_STACK once in its handler, and once more in the
`cabi_realloc` that a syscall of it calls; there it can make none. The other half is the host's own."""


WARM = 64
"""Unused slots that keep the image of their last instance's module, for its next one. An image is an open file."""


class Layout(Enum):
    """Where instances lie."""

    POOLED = "pooled"
    DENSE = "dense"
    MAPPED = "mapped"


class _Made(NamedTuple):
    engine: wasmtime.Engine
    settings: Mapping[str, bool | int | str]
    layout: Layout
    plan: Plan


_lock = threading.Lock()
_modules: WeakValueDictionary[str, wasmtime.Module] = WeakValueDictionary()


def engine() -> wasmtime.Engine:
    """The engine; made at the first call. Any thread."""
    with _lock:
        return _made().engine


def layout() -> Layout:
    """Any thread."""
    with _lock:
        return _made().layout


def capacity(*, threads: bool = False) -> Room:
    """The room that this process has for guests, as it was when the engine was made. Any thread.

    `threads`: of a domain whose suspended turns are threads, which have no use for the stacks of the slots.
    """
    with _lock:
        made = _made().plan
    return made.for_threads if threads else made.room


def check_memory(needed: Mapping[str, int]) -> None:
    """LoadError for a kind of these that may have more bytes of memory than there are addresses for it. Any thread."""
    for name, size in needed.items() if layout() is Layout.DENSE else ():
        if size > DENSE_MEMORY:
            raise LoadError(
                f"kind {name!r}: limits.memory is {size} bytes; it is at most {DENSE_MEMORY} where {VARIABLE} is more "
                "than vm.max_map_count has room for"
            )


def compile(core: bytes) -> wasmtime.Module:
    """Machine code for a core module: from memory, from the disk, or made now (and kept for next time). Any thread.

    Raises LoadError with the engine's reason when the module is not valid.
    """
    digest = hashlib.sha256(core).hexdigest()
    with _lock:
        module = _modules.get(digest)
        if module is None:
            module = _modules[digest] = _load_or_compile(digest, core)
        return module


@functools.cache
def _made() -> _Made:
    """With the lock held: `cache` alone would let two threads make two engines."""
    maps, is_native = maps_left(), native.unusable() is None
    chosen = plan(os.environ, maps, native=is_native)
    if not chosen.guards:
        settings = {**SETTINGS, **DENSE}
        config = _config(settings)
        if _lay_side_by_side(config, chosen.room.slots):
            return _Made(wasmtime.Engine(config), settings, Layout.DENSE, chosen)
        chosen = guarded(maps, native=is_native)
    config = _config(SETTINGS)
    if not chosen.room.can_be_reserved():
        return _Made(wasmtime.Engine(config), SETTINGS, Layout.MAPPED, chosen)
    _add_pool(config, chosen.room.slots, chosen.room.slots if is_native else 0)
    return _Made(wasmtime.Engine(config), SETTINGS, Layout.POOLED, chosen)


def _config(settings: Mapping[str, bool | int | str]) -> wasmtime.Config:
    config = wasmtime.Config()
    for name, value in settings.items():
        setattr(config, name, value)
    return config


def _lay_side_by_side(config: wasmtime.Config, slots: int) -> bool:
    """False: the machine does not give so many addresses."""
    there = native.module()
    at = there.ffi.cast("void *", capi.address(config))
    return bool(there.lib.radon_native_slabs(at, slots, DENSE_MEMORY, DENSE_STACK))


def _add_pool(config: wasmtime.Config, slots: int, stacks: int) -> None:
    """Of instances that may use all that a guest may, so that no module is too large for it."""
    pool = _ffi.wasmtime_pooling_allocation_config_new()
    chosen = {
        "total_core_instances": MAX_PARTS * slots, "total_memories": slots, "total_tables": limits.TABLES * slots,
        "total_stacks": stacks, "max_unused_warm_slots": min(slots, WARM),
        "max_core_instance_size": limits.GIB, "max_memory_size": 4 * limits.GIB, "max_tables_per_module": limits.TABLES,
        "table_elements": limits.TABLE_ELEMENTS,
        # A memory's pages go back to the kernel: kept, they would have to be cleared all, touched or not.
        "linear_memory_keep_resident": 0, "table_keep_resident": 4096, "decommit_batch_size": 16,
    }  # fmt: skip
    for name, value in chosen.items():
        getattr(_ffi, f"wasmtime_pooling_allocation_config_{name}_set")(pool, value)
    _ffi.wasmtime_pooling_allocation_strategy_set(config.ptr(), pool)
    _ffi.wasmtime_pooling_allocation_config_delete(pool)


def _load_or_compile(digest: str, core: bytes) -> wasmtime.Module:
    cache = Cache(directory(os.environ), f"wasmtime {capi.VERSION} {_made().settings}")
    content = cache.get(digest)
    if content is not None:
        try:
            return wasmtime.Module.deserialize(_made().engine, content)
        except wasmtime.WasmtimeError:
            pass  # made for another processor, say: it will be written anew
    try:
        module = wasmtime.Module(_made().engine, core)
    except wasmtime.WasmtimeError as error:
        raise LoadError(f"not a valid module: {' '.join(str(error).split())}") from None
    cache.put(digest, bytes(module.serialize()))
    return module
