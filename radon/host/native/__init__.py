"""The native twin of the domain: whether this process can use it, and if not, why not.

Owns the one import of the compiled module. It is used only if it was made for the wasmtime that is installed: the
same release, every structure of the same size, every function there. Otherwise the Python twin does the work, and
nothing but speed differs. Refuses to know what the module does.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import threading
import warnings
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import Any

from wasmtime import _ffi

from radon.host import capi

_lock = threading.Lock()


class Unusable(Exception):
    """Why there is no native twin, in one line."""


def module() -> ModuleType:
    """cffi's module of `api.h`: `lib` and `ffi`, ready to use. Any thread. Unusable if this process has none."""
    with _lock:
        found = _found()
    if isinstance(found, str):
        raise Unusable(found)
    return found


def unusable() -> str | None:
    """Why `module()` raises, in one line; None if it does not."""
    try:
        module()
    except Unusable as why:
        return str(why)
    return None


def check(native: Any, version: str, declared: Any) -> None:
    """Raises Unusable when `native` was not made for this version of wasmtime, which `declared` declares to ctypes."""
    release = _text(native, native.lib.radon_native_release())
    if not version.startswith(f"{release}."):
        raise Unusable(f"built for wasmtime {release}, found {version}")
    count = native.ffi.new("size_t *")
    for layout in native.ffi.unpack(native.lib.radon_native_layouts(count), count[0]):
        kind, field = _text(native, layout.type), _text(native, layout.field)
        structure = getattr(declared, kind)
        bytes_there = getattr(structure, field).offset if field else declared.ctypes.sizeof(structure)
        if bytes_there != layout.bytes:
            what = f"{kind}.{field}" if field else kind
            raise Unusable(f"built for another wasmtime: {what} is {layout.bytes} bytes here and {bytes_there} there")


@functools.cache
def _found() -> ModuleType | str:
    """The module, or why there is none; with the lock held, so that there is one module and one warning."""
    folder = Path(os.environ.get("RADON_NATIVE_BUILD") or Path(__file__).parent)
    path = next((path for suffix in EXTENSION_SUFFIXES if (path := folder / f"_native{suffix}").exists()), None)
    if path is None:  # as it has been since the installation, so `radon doctor` tells, and not each start
        reason = folder / "missing.txt"
        return f"not built when it was installed: {reason.read_text().strip()}" if reason.exists() else "not built"
    try:
        native = _imported(path)
        check(native, capi.VERSION, _ffi)
        if missing := native.lib.radon_native_load(os.fsencode(_ffi.filename)):
            raise Unusable(f"wasmtime {capi.VERSION} lacks {_text(native, missing)}")
    except Unusable as why:
        warnings.warn(f"Radon falls back to the Python domain: {why}", RuntimeWarning, stacklevel=4)
        return str(why)
    return native


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{__name__}._native", path)
    assert spec is not None
    assert spec.loader is not None
    try:
        native = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(native)
    except ImportError as error:  # made for another machine, or by a cffi that is newer than the installed one
        raise Unusable(f"{path} cannot be imported: {' '.join(str(error).split())}") from None
    return native


def _text(native: Any, at: Any) -> str:
    """A C string of the module; empty for NULL."""
    return native.ffi.string(at).decode() if at else ""
