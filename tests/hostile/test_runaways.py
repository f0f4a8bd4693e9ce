"""Guests that would never end or never have enough: fuel, stack and memory end their turns, and the domain goes on."""

from __future__ import annotations

import pytest

from radon.abi.errors import LoadError
from radon.host.domain import Settings
from radon.host.kind import Retry
from radon.host.limits import KIB, MIB, Limits
from radon.testing.harness import Harness
from tests.hostile.conftest import Yard, hostile
from tests.hostile.puppet import DIRECT, Act, Script
from tests.hostile.wat import module

TENTH = Limits(turn=100_000_000)
"""A tenth of a second: loops that fuel ends cost a test as much."""

TABLE = "(type $v (func)) (table 1 funcref)"

LOOPS = {
    "an empty one": ("", "(loop $on (br $on))"),
    "tail calls": ("(func $again (return_call $again))", "(call $again)"),
    "indirect tail calls": (
        f"{TABLE} (elem (i32.const 0) $again) (func $again (return_call_indirect (type $v) (i32.const 0)))",
        "(call $again)",
    ),
    "filling memory": ("", "(loop $on (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br $on))"),
    "copying memory": ("", "(loop $on (memory.copy (i32.const 0) (i32.const 1) (i32.const 65535)) (br $on))"),
    "growing memory that cannot grow": ("", "(loop $on (drop (memory.grow (i32.const 65535))) (br $on))"),
    "filling a table": (
        "(table $t 65536 funcref)",
        "(loop $on (table.fill $t (i32.const 0) (ref.null func) (i32.const 65536)) (br $on))",
    ),
    "vectors": ("", "(loop $on (drop (i32x4.mul (v128.const i32x4 1 2 3 4) (v128.load (i32.const 0)))) (br $on))"),
}  # fmt: skip


@pytest.mark.parametrize(("more", "body"), LOOPS.values(), ids=LOOPS)
def test_a_loop_ends_by_fuel(yard: Yard, more: str, body: str) -> None:
    h = yard(guest=hostile("guest", module(more=more, receive=body), limits=TENTH))
    h.send("guest/a", b"x")
    (line,) = h.logs()
    assert line.startswith("trap: all fuel consumed by WebAssembly in ")
    assert line.endswith("receive (attempt 1 of 1)")
    assert h.dead()[0].cause == "trap: out-of-fuel"


def test_the_same_loop_ends_at_the_same_instruction_each_time(yard: Yard) -> None:
    count = """(loop $on (global.set $n (i32.add (global.get $n) (i32.const 1)))
      (call $log.count (i32.const 16) (i32.const 1) (i64.extend_i32_u (global.get $n))) (br $on))"""
    guest = module(["log.count"], more="(global $n (mut i32) (i32.const 0))", receive=count)
    limits = Limits(turn=1_000_000)
    h = yard(guest=hostile("guest", guest, limits=limits, retry=Retry(attempts=3)))
    h.send("guest/a", b"x")
    h.advance("1s")
    counted = [output.by for output in h.outputs if hasattr(output, "by")]
    assert len(counted) % 3 == 0
    assert counted == counted[: len(counted) // 3] * 3


@pytest.mark.parametrize(
    "name", ["clock.now", "random.next", "messaging.message.id", "messaging.message.wants-reply", "log.count"]
)
def test_a_loop_around_a_cheap_syscall_ends_by_the_fuel_for_syscalls(yard: Yard, name: str) -> None:
    h = yard(direct=hostile("direct", DIRECT, limits=TENTH))
    script = Script()
    arguments = {"messaging.message.id": (1, 512), "messaging.message.wants-reply": (1,), "log.count": (8, 1, 1)}
    script.call(Act.REPEAT, 2**32 - 1)
    script.call(name, *arguments.get(name, ()))
    line = script.fail(h, "direct/a")
    assert f"trap: the turn's syscalls used up limits.turn in step.{name} < step < play < receive" in line
    assert h.dead()[0].cause == "trap: out-of-fuel"


WASI = {
    "fd_seek": "(i32.const 1) (i64.const 0) (i32.const 0) (i32.const 0)",
    "sched_yield": "",
    "fd_write": "(i32.const 1) (i32.const 1024) (i32.const 1024) (i32.const 64)",
    "environ_sizes_get": "(i32.const 64) (i32.const 64)",
    "random_get": "(i32.const 1024) (i32.const 60000)",
}
"""Functions that do much, little and nothing, with arguments."""


@pytest.mark.parametrize("name", WASI)
def test_a_loop_around_a_function_of_wasi_does_too(yard: Yard, name: str) -> None:
    guest = module(wasi=[name], receive=f"(loop $on (drop (call ${name} {WASI[name]})) (br $on))")
    h = yard(guest=hostile("guest", guest, limits=TENTH))
    h.send("guest/a", b"x")
    assert h.logs()[-1] == "trap: the turn's syscalls used up limits.turn in receive (attempt 1 of 1)"


def test_a_bomb_of_lines_through_wasi_is_cut(yard: Yard) -> None:
    buffer = "(i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 65400))"
    fill = "(memory.fill (i32.const 64) (i32.const 10) (i32.const 65400))"
    loop = "(loop $on (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))) (br $on))"
    h = yard(guest=module(wasi=["fd_write"], receive=f"{buffer} {fill} {loop}"))
    h.send("guest/a", b"x")
    assert len(h.logs()) == 1001
    assert h.logs()[-2] == "further log lines of this turn are dropped"


# ---- the stack ----

RECURSIONS = {
    "direct": ("(func $deep (call $deep))", "deep < deep < "),
    "mutual": ("(func $deep (call $other)) (func $other (call $deep))", "deep < "),
    "indirect": (
        f"{TABLE} (elem (i32.const 0) $deep) (func $deep (call_indirect (type $v) (i32.const 0)))",
        "deep < deep < ",
    ),
    "with a syscall at each level": ("(func $deep (drop (call $clock.now)) (call $deep))", "deep < deep < "),
    "with an allocation at each level": (
        "(func $deep (call $random.fill (i32.const 1) (i32.const 64)) (call $deep))", "deep < ",
    ),
    "with great frames": (f"(func $deep (local {'i64 ' * 40_000}) (call $deep))", "deep < deep < "),
}  # fmt: skip


@pytest.mark.parametrize(("more", "says"), RECURSIONS.values(), ids=RECURSIONS)
@pytest.mark.parametrize("suspends", [False, True], ids=["direct", "on a fiber"])
def test_deep_recursion_ends_by_the_stack(yard: Yard, more: str, says: str, suspends: bool) -> None:
    imports = ["clock.now", "random.fill", *(["clock.sleep"] if suspends else [])]
    h = yard(guest=module(imports, more=more, receive="(call $deep)"))
    h.send("guest/a", b"x")
    (line,) = h.logs()
    assert line.startswith("trap: call stack exhausted in ")
    assert says in line
    assert len(line) < 1000
    assert h.dead()[0].cause == "trap: stack-overflow"


def test_names_of_functions_are_told_on_one_line(yard: Yard) -> None:
    evil = f'(func $f (@name "evil\\0aline \\1b[31m{"x" * 100_000}") unreachable)'
    h = yard(guest=module(more=evil, receive="(call $f)"))
    h.send("guest/a", b"x")
    (line,) = h.logs()
    assert "executed in evil\\nline \\x1b[31mxxx" in line
    assert line.isprintable()
    assert len(line) < 300


# ---- memory and tables ----


def test_memory_ends_at_the_limit(yard: Yard) -> None:
    h = yard(direct=hostile("direct", DIRECT, limits=Limits(memory=3 * 64 * KIB)))
    script = Script()
    grown = [script.call(Act.GROW, pages) for pages in (1, 1, 1, 2**16, 2**32 - 1, 0)]
    played = script.play(h, "direct/a")
    assert [played.result(step) for step in grown] == [1, 2, 2**32 - 1, 2**32 - 1, 2**32 - 1, 3]


@pytest.mark.parametrize(("pages", "begins"), [(1024, True), (1025, False), (65536, False)])
def test_a_module_that_begins_with_more_than_the_limit_does_not_begin(yard: Yard, pages: int, begins: bool) -> None:
    h = yard(guest=hostile("guest", module(memory=f'(memory (export "memory") {pages})'), retry=Retry(attempts=2)))
    h.send("guest/a", b"x")
    h.advance("1s")
    assert len(h.logs()) == (0 if begins else 2)
    if not begins:
        assert h.logs()[0] == (
            f"trap: the module needs {pages * 64 * KIB} bytes of memory to begin with; its limit is 67108864 "
            "(attempt 1 of 2)"
        )
        assert h.dead()[0].cause == "trap: memory-limit"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('(data (i32.const 65535) "ab")', "out of bounds memory access"),
        ("(table 1 funcref) (elem (i32.const 1) $reserve)", "out of bounds table access"),
    ],
)
def test_a_module_that_cannot_begin_says_why(yard: Yard, more: str, says: str) -> None:
    h = yard(guest=module(more=more))
    h.send("guest/a", b"x")
    assert says in h.logs()[0]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("(table 1048577 funcref)", "1048577"),
        ("(table 4294967295 funcref)", "4294967295"),
        ("(table 1 funcref)" * 9, "tables count of 9 exceeds"),
    ],
)
def test_a_module_that_wants_more_of_tables_than_there_is_is_refused(more: str, says: str) -> None:
    with pytest.raises(LoadError, match=says):
        hostile("guest", module(more=more))


def test_tables_end_at_their_limit(yard: Yard) -> None:
    body = """(i32.store (i32.const 64) (table.grow $t (ref.null func) (i32.const 1048575)))
      (i32.store (i32.const 68) (table.grow $t (ref.null func) (i32.const 1)))
      (call $messaging.message.reply (local.get 0) (i32.const 64) (i32.const 8) (i32.const 128))"""
    h = yard(guest=module(["messaging.message.reply"], more="(table $t 1 funcref)", receive=body))
    assert h.call("guest/a") == (1).to_bytes(4, "little") + b"\xff" * 4


def test_instances_together_have_no_more_memory_than_the_domain_gives_them(yard: Yard) -> None:
    h = yard(Settings(memory=4 * MIB))
    script = Script()
    script.call(Act.GROW, 15)  # 1 MiB
    for number in range(20):
        h.send(f"direct/{number}", script.body())
    assert h.domain.instances()["direct"] == 4
    h.send("witness/w", b"x")
    h.send("witness/w", b"x")
    assert h.domain.instances()["direct"] <= 4


def test_turns_that_wait_with_all_the_memory_are_the_last_that_may(yard: Yard) -> None:
    h = yard(Settings(memory=4 * MIB))
    script = Script()
    script.call(Act.GROW, 15)
    script.call("clock.sleep", 10**9)
    for number in range(8):
        h.post(f"puppet/{number}", script.body())
    assert len(h.logs()) == 3
    assert all("turns are suspended, with " in line for line in h.logs())
    h.advance("1s")
    h.post("puppet/x", script.body())
    h.advance("1s")
    assert len(h.logs()) == 3


@pytest.mark.parametrize(
    ("memory", "says"),
    [
        ('(memory (export "memory") 1 1 shared)', "shared or 64-bit memory"),
        ('(memory (export "memory") i64 1)', "shared or 64-bit memory"),
        ('(memory (export "memory") 1) (memory 1)', "2 memories"),
        ('(memory 1) (func (export "memory"))', "does not export 'memory' (memory)"),
        ('(memory 1) (global (export "memory") i32 (i32.const 0))', "does not export 'memory' (memory)"),
        ("(memory 1)", "does not export 'memory' (memory)"),
    ],
)
def test_a_memory_of_another_type_is_refused_when_the_module_is_loaded(memory: str, says: str) -> None:
    with pytest.raises(LoadError, match=says.replace("(", "\\(").replace(")", "\\)")):
        hostile("guest", module(memory=memory))


def test_a_memory_may_have_two_names(yard: Yard) -> None:
    h = yard(guest=module(memory='(memory (export "memory") (export "also") 1)'))
    h.send("guest/a", b"x")
    assert h.logs() == []


def test_a_guest_that_was_ended_by_force_begins_anew(h: Harness) -> None:
    script = Script()
    script.call(Act.STORE, 1000, 77)
    script.call(Act.TRAP)
    assert "unreachable` instruction executed in step.TRAP < step < play < receive" in script.fail(h)
    script = Script()
    seen = script.call(Act.LOAD, 1000)
    assert script.play(h).result(seen) == 0
