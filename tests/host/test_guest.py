"""Entering guests, being called by them, and their memory: every guest here is a few lines of WAT."""

from __future__ import annotations

import ctypes
import gc
import signal
import struct
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import wasmtime

from radon.abi.errors import LoadError
from radon.host import capi, engine
from radon.host.guest import Guest, Linked, OutOfBounds, Raw, Trap, callback, uninterrupted

PAGE = 65536

Functions = Mapping[str, tuple[str, str, Callable[[Raw], None]]]


def linked(wat: str, functions: Functions | None = None, entries: tuple[str, ...] = ("run",), **more: Any) -> Linked:
    """`functions`: field of module "host" -> parameters and results (types with blanks between), and the function."""
    table = {
        ("host", field): (params.split(), results.split(), callback(function))
        for field, (params, results, function) in (functions or {}).items()
    }
    return Linked(engine.compile(bytes(wasmtime.wat2wasm(wat))), engine.engine(), table, entries, **more)


def started(
    wat: str, functions: Functions | None = None, *, limit: int = 16 * PAGE, fuel: int = 10**9, **more: Any
) -> Guest:
    guest = Guest(linked(wat, functions, **more), limit)
    guest.set_fuel(fuel)
    guest.start()
    return guest


def run(guest: Guest, *arguments: int) -> int | None:
    entry = guest.entry("run")
    assert entry is not None
    return guest.call(entry, *arguments)


MEMORY = '(module (memory (export "memory") 1) {})'


# -- calls --


def test_arguments_and_results_pass_unchanged_at_their_limits() -> None:
    guest = started(
        """(module (func (export "run") (param i32 i64) (result i64)
            (i64.add (local.get 1) (i64.extend_i32_u (local.get 0)))))"""
    )
    assert run(guest, 2**32 - 1, 2**64 - 2**32) == 2**64 - 1
    assert run(guest, -1, 0) == 2**32 - 1
    guest = started('(module (func (export "run") (param i32) (result i32) (i32.sub (local.get 0) (i32.const 1))))')
    assert run(guest, 0) == 2**32 - 1
    assert run(started('(module (func (export "run")))')) is None


def test_a_missing_entry_is_none_and_a_wrong_number_of_arguments_an_error() -> None:
    guest = started(
        '(module (func (export "run") (param i32)) (memory (export "other") 1))', entries=("run", "absent", "other")
    )
    assert guest.entry("absent") is None
    assert guest.entry("other") is None
    with pytest.raises(TypeError, match="takes 1 arguments, not 2"):
        run(guest, 1, 2)


def test_host_functions_get_their_arguments_and_give_a_result() -> None:
    seen = []

    def host(raw: Raw) -> None:
        seen.append((raw[0] & 0xFFFF_FFFF, raw[2], struct.unpack("<d", struct.pack("<Q", raw[4]))[0]))
        raw[0] = 7

    guest = started(
        """(module (import "host" "f" (func $f (param i32 i64 f64) (result i32)))
            (func (export "run") (result i32) (call $f (i32.const -2) (i64.const -3) (f64.const 1.5))))""",
        {"f": ("i32 i64 f64", "i32", host)},
    )
    assert run(guest) == 7
    assert seen == [(2**32 - 2, 2**64 - 3, 1.5)]


def test_a_host_function_may_enter_its_guest_again() -> None:
    guests: list[Guest] = []

    def host(raw: Raw) -> None:
        entry = guests[0].entry("double")
        assert entry is not None
        raw[0] = guests[0].call(entry, raw[0] & 0xFFFF_FFFF)

    guests.append(
        started(
            """(module (import "host" "f" (func $f (param i32) (result i32)))
                (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
                (func (export "run") (param i32) (result i32) (i32.add (local.get 0) (call $f (local.get 0)))))""",
            {"f": ("i32", "i32", host)},
            entries=("run", "double"),
        )
    )
    assert run(guests[0], 5) == 15


def test_what_a_module_does_not_import_is_ignored_and_what_is_missing_is_named() -> None:
    assert run(started('(module (func (export "run")))', {"unused": ("", "", lambda raw: None)})) is None
    with pytest.raises(LoadError, match="unknown import"):
        linked('(module (import "host" "gone" (func)))')
    with pytest.raises(LoadError, match="returns f32"):
        linked('(module (func (export "run") (result f32) (f32.const 0)))')


# -- exceptions of host functions --


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_what_a_host_function_raises_comes_out_of_the_call(error: BaseException) -> None:
    def host(raw: Raw) -> None:
        raise error

    guest = started(
        '(module (import "host" "f" (func $f)) (func (export "run") call $f (loop (br 0))))', {"f": ("", "", host)}
    )
    with pytest.raises(type(error)) as caught:
        run(guest)
    assert caught.value is error
    guest.close()


def test_a_trap_of_a_host_function_learns_which_guest_functions_were_active() -> None:
    def host(raw: Raw) -> None:
        raise Trap("mine", "no")

    wat = """(module (import "host" "f" (func $f)) (func $inner call $f) (func $outer (export "run") call $inner))"""
    guest = started(wat, {"f": ("", "", host)})
    with pytest.raises(Trap) as caught:
        run(guest)
    assert (caught.value.code, caught.value.frames) == ("mine", ("inner", "outer"))


def test_an_exception_passes_through_nested_calls_once() -> None:
    guests: list[Guest] = []
    passed = []

    def outer(raw: Raw) -> None:
        entry = guests[0].entry("inner")
        assert entry is not None
        try:
            guests[0].call(entry)
        except ValueError as error:
            passed.append(error)

    def inner(raw: Raw) -> None:
        raise ValueError("caught on the way")

    guests.append(
        started(
            """(module (import "host" "outer" (func $outer)) (import "host" "inner" (func $inner))
                (func (export "inner") call $inner) (func (export "run") (result i32) call $outer (i32.const 1)))""",
            {"outer": ("", "", outer), "inner": ("", "", inner)},
            entries=("run", "inner"),
        )
    )
    assert run(guests[0]) == 1
    assert len(passed) == 1


def test_guests_in_different_threads_get_their_own_exceptions() -> None:
    names = threading.local()

    def host(raw: Raw) -> None:
        raise ValueError(names.mine)

    joined = linked('(module (import "host" "f" (func $f)) (func (export "run") call $f))', {"f": ("", "", host)})
    wrong: list[object] = []
    together = threading.Barrier(4)

    def work(name: str) -> None:
        names.mine = name
        together.wait()
        for _ in range(300):
            guest = Guest(joined, PAGE)
            guest.set_fuel(1000)
            guest.start()
            try:
                run(guest)
            except ValueError as error:
                if error.args != (name,):
                    wrong.append(error)
            guest.close()

    threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_guest_may_wait_in_one_thread_while_another_runs() -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def wait(raw: Raw) -> None:
        waiting.set()
        assert go_on.wait(30)

    joined = linked(
        '(module (import "host" "wait" (func $w)) (func (export "run") (result i32) call $w (i32.const 5)))',
        {"wait": ("", "", wait)},
    )
    guest = Guest(joined, PAGE)
    guest.set_fuel(1000)
    guest.start()
    results: list[int | None] = []
    thread = threading.Thread(target=lambda: results.append(run(guest)))
    thread.start()
    assert waiting.wait(30)
    assert run(started('(module (func (export "run") (result i32) (i32.const 6)))')) == 6
    with pytest.raises(RuntimeError, match="running"):
        guest.close()
    go_on.set()
    thread.join()
    assert results == [5]
    guest.close()


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
def test_a_trap_has_a_stable_code_one_line_and_the_guests_function_names(body: str, code: str) -> None:
    wat = f"""(table 3 funcref) (func $other (param i32)) (elem (i32.const 1) $other)
        (func $f {body}) (func $g (export "run") call $f)"""
    guest = started(MEMORY.format(wat))
    with pytest.raises(Trap) as caught:
        run(guest)
    assert caught.value.code == code
    assert "\n" not in caught.value.message
    assert "wasm trap:" not in caught.value.message
    assert caught.value.frames[0] == "f"


def test_fuel_is_counted_alike_in_every_instance() -> None:
    joined = linked(
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


def test_the_stack_ends_at_the_same_depth_every_time() -> None:
    wat = """(module (global $depth (mut i32) (i32.const 0))
        (func $f (export "run") (global.set $depth (i32.add (global.get $depth) (i32.const 1))) call $f)
        (func (export "depth") (result i32) (global.get $depth)))"""
    depths = set()
    for _ in range(3):
        guest = started(wat, entries=("run", "depth"))
        with pytest.raises(Trap, match="call stack exhausted"):
            run(guest)
        entry = guest.entry("depth")
        assert entry is not None
        depths.add(guest.call(entry))
    assert len(depths) == 1


# -- the beginning --


def test_the_start_function_has_fuel_and_may_call_the_host_which_sees_the_memory() -> None:
    guests: list[Guest] = []
    seen = []

    def host(raw: Raw) -> None:
        seen.append(guests[0].read(raw[0] & 0xFFFF_FFFF, 5))
        entry = guests[0].entry("run")
        assert entry is not None
        seen.append(str(guests[0].call(entry)).encode())

    wat = """(module (import "host" "f" (func $f (param i32))) (memory (export "memory") 1) (data (i32.const 8) "hello")
        (func (export "run") (result i32) (i32.const 42)) (func $s (call $f (i32.const 8))) (start $s))"""
    guests.append(Guest(linked(wat, {"f": ("i32", "", host)}), PAGE))
    guests[0].set_fuel(1000)
    guests[0].start()
    assert seen == [b"hello", b"42"]
    assert run(guests[0]) == 42
    assert seen == [b"hello", b"42"]


@pytest.mark.parametrize("how", ["(start $s)", '(export "_initialize" (func $s))'])
def test_a_beginning_without_end_runs_out_of_fuel(how: str) -> None:
    guest = Guest(linked(f"(module (func $s (loop (br 0))) {how})"), PAGE)
    guest.set_fuel(10_000)
    with pytest.raises(Trap) as caught:
        guest.start()
    assert caught.value.code == "out-of-fuel"
    guest.close()


def test_what_a_host_function_raises_at_the_beginning_comes_out_of_it() -> None:
    def host(raw: Raw) -> None:
        raise ValueError("early")

    guest = Guest(linked('(module (import "host" "f" (func $f)) (start $f))', {"f": ("", "", host)}), PAGE)
    guest.set_fuel(1000)
    with pytest.raises(ValueError, match="early"):
        guest.start()


def test_initialize_is_called_once() -> None:
    wat = """(module (global $n (mut i32) (i32.const 0))
        (func (export "_initialize") (global.set $n (i32.add (global.get $n) (i32.const 1))))
        (func (export "run") (result i32) (global.get $n)))"""
    assert run(started(wat)) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('(memory (export "memory") 100)', "memory-limit"),
        ('(memory 1) (data (i32.const 65536) "x")', "out-of-bounds"),
        ("(table 2000000 funcref)", "engine"),
        ("(table 1 funcref)" * 9, "engine"),
    ],
)
def test_a_module_that_asks_too_much_does_not_start(body: str, code: str) -> None:
    guest = Guest(linked(f"(module {body})"), 2 * PAGE)
    guest.set_fuel(1000)
    with pytest.raises(Trap) as caught:
        guest.start()
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


# -- memory --


def test_memory_grows_up_to_its_limit_and_stays_where_it_is() -> None:
    guest = started(
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
def test_bytes_outside_of_memory_are_refused(pointer: int, length: int) -> None:
    guest = started(MEMORY.format(""))
    with pytest.raises(OutOfBounds):
        guest.read(pointer, length)
    with pytest.raises(OutOfBounds):
        guest.check(pointer, length)
    if 0 <= length <= PAGE + 1:
        before = guest.read(0, PAGE)
        with pytest.raises(OutOfBounds):
            guest.write(pointer, b"x" * length)
        assert guest.read(0, PAGE) == before


def test_no_bytes_may_lie_at_the_very_end() -> None:
    guest = started(MEMORY.format(""))
    assert guest.read(PAGE, 0) == b""
    guest.write(PAGE, b"")
    guest.check(PAGE, 0)


def test_a_host_function_sees_memory_that_grew_during_the_call() -> None:
    guests: list[Guest] = []

    def host(raw: Raw) -> None:
        guests[0].write(2 * PAGE - 1, b"!")

    wat = """(import "host" "f" (func $f)) (memory (export "memory") 1)
        (func (export "run") (result i32)
            (drop (memory.grow (i32.const 1))) call $f (i32.load8_u (i32.const 131071)))"""
    guests.append(started(f"(module {wat})", {"f": ("", "", host)}))
    assert run(guests[0]) == ord("!")


def test_a_guest_without_memory_has_none_to_read() -> None:
    guest = started("(module)")
    assert (guest.memory_base(), guest.memory_size()) == (0, 0)
    assert guest.read(0, 0) == b""
    with pytest.raises(OutOfBounds):
        guest.read(0, 1)


def test_a_garbage_heap_is_limited_like_the_memory() -> None:
    wat = """(tag $e) (table $t 100000 exnref)
        (func (export "run") (local $i i32)
            (loop $l
                (table.set $t (local.get $i) (block $b (result exnref)
                    (try_table (catch_all_ref $b) (throw $e)) unreachable))
                (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000)))))"""
    with pytest.raises(Trap, match="heap"):
        run(started(MEMORY.format(wat), limit=PAGE))


# -- the end --


def test_a_closed_guest_can_be_closed_again_and_nothing_else() -> None:
    guest = started(MEMORY.format('(func (export "run"))'))
    entry = guest.entry("run")
    assert entry is not None
    guest.close()
    guest.close()
    for use in (guest.start, guest.fuel_left, lambda: guest.set_fuel(1), lambda: guest.call(entry)):
        with pytest.raises(RuntimeError, match="closed"):
            use()
    with pytest.raises(OutOfBounds):
        guest.read(0, 1)


def test_a_guest_that_nobody_holds_is_freed() -> None:
    guest = started(MEMORY.format(""))
    freed = weakref.ref(guest)
    del guest
    gc.collect()
    assert freed() is None


def test_a_guest_keeps_alive_what_it_runs_on() -> None:
    guest = started(
        '(module (import "host" "f" (func $f (result i32))) (func (export "run") (result i32) call $f))',
        {"f": ("", "i32", answer_nine)},
    )
    gc.collect()
    assert run(guest) == 9


def answer_nine(raw: Raw) -> None:
    raw[0] = 9


# -- signals --


def test_a_signal_waits_until_the_guests_are_left() -> None:
    def interrupt(raw: Raw) -> None:
        signal.raise_signal(signal.SIGINT)
        raw[0] = 3

    guest = started(
        '(module (import "host" "f" (func $f (result i32))) (func (export "run") (result i32) call $f))',
        {"f": ("", "i32", interrupt)},
    )
    before = signal.getsignal(signal.SIGINT)
    results = []
    with pytest.raises(KeyboardInterrupt), uninterrupted(), uninterrupted():
        results.append(run(guest))
    assert results == [3]
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_signals_alone() -> None:
    handlers = []

    def look() -> None:
        with uninterrupted():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]


def test_a_host_function_is_called_in_the_context_of_its_own_store() -> None:
    """What `callback` relies on to find the guest."""
    contexts = []

    @capi.CALLBACK
    def host(env: int | None, caller: int, raw: Raw, count: int) -> None:
        contexts.append(capi.caller_context(caller))

    module = engine.compile(
        bytes(wasmtime.wat2wasm('(module (import "host" "f" (func $f)) (func (export "run") call $f))'))
    )
    guest = Guest(Linked(module, engine.engine(), {("host", "f"): ([], [], host)}, ["run"], starts=False), PAGE)
    guest.set_fuel(100)
    guest.start()
    run(guest)
    assert contexts == [guest._context]
