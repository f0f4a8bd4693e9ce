"""The reader of WebAssembly binaries against the engine, against wasm-tools' components, and against any bytes."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from contextlib import suppress
from pathlib import Path

import pytest
import wasmtime
from hypothesis import example, given
from hypothesis import strategies as st

from radon.abi import binary
from radon.abi.component import flatten
from radon.abi.errors import LoadError
from radon.abi.syscalls import HANDLERS, SYSCALLS

WIT = Path(binary.__file__).with_name("radon.wit")
RECEIVE = HANDLERS["receive"].export

EVERY_KIND = """(module
    (import "a" "f" (func (param i32)))
    (import "a" "t" (table 1 2 funcref))
    (import "b" "g" (global (mut i64)))
    (import "b" "r" (global (ref null func)))
    (import "c" "m" (memory 1 70000))
    (import "c" "e" (tag (param i32)))
    (func $named (export "x"))
    (func $second (export "y"))
    (export "memory" (memory 0))
    (start $named))"""


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A component of the largest world, by the tools that guests are made with."""
    tool = shutil.which("wasm-tools", path=sysconfig.get_path("scripts")) or "wasm-tools"
    folder = tmp_path_factory.mktemp("component")
    core, whole = folder / "core.wasm", folder / "whole.wasm"
    embed = ["component", "embed", "--dummy-names", "legacy", str(WIT), "--world", "full-atom", "-o", str(core)]
    subprocess.run([tool, *embed], check=True)
    subprocess.run([tool, "component", "new", str(core), "-o", str(whole)], check=True)
    return whole.read_bytes()


def test_a_command_has_a_start_to_be_called_and_nothing_to_begin_with() -> None:
    command, reactor = '(func (export "_start"))', '(func (export "_initialize"))'
    assert binary.is_command(wat(f"(module {command})"))
    assert not binary.is_command(wat(f"(module {reactor})"))
    assert not binary.is_command(wat(f"(module {command} {reactor})"))
    assert not binary.is_command(wat("(module (func $f) (start $f))"))
    assert binary.is_command(wat(f"(component (core module) (component (core module {command})))"))
    assert not binary.is_command(wat(f"(component (core module {command} {reactor}))"))
    for neither in (b"", b"(module)", binary.MAGIC):
        with pytest.raises(LoadError):
            binary.is_command(neither)


def test_imports_exports_memories_start_and_names_are_read() -> None:
    module = binary.read_core(wat(EVERY_KIND))
    assert module.imports == (
        ("a", "f", "func"), ("a", "t", "table"), ("b", "g", "global"), ("b", "r", "global"),
        ("c", "m", "memory"), ("c", "e", "tag"),
    )  # fmt: skip
    assert module.exports == {"x": "func", "y": "func", "memory": "memory"}
    assert module.memories == (binary.Memory(1, 70000, shared=False, wide=False),)
    assert module.has_start
    assert not module.has_tags
    assert module.function_names == {1: "named", 2: "second"}


def test_tags_of_its_own_are_noticed() -> None:
    assert binary.read_core(wat("(module (tag (param i32)))")).has_tags


def test_own_memories_are_read_with_their_flags() -> None:
    module = binary.read_core(wat('(module (memory 1 2 shared) (memory (export "m") i64 3) (memory 0 (pagesize 1)))'))
    assert module.memories == (
        binary.Memory(1, 2, shared=True, wide=False),
        binary.Memory(3, None, shared=False, wide=True),
        binary.Memory(0, None, shared=False, wide=False),
    )
    assert not module.has_start


def test_the_main_module_of_a_component_is_taken_out_whole(component: bytes) -> None:
    core = binary.core_modules_with(component, RECEIVE)[0]
    module = binary.read_core(core)
    assert {(space, field) for space, field, _ in module.imports} == {(row.interface, row.field) for row in SYSCALLS}
    assert {row.export for row in HANDLERS.values()} <= module.exports.keys()
    config = wasmtime.Config()
    config.wasm_component_model = True
    wasmtime.Module.validate(wasmtime.Engine(config), core)


def test_the_imports_of_a_component_are_its_interfaces(component: bytes) -> None:
    names = binary.component_imports(component)
    assert set(names) == {row.interface for row in SYSCALLS} | {"radon:atom/errors@0.1.0"}
    assert len(names) == len(set(names))


def test_imports_of_every_sort_are_named() -> None:
    text = """(component
        (import "a:b/c@1.2.3" (instance))
        (import "run" (func (param "x" string) (result u32)))
        (import "ty" (type (sub resource)))
        (import "same" (type (eq 1)))
        (import "inner" (component))
        (import "code" (core module)))"""
    assert binary.component_imports(wat(text)) == ["a:b/c@1.2.3", "run", "ty", "same", "inner", "code"]


def test_a_nested_component_is_searched_for_atoms() -> None:
    module = f'(core module (memory (export "memory") 1) (func (export "{RECEIVE}")))'
    (core,) = binary.core_modules_with(wat(f"(component (component {module}))"), RECEIVE)
    assert RECEIVE in binary.read_core(core).exports
    assert len(binary.core_modules_with(wat(f"(component {module} (component {module}))"), RECEIVE)) == 2
    assert binary.core_modules_with(wat("(component (core module))"), RECEIVE) == []


def test_components_nested_without_end_are_refused() -> None:
    data = wat("(component)")
    for _ in range(20):
        data = binary.COMPONENT + b"\x04" + leb(len(data)) + data
    with pytest.raises(LoadError, match="nested"):
        binary.core_modules_with(data, RECEIVE)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not WebAssembly"),
        (b"\0as", "truncated"),
        (b"\0asm\x01\0", "truncated"),
        (b"\0asm\x02\0\0\0", "unknown version"),
        (b"MZ\x90\0 not this", "not WebAssembly"),
        (binary.COMPONENT, "the other kind"),
        (binary.CORE + b"\x02\x05\x01", "truncated"),
        (binary.CORE + b"\x02\xff\xff\xff\xff\x0f", "truncated"),
        (binary.CORE + b"\x02\x05\xff\xff\xff\xff\x0f", "truncated"),  # a count of four billion
        (binary.CORE + b"\x05\x0b\x01\x00" + b"\x80" * 9, "truncated"),
        (binary.CORE + b"\x07\x06" + b"\x80" * 6, "longer than its type"),
        (binary.CORE + b"\x07\x05\x01\x01\xff\x00\x00", "not UTF-8"),
        (binary.CORE + b"\x07\x05\x01\x01a\x09\x00", "unknown kind"),
        (binary.CORE + b"\x05\x03\x01\x40\x00", "unknown memory type"),
        (binary.CORE + b"\x07\x02\x00\x00", "left over in the export section"),
    ],
)
def test_what_is_damaged_is_refused_in_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(LoadError, match=reason) as caught:
        binary.read_core(data)
    assert "\n" not in str(caught.value)


def test_a_damaged_name_section_is_no_fault_of_the_module() -> None:
    custom = b"\x04name\x01\x7f"
    assert binary.read_core(binary.CORE + b"\x00" + leb(len(custom)) + custom).function_names == {}


def leb(value: int) -> bytes:
    encoded = b""
    while value >= 0x80:
        encoded, value = encoded + bytes([value & 0x7F | 0x80]), value >> 7
    return encoded + bytes([value])


def read_all(data: bytes) -> None:
    """Everything that reads bytes: a result or a LoadError, in time that their length bounds."""
    for reader in (binary.read_core, binary.component_imports, atoms_of, flatten):
        with suppress(LoadError):
            reader(data)


def atoms_of(data: bytes) -> object:
    return binary.core_modules_with(data, RECEIVE)


@given(st.binary(max_size=300), st.sampled_from([b"", binary.CORE, binary.COMPONENT]))
@example(b"\x04" * 200, binary.COMPONENT)
def test_any_bytes_are_read_or_refused(tail: bytes, header: bytes) -> None:
    read_all(header + tail)


@given(st.data())
def test_a_mutated_binary_is_read_or_refused(component: bytes, data: st.DataObject) -> None:
    mutant = bytearray(data.draw(st.sampled_from([component, wat(EVERY_KIND)]), "origin"))
    for _ in range(data.draw(st.integers(1, 6), "changes")):
        at = data.draw(st.integers(0, len(mutant)), "at")
        new = data.draw(
            st.sampled_from([b"", b"\0", b"\x01", b"\x7f", b"\x80", b"\xff", b"\xff\xff\xff\xff\x0f"]), "new"
        )
        mutant[at : at + data.draw(st.integers(0, 3), "removed")] = new
    read_all(bytes(mutant[: data.draw(st.integers(0, len(mutant)), "length")]))
    read_all(bytes(mutant))
