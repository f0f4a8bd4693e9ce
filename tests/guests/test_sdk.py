"""The C SDK against the standard: what a guest imports and exports, and that it becomes a component."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from radon.abi import binary, wit
from radon.abi.syscalls import BY_IMPORT, HANDLERS, SYSCALLS
from radon.atoms import build

HERE = Path(__file__).parent
SDK = build.sdk_directory()
COUNTER, EVERYTHING, LEAST = SDK / "counter.c", HERE / "everything.c", HERE / "least.c"

Build = Callable[[Path], Path]


@pytest.mark.parametrize("source", [COUNTER, EVERYTHING, LEAST], ids=lambda source: source.stem)
def test_a_guest_becomes_a_valid_component_with_all_its_handlers(source: Path, built: Build, tmp_path: Path) -> None:
    core, out = built(source), tmp_path / "component.wasm"
    build.componentize(core, out)
    subprocess.run([wit.wasm_tools(), "validate", out], check=True)
    world = subprocess.run([wit.wasm_tools(), "component", "wit", out], capture_output=True, text=True, check=True)
    exports = binary.read_core(core.read_bytes()).exports
    expected = {handler.interface for handler in HANDLERS.values() if handler.export in exports}
    assert "radon:atom/handler@0.1.0" in expected
    assert set(re.findall(r"  export (radon:atom/\S+);", world.stdout)) == expected


def test_every_syscall_has_a_function_with_its_import(built: Build) -> None:
    module = binary.read_core(built(EVERYTHING).read_bytes())
    assert {(interface, field) for interface, field, _ in module.imports} == set(BY_IMPORT)


def test_every_handler_has_a_macro_with_its_exports(built: Build) -> None:
    exports = binary.read_core(built(EVERYTHING).read_bytes()).exports
    assert set(exports) == {row.export for row in HANDLERS.values()} | {"memory", "cabi_realloc", "radon_arena"}


def test_every_function_of_the_header_is_called_by_the_guest_that_calls_everything() -> None:
    declared = re.findall(r"^static inline .*?\b(radon_\w+)\(", (SDK / "radon.h").read_text(), re.MULTILINE)
    called = set(re.findall(r"\bradon_\w+(?=\()", EVERYTHING.read_text()))
    assert [name for name in declared if name not in called and not name.startswith("radon_take_")] == []
    assert len(declared) > len(SYSCALLS)


def test_what_a_guest_does_not_use_it_does_not_import(built: Build) -> None:
    module = binary.read_core(built(LEAST).read_bytes())
    assert module.imports == (("radon:atom/messaging@0.1.0", "[resource-drop]message", "func"),)
    assert built(LEAST).stat().st_size < 1000


def test_the_names_of_the_functions_stay_in_the_module(built: Build) -> None:
    names = set(binary.read_core(built(COUNTER).read_bytes()).function_names.values())
    assert {"radon_on_receive", "radon_import_state_bucket_add", "cabi_realloc"} <= names
