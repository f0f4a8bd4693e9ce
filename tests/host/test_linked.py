"""The crossing between guest and host: values, exceptions, threads and signals."""

from __future__ import annotations

import signal
import struct
import threading
from collections.abc import Callable

import pytest
import wasmtime

from radon.abi.errors import LoadError
from radon.host import capi, engine
from radon.host.guest import Guest, Linked, Raw, Trap, uninterrupted

PAGE = 65536

Link = Callable[..., Linked]
Start = Callable[..., Guest]


def run(guest: Guest, *arguments: int) -> int | None:
    entry = guest.entry("run")
    assert entry is not None
    return guest.call(entry, *arguments)


# -- calls --


def test_arguments_and_results_pass_unchanged_at_their_limits(start: Start) -> None:
    guest = start(
        """(module (func (export "run") (param i32 i64) (result i64)
            (i64.add (local.get 1) (i64.extend_i32_u (local.get 0)))))"""
    )
    assert run(guest, 2**32 - 1, 2**64 - 2**32) == 2**64 - 1
    assert run(guest, -1, 0) == 2**32 - 1
    guest = start('(module (func (export "run") (param i32) (result i32) (i32.sub (local.get 0) (i32.const 1))))')
    assert run(guest, 0) == 2**32 - 1
    assert run(start('(module (func (export "run")))')) is None


def test_a_missing_entry_is_none_and_a_wrong_number_of_arguments_an_error(start: Start) -> None:
    guest = start(
        '(module (func (export "run") (param i32)) (memory (export "other") 1))', entries=("run", "absent", "other")
    )
    assert guest.entry("absent") is None
    assert guest.entry("other") is None
    with pytest.raises(TypeError, match="takes 1 arguments, not 2"):
        run(guest, 1, 2)


def test_host_functions_get_their_arguments_and_give_a_result(start: Start) -> None:
    seen = []

    def host(raw: Raw) -> None:
        seen.append((raw[0] & 0xFFFF_FFFF, raw[2], struct.unpack("<d", struct.pack("<Q", raw[4]))[0]))
        raw[0] = 7

    guest = start(
        """(module (import "host" "f" (func $f (param i32 i64 f64) (result i32)))
            (func (export "run") (result i32) (call $f (i32.const -2) (i64.const -3) (f64.const 1.5))))""",
        {"f": ("i32 i64 f64", "i32", host)},
    )
    assert run(guest) == 7
    assert seen == [(2**32 - 2, 2**64 - 3, 1.5)]


def test_a_host_function_may_enter_its_guest_again(start: Start) -> None:
    guests: list[Guest] = []

    def host(raw: Raw) -> None:
        entry = guests[0].entry("double")
        assert entry is not None
        raw[0] = guests[0].call(entry, raw[0] & 0xFFFF_FFFF)

    guests.append(
        start(
            """(module (import "host" "f" (func $f (param i32) (result i32)))
                (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
                (func (export "run") (param i32) (result i32) (i32.add (local.get 0) (call $f (local.get 0)))))""",
            {"f": ("i32", "i32", host)},
            entries=("run", "double"),
        )
    )
    assert run(guests[0], 5) == 15


def test_what_a_module_does_not_import_is_ignored_and_what_is_missing_is_named(link: Link, start: Start) -> None:
    assert run(start('(module (func (export "run")))', {"unused": ("", "", lambda raw: None)})) is None
    with pytest.raises(LoadError, match="unknown import"):
        link('(module (import "host" "gone" (func)))')
    with pytest.raises(LoadError, match="returns f32"):
        link('(module (func (export "run") (result f32) (f32.const 0)))')


# -- exceptions of host functions --


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_what_a_host_function_raises_comes_out_of_the_call(error: BaseException, start: Start) -> None:
    def host(raw: Raw) -> None:
        raise error

    guest = start(
        '(module (import "host" "f" (func $f)) (func (export "run") call $f (loop (br 0))))', {"f": ("", "", host)}
    )
    with pytest.raises(type(error)) as caught:
        run(guest)
    assert caught.value is error
    guest.close()


def test_a_trap_of_a_host_function_learns_which_guest_functions_were_active(start: Start) -> None:
    def host(raw: Raw) -> None:
        raise Trap("mine", "no")

    wat = """(module (import "host" "f" (func $f)) (func $inner call $f) (func $outer (export "run") call $inner))"""
    guest = start(wat, {"f": ("", "", host)})
    with pytest.raises(Trap) as caught:
        run(guest)
    assert (caught.value.code, caught.value.frames) == ("mine", ("inner", "outer"))


def test_an_exception_passes_through_nested_calls_once(start: Start) -> None:
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
        start(
            """(module (import "host" "outer" (func $outer)) (import "host" "inner" (func $inner))
                (func (export "inner") call $inner) (func (export "run") (result i32) call $outer (i32.const 1)))""",
            {"outer": ("", "", outer), "inner": ("", "", inner)},
            entries=("run", "inner"),
        )
    )
    assert run(guests[0]) == 1
    assert len(passed) == 1


def test_guests_in_different_threads_get_their_own_exceptions(link: Link, start: Start) -> None:
    names = threading.local()

    def host(raw: Raw) -> None:
        raise ValueError(names.mine)

    joined = link('(module (import "host" "f" (func $f)) (func (export "run") call $f))', {"f": ("", "", host)})
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


def test_a_guest_may_wait_in_one_thread_while_another_runs(link: Link, start: Start) -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def wait(raw: Raw) -> None:
        waiting.set()
        assert go_on.wait(30)

    joined = link(
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
    assert run(start('(module (func (export "run") (result i32) (i32.const 6)))')) == 6
    with pytest.raises(RuntimeError, match="running"):
        guest.close()
    go_on.set()
    thread.join()
    assert results == [5]
    guest.close()


# -- signals --


def test_a_signal_waits_until_the_guests_are_left(start: Start) -> None:
    def interrupt(raw: Raw) -> None:
        signal.raise_signal(signal.SIGINT)
        raw[0] = 3

    guest = start(
        '(module (import "host" "f" (func $f (result i32))) (func (export "run") (result i32) call $f))',
        {"f": ("", "i32", interrupt)},
    )
    before = signal.getsignal(signal.SIGINT)
    results = []
    with pytest.raises(KeyboardInterrupt), uninterrupted(), uninterrupted():
        results.append(run(guest))
    assert results == [3]
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_signals_alone(start: Start) -> None:
    handlers = []

    def look() -> None:
        with uninterrupted():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]


def test_a_host_function_is_called_in_the_context_of_its_own_store(start: Start) -> None:
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
