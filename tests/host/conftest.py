"""Guests of a few lines of WAT."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import wasmtime

from radon.host import engine
from radon.host.guest import Guest, Linked, Raw, callback

PAGE = 65536

Functions = Mapping[str, tuple[str, str, Callable[[Raw], None]]]
"""Field of the import module "host" -> parameters and results, their types separated by blanks, and the function."""


@pytest.fixture
def link() -> Callable[..., Linked]:
    """link(wat, functions, entries, starts=...)"""

    def link(wat: str, functions: Functions | None = None, entries: tuple[str, ...] = ("run",), **more: Any) -> Linked:
        table = {
            ("host", field): (params.split(), results.split(), callback(function))
            for field, (params, results, function) in (functions or {}).items()
        }
        return Linked(engine.compile(bytes(wasmtime.wat2wasm(wat))), engine.engine(), table, entries, **more)

    return link


@pytest.fixture
def start(link: Callable[..., Linked]) -> Callable[..., Guest]:
    """start(wat, functions, limit=bytes, fuel=..., entries=...) -> a guest that has begun"""

    def start(
        wat: str, functions: Functions | None = None, *, limit: int = 16 * PAGE, fuel: int = 10**7, **more: Any
    ) -> Guest:
        guest = Guest(link(wat, functions, **more), limit)
        guest.set_fuel(fuel)
        guest.start()
        return guest

    return start
