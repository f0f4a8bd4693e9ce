"""Rules 1, 3 and 5: what a domain is a function of, and how a turn that will not end is ended."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import pytest

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address
from radon.abi.errors import Closed
from radon.abi.frames import decode_all, encode_all
from radon.host.domain import Make, Settings, Status
from radon.host.kind import Retry
from radon.host.limits import FUEL_PER_SECOND, SYSCALL_FUEL, Limits
from radon.testing.harness import NOON, Harness, kind
from tests.scripts import bits, run, script, script_kind, word

Open = Callable[..., Harness]
ONCE = Retry(attempts=1)
MS = 10**6


def post(token: int, to: str, body: bytes) -> x.Post:
    return x.Post(token, 0, 1, Address.parse(to), NOWHERE, "", "", (), body)


# ---- rule 1: inputs ----


def test_inputs_take_effect_only_at_the_start_of_a_run(h: Harness) -> None:
    h.submit(post(1, "script/a", b"say one"))
    h.submit(post(2, "script/b", b"say two"))
    assert not any(h.domain.take_commit())
    assert not h.lives("script/a")
    h.run()
    assert (h.answer(1), h.answer(2)) == (b"ok one", b"ok two")


def test_a_run_takes_in_every_input_and_as_many_turns_as_it_may(h: Harness) -> None:
    h.submit(post(1, "script/a", b"say one"), post(2, "script/b", b"say two"))
    assert h.domain.run(1) is Status.BUSY
    assert h.lives("script/b")  # its message has arrived, and is not handled yet
    assert h.domain.run(100) is Status.IDLE


def test_time_is_an_input_and_stands_still_between_two(h: Harness) -> None:
    assert run(h, "script/a", "clock.now", "spin 1000", "clock.now") == [f"ok {NOON}", "ok", f"ok {NOON}"]
    assert run(h, "script/b", "clock.now") == [f"ok {NOON}"]
    h.advance("1s")
    assert run(h, "script/a", "clock.now") == [f"ok {NOON + 10**9}"]


def test_time_never_goes_back(h: Harness) -> None:
    h.now -= 10**9
    assert run(h, "script/a", "clock.now") == [f"ok {NOON - 10**9}"]
    h.now -= 10**9
    assert run(h, "script/a", "clock.now") == [f"ok {NOON - 10**9}"]


def test_random_numbers_follow_from_the_seed_and_the_turn(open_harness: Open, module: bytes) -> None:
    kinds = {"script": script_kind(module)}
    one, two = open_harness(kinds), open_harness(kinds)
    first = run(one, "script/a", "random.next", "random.fill 40")
    assert first == run(two, "script/a", "random.next", "random.fill 40")
    assert first != run(one, "script/a", "random.next", "random.fill 40")


def test_another_seed_gives_other_numbers(make: Make, module: bytes) -> None:
    found = []
    for seed in (b"a" * 32, b"b" * 32):
        domain = make(Settings())
        domain.setup(0, seed, bytes(32))
        domain.deploy("digest", {"script": script_kind(module)})
        domain.submit(encode_all([x.Now(NOON), post(1, "script/a", b"random.fill 16")]))
        domain.run(100)
        found += [reply.body for reply in decode_all(domain.take_commit().outgoing)]
        domain.close()
    assert len(set(found)) == 2


def test_a_random_stream_is_one_however_it_is_drawn(open_harness: Open, module: bytes) -> None:
    kinds = {"script": script_kind(module)}
    whole = run(open_harness(kinds), "script/a", "random.fill 40")[0].removeprefix("ok 0x")
    parts = run(open_harness(kinds), "script/a", "random.fill 5", "random.next", "random.fill 27")
    number = int(parts[1].removeprefix("ok ")).to_bytes(8, "little").hex()
    assert parts[0].removeprefix("ok 0x") + number + parts[2].removeprefix("ok 0x") == whole


def test_the_config_of_the_kind_is_all_that_an_atom_learns_of_its_deployment(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, config={"colour": "blue", "empty": ""})})
    assert run(h, "script/a", "config.get colour", "config.get empty", "config.get other") == [
        "ok blue", 'ok ""', "ok -",
    ]  # fmt: skip


def test_a_bad_input_is_answered_and_disturbs_nobody(h: Harness) -> None:
    token = h.post("nobody/x", b"say hi")
    reply = h.reply(token)
    assert reply is not None
    assert (reply.code, dict(reply.metadata)["radon.error"]) != (0, b"")
    too_large = h.reply(h.post("script/a", bytes(2**20 + 1)))
    assert too_large is not None
    assert too_large.code == 3
    assert not h.lives("script/a")


# ---- rule 3: how turns are ended ----


def limited(module: bytes, turn: int) -> Any:
    return script_kind(module, retry=ONCE, limits=Limits(turn=turn))


def test_a_runaway_loop_ends_and_the_domain_lives_on(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": limited(module, 10 * MS)})
    with pytest.raises(Closed):
        h.call("script/a", script("bucket.put data k v", "loop"))
    assert [letter.cause for letter in h.dead()] == ["trap: out-of-fuel"]
    assert run(h, "script/a", "bucket.get data k") == ["ok -"]


def test_a_second_of_a_turn_is_a_documented_amount_of_fuel() -> None:
    assert Limits(turn=10**9).fuel == FUEL_PER_SECOND
    assert Limits(turn=1).fuel == FUEL_PER_SECOND // 10**9


def least_turn(open_harness: Open, module: bytes, atom: str, *lines: str) -> int:
    """The smallest limit under which the script goes through, in ns."""
    low, high = 0, 20 * MS  # the first fails, the second does not
    while high - low > 1:
        middle = (low + high) // 2
        h = open_harness({"script": limited(module, middle)})
        h.post(atom, script(*lines))
        low, high = (middle, high) if h.dead() else (low, middle)
    return high


def test_a_turn_uses_the_same_fuel_wherever_it_runs(open_harness: Open, module: bytes) -> None:
    lines = ["spin 1000", "bucket.put data k v", "say done"]
    least = least_turn(open_harness, module, "script/a", *lines)
    assert least == least_turn(open_harness, module, "script/a", *lines)
    h = open_harness({"script": limited(module, least)})
    for atom in ("script/a", "script/b"):
        assert run(h, atom, *lines) == ["ok", "ok", "ok done"]


COUNTER = b"""
(module
  (import "radon:atom/log@0.1.0" "count" (func $count (param i32 i32 i64)))
  (memory (export "memory") 32)
  (data (i32.const 8) "x")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)
  (func (export "radon:atom/handler@0.1.0#receive") (param i32 i32 i32) (result i32)
    (loop $again (call $count (i32.const 8) (i32.const 1) (i64.const 1)) (br $again)) unreachable))
"""


def test_a_loop_around_a_syscall_ends_by_the_meter_of_the_syscalls(open_harness: Open) -> None:
    fuel = 100 * SYSCALL_FUEL
    h = open_harness({"counter": kind("counter", COUNTER, retry=ONCE, limits=Limits(turn=fuel))})
    h.send("counter/a")
    counted = [output for output in h.outputs if isinstance(output, x.Counted)]
    assert [letter.cause for letter in h.dead()] == ["trap: out-of-fuel"]
    assert len(counted) == fuel // (SYSCALL_FUEL + 1)  # and one for the byte of the name


def test_deep_recursion_ends_as_a_trap(h: Harness) -> None:
    h.send("script/a", b"recurse")
    h.advance("1s")
    assert [letter.cause for letter in h.dead()] == ["trap: stack-overflow"]
    assert run(h, "script/a", "say alive") == ["ok alive"]


def last_step(h: Harness) -> int:
    return max(record.number for commit in h.commits for record in commit if isinstance(record, r.Step))


@pytest.mark.one_domain
def test_a_turn_that_the_machine_ended_is_not_run_but_counts_as_an_attempt(h: Harness) -> None:
    run(h, "script/a", "say born")
    h.submit(x.Fate(last_step(h) + 2, "watchdog"))  # the next step is the input's, the one behind it its turn's
    token = h.post("script/a", script("$n = message.attempt $message", "say $n"))
    assert h.answer(token) is None
    assert any("watchdog" in line for line in h.logs())
    h.advance("100ms")
    assert h.answer(token) == b"ok 1\nok 1"


def test_a_fate_replayed_gives_the_same_records(open_harness: Open, module: bytes) -> None:
    message = b"bucket.put data k v"
    undisturbed = open_harness({"script": script_kind(module, retry=ONCE)})
    undisturbed.send("script/a", message)
    logs = []
    for _ in range(2):
        h = open_harness({"script": script_kind(module, retry=ONCE)})
        h.submit(x.Fate(last_step(undisturbed), "watchdog"))
        h.send("script/a", message)
        assert [letter.cause for letter in h.dead()] == ["aborted: watchdog"]
        logs.append([encode_all(commit) for commit in h.commits])
    assert logs[0] == logs[1]


@pytest.mark.one_domain
def test_a_fate_may_say_what_it_likes(open_harness: Open, module: bytes) -> None:
    cause = "of \0 memory: " + "\N{SNOWMAN}" * 200
    h = open_harness({"script": script_kind(module, retry=ONCE)})
    run(h, "script/a", "say born")
    h.submit(x.Fate(last_step(h) + 2, cause))
    h.send("script/a", b"bucket.put data k v")
    assert [letter.cause for letter in h.dead()] == [f"aborted: {cause}"]
    assert cause in h.logs()[-1]


# ---- rule 5: one result on one architecture ----


@pytest.mark.parametrize(
    ("dividend", "divisor"),
    [(0.0, 0.0), (math.inf, math.inf), (struct.unpack("<d", b"\1\2\3\4\5\6\xf8\xff")[0], 1.0)],
    ids=["zero by zero", "infinity by infinity", "a payload"],
)
def test_every_nan_is_the_canonical_one(h: Harness, dividend: float, divisor: float) -> None:
    assert run(h, "script/a", f"float.divide {bits(dividend)} {bits(divisor)}") == [f"ok {0x7FF8 << 48}"]


def test_a_float_leaves_as_its_bits_and_a_nan_as_the_canonical_one(h: Harness) -> None:
    values = [-0.0, math.inf, 5e-324]
    run(h, "script/a", *(f"log.observe m {bits(value)}" for value in values), f"log.observe m {(0xFFF << 52) + 5}")
    observed = [bits(output.value) for output in h.outputs if isinstance(output, x.Observed)]
    assert observed == [*map(bits, values), 0x7FF8 << 48]


def test_scripts_of_the_same_text_leave_the_same_state(h: Harness) -> None:
    lines = [f"bucket.put data {word(bytes([key]))} {key}" for key in (200, 7, 255, 0)]
    for atom in ("script/a", "script/b"):
        run(h, atom, *lines)
    assert h.state("script/a") == h.state("script/b")
