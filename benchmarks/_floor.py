"""The floors of native/floor.c: compiled for this run, in this process, with the very sources that they are measured
beside. Seconds of one operation each; which operation, floor.c says.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable
from ctypes import c_char_p, c_double, c_int32, c_uint64, c_void_p
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import wasmtime
from wasmtime import _ffi

from radon.host import capi
from radon.host.engine import compile as compile_module
from radon.host.engine import engine
from radon.host.native.build import FLAGS, LINKED, compiler

HERE = Path(__file__).parent
NATIVE = HERE.parent / "radon" / "host" / "native"
USED = ("bytes.c", "node.c", "state.c", "wasmtime.c")


def _library() -> ctypes.CDLL:
    with TemporaryDirectory() as folder:
        made = Path(folder) / "floor.so"
        sources = [HERE / "native" / "floor.c", *(NATIVE / name for name in USED)]
        flags = [*FLAGS, *LINKED, f"-I{NATIVE}", f"-I{HERE / 'guests'}"]
        subprocess.run([*compiler(), *flags, "-shared", "-o", made, *sources, "-ldl"], check=True)
        return ctypes.CDLL(str(made))


class Bare(NamedTuple):
    """A guest of native/NAME.wat."""

    into_host: Callable[[int], float]
    into_guest: Callable[[int], float]
    refuel: Callable[[int], float]


class Floor:
    """`guest`: a module whose activation is measured."""

    def __init__(self, guest: bytes) -> None:
        self._library = _library()
        missing = self._function("load", c_char_p, c_char_p)(os.fsencode(_ffi.filename))
        if missing:
            raise SystemExit(f"the engine lacks {missing.decode()}")
        self._engine = capi.address(engine())
        self._modules = [
            compile_module(core) for core in (_assembled("crossing.wat"), _assembled("suspending.wat"), guest)
        ]
        make = self._make = self._function("guest", c_void_p, c_void_p, c_void_p)
        crossing, suspending, whole = (make(self._engine, capi.address(module)) for module in self._modules)
        into_host = self._function("into_host", c_double, c_void_p, c_int32)
        into_guest = self._function("into_guest", c_double, c_void_p, c_int32)
        round_trip = self._function("round_trip", c_double, c_void_p, c_void_p, c_int32)
        activation = self._function("activation", c_double, c_void_p, c_void_p, c_int32)
        self.into_host: Callable[[int], float] = lambda times: into_host(crossing, times)
        self.into_guest: Callable[[int], float] = lambda times: into_guest(crossing, times)
        self.round_trip: Callable[[int], float] = lambda times: round_trip(suspending, crossing, times)
        self.activation: Callable[[int], float] = lambda times: activation(whole, self._engine, times)
        self.fill = self._function("fill", None, c_uint64)
        self.clear = self._function("clear", None)
        self.get = self._function("get", c_double, c_uint64, c_uint64, c_int32)
        self.put = self._function("put", c_double, c_uint64, c_uint64, c_int32)

    def bare(self, engine: wasmtime.Engine, name: str) -> Bare:
        """Of an engine that is not that of this process."""
        module = wasmtime.Module(engine, _assembled(name))
        self._modules.append(module)
        made = self._make(capi.address(engine), capi.address(module))
        functions = [self._function(what, c_double, c_void_p, c_int32) for what in Bare._fields]
        return Bare(*(partial(function, made) for function in functions))

    def _function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        return ctypes.CFUNCTYPE(result, *arguments)((f"floor_{name}", self._library))


def _assembled(name: str) -> bytes:
    return bytes(wasmtime.wat2wasm((HERE / "native" / name).read_text()))
