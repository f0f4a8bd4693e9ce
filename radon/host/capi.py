"""The functions of wasmtime's C API that Radon calls itself, as ctypes prototypes of its own.

wasmtime-py offers the same functions behind reflection that costs 20 to 60 times the call. Addresses are plain integers
here and nothing is checked: only `guest.py` and `engine.py` call these. Knows nothing of atoms.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_bool, c_char_p, c_int, c_int64, c_size_t, c_ssize_t, c_uint64, c_void_p
from importlib import metadata
from typing import Any

import wasmtime
from wasmtime import _ffi

VERSION = metadata.version("wasmtime")
if not VERSION.startswith("50.0."):  # the layouts below are private to a release
    raise ImportError(f"radon needs wasmtime 50.0.*, found {VERSION}: pip install 'wasmtime==50.0.*'")

CALLBACK = ctypes.CFUNCTYPE(c_void_p, c_void_p, c_void_p, ctypes.POINTER(c_uint64), c_size_t)
"""A host function as wasmtime calls it: (env, caller, arguments and results, their number) -> trap or NULL."""


def _function(name: str, result: Any, *arguments: Any, quick: bool = False) -> Callable[..., Any]:
    """`quick` keeps the GIL: for what neither runs guest code nor asks the kernel for anything that takes long."""
    prototype = (ctypes.PYFUNCTYPE if quick else ctypes.CFUNCTYPE)(result, *arguments)
    return prototype((name, _ffi.dll))


linker_new = _function("wasmtime_linker_new", c_void_p, c_void_p)
linker_delete = _function("wasmtime_linker_delete", None, c_void_p)
linker_define = _function(
    "wasmtime_linker_define_func_unchecked", c_void_p,
    c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_void_p, CALLBACK, c_void_p, c_void_p,
)  # fmt: skip
linker_instantiate_pre = _function("wasmtime_linker_instantiate_pre", c_void_p, c_void_p, c_void_p, c_void_p)
instance_pre_delete = _function("wasmtime_instance_pre_delete", None, c_void_p)
instance_pre_instantiate = _function(
    "wasmtime_instance_pre_instantiate", c_void_p, c_void_p, c_void_p, c_void_p, c_void_p
)
instance_new = _function("wasmtime_instance_new", c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_void_p)
func_new = _function(
    "wasmtime_func_new_unchecked", None, c_void_p, c_void_p, CALLBACK, c_void_p, c_void_p, c_void_p, quick=True
)
instance_export_get = _function(
    "wasmtime_instance_export_get", c_bool, c_void_p, c_void_p, c_char_p, c_size_t, c_void_p, quick=True
)
caller_context = _function("wasmtime_caller_context", c_void_p, c_void_p, quick=True)
caller_export_get = _function("wasmtime_caller_export_get", c_bool, c_void_p, c_char_p, c_size_t, c_void_p, quick=True)
store_new = _function("wasmtime_store_new", c_void_p, c_void_p, c_void_p, c_void_p, quick=True)
store_context = _function("wasmtime_store_context", c_void_p, c_void_p, quick=True)
store_delete = _function("wasmtime_store_delete", None, c_void_p)
store_limiter = _function(
    "wasmtime_store_limiter", None, c_void_p, c_int64, c_int64, c_int64, c_int64, c_int64, quick=True
)
context_get_data = _function("wasmtime_context_get_data", c_void_p, c_void_p, quick=True)
context_set_fuel = _function("wasmtime_context_set_fuel", c_void_p, c_void_p, c_uint64, quick=True)
context_get_fuel = _function("wasmtime_context_get_fuel", c_void_p, c_void_p, c_void_p, quick=True)
memory_data = _function("wasmtime_memory_data", c_void_p, c_void_p, c_void_p, quick=True)
memory_data_size = _function("wasmtime_memory_data_size", c_size_t, c_void_p, c_void_p, quick=True)
_global_get = _function("wasmtime_global_get", None, c_void_p, c_void_p, c_void_p, quick=True)
func_call = _function("wasmtime_func_call_unchecked", c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p)
trap_new = _function("wasmtime_trap_new", c_void_p, c_char_p, c_size_t, quick=True)

EXTERN_SIZE = ctypes.sizeof(_ffi.wasmtime_extern_t)
"""Bytes of one `wasmtime_extern_t`."""

EXTERN_OF = int(_ffi.wasmtime_extern_t.of.offset)
"""Where in it the function, or the memory, begins."""

RAW_WORDS = 2
"""64-bit words from one raw value (`wasmtime_val_raw_t`) to the next."""

_view = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, c_ssize_t, c_int)(("PyMemoryView_FromMemory", ctypes.pythonapi))
_WRITABLE = 0x200  # PyBUF_WRITE


def constant(context: int, export: Callable[[int], bool]) -> int | None:
    """The value of a global that is an i32; `export` puts it at an address, or answers that there is none."""
    found, value = _ffi.wasmtime_extern_t(), _ffi.wasmtime_val_t()
    at = ctypes.addressof(found)
    if not export(at):
        return None
    _global_get(context, at + EXTERN_OF, ctypes.addressof(value))
    return int(value.of.i32) & 0xFFFF_FFFF


def address(managed: Any) -> int:
    """The address behind an object of wasmtime-py. It stays valid only while that object lives."""
    value = ctypes.cast(managed.ptr(), c_void_p).value
    assert value is not None
    return value


def view(at: int, length: int) -> memoryview:
    """Writable bytes at an address. Nothing keeps what is there alive: release it first."""
    bytes_there: memoryview = _view(at, length, _WRITABLE)
    return bytes_there


def object_at(at: int) -> Any:
    """The Python object whose `id` is `at`; it must be alive."""
    return ctypes.cast(at, ctypes.py_object).value


def error_at(at: int) -> wasmtime.WasmtimeError:
    """The engine's error at an address; takes it over."""
    return wasmtime.WasmtimeError._from_ptr(ctypes.cast(at, ctypes.POINTER(_ffi.wasmtime_error_t)))


def trap_at(at: int) -> wasmtime.Trap:
    """The engine's trap at an address; takes it over."""
    return wasmtime.Trap._from_ptr(ctypes.cast(at, ctypes.POINTER(_ffi.wasm_trap_t)))


def frames(ended: wasmtime.Trap | wasmtime.WasmtimeError) -> tuple[str, ...]:
    """The names of the guest functions that were active, innermost first; the engine tells 20 of them."""
    vector = _ffi.wasm_frame_vec_t(0, None)
    if isinstance(ended, wasmtime.Trap):
        _ffi.wasm_trap_trace(ended.ptr(), ctypes.byref(vector))
    else:
        _ffi.wasmtime_error_wasm_trace(ended.ptr(), ctypes.byref(vector))
    names = []
    for frame in vector.data[: vector.size]:
        name: Any = _ffi.wasmtime_frame_func_name(frame)
        index = _ffi.wasm_frame_func_index(frame)
        names.append(_ffi.to_str(name.contents) if name else f"function {index}")
    _ffi.wasm_frame_vec_delete(ctypes.byref(vector))
    return tuple(names)
