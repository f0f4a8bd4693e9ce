"""A guest without a will of its own: it makes whatever calls its message says, with whatever arguments.

    script = Script()
    script.call("state.bucket.get", 77, 0, 2**32 - 1, script.area())
    script.play(h, "puppet/a")

Beside the syscalls it has a few acts of its own (`Act`), and a `cabi_realloc` and a `cabi_post` that can be told to
misbehave. Everything that it wrote can be looked at afterwards: it answers with its memory.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum

import pytest

from radon.abi.errors import Closed, ErrorCode
from radon.abi.signature import Syscall
from radon.abi.syscalls import HANDLERS, SYSCALLS
from radon.testing.harness import Harness
from tests.hostile.wat import HEAP, WASI2, module

STEP = 96
"""Bytes of one step of a script: what to call, ten arguments, the result; 64 bits each."""

MESSAGE = 1
"""The handle of the message that a fresh instance is given: the lowest free number."""

ARENA = 24
"""Where the two words lie that say what memory the host may take by itself: none, until a script writes them."""

AREAS = 128
"""Where result areas begin; there are 60 of 64 bytes."""

STEPS = 64
"""The most steps of a script."""

DATA = HEAP + 8 + STEP * STEPS
"""Where the data of a script begins."""

LAST_AREA = AREAS + 60 * 64
"""Of the reply with which each script ends."""


class Act(IntEnum):
    """What a step can do that is no syscall. The arguments of a step follow in the comment."""

    GROW = len(SYSCALLS)  # memory.grow(pages)
    TRAP = GROW + 1
    SPIN = GROW + 2  # loop forever
    RECURSE = GROW + 3  # without end
    STORE = GROW + 4  # i64.store(address, value)
    LOAD = GROW + 5  # i64.load(address)
    REPEAT = GROW + 6  # the next step so many times, adding 1 to argument n each time (n = 0: to none)
    ALLOCATE = GROW + 7  # Allocate, argument: how `cabi_realloc` behaves from now on
    POST = GROW + 8  # 0: nothing, 1: trap, 2: loop, 3: the syscall of step n
    RESULT = GROW + 9  # the address that the handler returns
    FILL = GROW + 10  # memory.fill(address, value, length)
    OPTION = GROW + 11  # the step at this address is run, whatever it is


NUMBER = {row.name: number for number, row in enumerate(SYSCALLS)} | {
    row.name: len(SYSCALLS) + len(Act) + number for number, row in enumerate(WASI2)
}
"""Of what can be called by its name; functions of WASI 0.2 by a puppet in a component."""


class Allocate(IntEnum):
    """How `cabi_realloc` behaves; some take an argument."""

    BUMP = 0
    UNALIGNED = 1
    OUT_OF_BOUNDS = 2  # the last byte is one too far
    AT_THE_END = 3  # the last byte is the last one
    TRAP = 4
    SPIN = 5
    RECURSE = 6
    GROW = 7  # and then as BUMP
    SAME = 8  # the argument, every time
    SYSCALL = 9  # the step at the argument's address
    SCRIBBLE = 10  # fill all memory above HEAP with the argument, then as BUMP


_REALLOC = f"""
  (global (export "radon_arena") i32 (i32.const {ARENA}))
  (global $mode (mut i32) (i32.const 0)) (global $argument (mut i32) (i32.const 0))
  (func $realloc (export "cabi_realloc") (param $old i32) (param $was i32) (param $align i32) (param $size i32)
    (result i32)
    (if (i32.eq (global.get $mode) (i32.const {Allocate.UNALIGNED})) (then
      (return (i32.or (call $bump (local.get $align) (local.get $size)) (i32.const 1)))))
    (if (i32.eq (global.get $mode) (i32.const {Allocate.OUT_OF_BOUNDS})) (then
      (return (i32.add (call $end (local.get $size)) (local.get $align)))))
    (if (i32.eq (global.get $mode) (i32.const {Allocate.AT_THE_END})) (then (return (call $end (local.get $size)))))
    (if (i32.eq (global.get $mode) (i32.const {Allocate.TRAP})) (then unreachable))
    (if (i32.eq (global.get $mode) (i32.const {Allocate.SPIN})) (then (loop $on (br $on))))
    (if (i32.eq (global.get $mode) (i32.const {Allocate.RECURSE})) (then (return (call $realloc
      (local.get $old) (local.get $was) (local.get $align) (local.get $size)))))
    (if (i32.eq (global.get $mode) (i32.const {Allocate.GROW})) (then (drop (memory.grow (i32.const 1)))))
    (if (i32.eq (global.get $mode) (i32.const {Allocate.SAME})) (then (return (global.get $argument))))
    (if (i32.eq (global.get $mode) (i32.const {Allocate.SYSCALL})) (then (call $step (global.get $argument))))
    (if (i32.eq (global.get $mode) (i32.const {Allocate.SCRIBBLE})) (then (memory.fill (i32.const {HEAP})
      (global.get $argument) (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const {HEAP})))))
    (call $bump (local.get $align) (local.get $size)))
  (func $end (param $size i32) (result i32)
    (i32.sub (i32.shl (memory.size) (i32.const 16)) (local.get $size)))
  (func $bump (param $align i32) (param $size i32) (result i32) (local $at i32)
    (global.set $heap (i32.and (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (local.set $at (global.get $heap))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (call $reserve (global.get $heap))
    (local.get $at))
"""


def _argument(index: int, core: str = "i64") -> str:
    load = {"i32": "i32.load", "i64": "i64.load", "f64": "f64.load"}[core]
    return f"({load} offset={8 * index} (local.get $p))"


def _wrapper(name: str, body: str, core: str | None) -> str:
    """A step as a function of its address, which puts the result into the step's last word."""
    if core is None:
        return f"\n  (func $step.{name} (param $p i32) {body})"
    value = f"(i64.extend_i32_u {body})" if core == "i32" else body
    return f"\n  (func $step.{name} (param $p i32) (i64.store offset=88 (local.get $p) {value}))"


_ACTS: dict[Act, tuple[str, str | None]] = {
    Act.GROW: (f"(memory.grow {_argument(1, 'i32')})", "i32"),
    Act.TRAP: ("unreachable", None),
    Act.SPIN: ("(loop $on (br $on))", None),
    Act.RECURSE: ("(call $step.RECURSE (local.get $p))", None),
    Act.STORE: (f"(i64.store {_argument(1, 'i32')} {_argument(2)})", None),
    Act.LOAD: (f"(i64.load {_argument(1, 'i32')})", "i64"),
    Act.REPEAT: (
        f"(global.set $times {_argument(1, 'i32')}) (global.set $counted {_argument(2, 'i32')})", None,
    ),
    Act.ALLOCATE: (f"(global.set $mode {_argument(1, 'i32')}) (global.set $argument {_argument(2, 'i32')})", None),
    Act.POST: (f"(global.set $post {_argument(1, 'i32')}) (global.set $poststep {_argument(2, 'i32')})", None),
    Act.RESULT: (f"(global.set $result {_argument(1, 'i32')})", None),
    Act.FILL: (f"(memory.fill {_argument(1, 'i32')} {_argument(2, 'i32')} {_argument(3, 'i32')})", None),
    Act.OPTION: (f"(call $step {_argument(1, 'i32')})", None),
}  # fmt: skip


def text(*, suspending: bool, wasi2: Sequence[Syscall] = ()) -> bytes:
    """The puppet as WAT; one with functions of WASI 0.2 is for a component."""
    rows = [row for row in SYSCALLS if suspending or row.effect != "suspends"]
    steps = []
    for row in (*SYSCALLS, *wasi2):
        call = f"(call ${row.name} {' '.join(_argument(n + 1, core) for n, core in enumerate(row.params))})"
        if row in rows or row in wasi2:
            steps.append(_wrapper(row.name, call, row.results[0] if row.results else None))
        else:
            steps.append(_wrapper(row.name, "unreachable", None))
    steps += [_wrapper(act.name, *_ACTS[act]) for act in Act]
    names = " ".join(f"$step.{one.name}" for one in (*SYSCALLS, *Act, *wasi2))
    # What a message has to say: a u32 of steps, padded to 8 bytes, and the steps. The stack of the other handlers is
    # left alone: they say ok.
    more = f"""
  (global $times (mut i32) (i32.const 1)) (global $counted (mut i32) (i32.const 0))
  (global $post (mut i32) (i32.const 0)) (global $poststep (mut i32) (i32.const 0))
  (global $result (mut i32) (i32.const 8))
  (table $steps funcref (elem {names}))
  (type $step (func (param i32)))
  (func $step (param $p i32)
    (call_indirect (type $step) (local.get $p) (i32.load (local.get $p))))
  (func $play (param $p i32) (param $length i32) (local $times i32) (local $counted i32) (local $end i32)
    (if (i32.lt_u (local.get $length) (i32.const 8)) (then (return)))
    (local.set $end (i32.add (local.get $p) (i32.add (i32.const 8)
      (i32.mul (i32.load (local.get $p)) (i32.const {STEP})))))
    (local.set $p (i32.add (local.get $p) (i32.const 8)))
    (loop $next (if (i32.lt_u (local.get $p) (local.get $end)) (then
      (local.set $times (global.get $times)) (local.set $counted (global.get $counted))
      (global.set $times (i32.const 1)) (global.set $counted (i32.const 0))
      (block $done (loop $again
        (br_if $done (i32.eqz (local.get $times)))
        (call $step (local.get $p))
        (if (local.get $counted) (then (call $count (i32.add (local.get $p)
          (i32.shl (local.get $counted) (i32.const 3))))))
        (local.set $times (i32.sub (local.get $times) (i32.const 1)))
        (br $again)))
      (local.set $p (i32.add (local.get $p) (i32.const {STEP})))
      (br $next)))))
  (func $count (param $at i32) (i64.store (local.get $at) (i64.add (i64.load (local.get $at)) (i64.const 1))))
  (func (export "{HANDLERS["receive"].post}") (param i32)
    (if (i32.eq (global.get $post) (i32.const 1)) (then unreachable))
    (if (i32.eq (global.get $post) (i32.const 2)) (then (loop $on (br $on))))
    (if (i32.eq (global.get $post) (i32.const 3)) (then (call $step (global.get $poststep)))))
  {"".join(steps)}"""
    receive = (
        f"(call $play (local.get 1) (local.get 2)) (global.set $heap (i32.const {HEAP})) (return (global.get $result))"
    )
    others = dict.fromkeys(("start", "replied", "fired", "down"), f"(global.set $heap (i32.const {HEAP}))")
    return module(
        [row.name for row in rows], wasi2=wasi2, realloc=_REALLOC, more=more, name="puppet", receive=receive, **others
    )


PUPPET = text(suspending=True)
"""The puppet that can suspend, and so runs on a fiber."""

DIRECT = text(suspending=False)
"""The puppet that cannot."""


class Played:
    """What a script left behind: the results of its steps, and memory up to the end of the steps."""

    def __init__(self, memory: bytes) -> None:
        self.memory = memory

    def result(self, step: int) -> int:
        """The core result of a step; 0 if it has none."""
        return self.word(HEAP + 8 + STEP * step + 88, 8)

    def word(self, address: int, size: int = 4) -> int:
        return int.from_bytes(self.memory[address : address + size], "little")

    def code(self, area: int, gap: int = 1) -> str:
        """What a result area says: "ok" or the name of the error-code. `gap`: from the discriminant to the payload."""
        return ErrorCode(self.memory[area + gap]).label if self.memory[area] else "ok"


class Script:
    """The steps of one message. Addresses are those of a fresh instance, or of one whose last turn was done."""

    def __init__(self) -> None:
        self._steps: list[bytes] = []
        self._data = b""
        self._areas = 0

    def call(self, what: str | Act, *arguments: int) -> int:
        """One more step: a syscall by its name, or an act. Its number."""
        number = NUMBER[what] if isinstance(what, str) else what
        words = [number, *(argument % 2**64 for argument in arguments)]
        self._steps.append(struct.pack("<11Q8x", *words, *[0] * (11 - len(words))))
        assert len(self._steps) <= STEPS
        return len(self._steps) - 1

    def area(self) -> int:
        """The address of 64 bytes for a result, aligned to 64."""
        self._areas += 1
        assert self._areas <= 60
        return AREAS + 64 * (self._areas - 1)

    def data(self, data: bytes) -> tuple[int, int]:
        """Bytes that come with the message: their address, aligned to 8, and their length."""
        self._data = self._data.ljust((len(self._data) + 7) & -8, b"\0")
        address = DATA + len(self._data)
        self._data += data
        return address, len(data)

    def step_at(self, step: int) -> int:
        """The address of a step."""
        return HEAP + 8 + STEP * step

    def body(self) -> bytes:
        """The message."""
        return (struct.pack("<II", len(self._steps), 0) + b"".join(self._steps)).ljust(DATA - HEAP, b"\0") + self._data

    def play(self, h: Harness, to: str = "puppet/a") -> Played:
        """Send it, and answer with what it left. Raises Refused, as `Harness.call`."""
        self.call("messaging.message.reply", MESSAGE, 0, self.step_at(len(self._steps)), LAST_AREA)
        return Played(h.call(to, self.body()))

    def fail(self, h: Harness, to: str = "puppet/a") -> str:
        """Send it to a kind with a single attempt, which must fail, 2 s later at most: the line that is logged."""
        token = h.post(to, self.body())
        if h.reply(token) is None:
            h.advance("2s")
        with pytest.raises(Closed):
            h.answer(token)
        return h.logs()[-1]
