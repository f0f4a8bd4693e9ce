"""wasmtime.h is true: its declarations are those of wasmtime-py, and what it declares works when it is called.

When wasmtime is raised, this is where it shows what has changed.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from cffi import FFI
from wasmtime import _bindings, _ffi

from radon.host import capi, engine
from radon.host.native import build

HERE = Path(__file__).parent
GUEST = """
(module
  (import "host" "add" (func $add (param i32) (result i32)))
  (memory 1)
  (func (export "call") (param i32) (result i32) (call $add (call $add (local.get 0))))
  (func (export "reach") (param i32) (result i32) (drop (call $add (local.get 0))) (i32.load (i32.const 0x7fffffff)))
  (func $dive (export "dive") (param i32) (result i32) (call $dive (call $add (local.get 0))))
  (func (export "spin") (param i32) (result i32) (loop $l (br $l)) unreachable))
"""
OUT_OF_BOUNDS, STACK_OVERFLOW, OUT_OF_FUEL = -1001, -1000, -1011


def shape(kind: Any) -> str:
    """What the calling convention sees of a type of ctypes or cffi: a pointer, or a number of so many bytes."""
    if kind is None or getattr(kind, "kind", "") == "void":
        return "nothing"
    if not hasattr(kind, "kind"):
        if issubclass(kind, ctypes._Pointer | ctypes.c_void_p | ctypes._CFuncPtr):  # type: ignore[attr-defined]
            return "pointer"
        return f"{ctypes.sizeof(kind)} bytes"
    return "pointer" if kind.kind in ("pointer", "function") else f"{FFI().sizeof(kind)} bytes"


def test_every_function_has_the_parameters_that_wasmtime_py_gives_it(tmp_path: Path) -> None:
    for header in ("stdbool.h", "stddef.h", "stdint.h"):
        (tmp_path / header).touch()  # cffi knows their types by itself
    expand = [*build.compiler(), "-E", "-P", "-nostdinc", f"-I{tmp_path}", str(build.HERE / "wasmtime.h")]
    ffi = FFI()
    ffi.cdef(subprocess.run(expand, check=True, capture_output=True, text=True).stdout)
    functions = ffi.typeof("Wasm").fields
    assert len(functions) > 50
    for name, field in functions:
        declared = [shape(kind) for kind in (field.type.result, *field.type.args)]
        known = [getattr(_bindings, f"_{prefix}_{name}", None) for prefix in ("wasm", "wasmtime")]
        assert declared in [[shape(kind) for kind in (f.restype, *f.argtypes)] for f in known if f], name


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """wasmtime.c of this folder."""
    path = tmp_path_factory.mktemp("wasmtime") / "calls.so"
    flags = [*build.FLAGS, *shlex.split(os.environ.get("RADON_NATIVE_CFLAGS", "")), "-fvisibility=default"]
    sources = [str(HERE / "wasmtime.c"), str(build.HERE / "wasmtime.c")]
    subprocess.run([*build.compiler(), *flags, f"-I{build.HERE}", "-shared", *sources, "-o", path, "-ldl"], check=True)
    library = ctypes.CDLL(str(path))
    library.load.restype = ctypes.c_char_p
    library.use_own_stacks.argtypes = [ctypes.c_void_p]
    library.run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    assert library.load(os.fsencode(_ffi.filename)) is None
    return library


@pytest.mark.parametrize("own_stacks", [False, True], ids=["wasmtime's stacks", "our stacks"])
def test_a_guest_that_suspends_goes_on_traps_or_is_dropped(own_stacks: bool, calls: ctypes.CDLL) -> None:
    config = wasmtime.Config()
    for name, value in engine.SETTINGS.items():
        setattr(config, name, value)
    if own_stacks:
        calls.use_own_stacks(capi.address(config))
    made = wasmtime.Engine(config)
    module = wasmtime.Module(made, GUEST)

    def run(export: bytes, most_polls: int = 1000) -> int:
        result: int = calls.run(capi.address(made), capi.address(module), export, most_polls)
        return result

    before = calls.stacks_alive()
    for _ in range(20):
        assert run(b"call") == 7 * 100 + 5  # 5 + 1 + 1; each call of the host suspends twice
        assert run(b"call", most_polls=2) == 0  # dropped while it was suspended
        assert run(b"reach") == OUT_OF_BOUNDS
        assert run(b"dive", most_polls=10**9) in (STACK_OVERFLOW, OUT_OF_FUEL)
        assert run(b"spin") == OUT_OF_FUEL
    assert calls.stacks_alive() == before
    assert (calls.stacks_made() > 0) is own_stacks
