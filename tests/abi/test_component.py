"""What a component comes down to, read out of its bytes, and how each refusal reads."""

from __future__ import annotations

from contextlib import suppress

import pytest
import wasmtime
import wasmtime.component

from radon.abi import binary
from radon.abi.component import flatten
from radon.abi.errors import LoadError
from radon.abi.parts import MAX_PARTS, NESTED, Export, Imported, Lifted, Part
from radon.host.engine import engine

RECEIVE = "radon:atom/handler@0.1.0#receive"

LIBRARY = """(core module $Library
    (memory (export "memory") 3)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "post") (param i32)))"""

MAIN = """(core module $Main
    (import "env" "memory" (memory 1))
    (import "host" "text" (func (param i32)))
    (import "host" "now" (func (result i64)))
    (import "host" "drop" (func (param i32)))
    (func (export "run") (param i32 i32) (result i32) unreachable))"""

WHOLE = f"""(component
    (import "test:it/clock@1.0.0" (instance $clock
        (export "thing" (type (sub resource)))
        (export "now" (func (result u64)))
        (export "text" (func (result string)))))
    (alias export $clock "thing" (type $thing))
    {LIBRARY} {MAIN}
    (core instance $library (instantiate $Library))
    (alias core export $library "memory" (core memory $memory))
    (alias core export $library "realloc" (core func $realloc))
    (core func $text (canon lower (func $clock "text") (memory $memory) (realloc $realloc)))
    (core func $now (canon lower (func $clock "now")))
    (core func $drop (canon resource.drop $thing))
    (core instance $main (instantiate $Main
        (with "env" (instance $library))
        (with "host" (instance
            (export "text" (func $text)) (export "now" (func $now)) (export "drop" (func $drop))))))
    (func $run (param "x" string) (result string)
        (canon lift (core func $main "run") (memory $memory) (realloc $realloc)
            (post-return (core func $library "post"))))
    (component $Shim
        (import "given" (func $given (param "x" string) (result string)))
        (export "run" (func $given)))
    (instance $shim (instantiate $Shim (with "given" (func $run))))
    (export "test:it/runs@1.0.0" (instance $shim)))"""


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def refusal(text: str | bytes) -> str:
    with pytest.raises(LoadError) as caught:
        flatten(wat(text) if isinstance(text, str) else text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def valid(text: str) -> bytes:
    """Such as the engine would take as well."""
    data = wat(text)
    wasmtime.component.Component(engine(), data)
    return data


def test_a_component_comes_down_to_its_instances_and_where_their_imports_come_from() -> None:
    flat = flatten(valid(WHOLE))
    memory, realloc = Export(0, "memory", "memory"), Export(0, "realloc", "func")
    clock = "test:it/clock@1.0.0"
    assert flat.parts == [
        Part(0, ()),
        Part(
            1,
            (memory, Imported(clock, "text", realloc), Imported(clock, "now"), Imported(clock, "[resource-drop]thing")),
        ),
    ]
    assert [one.minimum for one in flat.memories()] == [3]
    assert flat.exports == {
        "test:it/runs@1.0.0#run": Lifted(Export(1, "run", "func"), memory, realloc, Export(0, "post", "func"))
    }


def test_what_is_nested_may_be_instantiated_more_than_once() -> None:
    text = """(component
        (component $Inner
            (core module $M (func (export "f")))
            (core instance $m (instantiate $M))
            (func $f (canon lift (core func $m "f")))
            (export "f" (func $f)))
        (instance $a (instantiate $Inner)) (instance $b (instantiate $Inner))
        (export "test:it/a@1.0.0" (instance $a)) (export "test:it/b@1.0.0" (instance $b)))"""
    flat = flatten(valid(text))
    assert [lifted.function.part for lifted in flat.exports.values()] == [0, 1]


def test_an_outer_alias_reaches_what_stands_around() -> None:
    text = """(component $Outer
        (core module $M (func (export "f")))
        (component $Inner
            (core instance $m (instantiate $M))
            (func (export "f") (canon lift (core func $m "f"))))
        (instance $a (instantiate $Inner))
        (export "test:it/a@1.0.0" (instance $a)))"""
    assert flatten(valid(text)).exports.keys() == {"test:it/a@1.0.0#f"}


NESTING = """(component
    (component $Inner
        (type $own (resource (rep i32)))
        (core func $drop (canon resource.drop $own))
        (core module $Own (import "a" "drop" (func (param i32))) (memory 1) (func (export "f")))
        (core instance $own (instantiate $Own (with "a" (instance (export "drop" (func $drop))))))
        (func (export "f") (canon lift (core func $own "f"))))
    (instance $inner (instantiate $Inner))
    (core func $f (canon lower (func $inner "f")))
    (core module $Table (table (export "t") 1 funcref) (func (export "g")))
    (core module $Fill (import "a" "t" (table 1 funcref)) (import "a" "f" (func)))
    (core instance $table (instantiate $Table))
    (core instance (instantiate $Fill
        (with "a" (instance (export "t" (table $table "t")) (export "f" (func $f))))))
    (func $g (canon lift (core func $table "g")))
    (instance $made (export "g" (func $g)))
    (export "test:it/a@1.0.0" (instance $made)))"""


def test_what_no_export_is_joined_with_is_left_out_and_calls_of_it_are_left_standing() -> None:
    flat = flatten(valid(NESTING))
    assert flat.exports["test:it/a@1.0.0#g"].function == Export(0, "g", "func")
    assert [part.supplies for part in flat.parts] == [(), (Export(0, "t", "table"), Imported(NESTED, "f"))]
    assert flat.memories() == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('(component (import "f" (func)))', "imports f, a func that is in no interface"),
        ('(component (import "test:it/a@1.0.0" (instance $a)) (alias export $a "b" (instance)))', "no instance of it"),
        ("(component (core module $M) (core instance $m (instantiate $M)) (alias core export $m \"f\" (core func)))",
         "the core func f, which no instance"),
        ('(component (core module $M (import "a" "b" (func))) (core instance (instantiate $M)))', "no func a.b"),
        ('(component (core func (canon thread.yield)))', "canonical function 0x0c"),
        ("""(component (import "test:it/a@1.0.0" (instance $a (export "f" (func))))
             (core func (canon lower (func $a "f") string-encoding=utf16)))""", "UTF-16"),
        ("""(component (import "test:it/a@1.0.0" (instance $a (export "f" (func))))
             (core func (canon lower (func $a "f") async)))""", "canonical option 0x06"),
        ("""(component (import "test:it/a@1.0.0" (instance $a (export "f" (func))))
             (core func $f (canon lower (func $a "f"))) (func (canon lift (core func $f))))""",
         "gives an imported function as its export"),
        ('(component (component $I (import "x" (func))) (instance (instantiate $I)))', "no func x"),
        ("(component (core type (func)))", "section of kind 3"),
    ],
    ids=lambda value: None if value.startswith("(") else value,
)  # fmt: skip
def test_what_cannot_be_flattened_is_refused_by_name(text: str, reason: str) -> None:
    assert reason in refusal(text)


def test_components_that_double_at_each_level_are_refused() -> None:
    text = "(component $C0)"
    for level in range(1, 7):
        twice = f"(instance (instantiate $C{level - 1}))" * 60
        text = f"(component $C{level} {text} {twice})"
    assert "too many times" in refusal(text)


def test_the_number_of_instances_is_bounded() -> None:
    text = f"(component (core module $M) {'(core instance (instantiate $M))' * (MAX_PARTS + 1)})"
    assert f"more than {MAX_PARTS} core instances" in refusal(text)


def test_components_nested_without_end_are_refused() -> None:
    text = "(component)"
    for _ in range(9):
        text = f"(component {text} (instance (instantiate 0)))"
    assert "nested more than" in refusal(text)


def test_types_nested_without_end_are_refused() -> None:
    data = b"\x42\x00"
    for _ in range(1000):
        data = b"\x42\x01\x01" + data
    section = b"\x01" + data
    size = bytes([len(section) & 0x7F | 0x80, len(section) >> 7])
    assert "types are nested" in refusal(binary.COMPONENT + b"\x07" + size + section)


def test_a_component_that_ends_anywhere_or_has_any_byte_wrong_is_read_or_refused() -> None:
    data = wat(WHOLE)
    for at in range(8, len(data)):
        for mutant in (data[:at], *(data[:at] + bytes([byte]) + data[at + 1 :] for byte in (0, 1, 0x7F, 0x80, 0xFF))):
            with suppress(LoadError):
                flatten(mutant)


def test_many_instances_of_nothing_take_no_long_time() -> None:
    many = b"\x05" + leb(3 * 200_000 + 3) + leb(200_000) + b"\x00\x00\x00" * 200_000
    assert "too many times" in refusal(binary.COMPONENT + b"\x04\x08" + binary.COMPONENT + many)


def leb(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14])
