"""What is accepted as an atom, and how each refusal reads."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sysconfig
from contextlib import suppress
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from radon.abi import binary
from radon.abi.errors import LoadError
from radon.abi.syscalls import HANDLERS, SYSCALLS
from radon.host.loader import load, load_file
from radon.host.wasi import SIGNATURES

WIT = Path(binary.__file__).with_name("radon.wit")

MEMORY = '(memory (export "memory") 2)'
REALLOC = '(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8))'
RECEIVE = '(func (export "radon:atom/handler@0.1.0#receive") (param i32 i32 i32) (result i32) (i32.const 0))'
REPLIED = '(func (export "radon:atom/replies@0.1.0#replied") (param i64 i32 i32 i32) (result i32) (i32.const 0))'
FIRED = '(func (export "radon:atom/timers@0.1.0#fired") (param i64) (result i32) (i32.const 0))'
DOWN = '(func (export "radon:atom/watcher@0.1.0#down") (param i64 i32) (result i32) (i32.const 0))'


def atom(*imports: str, exports: str = "", memory: str = MEMORY, realloc: str = REALLOC, receive: str = RECEIVE) -> str:
    return f"(module {' '.join(imports)} {memory} {realloc} {receive} {exports})"


def call(path: str, signature: str | None = None) -> str:
    """The import of a syscall, "state.bucket.put", as WAT."""
    (row,) = (row for row in SYSCALLS if row.name == path)
    declared = f"(param {' '.join(row.params)}) (result {' '.join(row.results)})" if signature is None else signature
    return f'(import "{row.interface}" "{row.field}" (func {declared}))'


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def refusal(data: bytes | str, name: str = "x") -> str:
    with pytest.raises(LoadError) as caught:
        load(wat(data) if isinstance(data, str) else data, name)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"module {name!r}: ")
    return text.removeprefix(f"module {name!r}: ")


# -- what is accepted --


def test_a_core_module_is_described() -> None:
    core = wat(atom(call("state.bucket.put"), call("clock.now"), exports=FIRED))
    module = load(core, "counter")
    assert module.digest == hashlib.sha256(core).hexdigest()
    assert (module.name, module.size, module.memory_pages) == ("counter", len(core), 2)
    assert module.imports == {
        ("radon:atom/state@0.1.0", "[method]bucket.put"),
        ("radon:atom/clock@0.1.0", "now"),
    }
    assert module.handlers == {"receive", "fired"}
    assert (module.suspends, module.stateful, module.wasi, module.starts) == (False, True, False, False)
    with pytest.raises(FrozenInstanceError):
        module.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("before", ["", "\n  ", ";; a comment\n", ";;\n;; (module\n\t"])
def test_text_is_told_from_binaries_by_its_content(before: str) -> None:
    text = before + atom()
    assert load(text.encode(), "x").digest == load(wat(atom()), "x").digest


def test_text_that_begins_with_a_block_comment_is_text() -> None:
    assert load(f"(; one (; two ;) ;) {atom()}".encode(), "x").handlers == {"receive"}


def test_every_syscall_and_handler_of_the_standard_is_accepted_from_a_component(tmp_path: Path) -> None:
    tool = shutil.which("wasm-tools", path=sysconfig.get_path("scripts")) or "wasm-tools"
    core, whole = tmp_path / "core.wasm", tmp_path / "whole.wasm"
    embed = ["component", "embed", "--dummy-names", "legacy", str(WIT), "--world", "full-atom", "-o", str(core)]
    subprocess.run([tool, *embed], check=True)
    subprocess.run([tool, "component", "new", str(core), "-o", str(whole)], check=True)
    from_core, from_component = load_file(core), load_file(str(whole))
    assert from_core.imports == {(row.interface, row.field) for row in SYSCALLS}
    assert from_core.handlers == set(HANDLERS)
    assert from_core.suspends
    assert from_component.imports == from_core.imports
    assert from_component.handlers == from_core.handlers
    (main,) = binary.core_modules_with(whole.read_bytes(), HANDLERS["receive"].export)
    assert from_component.digest == hashlib.sha256(main).hexdigest()


@pytest.mark.parametrize("path", ["messaging.address.call", "lifecycle.wait", "clock.sleep"])
def test_three_imports_make_turns_suspend(path: str) -> None:
    assert load(wat(atom(call(path))), "x").suspends


def test_a_start_section_is_noticed() -> None:
    assert load(wat(atom(exports="(func $s) (start $s)")), "x").starts


def test_every_function_of_preview_1_is_accepted() -> None:
    imports = []
    for name, (params, results) in SIGNATURES.items():
        signature = f"(param {' '.join(params)}) (result {' '.join(results)})"
        imports.append(f'(import "wasi_snapshot_preview1" "{name}" (func {signature}))')
    module = load(wat(atom(*imports)), "x")
    assert module.wasi
    assert len(module.imports) == len(SIGNATURES)


# -- what is refused --


def test_foreign_imports_are_listed() -> None:
    text = atom(
        '(import "env" "foo" (func))',
        '(import "env" "bar" (func (param i32)))',
        call("clock.now"),
        '(import "wasi_snapshot_preview1" "fd_wride" (func))',
    )
    assert refusal(text) == ("imports what Radon does not offer: env.foo, env.bar, wasi_snapshot_preview1.fd_wride")


def test_another_version_or_field_of_the_standard_is_foreign_and_the_right_version_is_told() -> None:
    text = atom('(import "radon:atom/state@0.2.0" "open" (func))', '(import "radon:atom/clock@0.1.0" "later" (func))')
    assert refusal(text) == (
        "imports what Radon does not offer: radon:atom/state@0.2.0.open, radon:atom/clock@0.1.0.later "
        "(it is radon:atom 0.1.0)"
    )


@pytest.mark.parametrize(
    ("what", "kind"),
    [("(memory 1)", "memory"), ("(table 1 funcref)", "table"), ("(global i32)", "global"), ("(tag)", "tag")],
)
def test_only_functions_can_be_imported(what: str, kind: str) -> None:
    memory = "" if kind == "memory" else MEMORY
    assert f"env.it ({kind})" in refusal(atom(f'(import "env" "it" {what})', memory=memory))


def test_a_known_name_that_is_no_function_is_refused() -> None:
    assert "now (global)" in refusal(atom('(import "radon:atom/clock@0.1.0" "now" (global i64))'))


@pytest.mark.parametrize("type_", ["(ref null $t)", "(ref $t)", "(ref func)"])
def test_a_module_of_typed_references_is_refused(type_: str) -> None:
    """The engine would end the process when it is asked for the type of such a function."""
    realloc = f'(func (export "cabi_realloc") (param i32 i32 {type_} i32) (result i32) (i32.const 8))'
    module = f"(module (type $t (func)) {MEMORY} {realloc} {RECEIVE})"
    assert "function references required" in refusal(module)


def test_a_module_that_throws_exceptions_is_refused_by_name() -> None:
    """Thousands of instructions of the host for one unit of fuel."""
    said = "uses WebAssembly exceptions, which cost more than their fuel; build it with -fno-exceptions"
    assert refusal(atom(exports="(tag $t)", receive=RECEIVE.replace("(i32.const 0)", "(throw $t)"))) == said
    assert refusal(atom(exports="(tag $t)")) == said
    assert "exception" in refusal(atom(exports='(func (export "other") (local exnref))'))


def test_the_names_of_a_guest_cannot_break_the_line() -> None:
    assert "e\\nv.\\x1b[31m" in refusal(atom('(import "e\\0av" "\\1b[31m" (func))'))
    assert len(refusal(atom(f'(import "{"e" * 9000}" "f" (func))'))) < 300
    many = [f'(import "env" "f{number}" (func))' for number in range(1000)]
    assert refusal(atom(*many)).endswith("env.f19 and 980 more")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (
            atom(call("clock.now", "(result i32)")),
            "import radon:atom/clock@0.1.0.now is () -> (i32); it must be () -> (i64)",
        ),
        (
            atom(call("state.bucket.get", "(param i32 i32 i32) (result i32)")),
            (
                "import radon:atom/state@0.1.0.[method]bucket.get is (i32 i32 i32) -> (i32); "
                "it must be (i32 i32 i32 i32) -> ()"
            ),
        ),
        (
            atom('(import "wasi_snapshot_preview1" "fd_close" (func (param i64) (result i32)))'),
            "import wasi_snapshot_preview1.fd_close is (i64) -> (i32); it must be (i32) -> (i32)",
        ),
        (
            atom(receive=RECEIVE.replace("i32 i32 i32", "i32 i32")),
            "export 'radon:atom/handler@0.1.0#receive' is (i32 i32) -> (i32); it must be (i32 i32 i32) -> (i32)",
        ),
        (
            atom(exports='(func (export "cabi_post_radon:atom/handler@0.1.0#receive"))'),
            "export 'cabi_post_radon:atom/handler@0.1.0#receive' is () -> (); it must be (i32) -> ()",
        ),
        (
            atom(realloc='(func (export "cabi_realloc"))'),
            "export 'cabi_realloc' is () -> (); it must be (i32 i32 i32 i32) -> (i32)",
        ),
        (
            atom(exports='(func (export "_initialize") (param i32))'),
            "export '_initialize' is (i32) -> (); it must be () -> ()",
        ),
        (
            atom(exports='(global (export "radon:atom/timers@0.1.0#fired") i32 (i32.const 0))'),
            "export 'radon:atom/timers@0.1.0#fired' is no function",
        ),
        (
            atom(exports='(global (export "radon_arena") (mut i32) (i32.const 0))'),
            "export 'radon_arena' is a mutable i32; it must be a constant i32",
        ),
        (
            atom(exports='(global (export "radon_arena") i64 (i64.const 0))'),
            "export 'radon_arena' is a constant i64; it must be a constant i32",
        ),
        (
            atom(exports='(func (export "radon_arena"))'),
            "export 'radon_arena' is () -> (); it must be a constant i32",
        ),
    ],
)
def test_a_wrong_signature_is_refused_with_the_right_one(wrong: str, reason: str) -> None:
    assert refusal(wrong) == reason


def test_what_is_no_atom_is_refused() -> None:
    assert "does not export 'radon:atom/handler@0.1.0#receive'" in refusal(atom(receive=""))
    assert "does not export 'memory'" in refusal(atom(memory="(memory 1)"))
    assert "does not export 'memory'" in refusal(atom(memory='(global (export "memory") i32 (i32.const 0))'))
    assert "does not export 'cabi_realloc'" in refusal(atom(realloc=""))


@pytest.mark.parametrize(
    ("path", "handler"),
    [("messaging.address.request", REPLIED), ("clock.set-timer", FIRED), ("lifecycle.monitor", DOWN)],
)
def test_an_import_whose_answer_could_not_arrive_is_refused(path: str, handler: str) -> None:
    reason = refusal(atom(call(path)))
    assert f"imports {path} but does not export" in reason
    assert handler.split('"')[1] in reason
    assert load(wat(atom(call(path), exports=handler)), "x")


def test_a_handler_that_would_never_be_called_is_refused() -> None:
    reason = refusal(atom(exports='(func (export "radon:atom/timers@0.2.0#fired"))'))
    assert reason == "exports radon:atom/timers@0.2.0#fired, which no handler of radon:atom 0.1.0 is named"


@pytest.mark.parametrize(
    ("memory", "reason"),
    [
        (MEMORY + "(memory 1)", "2 memories"),
        ('(memory (export "memory") 1 2 shared)', "shared or 64-bit"),
        ('(memory (export "memory") i64 1)', "shared or 64-bit"),
    ],
)
def test_other_memories_are_refused(memory: str, reason: str) -> None:
    assert reason in refusal(atom(memory=memory))


def test_a_component_that_imports_something_else_is_refused() -> None:
    text = '(component (import "wasi:io/poll@0.3.0" (instance)) (import "radon:atom/clock@0.1.0" (instance)))'
    assert refusal(text) == "the component imports what Radon does not offer: wasi:io/poll@0.3.0"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\0a", "truncated"),
        (b"\0asm\x01\0\0", "truncated"),
        (b"\0asm\x63\0\0\0", "unknown version"),
        (b"\x7fELF\x02\x01\x01", "neither a WebAssembly binary nor WAT text"),
        (b"hello", "neither a WebAssembly binary nor WAT text"),
        (b"\xff\xfe(module)", "neither a WebAssembly binary nor WAT text"),
        (b"(module (func (nonsense)))", "invalid WAT"),
        (b"(module", "invalid WAT"),
    ],
)
def test_what_is_no_module_is_refused(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


def test_a_truncated_module_is_refused_wherever_it_ends() -> None:
    core = wat(atom(call("clock.now")))
    for length in range(len(core)):
        refusal(core[:length])


@given(st.data())
def test_a_mutated_module_is_loaded_or_refused(data: st.DataObject) -> None:
    mutant = bytearray(wat(atom(call("state.bucket.get"), call("clock.set-timer"), exports=FIRED)))
    for _ in range(data.draw(st.integers(1, 4), "changes")):
        mutant[data.draw(st.integers(0, len(mutant) - 1), "at")] = data.draw(st.integers(0, 255), "byte")
    with suppress(LoadError):
        load(bytes(mutant), "x")


def test_what_the_engine_does_not_accept_is_refused() -> None:
    assert "not a valid module" in refusal(atom(exports="(func (result i32))"))


def test_what_may_never_end_is_no_module() -> None:
    with pytest.raises(LoadError, match="/dev/zero: no file"):
        load_file("/dev/zero")


def test_a_file_is_named_in_the_refusal(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"absent\.wasm: No such file"):
        load_file(tmp_path / "absent.wasm")
    with pytest.raises(LoadError, match="Is a directory"):
        load_file(tmp_path)
    (tmp_path / "cut.wasm").write_bytes(b"\0asm")
    with pytest.raises(LoadError, match=r"cut\.wasm': truncated"):
        load_file(tmp_path / "cut.wasm")
