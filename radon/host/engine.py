"""The one wasmtime engine of a process, and the modules that it has compiled.

Owns the settings that make guests deterministic and the in-memory and on-disk stores of compiled code, both keyed by
the SHA-256 of the module. Refuses to know what a module imports or exports: that is the loader's.

The engine is process-wide on purpose, the only such thing in Radon: function types, modules and stores of two engines
must never meet (wasmtime aborts the process when they do), and compiled code is worth sharing. It holds no atom's
state, so two runtimes in one process cannot see each other through it.

Instances are made in a pool of slots that keep their maps, and what they were told of a module's memory, from one
instance to the next: making one anew costs mostly what the kernel does, three times as long. Where no pool can be had
(the machine limits addresses, say) each instance is mapped by itself; nothing but speed differs.

It learns of traps through signals (SIGSEGV, SIGILL, SIGFPE). An embedder that wants `faulthandler` enables it before
the first module is loaded: enabled later it would stand in front, and take a guest's trap for a crash of the process.
"""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from weakref import WeakValueDictionary

import wasmtime
from wasmtime import _ffi

from radon.abi.errors import LoadError
from radon.host import capi, limits, native
from radon.host.cache import Cache, directory
from radon.host.room import Room, beside_stacks, room

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
    # A throw is thousands of instructions of the host for one unit of fuel: a second of it took 41 s.
    "wasm_exceptions": False,
    "cranelift_opt_level": "speed",
})  # fmt: skip
"""What is set on the engine. No caller chooses any of it: wasmtime aborts on settings that contradict each other."""


class _Made(NamedTuple):
    engine: wasmtime.Engine
    room: Room
    pooled: bool


_lock = threading.Lock()
_modules: WeakValueDictionary[str, wasmtime.Module] = WeakValueDictionary()


def engine() -> wasmtime.Engine:
    """The engine; made at the first call. Any thread."""
    with _lock:
        return _made().engine


def capacity(*, threads: bool = False) -> Room:
    """The room that this process has for guests, as it was when the engine was made. Any thread.

    `threads`: of a domain whose suspended turns are threads, which have no use for the stacks of the slots.
    """
    with _lock:
        found = _made().room
    return beside_stacks(found) if threads and not native.unusable() else found


def pooled() -> bool:
    """Is there a pool of slots? Any thread."""
    with _lock:
        return _made().pooled


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
    config = wasmtime.Config()
    for name, value in SETTINGS.items():
        setattr(config, name, value)
    found = room()
    pooled = found.can_be_reserved()
    if pooled:
        _add_pool(config, found.slots)
    return _Made(wasmtime.Engine(config), found, pooled)


def _add_pool(config: wasmtime.Config, slots: int) -> None:
    """Of instances that may use all that a guest may, so that no module is too large for it."""
    pool = _ffi.wasmtime_pooling_allocation_config_new()
    stacks = 0 if native.unusable() else slots  # the Python twin has threads instead
    chosen = {
        "total_core_instances": slots, "total_memories": slots, "total_tables": limits.TABLES * slots,
        "total_stacks": stacks, "max_unused_warm_slots": slots,
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
    cache = Cache(directory(os.environ), f"wasmtime {capi.VERSION} {SETTINGS}")
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
