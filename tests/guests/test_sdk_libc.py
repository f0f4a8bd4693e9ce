"""A C guest with libc. Slow, because the compiler builds its libc first; once for a cache directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import wasmtime

from radon.abi import binary
from radon.abi.errors import BuildError
from radon.abi.syscalls import HANDLERS
from radon.atoms import build
from radon.host.engine import engine

SOURCE = Path(__file__).parent / "libc.c"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("libc") / "libc.wasm"
    build.build_c([SOURCE], out, libc=True)
    return out


def test_a_guest_with_libc_asks_for_wasi_and_to_be_initialized(core: Path) -> None:
    module = binary.read_core(core.read_bytes())
    assert ("wasi_snapshot_preview1", "fd_write", "func") in module.imports
    assert {"_initialize", "cabi_realloc", HANDLERS["receive"].export} <= set(module.exports)


def test_printf_malloc_and_the_turns_memory_do_not_disturb_each_other(core: Path, tmp_path: Path) -> None:
    module = wasmtime.Module(engine(), core.read_bytes())
    store = wasmtime.Store(engine())
    store.set_fuel(10**10)
    wasi = wasmtime.WasiConfig()
    wasi.stdout_file = str(tmp_path / "stdout")
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine())
    linker.define_wasi()
    drop = wasmtime.FuncType([wasmtime.ValType.i32()], [])
    linker.define_func("radon:atom/messaging@0.1.0", "[resource-drop]message", drop, lambda _: None)
    exports: Any = linker.instantiate(store, module).exports(store)
    exports["_initialize"](store)
    sizes = []
    for _ in range(20):
        body = exports["cabi_realloc"](store, 0, 0, 1, 100_000)
        exports["memory"].write(store, b"x" * 100_000, body)
        outcome = exports[HANDLERS["receive"].export](store, 1, body, 5)
        assert exports["memory"].read(store, outcome, outcome + 1) == b"\0"
        sizes.append(exports["memory"].size(store))
    assert sizes[1] == sizes[-1]
    lines = (tmp_path / "stdout").read_text().splitlines()
    assert lines == [f"turn {turn}: xxxxx {turn / 3:.3f}" for turn in range(1, 21)]


def test_a_guest_with_libc_is_refused_as_a_component_by_what_it_imports(core: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="wasi_snapshot_preview1"):
        build.componentize(core, tmp_path / "component.wasm")
