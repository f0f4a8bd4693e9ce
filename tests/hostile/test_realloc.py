"""A `cabi_realloc` with ideas of its own: what it gives is checked like any other pointer, and it is alone in there."""

from __future__ import annotations

import pytest

from radon.testing.harness import Harness
from tests.hostile.conftest import Yard, hostile
from tests.hostile.puppet import ARENA, MESSAGE, PUPPET, Act, Allocate, Script
from tests.hostile.wat import HEAP, module

BUCKET = MESSAGE + 1


def scanning(script: Script, mode: Allocate, argument: int = 0) -> int:
    """Two entries, then a scan with that allocator, which has three things to allocate. Its result area."""
    done, area = script.area(), script.area()
    script.call("state.open", *script.data(b"data"), done)
    for key in (b"a", b"b"):
        script.call("state.bucket.put", BUCKET, *script.data(key), *script.data(key * 20), done)
    script.call(Act.ALLOCATE, mode, argument)
    script.call("state.bucket.scan", BUCKET, 0, 0, 0, 0, 0, 0, 10, 0, area)
    script.call(Act.ALLOCATE, Allocate.BUMP)
    return area


@pytest.mark.parametrize(
    ("mode", "argument", "says"),
    [
        (Allocate.UNALIGNED, 0, "not aligned to 4 in step.state.bucket.scan < "),
        (Allocate.OUT_OF_BOUNDS, 0, "outside of the 65536 bytes of memory in step.state.bucket.scan < "),
        (Allocate.SAME, 65536, "32 bytes at 0x10000 are outside"),
        (Allocate.SAME, -4, "bytes at 0xfffffffc are outside"),
        (Allocate.TRAP, 0, "unreachable"),
        (Allocate.SPIN, 0, "all fuel consumed by WebAssembly in realloc"),
        (Allocate.RECURSE, 0, "call stack exhausted in realloc < realloc < "),
        (Allocate.SYSCALL, HEAP + 8, "a syscall inside cabi_realloc or cabi_post in step.state.open < step < realloc"),
        (Allocate.SCRIBBLE, 0, "trap: "),
        (Allocate.SCRIBBLE, 255, "trap: "),
    ],
)
def test_a_bad_allocator_ends_the_turn(h: Harness, mode: Allocate, argument: int, says: str) -> None:
    script = Script()
    scanning(script, mode, argument)
    assert says in script.fail(h)
    assert not h.lives("puppet/a") or h.state("puppet/a") == {}


@pytest.mark.parametrize("mode", [Allocate.TRAP, Allocate.SPIN, Allocate.RECURSE, Allocate.OUT_OF_BOUNDS])
def test_an_allocator_that_fails_for_the_body_fails_the_turn_before_it_begins(h: Harness, mode: Allocate) -> None:
    script = Script()
    script.call(Act.ALLOCATE, mode)
    script.play(h)
    assert Script().fail(h).startswith("trap: ")
    Script().play(h)  # on a fresh instance


def test_memory_may_end_where_the_allocation_ends(h: Harness) -> None:
    script = Script()
    area = scanning(script, Allocate.AT_THE_END)
    played = script.play(h)
    assert played.code(area, gap=4) == "ok"
    assert played.word(area + 4) == 65536 - 32
    assert played.word(area + 8) == 2


def test_memory_may_grow_under_a_call(h: Harness) -> None:
    script = Script()
    area = scanning(script, Allocate.GROW)
    after = script.call(Act.GROW, 0)
    played = script.play(h)
    assert played.code(area, gap=4) == "ok"
    assert played.result(after) == 1 + 5  # a list, two keys and two values


def test_allocations_may_overlap_and_hurt_only_the_guest(h: Harness) -> None:
    script = Script()
    area = scanning(script, Allocate.SAME, script.area())
    played = script.play(h)
    assert played.code(area, gap=4) == "ok"
    assert h.state("puppet/a") == {"data": {b"a": b"a" * 20, b"b": b"b" * 20}}


def test_the_result_area_may_be_what_was_just_allocated(h: Harness) -> None:
    script = Script()
    area = script.area()
    script.call(Act.ALLOCATE, Allocate.SAME, area)
    script.call("random.fill", 64, area)
    script.call(Act.ALLOCATE, Allocate.BUMP)
    played = script.play(h)
    assert (played.word(area), played.word(area + 4)) == (area, 64)


def test_an_allocator_cannot_grow_beyond_the_limit(h: Harness) -> None:
    greedy = """(func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (drop (memory.grow (i32.const 65535))) (i32.const 1024))"""
    h.deploy({"guest": hostile("guest", module(realloc=greedy)), "puppet": hostile("puppet", PUPPET),
              "witness": h.kinds["witness"]})  # fmt: skip
    h.send("guest/a", b"x" * 64_000)
    assert h.logs() == []
    h.send("guest/a", b"x" * 65_000)
    assert "65000 bytes at 0x400 are outside of the 65536 bytes of memory" in h.logs()[-1]


def filling(script: Script, begin: int, end: int) -> int:
    """64 random bytes, for which there is room between those addresses, as the guest says. Their result area."""
    area = script.area()
    script.call(Act.STORE, ARENA, end << 32 | begin)
    script.call("random.fill", 64, area)
    return area


@pytest.mark.parametrize(
    ("begin", "end", "says"),
    [
        (65536, 2**32 - 1, "64 bytes at 0x10000 are outside of the 65536 bytes of memory in step.random.fill < "),
        (65536 - 63, 65536 + 64, "64 bytes at 0xffc1 are outside"),
        (2**32 - 80, 2**32 - 1, "64 bytes at 0xffffffb0 are outside"),
    ],
)
def test_an_arena_that_is_no_memory_ends_the_turn(h: Harness, begin: int, end: int, says: str) -> None:
    script = Script()
    filling(script, begin, end)
    assert says in script.fail(h)


@pytest.mark.parametrize("begin", [32769, 32770])
def test_an_arena_that_is_not_aligned_ends_the_turn_where_that_matters(h: Harness, begin: int) -> None:
    script = Script()
    area = filling(script, begin, 65536)
    assert script.play(h).word(area) == begin, "bytes may lie anywhere"
    script = Script()
    script.call(Act.STORE, ARENA, 65536 << 32 | begin)
    scanning(script, Allocate.BUMP)
    assert f"room was made at {begin}, not aligned to 4 in step.state.bucket.scan" in script.fail(h)


@pytest.mark.parametrize(("begin", "end"), [(32768, 32768), (32768, 32768 + 63), (65536, 0), (2**32 - 16, 2**32 - 1)])
def test_an_arena_with_too_little_left_is_passed_over(h: Harness, begin: int, end: int) -> None:
    script = Script()
    area = filling(script, begin, end)
    script.call(Act.LOAD, ARENA)
    played = script.play(h)
    assert played.code(area + 8) == "ok"
    assert played.word(area) < 32768, "the guest was asked"
    assert played.result(2) == end << 32 | begin, "nothing was taken"


def test_an_arena_may_lie_under_what_is_put_there(h: Harness) -> None:
    script = Script()
    area = filling(script, ARENA - 8, 65536)
    assert script.play(h).word(area) == ARENA - 8


def test_an_arena_that_is_told_of_from_outside_of_the_memory_ends_the_turn(yard: Yard) -> None:
    far = module(more='(global (export "radon_arena") i32 (i32.const -8))')
    h = yard(guest=far)
    h.send("guest/a", b"x")
    assert "8 bytes at 0xfffffff8 are outside of the 65536 bytes of memory" in h.logs()[-1]
