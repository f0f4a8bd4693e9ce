"""The client over TCP: whether this process can use it, and if not, why not. Owns the import of the compiled module."""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from radon.abi.errors import Unavailable


@cache
def module() -> Any:
    """cffi's module of `api.h`: `lib` and `ffi`. Raises Unavailable with the way out."""
    folder = Path(os.environ.get("RADON_NATIVE_BUILD") or Path(__file__).parent)
    path = next((path for suffix in EXTENSION_SUFFIXES if (path := folder / f"_client{suffix}").exists()), None)
    if path is None:
        reason = folder / "missing.txt"
        why = reason.read_text().strip() if reason.exists() else "it was not built"
        raise Unavailable(f"no client over TCP: {why}; reinstall radon-runtime where there is a C compiler")
    try:
        spec = importlib.util.spec_from_file_location(f"{__name__}._client", path)
        assert spec is not None
        assert spec.loader is not None
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
    except ImportError as error:
        raise Unavailable(f"no client over TCP: {path} cannot be imported: {' '.join(str(error).split())}") from None
    return found
