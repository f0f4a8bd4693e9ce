"""State: an atom's own durable entries, compared with a dict."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from radon.host.domain import Make
from radon.host.kind import Retry
from radon.host.limits import KIB, MIB, Limits
from radon.testing.harness import Harness
from tests.scripts import ScriptModule, run, script, script_kind, word

Open = Callable[..., Harness]
Buckets = dict[str, dict[bytes, bytes]]

ATOM = "script/a"
STARTED = {"events": {bytes(8): b'start ""'}}
QUOTA = 450 * KIB
SCAN = 256 * KIB
BIG = b"$big"
"""Stands for a value of 100 KiB: in a script the register that holds it."""


def used(buckets: Buckets) -> int:
    return sum(len(key) + len(value) + 32 for bucket in buckets.values() for key, value in bucket.items())


class Model:
    """What each line of a script says, and what it leaves in the buckets."""

    def __init__(self, buckets: Buckets) -> None:
        self.buckets = buckets

    def get(self, bucket: str, key: bytes) -> str:
        return f"ok {word(self.buckets.get(bucket, {}).get(key))}"

    def get_many(self, bucket: str, keys: Sequence[bytes]) -> str:
        return " ".join(["ok", *(word(self.buckets.get(bucket, {}).get(key)) for key in keys)])

    def put(self, bucket: str, key: bytes, value: bytes) -> str:
        changed = copy.deepcopy(self.buckets)
        changed.setdefault(bucket, {})[key] = b"B" * (100 * KIB) if value == BIG else value
        if used(changed) > max(QUOTA, used(self.buckets)):
            return "exhausted"
        self.buckets = changed
        return "ok"

    def delete(self, bucket: str, key: bytes) -> str:
        self.buckets.get(bucket, {}).pop(key, None)
        return "ok"

    def delete_range(self, bucket: str, start: bytes | None, end: bytes | None) -> str:
        for key in self.within(bucket, start, end):
            del self.buckets[bucket][key]
        return "ok"

    def add(self, bucket: str, key: bytes, delta: int) -> str:
        old = self.buckets.get(bucket, {}).get(key, bytes(8))
        if len(old) != 8:
            return "invalid"
        total = int.from_bytes(old, "little") + delta & (2**64 - 1)
        outcome = self.put(bucket, key, total.to_bytes(8, "little"))
        return f"ok {total - 2**64 if total >= 2**63 else total}" if outcome == "ok" else outcome

    def scan(self, bucket: str, start: bytes | None, end: bytes | None, limit: int, backwards: bool) -> str:
        words, size = ["ok"], 0
        for key in sorted(self.within(bucket, start, end), reverse=backwards)[:limit]:
            value = self.buckets[bucket][key]
            size += len(key) + len(value)
            if size > SCAN and len(words) > 1:
                break
            words += [word(key), word(value)]
        return " ".join(words)

    def within(self, bucket: str, start: bytes | None, end: bytes | None) -> list[bytes]:
        known = self.buckets.get(bucket, {})
        return [key for key in known if (start is None or start <= key) and (end is None or key < end)]


buckets = st.sampled_from(["one", "two"])
keys = st.sampled_from([b"", b"\0", b"a", b"ab", b"b", b"\xff", b"\xff\xff"])
bounds = st.none() | keys
values = st.binary(max_size=3) | st.integers(-3, 3).map(lambda number: number.to_bytes(8, "little", signed=True))
limits = st.sampled_from([0, 1, 2, 3, 2**32 - 1])
deltas = st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1)

operations = st.one_of(
    st.tuples(st.just("get"), buckets, keys),
    st.tuples(st.just("get-many"), buckets, st.lists(keys, max_size=4)),
    st.tuples(st.just("put"), buckets, keys, values | st.just(BIG)),
    st.tuples(st.just("delete"), buckets, keys),
    st.tuples(st.just("delete-range"), buckets, bounds, bounds),
    st.tuples(st.just("add"), buckets, keys, deltas),
    st.tuples(st.just("scan"), buckets, bounds, bounds, limits, st.booleans()),
)


def line(operation: tuple[object, ...]) -> str:
    """An operation in the language of the script guest."""
    words = [f"bucket.{operation[0]}"]
    for value in operation[1:]:
        if isinstance(value, list):
            words += map(word, value)
        else:
            assert value is None or isinstance(value, bytes | str | int)
            words.append("$big" if value == BIG else word(int(value) if isinstance(value, bool) else value))
    return " ".join(words)


FILL = f"$big = fill {100 * KIB} B"


class State(RuleBasedStateMachine):
    """Turns of state syscalls, some of which fail, and the losses of instance and process between them."""

    def __init__(self, make: Make, module: bytes) -> None:
        super().__init__()
        wide = Limits(state=QUOTA, message=64 * MIB, memory=512 * MIB)
        self.h = Harness({"script": script_kind(module, limits=wide, retry=Retry(attempts=1))}, make=make)
        run(self.h, ATOM)
        self.buckets: Buckets = copy.deepcopy(STARTED)

    @rule(operations=st.lists(operations, max_size=8))
    def turn(self, operations: list[tuple[object, ...]]) -> None:
        model = Model(copy.deepcopy(self.buckets))
        expected = [getattr(model, str(name).replace("-", "_"))(*rest) for name, *rest in operations]
        assert run(self.h, ATOM, FILL, *map(line, operations))[1:] == expected
        self.buckets = model.buckets

    @rule(operations=st.lists(operations, max_size=8), end=st.sampled_from(["err no", "trap"]))
    def turn_fails(self, operations: list[tuple[object, ...]], end: str) -> None:
        self.h.send(ATOM, script(FILL, *map(line, operations), end))

    @rule(snapshot=st.booleans())
    def process_is_lost(self, snapshot: bool) -> None:
        self.h.restart(snapshot=snapshot)

    @rule()
    def instance_is_lost(self) -> None:
        self.h.forget()

    @invariant()
    def the_durable_entries_are_those_of_the_dict(self) -> None:
        assert self.h.state(ATOM) == {name: bucket for name, bucket in self.buckets.items() if bucket}

    def teardown(self) -> None:
        self.h.restart()
        self.the_durable_entries_are_those_of_the_dict()
        self.h.close()


@pytest.mark.timeout(600)  # with many examples
def test_state_behaves_as_a_dict_that_survives(make: Make, script_module: ScriptModule) -> None:
    machine = settings(stateful_step_count=20)
    run_state_machine_as_test(lambda: State(make, script_module("direct")), settings=machine)


# ---- one thing at a time ----


def test_an_empty_value_is_a_value_and_absence_is_none(h: Harness) -> None:
    assert run(h, ATOM, 'bucket.put data k ""', "bucket.get data k", "bucket.get data x", 'bucket.put data "" v') == [
        "ok", 'ok ""', "ok -", "ok",
    ]  # fmt: skip
    assert run(h, ATOM, 'bucket.get data ""', 'bucket.get-many data k x ""') == ["ok v", 'ok "" - v']


@pytest.mark.parametrize("fails", ["err no", "trap", ""])
def test_a_turn_may_write_many_keys_again_and_again(open_harness: Open, module: bytes, fails: str) -> None:
    h = open_harness({"script": script_kind(module, retry=Retry(attempts=1))})
    keys = [f"{bucket} {number}" for number in range(15) for bucket in ("even", "odd")]
    run(h, ATOM, *(f"bucket.put {key} before" for key in keys[::3]))
    before = h.state(ATOM)
    puts = [f"bucket.put {key} {value}" for value in ("a", "b") for key in keys]
    deletes = [f"bucket.delete {key}" for key in keys[5:]]
    h.send(ATOM, script(*puts, *deletes, f"bucket.put {keys[-1]} c", *filter(None, [fails])))
    after = {"even": dict.fromkeys([b"0", b"1", b"2"], b"b"), "odd": {b"0": b"b", b"1": b"b", b"14": b"c"}}
    for _ in "live", "restored":
        assert h.state(ATOM) == (before if fails else before | after)
        h.restart()


def test_buckets_and_atoms_are_apart(h: Harness) -> None:
    run(h, ATOM, "bucket.put one k v")
    assert run(h, ATOM, "bucket.get two k", "bucket.delete-range two - -", "bucket.get one k") == ["ok -", "ok", "ok v"]
    assert run(h, "script/b", "bucket.get one k") == ["ok -"]
    assert run(h, "other/a", "bucket.get one k") == ["ok -"]


def test_a_bucket_has_a_name_of_at_most_256_bytes(h: Harness) -> None:
    lines = ["$n = fill 256 n", "$b = state.open $n", "$n = fill 257 n", "$b = state.open $n", 'state.open ""']
    assert run(h, ATOM, *lines)[1::2] == ["ok", "too-large"]
    assert run(h, ATOM, *lines)[4] == "invalid"


def test_a_key_has_at_most_64_kib(h: Harness) -> None:
    lines = ["$k = fill 65536 k", "bucket.put data $k v", "$k = fill 65537 k", "bucket.put data $k v"]
    assert run(h, ATOM, *lines, "bucket.get data $k", "bucket.add data $k 1")[1::2] == ["ok", "too-large", "too-large"]


def test_a_counter_wraps_and_takes_8_bytes_only(h: Harness) -> None:
    lines = [
        "bucket.add data n 9223372036854775807",
        "bucket.add data n 1",
        "bucket.add data n -1",
        "bucket.get data n",
    ]
    assert run(h, ATOM, *lines)[1:3] == ["ok -9223372036854775808", "ok 9223372036854775807"]
    assert run(h, ATOM, "bucket.put data k 1234567", "bucket.add data k 1", "bucket.get data k")[1:] == [
        "invalid", "ok 1234567",
    ]  # fmt: skip


@pytest.mark.parametrize("backwards", [0, 1])
def test_a_scan_stops_after_256_kib_and_gives_at_least_one_entry(
    open_harness: Open, module: bytes, backwards: int
) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(message=4 * MIB))})
    half = SCAN // 2 - 1
    run(h, ATOM, f"$v = fill {half} v", "bucket.put data a $v", "bucket.put data b $v", 'bucket.put more a ""')
    run(h, ATOM, f"$v = fill {SCAN} v", "bucket.put large a $v", "bucket.put large b $v")
    assert run(h, ATOM, f"bucket.scan data - - 10 {backwards}")[0].count("v" * half) == 2  # exactly 256 KiB
    run(h, ATOM, 'bucket.put data a0 ""' if not backwards else 'bucket.put data aa ""')
    assert run(h, ATOM, f"bucket.scan data - - 10 {backwards}")[0].count("v" * half) == 1
    assert run(h, ATOM, f"bucket.scan large - - 10 {backwards}")[0].count("v" * SCAN) == 1


def test_a_scan_is_in_byte_order_from_either_end(h: Harness) -> None:
    run(h, ATOM, *(f"bucket.put data {key} {key}" for key in ("b", "0xff", "a", "0x00", "ab")))
    assert run(h, ATOM, "bucket.scan data - - 9 0", "bucket.scan data - - 2 1", "bucket.scan data a b 9 1") == [
        "ok 0x00 0x00 a a ab ab b b 0xff 0xff", "ok 0xff 0xff b b", "ok ab ab a a",
    ]  # fmt: skip
    assert (
        run(h, ATOM, "bucket.scan data b a 9 0", "bucket.scan data a a 9 0", "bucket.scan none - - 9 0") == ["ok"] * 3
    )


def test_the_quota_counts_key_value_and_32_for_each_entry(open_harness: Open, module: bytes) -> None:
    started = used(STARTED)
    h = open_harness({"script": script_kind(module, limits=Limits(state=started + 2 * (3 + 32)))})
    assert run(h, ATOM, "bucket.put data a 12", "bucket.put data b 123", "bucket.put data b 12") == [
        "ok", "exhausted", "ok",
    ]  # fmt: skip
    assert run(h, ATOM, "bucket.put data c x", "bucket.put data a 1", "bucket.put data b 123") == [
        "exhausted", "ok", "ok",
    ]  # fmt: skip
    assert run(h, ATOM, "bucket.delete data a", 'bucket.put more "" 12', "bucket.add data n 1") == [
        "ok", "ok", "exhausted",
    ]  # fmt: skip


def test_a_failed_turn_gives_its_quota_back(open_harness: Open, module: bytes) -> None:
    limits = Limits(state=used(STARTED) + 40)
    h = open_harness({"script": script_kind(module, limits=limits, retry=Retry(attempts=1))})
    run(h, ATOM)
    h.send(ATOM, b"bucket.put data k 1234567\nerr no")
    assert run(h, ATOM, "bucket.put data k 1234567", "bucket.put data l x") == ["ok", "exhausted"]


def test_what_is_over_a_quota_that_shrank_may_only_shrink(h: Harness, module: bytes) -> None:
    run(h, ATOM, "bucket.put data k 12345", "bucket.put data l 12345")
    h.deploy({"script": script_kind(module, limits=Limits(state=10))})
    assert run(h, ATOM, "bucket.put data k 123456", "bucket.put data k 12345", "bucket.put data k 1") == [
        "exhausted", "ok", "ok",
    ]  # fmt: skip
