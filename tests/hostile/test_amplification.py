"""Small requests with great answers, and many small things: what a turn costs the host is charged, or refused.

The limits that bound a turn are counted here, not timed: `spent` is what its syscalls cost, and `kept` what stayed.
"""

from __future__ import annotations

import resource

import pytest

from radon.abi.exchange import Counted, Logged
from radon.host.domain import Settings
from radon.host.limits import BUCKETS, MIB, NAME_BYTES, TURN_BYTES, Limits
from radon.host.turn import LOG_CHARACTERS, LOG_LINES, SAMPLES
from radon.testing.harness import Harness
from tests.hostile.conftest import Yard, hostile
from tests.hostile.puppet import DATA, DIRECT, MESSAGE, Act, Allocate, Script
from tests.hostile.wat import module

FIRST = MESSAGE + 1
FREE = 2 * 65536
"""An address that neither the script nor an allocation reaches once memory has grown."""

DISTINCT = bytes(range(256)) * 2
"""Every eight bytes in it differ from the others, but for those 256 on."""


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)


def with_bucket(script: Script) -> int:
    script.call("state.open", *script.data(b"data"), script.area())
    return FIRST


def test_a_million_keys_that_are_the_same_bytes_are_too_large(h: Harness) -> None:
    script = Script()
    bucket, area = with_bucket(script), script.area()
    script.call(Act.GROW, 300)
    script.call("state.bucket.get-many", bucket, FREE, 1_000_000, area)
    assert script.play(h, "direct/a").code(area, gap=4) == "too-large"


def test_so_are_few_keys_that_are_the_same_megabyte(h: Harness) -> None:
    script = Script()
    bucket, area = with_bucket(script), script.area()
    script.call(Act.GROW, 32)
    keys, _ = script.data(words(FREE, MIB // 2) * 3)
    script.call("state.bucket.get-many", bucket, keys, 3, area)
    assert script.play(h, "direct/a").code(area, gap=4) == "too-large"


def test_a_great_value_asked_for_a_hundred_thousand_times_costs_what_it_moves(h: Harness) -> None:
    script = Script()
    bucket, area = with_bucket(script), script.area()
    script.call(Act.GROW, 48)
    script.call("state.bucket.put", bucket, 0, 0, FREE, MIB, area)
    script.call(Act.ALLOCATE, Allocate.SAME, FREE)  # which all answers share
    script.call("state.bucket.get-many", bucket, FREE, 100_000, area)
    assert "the turn's syscalls used up limits.turn in step.state.bucket.get-many" in script.fail(h, "direct/a")


def test_metadata_of_millions_of_empty_pairs_are_too_large(h: Harness) -> None:
    script = Script()
    area = script.area()
    script.call(Act.GROW, 1000)
    script.call("messaging.message.reply-with", MESSAGE, FREE, 3_000_000, 0, 0, area)
    assert script.play(h, "direct/a").code(area) == "too-large"


@pytest.mark.parametrize(("length", "code"), [(NAME_BYTES, "ok"), (NAME_BYTES + 1, "too-large")])
def test_a_name_of_metadata_may_be_so_long(h: Harness, length: int, code: str) -> None:
    script = Script()
    area = script.area()
    pair, _ = script.data(words(60_000, length, 0, 0))
    script.call(Act.FILL, 60_000, ord("n"), NAME_BYTES + 1)
    script.call("messaging.message.reply-with", MESSAGE, pair, 1, 0, 0, area)
    script.call("objects.put", area, 2, script.area())
    h.post("direct/a", script.body())
    (thing,) = h.image().objects.values()
    assert thing.body == (b"\0\0" if code == "ok" else b"\1\2")


def test_four_billion_atoms_are_more_than_a_turn_may_spawn(h: Harness) -> None:
    script = Script()
    areas = [script.area() for _ in range(4)]
    for count, area in zip((2**32 - 1, 2**31, 10_001, 1024), areas, strict=True):
        script.call("lifecycle.spawn-many", *script.data(b"direct"), count, 0, 0, area)
    played = script.play(h, "direct/a")
    assert [played.code(area, gap=4) for area in areas] == ["exhausted"] * 4
    assert len(h.image().atoms) == 1


def test_a_great_argument_for_many_atoms_costs_as_if_each_had_its_own(h: Harness) -> None:
    script = Script()
    script.call(Act.GROW, 32)
    script.call("lifecycle.spawn-many", *script.data(b"direct"), 1000, FREE, MIB, script.area())
    assert "the turn's syscalls used up limits.turn" in script.fail(h, "direct/a")


@pytest.mark.parametrize(("length", "says"), [
    (2**32 - 1, "random.fill of 4294967295 bytes, more than the memory may hold"),
    (64 * MIB + 1, "more than the memory may hold"),
    (64 * MIB, "the turn's syscalls used up limits.turn"),
])  # fmt: skip
def test_more_random_bytes_than_a_turn_pays_for_end_it(h: Harness, length: int, says: str) -> None:
    script = Script()
    script.call("random.fill", length, script.area())
    assert f"{says} in step.random.fill < " in script.fail(h)


def filled(yard: Yard, entries: int, turn: int) -> Harness:
    """Puppets with so much fuel for a turn, of which direct/a has so many entries in its bucket "data"."""
    h = yard(direct=hostile("direct", DIRECT, limits=Limits(turn=turn)))
    for first in range(0, entries, 1000):
        script = Script()
        with_bucket(script)
        at, _ = script.data(b"".join(number.to_bytes(3, "big") for number in range(first, first + 1000)))
        script.call(Act.REPEAT, 1000, 2)
        script.call("state.bucket.put", FIRST, at, 3, DATA, 0, script.area())
        h.send("direct/a", script.body())
        h.forget()
    return h


def test_a_loop_of_scans_ends_by_the_entries_that_they_find(yard: Yard) -> None:
    h = filled(yard, 3000, 10_000_000)
    script = Script()
    with_bucket(script)
    script.call(Act.REPEAT, 2**32 - 1)
    script.call("state.bucket.scan", FIRST, *[0] * 6, 2**32 - 1, 0, script.area())
    assert "the turn's syscalls used up limits.turn in step.state.bucket.scan" in script.fail(h, "direct/a")


def test_a_range_is_deleted_entry_by_entry(yard: Yard) -> None:
    h = filled(yard, 3000, 10_000_000)
    entries = len(h.state("direct/a")["data"])
    script = Script()
    with_bucket(script)
    script.call("state.bucket.delete-range", FIRST, *[0] * 6, script.area())
    assert "the turn's syscalls used up limits.turn in step.state.bucket.delete-range" in script.fail(h, "direct/a")
    assert len(h.state("direct/a")["data"]) == entries


def test_log_lines_are_cut_and_counted(h: Harness) -> None:
    script = Script()
    script.call(Act.GROW, 2)
    script.call(Act.FILL, FREE, ord("x"), 65536)
    script.call("log.write", 0, FREE, 65536)
    script.call(Act.REPEAT, LOG_LINES + 500)
    script.call("log.write", 3, FREE, 10)
    script.play(h)
    lines = h.logs()
    assert len(lines) == LOG_LINES
    assert len(lines[0]) == LOG_CHARACTERS
    assert lines[-1] == "further log lines of this turn are dropped"


def test_great_log_lines_cost_what_they_leave(h: Harness) -> None:
    script = Script()
    script.call(Act.GROW, 2)
    script.call(Act.FILL, FREE, ord("x"), 65536)
    script.call(Act.REPEAT, 2**32 - 1)
    script.call("log.write", 0, FREE, 65536)
    assert "the turn's syscalls used up limits.turn in step.log.write" in script.fail(h)
    left = sum(len(output.text) for output in h.outputs if isinstance(output, Logged))
    assert left < LOG_LINES * LOG_CHARACTERS


def test_samples_of_metrics_are_counted(yard: Yard) -> None:
    h = yard()
    script = Script()
    script.call(Act.REPEAT, SAMPLES + 100, 3)
    script.call("log.count", DATA, 0, 1)
    script.call("log.observe", DATA, 0, 1)
    script.play(h)
    assert sum(isinstance(output, Counted) for output in h.outputs) == SAMPLES
    assert h.logs() == ["further metrics of this turn are dropped"]


@pytest.mark.parametrize("name", ["log.count", "log.observe"])
def test_a_metric_with_a_name_without_end_ends_the_turn(h: Harness, name: str) -> None:
    def naming(length: int) -> Script:
        script = Script()
        script.call(Act.FILL, 60_000, ord("m"), 1000)
        script.call(name, 60_000, length, 1)
        return script

    naming(NAME_BYTES).play(h)
    assert f"{name}: a metric's name of more than 256 bytes in step.{name}" in naming(NAME_BYTES + 1).fail(h)


def test_objects_fill_the_room_of_the_domain_and_no_more(yard: Yard) -> None:
    h = yard(Settings(objects=10_000))
    codes = []
    for number in range(12):
        script = Script()
        area = script.area()
        script.call(Act.STORE, 60_000, number)
        script.call("objects.put", 60_000, 1000, area)
        codes.append(script.play(h, f"direct/{number}").code(area, gap=4))
    assert codes == ["ok"] * 6 + ["exhausted"] * 6
    h.advance(Settings().retention)
    script = Script()
    area = script.area()
    script.call("objects.put", 60_000, 1000, area)
    assert script.play(h, "direct/x").code(area, gap=4) == "ok"


def test_a_million_pins_are_one_record(h: Harness) -> None:
    script = Script()
    area = script.area()
    script.call("objects.put", *script.data(b"pinned"), area)
    script.call("objects.object.name", FIRST, area)
    script.play(h)
    (name,) = h.image().objects
    script = Script()
    at = script.data(name.encode())
    for act in ("objects.pin", "objects.unpin", "objects.pin"):
        script.call(Act.REPEAT, 1000)
        script.call(act, *at, script.area())
    before = len(h.commits)
    script.play(h)
    assert h.image().objects[name].pins == 1000
    assert sum(len(commit) for commit in h.commits[before:]) < 10


MANY_BUCKETS = module(
    ["state.open", "state.bucket.put", "state.bucket.drop", "messaging.message.reply"],
    receive="""(loop $on
      (i32.store8 (i32.const 64) (i32.add (i32.const 48) (i32.and (local.get $a) (i32.const 63))))
      (i32.store8 (i32.const 65) (i32.add (i32.const 48) (i32.shr_u (local.get $a) (i32.const 6))))
      (call $state.open (i32.const 64) (i32.const 2) (i32.const 128))
      (local.set $b (i32.load (i32.const 132)))
      (call $state.bucket.put (local.get $b) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 192))
      (call $state.bucket.drop (local.get $b))
      (local.set $a (i32.add (local.get $a) (i32.const 1)))
      (br_if $on (i32.eqz (i32.load8_u (i32.const 192)))))
      (call $messaging.message.reply (local.get 0) (i32.const 192) (i32.const 2) (i32.const 256))""",
)
"""Puts an entry into one bucket after the other until it is told to stop; answers with what it was told."""


def test_an_atom_has_so_many_buckets(yard: Yard) -> None:
    h = yard(guest=MANY_BUCKETS)
    assert h.call("guest/a") == b"\1\3"  # exhausted
    assert len(h.state("guest/a")) == BUCKETS
    h.restart()
    assert h.call("guest/a") == b"\1\3"  # those that are there can be written to


def test_a_turn_cannot_leave_more_behind_than_it_pays_for(h: Harness) -> None:
    for name in ("state.bucket.put", "messaging.address.send", "topics.publish", "objects.put"):
        script = Script()
        bucket = with_bucket(script)
        script.call("messaging.self")
        script.call(Act.GROW, 100)
        at, _ = script.data(DISTINCT)
        script.call(Act.REPEAT, 10_000, 2 if name != "objects.put" else 1)
        arguments = {
            "state.bucket.put": (bucket, at, 8, FREE, 1_000_000),
            "messaging.address.send": (FIRST + 1, FREE, 1_000_000),
            "topics.publish": (at, 5, FREE, 1_000_000),
            "objects.put": (FREE, 1_000_000),
        }[name]
        script.call(name, *arguments, script.area())
        assert f"the turn's syscalls used up limits.turn in step.{name}" in script.fail(h, f"direct/{name}")
    assert TURN_BYTES < 2**32


@pytest.mark.slow
def test_the_worst_turn_of_each_kind_stays_below_some_hundred_megabytes(yard: Yard) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    test_a_turn_cannot_leave_more_behind_than_it_pays_for(yard())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600 * 1024  # KiB
