"""The life of a guest: its beginning, its traps, its memory and its end."""

from __future__ import annotations

import ctypes
import gc
import weakref
from collections.abc import Callable

import pytest

from radon.abi.errors import LoadError
from radon.host.guest import Guest, Linked, OutOfBounds, Raw, Trap

PAGE = 65536

Link = Callable[..., Linked]
Start = Callable[..., Guest]

MEMORY = '(module (memory (export "memory") 1) {})'


def run(guest: Guest, *arguments: int) -> int | None:
    entry = guest.entry("run")
    assert entry is not None
    return guest.call(entry, *arguments)


# -- traps --


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("unreachable", "unreachable"),
        ("(loop (br 0))", "out-of-fuel"),
        ("(call $f)", "stack-overflow"),
        ("(drop (i32.load (i32.const -1)))", "out-of-bounds"),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "integer-division-by-zero"),
        ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", "integer-overflow"),
        ("(drop (i32.trunc_f32_s (f32.const nan)))", "bad-conversion-to-integer"),
        ("(call_indirect (i32.const 0))", "indirect-call-to-null"),
        ("(call_indirect (i32.const 1))", "bad-signature"),
        ("(call_indirect (i32.const 9))", "table-out-of-bounds"),
    ],
)
def test_a_trap_has_a_stable_code_one_line_and_the_guests_function_names(body: str, code: str, start: Start) -> None:
    wat = f"""(table 3 funcref) (func $other (param i32)) (elem (i32.const 1) $other)
        (func $f {body}) (func $g (export "run") call $f)"""
    guest = start(MEMORY.format(wat))
    with pytest.raises(Trap) as caught:
        run(guest)
    assert caught.value.code == code
    assert "\n" not in caught.value.message
    assert "wasm trap:" not in caught.value.message
    assert caught.value.frames[0] == "f"


def test_fuel_is_counted_alike_in_every_instance(link: Link, start: Start) -> None:
    joined = link(
        """(module (func (export "run") (local i32) (loop
            (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000))))))"""
    )
    left = []
    for _ in range(3):
        guest = Guest(joined, 0)
        guest.set_fuel(100_000)
        guest.start()
        run(guest)
        left.append(guest.fuel_left())
    assert left[0] == left[1] == left[2]
    assert 0 < left[0] < 100_000


def test_the_stack_ends_at_the_same_depth_every_time(start: Start) -> None:
    wat = """(module (global $depth (mut i32) (i32.const 0))
        (func $f (export "run") (global.set $depth (i32.add (global.get $depth) (i32.const 1))) call $f)
        (func (export "depth") (result i32) (global.get $depth)))"""
    depths = set()
    for _ in range(3):
        guest = start(wat, entries=("run", "depth"))
        with pytest.raises(Trap, match="call stack exhausted"):
            run(guest)
        entry = guest.entry("depth")
        assert entry is not None
        depths.add(guest.call(entry))
    assert len(depths) == 1


# -- the beginning --


def test_the_start_function_has_fuel_and_may_call_the_host_which_sees_the_memory(link: Link, start: Start) -> None:
    guests: list[Guest] = []
    seen = []

    def host(raw: Raw) -> None:
        seen.append(guests[0].read(raw[0] & 0xFFFF_FFFF, 5))
        entry = guests[0].entry("run")
        assert entry is not None
        seen.append(str(guests[0].call(entry)).encode())

    wat = """(module (import "host" "f" (func $f (param i32))) (memory (export "memory") 1) (data (i32.const 8) "hello")
        (func (export "run") (result i32) (i32.const 42)) (func $s (call $f (i32.const 8))) (start $s))"""
    guests.append(Guest(link(wat, {"f": ("i32", "", host)}), PAGE))
    guests[0].set_fuel(1000)
    guests[0].start()
    assert seen == [b"hello", b"42"]
    assert run(guests[0]) == 42
    assert seen == [b"hello", b"42"]


@pytest.mark.parametrize("how", ["(start $s)", '(export "_initialize" (func $s))'])
def test_a_beginning_without_end_runs_out_of_fuel(how: str, link: Link, start: Start) -> None:
    guest = Guest(link(f"(module (func $s (loop (br 0))) {how})"), PAGE)
    guest.set_fuel(10_000)
    with pytest.raises(Trap) as caught:
        guest.start()
    assert caught.value.code == "out-of-fuel"
    guest.close()


def test_what_a_host_function_raises_at_the_beginning_comes_out_of_it(link: Link, start: Start) -> None:
    def host(raw: Raw) -> None:
        raise ValueError("early")

    guest = Guest(link('(module (import "host" "f" (func $f)) (start $f))', {"f": ("", "", host)}), PAGE)
    guest.set_fuel(1000)
    with pytest.raises(ValueError, match="early"):
        guest.start()


def test_initialize_is_called_once(start: Start) -> None:
    wat = """(module (global $n (mut i32) (i32.const 0))
        (func (export "_initialize") (global.set $n (i32.add (global.get $n) (i32.const 1))))
        (func (export "run") (result i32) (global.get $n)))"""
    assert run(start(wat)) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('(memory (export "memory") 100)', "memory-limit"),
        ('(memory 1) (data (i32.const 65536) "x")', "out-of-bounds"),
    ],
)
def test_a_module_that_asks_too_much_does_not_start(body: str, code: str, link: Link, start: Start) -> None:
    guest = Guest(link(f"(module {body})"), 2 * PAGE)
    guest.set_fuel(1000)
    with pytest.raises(Trap) as caught:
        guest.start()
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("body", ["(table 2000000 funcref)", "(table 1 funcref)" * 9])
def test_a_module_with_more_tables_than_a_guest_may_have_is_not_run(body: str, link: Link) -> None:
    """It is not even loaded, where there is a pool."""
    with pytest.raises((LoadError, Trap)) as caught:
        Guest(link(f"(module {body})"), PAGE).start()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        '(memory (export "memory") 65536)',
        "(table 1048576 funcref)" + "(table 1 funcref)" * 7,
        "(global (mut i64) (i64.const 0))" * 100_000,
    ],
    ids=["memory", "tables", "globals"],
)
def test_a_module_with_all_that_a_guest_may_have_starts(body: str, link: Link) -> None:
    guest = Guest(link(f"(module {body})"), 1 << 32)
    guest.set_fuel(1000)
    guest.start()


# -- memory --


def test_memory_grows_up_to_its_limit_and_stays_where_it_is(start: Start) -> None:
    guest = start(
        MEMORY.format('(func (export "run") (param i32) (result i32) (memory.grow (local.get 0)))'), limit=4 * PAGE
    )
    base = guest.memory_base()
    assert guest.memory_size() == PAGE
    assert run(guest, 4) == 2**32 - 1
    assert run(guest, 3) == 1
    assert (guest.memory_base(), guest.memory_size()) == (base, 4 * PAGE)
    guest.write(4 * PAGE - 3, b"end")
    assert guest.read(4 * PAGE - 3, 3) == b"end"
    assert ctypes.string_at(base + 4 * PAGE - 3, 3) == b"end"


@pytest.mark.parametrize(
    ("pointer", "length"),
    [(PAGE - 3, 4), (PAGE, 1), (PAGE + 1, 0), (0, PAGE + 1), (2**32 - 1, 2**32 - 1), (2**32, 0), (-1, 1), (5, -1)],
)
def test_bytes_outside_of_memory_are_refused(pointer: int, length: int, start: Start) -> None:
    guest = start(MEMORY.format(""))
    with pytest.raises(OutOfBounds):
        guest.read(pointer, length)
    with pytest.raises(OutOfBounds):
        guest.check(pointer, length)
    if 0 <= length <= PAGE + 1:
        before = guest.read(0, PAGE)
        with pytest.raises(OutOfBounds):
            guest.write(pointer, b"x" * length)
        assert guest.read(0, PAGE) == before


def test_no_bytes_may_lie_at_the_very_end(start: Start) -> None:
    guest = start(MEMORY.format(""))
    assert guest.read(PAGE, 0) == b""
    guest.write(PAGE, b"")
    guest.check(PAGE, 0)


def test_a_host_function_sees_memory_that_grew_during_the_call(start: Start) -> None:
    guests: list[Guest] = []

    def host(raw: Raw) -> None:
        guests[0].write(2 * PAGE - 1, b"!")

    wat = """(import "host" "f" (func $f)) (memory (export "memory") 1)
        (func (export "run") (result i32)
            (drop (memory.grow (i32.const 1))) call $f (i32.load8_u (i32.const 131071)))"""
    guests.append(start(f"(module {wat})", {"f": ("", "", host)}))
    assert run(guests[0]) == ord("!")


def test_a_guest_without_memory_has_none_to_read(start: Start) -> None:
    guest = start("(module)")
    assert (guest.memory_base(), guest.memory_size()) == (0, 0)
    assert guest.read(0, 0) == b""
    with pytest.raises(OutOfBounds):
        guest.read(0, 1)


@pytest.mark.parametrize("type_", ["exnref", "anyref", "i31ref", "(ref null $s)"])
def test_nothing_that_would_live_in_a_heap_beside_the_memory_is_a_module(start: Start, type_: str) -> None:
    declared = "(type $s (struct (field i32)))" if "$s" in type_ else ""
    with pytest.raises(LoadError, match=r"not supported|unsupported|not enabled"):
        start(MEMORY.format(f'{declared} (table 1 {type_}) (func (export "run"))'))


# -- the end --


def test_a_closed_guest_can_be_closed_again_and_nothing_else(start: Start) -> None:
    guest = start(MEMORY.format('(func (export "run"))'))
    entry = guest.entry("run")
    assert entry is not None
    guest.close()
    guest.close()
    for use in (guest.start, guest.fuel_left, lambda: guest.set_fuel(1), lambda: guest.call(entry)):
        with pytest.raises(RuntimeError, match="closed"):
            use()
    with pytest.raises(OutOfBounds):
        guest.read(0, 1)


def test_a_guest_that_nobody_holds_is_freed(start: Start) -> None:
    guest = start(MEMORY.format(""))
    freed = weakref.ref(guest)
    del guest
    gc.collect()
    assert freed() is None


def test_a_guest_keeps_alive_what_it_runs_on(start: Start) -> None:
    guest = start(
        '(module (import "host" "f" (func $f (result i32))) (func (export "run") (result i32) call $f))',
        {"f": ("", "i32", answer_nine)},
    )
    gc.collect()
    assert run(guest) == 9


def answer_nine(raw: Raw) -> None:
    raw[0] = 9
