"""preview1 as a C library meets it: a real one that prints, and the corners by hand."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable

import pytest
import wasmtime

from radon.atoms import build
from radon.host import engine, wasi
from radon.host.guest import Guest, Linked, OutOfBounds, Trap
from radon.host.limits import Limits
from radon.host.linked import HostFunction
from radon.host.loader import Module, load, load_file
from radon.host.wasi import MAX_LINE, MAX_WRITE, Output

RECEIVE = "radon:atom/handler@0.1.0#receive"
INFO, WARN = 1, 2

PRINTING = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) { return realloc(old, size); }

__attribute__((export_name("radon:atom/handler@0.1.0#receive")))
void *receive(unsigned message, const char *body, unsigned length) {
    static unsigned result[3];
    struct timespec now;
    unsigned char bytes[4];
    char *arguments = getenv("HOME");
    printf("hello %.*s, %.2f\\n", (int)length, body, 1.5);
    fprintf(stderr, "careful\\n");
    clock_gettime(CLOCK_REALTIME, &now);
    getentropy(bytes, sizeof bytes);
    printf("%lld.%09ld %d-%d\\n", (long long)now.tv_sec, now.tv_nsec, bytes[0], bytes[3]);
    printf("%s %d\\n", arguments ? "home" : "no home", fopen("/etc/passwd", "r") != NULL);
    printf("no line end");
    fflush(stdout);
    if (length == 4) exit(3);
    return result;
}
"""


class FakeTurn:
    """A turn as WASI sees one, and the guest in it."""

    def __init__(self, guest: Guest | None = None) -> None:
        self.now = 1_234_567_890_000_000_042
        self.logged: list[tuple[int, str]] = []
        self.output = Output(lambda level, text: self.logged.append((level, text)))
        self.guest = guest

    @property
    def turn(self) -> FakeTurn:
        return self

    def random(self, length: int) -> bytes:
        return bytes(index % 251 for index in range(7, 7 + length))

    def spend(self, fuel: int) -> None:
        pass

    def keep(self, size: int) -> None:
        pass

    def read(self, pointer: int, length: int) -> bytes:
        assert self.guest is not None
        return self.guest.read(pointer, length)

    def write(self, pointer: int, data: bytes) -> None:
        assert self.guest is not None
        self.guest.write(pointer, data)


def preview1(caller: Callable[[], FakeTurn]) -> dict[tuple[str, str], HostFunction]:
    """All functions that there are."""
    return {(wasi.MODULE, name): wasi.host_function(name, caller) for name in wasi.SIGNATURES}


def start(module: Module, *entries: str) -> FakeTurn:
    """A guest of the module, begun, and the turn that it is in."""
    turn = FakeTurn()
    linked = Linked(module.compiled, engine.engine(), preview1(lambda: turn), (RECEIVE, "cabi_realloc", *entries))
    turn.guest = Guest(linked, Limits().memory)
    turn.guest.set_fuel(10**9)
    turn.guest.start()
    return turn


def call(turn: FakeTurn, name: str, *arguments: int) -> int | None:
    assert turn.guest is not None
    entry = turn.guest.entry(name)
    assert entry is not None
    return turn.guest.call(entry, *arguments)


def receive(turn: FakeTurn, body: bytes) -> int | None:
    pointer = call(turn, "cabi_realloc", 0, 0, 1, len(body))
    assert pointer is not None
    turn.write(pointer, body)
    return call(turn, RECEIVE, 1, pointer, len(body))


@pytest.fixture(scope="module")
def printing(tmp_path_factory: pytest.TempPathFactory) -> Module:
    """Built with the compiler and the C library of `radon build`; the library is built once per machine."""
    folder = tmp_path_factory.mktemp("printing")
    source, built = folder / "printing.c", folder / "printing.wasm"
    source.write_text(PRINTING)
    command = [sys.executable, "-m", "ziglang", "cc", *build.WITH_LIBC, *build.FLAGS, str(source), "-o", str(built)]
    subprocess.run(command, check=True, env=build.environment(folder / "cache"))
    return load_file(built)


@pytest.mark.timeout(300)
def test_printf_reaches_the_log_line_by_line(printing: Module) -> None:
    assert printing.wasi
    turn = start(printing)
    assert receive(turn, b"world") is not None
    lines = [
        (INFO, "hello world, 1.50"),
        (WARN, "careful"),
        (INFO, "1234567890.000000042 7-10"),
        (INFO, "no home 0"),
    ]
    assert turn.logged == lines
    turn.output.flush()
    assert turn.logged == [*lines, (INFO, "no line end")]


@pytest.mark.timeout(300)
def test_exit_ends_the_turn_as_a_failure(printing: Module) -> None:
    turn = start(printing)
    with pytest.raises(Trap, match=r"exit\(3\)") as caught:
        receive(turn, b"exit")
    assert caught.value.code == "exit"


@pytest.mark.timeout(300)
def test_the_same_turn_prints_the_same(printing: Module) -> None:
    turns = [start(printing) for _ in range(2)]
    for turn in turns:
        receive(turn, b"again")
    assert turns[0].logged == turns[1].logged


# -- the functions, one by one --


@pytest.fixture(scope="module")
def every() -> Module:
    """A module that passes each of its exports on to the function of the same name."""
    imports, exports = [], []
    for name, (params, results) in wasi.SIGNATURES.items():
        signature = f"(param {' '.join(params)}) (result {' '.join(results)})"
        imports.append(f'(import "{wasi.MODULE}" "{name}" (func ${name} {signature}))')
        arguments = " ".join(f"(local.get {index})" for index in range(len(params)))
        exports.append(f'(func (export "{name}") {signature} (call ${name} {arguments}))')
    text = f"""(module {" ".join(imports)} (memory (export "memory") 2) {" ".join(exports)}
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
        (func (export "{RECEIVE}") (param i32 i32 i32) (result i32) (i32.const 0)))"""
    return load(bytes(wasmtime.wat2wasm(text)), "every")


@pytest.fixture
def turn(every: Module) -> FakeTurn:
    return start(every, *wasi.SIGNATURES)


def write_buffers(turn: FakeTurn, *buffers: tuple[int, int]) -> int:
    """Where the list of them is."""
    turn.write(1024, b"".join(struct.pack("<II", *buffer) for buffer in buffers))
    return 1024


def test_all_that_is_not_offered_says_nosys(turn: FakeTurn) -> None:
    offered = {
        "fd_write", "fd_fdstat_get", "fd_seek", "fd_close", "fd_prestat_get", "fd_prestat_dir_name",
        "clock_time_get", "clock_res_get", "random_get",
        "args_get", "args_sizes_get", "environ_get", "environ_sizes_get", "proc_exit",
    }  # fmt: skip
    for name, (params, _) in wasi.SIGNATURES.items():
        if name not in offered:
            assert call(turn, name, *(0 for _ in params)) == wasi.NOSYS, name


def test_a_write_gathers_its_buffers_and_tells_the_count(turn: FakeTurn) -> None:
    turn.write(0, b"one two\nthree")
    assert call(turn, "fd_write", 1, write_buffers(turn, (0, 4), (4, 4), (100, 0), (8, 5)), 4, 512) == wasi.SUCCESS
    assert struct.unpack("<I", turn.read(512, 4)) == (13,)
    assert turn.logged == [(INFO, "one two")]
    turn.write(0, b"!\r\n")
    call(turn, "fd_write", 1, write_buffers(turn, (0, 3)), 1, 512)
    assert turn.logged == [(INFO, "one two"), (INFO, "three!")]


def test_a_write_takes_a_bounded_part_of_what_it_is_offered(turn: FakeTurn) -> None:
    everything = [(0, 65536)] * 1024
    assert call(turn, "fd_write", 1, write_buffers(turn, *everything), 1024, 512) == wasi.SUCCESS
    assert struct.unpack("<I", turn.read(512, 4)) == (MAX_WRITE,)
    assert call(turn, "fd_write", 1, 1024, 1025, 512) == wasi.INVAL


@pytest.mark.parametrize("arguments", [(1, 2**32 - 8, 1, 512), (1, 1024, 1, 2**32 - 4), (1, 2 * 65536, 1, 512)])
def test_a_write_with_a_bad_pointer_traps_and_logs_nothing(turn: FakeTurn, arguments: tuple[int, ...]) -> None:
    write_buffers(turn, (0, 1))
    turn.write(0, b"\n")
    with pytest.raises(OutOfBounds):
        call(turn, "fd_write", *arguments)
    assert turn.logged == []


def test_a_buffer_outside_of_memory_traps(turn: FakeTurn) -> None:
    with pytest.raises(OutOfBounds):
        call(turn, "fd_write", 1, write_buffers(turn, (2**32 - 1, 2**32 - 1)), 1, 512)


def test_only_the_three_standard_streams_are_open(turn: FakeTurn) -> None:
    assert call(turn, "fd_write", 0, 0, 0, 0) == wasi.BADF
    assert call(turn, "fd_write", 3, 0, 0, 0) == wasi.BADF
    for stream, answer in ((0, wasi.SUCCESS), (2, wasi.SUCCESS), (3, wasi.BADF)):
        assert call(turn, "fd_fdstat_get", stream, 0) == answer
        assert call(turn, "fd_close", stream) == answer
    assert call(turn, "fd_seek", 1, 0, 0, 0) == wasi.SPIPE
    assert call(turn, "fd_seek", 3, 0, 0, 0) == wasi.BADF
    assert call(turn, "fd_prestat_get", 3, 0) == wasi.BADF


def test_clocks_tell_the_time_of_the_turn(turn: FakeTurn) -> None:
    for clock in range(4):
        assert call(turn, "clock_time_get", clock, 1, 64) == wasi.SUCCESS
        assert struct.unpack("<Q", turn.read(64, 8)) == (turn.now,)
        assert call(turn, "clock_res_get", clock, 64) == wasi.SUCCESS
        assert struct.unpack("<Q", turn.read(64, 8)) == (1,)
    assert call(turn, "clock_time_get", 4, 1, 64) == wasi.INVAL
    assert call(turn, "clock_res_get", 4, 64) == wasi.INVAL


def test_random_bytes_come_from_the_turn_and_stay_in_memory(turn: FakeTurn) -> None:
    assert call(turn, "random_get", 10, 5000) == wasi.SUCCESS
    assert turn.read(10, 5000) == turn.random(4096) + turn.random(904)
    assert turn.read(5010, 1) == b"\0"
    with pytest.raises(OutOfBounds):
        call(turn, "random_get", 0, 2**32 - 1)


def test_arguments_and_environment_are_empty(turn: FakeTurn) -> None:
    for name in ("args", "environ"):
        turn.write(0, b"\xff" * 8)
        assert call(turn, f"{name}_sizes_get", 0, 4) == wasi.SUCCESS
        assert turn.read(0, 8) == bytes(8)
        assert call(turn, f"{name}_get", 0, 0) == wasi.SUCCESS


# -- lines --


@pytest.fixture
def logged() -> list[tuple[int, str]]:
    return []


@pytest.fixture
def output(logged: list[tuple[int, str]]) -> Output:
    return Output(lambda level, text: logged.append((level, text)))


def write(output: Output, *pieces: bytes) -> None:
    for piece in pieces:
        output.write(1, piece)


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([b"a\nb\n"], ["a", "b"]),
        ([b"a", b"b", b"\n"], ["ab"]),
        ([b"\n\n"], ["", ""]),
        ([b"a\r\n", b"b\rc\n"], ["a", "b\rc"]),
        ([b"\xc3", b"\xa9\n", b"\xff\n"], ["é", "\ufffd"]),
        ([b"x" * (MAX_LINE + 1) + b"\n"], ["x" * MAX_LINE, "x"]),
        ([b"x" * MAX_LINE], ["x" * MAX_LINE]),
        ([b"open"], []),
    ],
    ids=["two", "pieces", "empty", "carriage-returns", "utf-8", "long", "full", "open"],
)
def test_lines_are_logged_when_they_are_whole_or_too_long(
    output: Output, logged: list[tuple[int, str]], pieces: list[bytes], lines: list[str]
) -> None:
    write(output, *pieces)
    assert logged == [(INFO, line) for line in lines]


def test_a_flush_logs_what_is_open_in_each_stream_once(output: Output, logged: list[tuple[int, str]]) -> None:
    output.write(2, b"two")
    output.write(1, b"one")
    output.flush()
    output.flush()
    assert logged == [(INFO, "one"), (WARN, "two")]


def test_a_refusing_caller_is_asked_before_anything_happens(every: Module) -> None:
    """As the gate refuses syscalls inside of `cabi_realloc`."""

    def refuse() -> FakeTurn:
        raise Trap("abi", "not now")

    guest = Guest(Linked(every.compiled, engine.engine(), preview1(refuse), ["fd_write"]), 1 << 20)
    guest.set_fuel(1000)
    guest.start()
    entry = guest.entry("fd_write")
    assert entry is not None
    with pytest.raises(Trap, match="not now"):
        guest.call(entry, 1, 0, 0, 0)
