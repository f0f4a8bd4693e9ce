"""C sources become modules, and what is wrong with them is said in the compiler's words."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from radon.abi import binary
from radon.abi.errors import BuildError, LoadError
from radon.abi.syscalls import HANDLERS
from radon.atoms import build

SDK = build.sdk_directory()
RECEIVE = HANDLERS["receive"].export


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "atom.c"


def test_a_build_answers_where_the_module_is_and_how_large(tmp_path: Path) -> None:
    out = tmp_path / "new" / "counter.wasm"
    result = build.build_c([SDK / "counter.c"], out)
    assert result == build.BuildResult(out, len(out.read_bytes()), "")
    assert RECEIVE in binary.read_core(out.read_bytes()).exports
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize(("ending", "said"), [("kill -ABRT $$", "by SIGABRT"), ("exit 3", "with exit code 3")])
def test_a_compiler_without_words_is_told_by_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, said: str
) -> None:
    """So ends the one of ziglang on a full disk."""
    compiler = tmp_path / "compiler"
    compiler.write_text(f"#!/bin/sh\n{ending}\n")
    compiler.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(compiler))
    with pytest.raises(BuildError, match=f"counter.c did not compile\nthe compiler ended {said} and said nothing"):
        build.build_c([SDK / "counter.c"], tmp_path / "counter.wasm")


def test_the_same_sources_give_the_same_bytes_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    copy = shutil.copy(SDK / "counter.c", tmp_path / "elsewhere" / "counter.c")
    first = build.build_c([SDK / "counter.c"], tmp_path / "first.wasm").path
    second = build.build_c([Path(copy)], tmp_path / "second.wasm").path
    assert first.read_bytes() == second.read_bytes()


def test_several_sources_become_one_module(source: Path, tmp_path: Path) -> None:
    source.write_text('#include "radon.h"\nbool odd(size_t);\nRADON_RECEIVE(m, b) { odd(b.len); return RADON_DONE; }\n')
    other = tmp_path / "odd.c"
    other.write_text(
        "volatile _Bool was;\n__attribute__((noinline)) _Bool odd(unsigned long n) { return was = n & 1; }\n"
    )
    module = build.build_c([source, other], tmp_path / "atom.wasm").path
    assert "odd" in binary.read_core(module.read_bytes()).function_names.values()


def test_a_mistake_in_c_is_shown_with_file_and_line_and_the_old_module_stays(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "atom.wasm"
    out.write_bytes(b"the module before")
    source.write_text('#include "radon.h"\nRADON_RECEIVE(m, b) { return radon_done; }\n')
    with pytest.raises(BuildError, match=r"^atom\.c did not compile\n(.*\n)*.*atom\.c:2:\d+: error: .*radon_done"):
        build.build_c([source], out)
    assert out.read_bytes() == b"the module before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["atom.c", "atom.wasm"]


def test_a_function_that_is_nowhere_is_named(source: Path, tmp_path: Path) -> None:
    source.write_text('#include "radon.h"\nint nowhere(void);\nRADON_RECEIVE(m, b) { nowhere(); return RADON_DONE; }\n')
    with pytest.raises(BuildError, match=r"undefined symbol: nowhere"):
        build.build_c([source], tmp_path / "atom.wasm")


def test_what_the_compiler_warns_of_is_in_the_result(source: Path, tmp_path: Path) -> None:
    # The path differs in each run, else the compiler's cache would answer, and silently.
    source.write_text(f'#include "radon.h"\n// {tmp_path}\nRADON_RECEIVE(m, b) {{ int unused; return RADON_DONE; }}\n')
    assert "unused variable" in build.build_c([source], tmp_path / "atom.wasm").warnings


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"there is no .*missing\.c"):
        build.build_c([tmp_path / "missing.c"], tmp_path / "atom.wasm")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BuildError, match=r"file/atom\.wasm cannot be written"):
        build.build_c([SDK / "counter.c"], tmp_path / "file" / "atom.wasm")


def test_where_the_cache_cannot_be_written_the_compiler_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").touch()
    monkeypatch.setenv("RADON_CACHE", str(tmp_path / "taken"))
    out = tmp_path / "out" / "counter.wasm"
    build.build_c([SDK / "counter.c"], out)
    assert list(out.parent.iterdir()) == [out]


def test_a_missing_compiler_is_named_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BuildError, match="pip install ziglang"):
        build.build_c([SDK / "counter.c"], tmp_path / "atom.wasm")


def test_the_sdk_is_found_beside_an_installed_package_and_else_in_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "__file__", str(tmp_path / "radon" / "atoms" / "build.py"))
    with pytest.raises(BuildError, match="reinstall radon-runtime"):
        build.sdk_directory()
    for folder in ("guest-sdk/c", "radon/_sdk/c"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "radon.h").touch()
        assert build.sdk_directory() == tmp_path / folder


def test_the_world_of_a_guest_names_its_handlers_and_what_it_imports() -> None:
    exports = ["memory", "cabi_realloc", RECEIVE, HANDLERS["receive"].post, HANDLERS["fired"].export]
    imports = ["radon:atom/state@0.1.0", "radon:atom/clock@0.1.0", "radon:atom/state@0.1.0"]
    assert build.world_for(iter(exports), iter(imports)) == (
        "package radon:guest;\n"
        "\n"
        "world guest {\n"
        "  import radon:atom/clock@0.1.0;\n"
        "  import radon:atom/state@0.1.0;\n"
        "  export radon:atom/handler@0.1.0;\n"
        "  export radon:atom/timers@0.1.0;\n"
        "}\n"
    )


@pytest.mark.parametrize(
    ("exports", "imports", "foreign"),
    [
        ([RECEIVE, "radon:atom/handler@0.2.0#receive"], [], "radon:atom/handler@0.2.0#receive"),
        ([RECEIVE], ["env"], "env"),
        ([RECEIVE], ["radon:atom/states@0.1.0"], "radon:atom/states@0.1.0"),
    ],
)
def test_what_the_standard_has_not_is_refused_by_name(exports: list[str], imports: list[str], foreign: str) -> None:
    with pytest.raises(BuildError, match=f"has no {foreign}$"):
        build.world_for(exports, imports)


def test_what_is_no_core_module_becomes_no_component(tmp_path: Path) -> None:
    text = tmp_path / "text.wasm"
    text.write_text("not a module")
    with pytest.raises(LoadError):
        build.componentize(text, tmp_path / "component.wasm")


def test_a_module_with_another_signature_becomes_no_component(source: Path, tmp_path: Path) -> None:
    source.write_text(f'__attribute__((export_name("{RECEIVE}"))) int receive(int x) {{ return x; }}\n')
    core = build.build_c([source], tmp_path / "atom.wasm").path
    with pytest.raises(BuildError, match=r"wasm-tools component.*failed"):
        build.componentize(core, tmp_path / "component.wasm")
