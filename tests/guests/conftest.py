"""Guests compiled once for all the tests that use them, and the instance in which the SDK's functions are tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from radon.atoms import build
from radon.host.engine import engine

Build = Callable[[Path], Path]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Compiles a guest of one C file, which must not give a warning, and answers its module's path."""
    folder = tmp_path_factory.mktemp("guests")

    def compile_once(source: Path) -> Path:
        out = folder / f"{source.stem}.wasm"
        if not out.exists():
            assert build.build_c([source], out).warnings == ""
        return out

    return compile_once


class Functions:
    """An instance of functions.c."""

    def __init__(self, module: wasmtime.Module, memory_limit: int = -1) -> None:
        self.store = wasmtime.Store(engine())
        self.store.set_limits(memory_size=memory_limit)
        exports = wasmtime.Instance(self.store, module, []).exports(self.store)
        self.exports: dict[str, Any] = {
            name: exports[name] for name in ("memory", "cabi_realloc", "answer", "turn_over")
        }

    def call(self, name: str, *args: int) -> int:
        self.store.set_fuel(10**9)
        return self.exports[name](self.store, *args)  # type: ignore[no-any-return]

    def realloc(self, old: int, old_size: int, align: int, size: int) -> int:
        return self.call("cabi_realloc", old, old_size, align, size) & 0xFFFFFFFF

    def read(self, start: int, size: int) -> bytes:
        return bytes(self.exports["memory"].read(self.store, start, start + size))

    def write(self, start: int, data: bytes) -> None:
        self.exports["memory"].write(self.store, data, start)

    def pages(self) -> int:
        return int(self.exports["memory"].size(self.store))

    def turn_over(self) -> None:
        self.call("turn_over")

    def answer(self, command: str, argument: bytes = b"") -> bytes:
        """What the guest makes of a command: a turn of its own."""
        data = f"{command} ".encode() + argument
        start = self.realloc(0, 0, 1, len(data))
        self.write(start, data)
        area = self.read(self.call("answer", start, len(data)), 8)
        result = self.read(int.from_bytes(area[:4], "little"), int.from_bytes(area[4:], "little"))
        self.turn_over()
        return result


@pytest.fixture(scope="session")
def functions(built: Build) -> Callable[..., Functions]:
    """Makes instances of functions.c."""
    module = wasmtime.Module(engine(), built(Path(__file__).with_name("functions.c")).read_bytes())
    return lambda **limits: Functions(module, **limits)


@pytest.fixture(scope="session")
def answer(functions: Callable[..., Functions]) -> Callable[..., bytes]:
    """Gives one instance of functions.c a command and its argument, and answers what it makes of them."""
    return functions().answer
