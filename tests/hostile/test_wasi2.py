"""WASI 0.2, function by function, as a component meets it: what it answers, and what nobody gets by asking wrongly."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from radon.abi.errors import Closed
from radon.host.limits import KIB, Limits
from radon.host.wasi import MAX_WRITE
from radon.testing.harness import NOON, Harness
from tests.hostile.components import component, joined_puppet
from tests.hostile.conftest import Yard, hostile
from tests.hostile.puppet import Act, Allocate, Played, Script
from tests.hostile.wat import REALLOC, WASI2, module

TO = "joined/a"
AREA = -1

Step = tuple[Any, ...]
"""What to call, and its arguments."""

FIRST = 2
"""The first handle that a script is given; 1 is its message."""


@pytest.fixture
def h(yard: Yard) -> Harness:
    return yard(joined=joined_puppet())


def written(*steps: Step) -> tuple[Script, list[int]]:
    """A script of these steps; AREA among the arguments is a place for a result. Where the places are."""
    script, areas = Script(), []
    for what, *arguments in steps:
        areas.append(script.area())
        script.call(what, *[areas[-1] if argument == AREA else argument for argument in arguments])
    return script, areas


def played(h: Harness, *steps: Step) -> tuple[Played, list[int]]:
    script, areas = written(*steps)
    return script.play(h, TO), areas


def failed(h: Harness, *steps: Step) -> str:
    return written(*steps)[0].fail(h, TO)


# -- output --


def test_what_is_written_is_logged_line_by_line(h: Harness) -> None:
    script = Script()
    area = script.area()
    script.call("stdout.get-stdout")
    script.call("stderr.get-stderr")
    script.call("streams.output-stream.write", FIRST, *script.data(b"one\ntwo"), area)
    script.call("streams.output-stream.blocking-write-and-flush", FIRST + 1, *script.data(b"careful\n"), script.area())
    script.call("streams.output-stream.write", FIRST, *script.data(b"!\n"), script.area())
    script.call("streams.output-stream.flush", FIRST, script.area())
    script.call("streams.output-stream.write-zeroes", FIRST, 2, script.area())
    end = script.play(h, TO)
    assert h.logs() == ["one", "careful", "two!", "\0\0"]
    assert end.memory[area : area + 12] == bytes(12)


def test_a_stream_takes_64_kib_at_once_and_says_so(h: Harness) -> None:
    end, (_, area) = played(h, ("stdout.get-stdout",), ("streams.output-stream.check-write", FIRST, AREA))
    assert struct.unpack_from("<QQ", end.memory, area) == (0, MAX_WRITE)
    write = ("streams.output-stream.write", FIRST, 0, MAX_WRITE + 1, AREA)
    assert "65537 bytes to a stream that takes 65536" in failed(h, (Act.GROW, 2), ("stdout.get-stdout",), write)
    zeroes = ("streams.output-stream.write-zeroes", FIRST, 2**64 - 1, AREA)
    assert "a stream that takes 65536 at once" in failed(h, ("stdout.get-stdout",), zeroes)


def test_input_is_closed_and_nothing_can_be_spliced_from_it(h: Harness) -> None:
    end, areas = played(
        h,
        ("stdin.get-stdin",),
        ("stdout.get-stdout",),
        ("streams.input-stream.read", FIRST, 10, AREA),
        ("streams.input-stream.blocking-skip", FIRST, 10, AREA),
        ("streams.output-stream.splice", FIRST + 1, FIRST, 10, AREA),
    )
    assert end.memory[areas[2] : areas[2] + 12] == b"\1\0\0\0\1" + bytes(7)
    for area in areas[3:]:
        assert end.memory[area : area + 16] == b"\1" + bytes(7) + b"\1" + bytes(7)


# -- time and random numbers --


def test_clocks_tell_the_time_of_the_turn(h: Harness) -> None:
    h.advance("1500ms")
    now = NOON + 1_500_000_000
    end, areas = played(
        h,
        ("monotonic-clock.now",),
        ("monotonic-clock.resolution",),
        ("wall-clock.now", AREA),
        ("wall-clock.resolution", AREA),
    )
    assert [end.result(0), end.result(1)] == [now, 1]
    assert struct.unpack_from("<QI", end.memory, areas[2]) == (now // 10**9, 500_000_000)
    assert struct.unpack_from("<QI", end.memory, areas[3]) == (0, 1)


def test_a_poll_answers_what_is_ready_now(h: Harness) -> None:
    script = Script()
    area = script.area()
    script.call("stdout.get-stdout")
    script.call("streams.output-stream.subscribe", FIRST)
    script.call("monotonic-clock.subscribe-duration", 1)
    script.call("monotonic-clock.subscribe-instant", NOON)
    ready = [script.call("poll.pollable.ready", FIRST + n) for n in (1, 2, 3)]
    script.call("poll.pollable.block", FIRST + 3)
    list_at, _ = script.data(struct.pack("<3I", FIRST + 2, FIRST + 1, FIRST + 3))
    script.call("poll.poll", list_at, 3, area)
    end = script.play(h, TO)
    assert [end.result(step) for step in ready] == [1, 0, 1]
    at, count = struct.unpack_from("<II", end.memory, area)
    assert count == 2
    assert at % 4 == 0


@pytest.mark.parametrize("duration", [1, 10**18, 2**64 - 1])
def test_waiting_for_time_to_pass_fails_the_turn(h: Harness, duration: int) -> None:
    subscribe = ("monotonic-clock.subscribe-duration", duration)
    assert "time to pass" in failed(h, subscribe, ("poll.pollable.block", FIRST))
    script = Script()
    script.call(*subscribe)
    script.call("poll.poll", script.data(struct.pack("<I", FIRST))[0], 1, script.area())
    assert "time to pass" in script.fail(h, TO)


def test_a_poll_of_nothing_is_a_violation(h: Harness) -> None:
    assert "a poll of nothing" in failed(h, ("poll.poll", 64, 0, AREA))


def test_random_numbers_are_those_of_the_turn(h: Harness) -> None:
    script = Script()
    bytes_at, seed_at = script.area(), script.area()
    number = script.call("random.get-random-u64")
    script.call("random.get-random-bytes", 40, bytes_at)
    script.call("insecure-seed.insecure-seed", seed_at)
    first, second = script.play(h, "joined/a"), script.play(h, "joined/b")
    assert first.result(number) != second.result(number)
    assert first.memory[seed_at : seed_at + 16] != second.memory[seed_at : seed_at + 16]
    assert first.word(bytes_at + 4) == 40


@pytest.mark.parametrize("length", [7 * 10**7, 2**32, 2**64 - 1])
def test_no_more_random_bytes_than_memory_are_made(h: Harness, length: int) -> None:
    assert f"{length} random bytes" in failed(h, ("random.get-random-bytes", length, AREA))


# -- what there is not --


def test_arguments_environment_directories_and_terminals_are_none(h: Harness) -> None:
    end, areas = played(
        h,
        ("environment.get-environment", AREA),
        ("environment.get-arguments", AREA),
        ("preopens.get-directories", AREA),
        ("environment.initial-cwd", AREA),
        ("terminal-stdin.get-terminal-stdin", AREA),
        ("terminal-stdout.get-terminal-stdout", AREA),
        ("terminal-stderr.get-terminal-stderr", AREA),
    )
    assert [end.word(area + 4) for area in areas[:3]] == [0, 0, 0]
    assert all(end.word(area) % 4 == 0 for area in areas[:3])
    assert [end.word(area) for area in areas[3:]] == [0] * 4


def test_a_socket_is_not_supported(h: Harness) -> None:
    create = ("tcp-create-socket.create-tcp-socket", 0, AREA), ("udp-create-socket.create-udp-socket", 1, AREA)
    end, areas = played(h, *create)
    for area in areas:
        assert end.memory[area : area + 8] == b"\1\0\0\0\2\0\0\0"
    assert "2 is no case of ip-address-family" in failed(h, ("tcp-create-socket.create-tcp-socket", 2, AREA))


def test_what_is_not_offered_fails_the_turn_by_name(h: Harness) -> None:
    assert "wasi:sockets/instance-network instance-network is not offered" in failed(
        h, ("instance-network.instance-network",)
    )
    called = failed(h, ("types.descriptor.is-same-object", 1, 1))
    assert "wasi:filesystem/types [method]descriptor.is-same-object is not offered" in called


@pytest.mark.parametrize(("name", "status"), [("exit.exit", 0), ("exit.exit", 1), ("exit.exit-with-code", 77)])
def test_exit_fails_the_turn(h: Harness, name: str, status: int) -> None:
    assert f"the guest called exit({status})" in failed(h, (name, status))
    assert h.domain.dead_letters()[-1].cause == "trap: exit"


# -- handles --


@pytest.mark.parametrize("name", [row.name for row in WASI2 if row.takes and row.takes[0].startswith("borrow<")])
def test_a_handle_that_is_none_or_of_another_type_is_a_violation(h: Harness, name: str) -> None:
    for handle in (0, 1, 77, 2**32 - 1):
        assert f"{handle} is no handle of a live" in failed(h, (name, handle, 256, 256, 256))


@pytest.mark.parametrize("resource", ["poll.drop.pollable", "streams.drop.output-stream", "types.drop.descriptor"])
def test_a_handle_that_is_none_cannot_be_dropped(h: Harness, resource: str) -> None:
    assert f"1 is no handle of a live {resource.rpartition('.')[2]}" in failed(h, (resource, 1))


def test_a_handle_is_gone_when_it_was_dropped_and_its_number_is_free(h: Harness) -> None:
    end, _ = played(
        h,
        ("stdout.get-stdout",),
        ("streams.drop.output-stream", FIRST),
        ("stdin.get-stdin",),
        ("streams.input-stream.subscribe", FIRST),
        ("streams.drop.input-stream", FIRST),
        ("poll.drop.pollable", FIRST + 1),
    )
    assert end.result(2) == FIRST
    assert "2 is no handle of a live output-stream" in failed(
        h, ("stdout.get-stdout",), ("streams.drop.output-stream", FIRST), ("streams.output-stream.flush", FIRST, AREA)
    )


def test_handles_of_another_instance_are_none_here(h: Harness) -> None:
    script = Script()
    for _ in range(5):
        script.call("stdout.get-stdout")
    script.play(h, "joined/other")
    assert "4 is no handle of a live output-stream" in failed(
        h, ("stdout.get-stdout",), ("streams.output-stream.flush", 4, AREA)
    )


def test_streams_and_pollables_count_against_the_limit_of_handles(yard: Yard) -> None:
    h = yard(joined=hostile("joined", joined_puppet(), limits=Limits(handles=4)))
    assert "handles are in use; 1 more: see limits.handles" in failed(h, *[("stdout.get-stdout",)] * 4)


# -- pointers --


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("streams.output-stream.write", (FIRST, 2**32 - 8, 16, 128)),
        ("streams.output-stream.write", (FIRST, 0, 16, 2**32 - 8)),
        ("streams.output-stream.check-write", (FIRST, 2**32 - 8)),
        ("wall-clock.now", (2**32 - 8,)),
        ("poll.poll", (2**32 - 8, 10, 128)),
    ],
)
def test_bytes_outside_of_memory_are_a_trap(h: Harness, call: str, arguments: tuple[int, ...]) -> None:
    assert "outside of the" in failed(h, ("stdout.get-stdout",), (call, *arguments))


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("streams.output-stream.check-write", (FIRST, 132)),
        ("streams.output-stream.flush", (FIRST, 130)),
        ("wall-clock.now", (132,)),
        ("poll.poll", (130, 1, 128)),
        ("environment.get-arguments", (130,)),
        ("environment.initial-cwd", (129,)),
    ],
)
def test_what_is_not_aligned_is_a_violation(h: Harness, call: str, arguments: tuple[int, ...]) -> None:
    assert "is not aligned to" in failed(h, ("stdout.get-stdout",), (call, *arguments))


# -- realloc --


@pytest.mark.parametrize("name", ["monotonic-clock.now", "exit.exit", "types.descriptor.is-same-object"])
def test_no_function_of_wasi_can_be_called_inside_of_realloc(h: Harness, name: str) -> None:
    script = Script()
    script.call(Act.ALLOCATE, Allocate.SYSCALL, script.step_at(2))
    script.call("random.get-random-bytes", 8, script.area())
    script.call(name, 0, 0)
    assert "a syscall inside cabi_realloc" in script.fail(h, TO)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (Allocate.TRAP, "unreachable"),
        (Allocate.UNALIGNED, "not aligned"),
        (Allocate.OUT_OF_BOUNDS, "outside of the"),
        (Allocate.RECURSE, "call stack exhausted"),
    ],
)
def test_a_realloc_that_misbehaves_fails_the_turn(h: Harness, how: Allocate, said: str) -> None:
    script = Script()
    script.call("monotonic-clock.subscribe-instant", 0)
    script.call(Act.ALLOCATE, how)
    script.call("poll.poll", script.data(struct.pack("<I", FIRST))[0], 1, script.area())
    assert said in script.fail(h, TO)


def test_memory_that_grows_inside_of_realloc_is_seen(h: Harness) -> None:
    script = Script()
    area = script.area()
    script.call(Act.ALLOCATE, Allocate.GROW)
    script.call("random.get-random-bytes", 3 * 64 * KIB, area)
    end = script.play(h, TO)
    assert end.word(area + 4) == 3 * 64 * KIB


COUNTING = REALLOC.replace(
    "(local $at i32)", "(local $at i32) (i32.store (i32.const 100) (i32.add (i32.load (i32.const 100)) (i32.const 1)))"
)
"""Counts its calls at 100."""


def test_a_component_allocates_what_is_empty_too(yard: Yard) -> None:
    """The Canonical ABI has it so, and runtimes of languages free what they were given."""
    receive = """(call $messaging.message.id (local.get 0) (i32.const 64))
        (call $environment.get-arguments (i32.const 64))
        (call $messaging.message.reply (local.get 0) (i32.const 100) (i32.const 4) (i32.const 64))"""
    imports = ["messaging.message.id", "messaging.message.reply"]
    rows = [row for row in WASI2 if row.name == "environment.get-arguments"]
    h = yard(joined=component(module(imports, wasi2=rows, realloc=COUNTING, receive=receive)))
    assert h.call(TO, b"") == b"\3\0\0\0"


# -- suspending --


def test_a_component_can_wait_for_another_atom(h: Harness) -> None:
    script = Script()
    area = script.area()
    script.call("messaging.open", *script.data(b"witness/w"), script.area())
    script.call("messaging.address.call", FIRST, *script.data(b"well?"), 10**9, area)
    end = script.play(h, TO)
    assert end.code(area) == "ok"


def test_output_of_a_failed_turn_stays(h: Harness) -> None:
    script = Script()
    script.call("stdout.get-stdout")
    script.call("streams.output-stream.write", FIRST, *script.data(b"so far"), script.area())
    script.call(Act.TRAP)
    with pytest.raises(Closed):
        h.call(TO, script.body())
    assert "so far" in h.logs()


# -- in an instance that atoms share --


def test_what_wasi_gives_is_of_the_memory_that_atoms_share(yard: Yard) -> None:
    """Runtimes of languages ask for a stream once, and keep it where all of them find it."""
    h = yard(joined=hostile("joined", joined_puppet(suspending=False), shared=True))
    script = Script()
    script.call("stdout.get-stdout")
    script.call("messaging.self")
    end = script.play(h, "joined/a")
    assert (end.result(0), end.result(1)) == (1, FIRST)
    script = Script()
    script.call("streams.output-stream.write", 1, *script.data(b"of b\n"), script.area())
    script.play(h, "joined/b")
    assert h.logs() == ["of b"]
    script.call("streams.drop.output-stream", 1)
    script.play(h, "joined/c")
    assert "1 is no handle of a live output-stream" in written(("streams.output-stream.flush", 1, AREA))[0].fail(h, TO)
