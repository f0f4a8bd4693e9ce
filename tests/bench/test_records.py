"""Values tell whose they are, replies are taken apart, and the layouts of C and Python are the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.bench import load, native
from radon.bench.histogram import BUCKETS
from radon.bench.workloads import KINDS, SHAPES

IDS = st.integers(0, 2**63)
SALTS = st.integers(0, 2**32 - 1)
SIZES = st.integers(0, 70) | st.just(4096)

module = native.module()


def value(of: int, salt: int, size: int) -> bytes:
    made = bytearray(size)
    module.lib.load_record_value(of, salt, module.ffi.from_buffer(made), size)
    return bytes(made)


def is_value(of: int, data: bytes) -> bool:
    return bool(module.lib.load_record_is(of, data, len(data)))


def key(of: int) -> bytes:
    made = bytearray(module.lib.LOAD_KEY)
    module.lib.load_record_key(of, module.ffi.from_buffer(made))
    return bytes(made)


@given(IDS, SALTS, SIZES)
def test_a_value_is_that_of_its_record(of: int, salt: int, size: int) -> None:
    assert is_value(of, value(of, salt, size))


@given(IDS, SALTS, st.integers(8, 70), st.data())
def test_any_changed_byte_is_noticed_and_so_is_a_value_of_another_record_or_size(
    of: int, salt: int, size: int, data: st.DataObject
) -> None:
    made = bytearray(value(of, salt, size))
    assert not is_value(of + 1, bytes(made))
    assert not is_value(of, bytes(made[:-1]))
    made[data.draw(st.integers(0, size - 1))] ^= data.draw(st.integers(1, 255))
    assert not is_value(of, bytes(made))


@given(IDS)
def test_a_key_tells_its_id(of: int) -> None:
    assert key(of).startswith(b"user")
    assert module.lib.load_record_id(key(of)) == of


@pytest.mark.parametrize("text", [b"user" + 16 * b"g", b"USER" + 16 * b"0", b"user" + 16 * b"A", 20 * b"\0"])
def test_no_key(text: bytes) -> None:
    assert module.lib.load_record_id(text) == 2**64 - 1


def test_the_layouts_are_those_of_the_header() -> None:
    lib, ffi = module.lib, module.ffi
    assert len(load.Load().pack()) == ffi.sizeof("load_mix")
    assert ffi.sizeof("load_tally") == load.TALLY.size
    assert (BUCKETS, load.WINDOW, len(KINDS)) == (lib.LOAD_BUCKETS, lib.LOAD_WINDOW, lib.LOAD_KINDS)
    assert [getattr(lib, f"LOAD_{kind.upper()}") for kind in KINDS] == [*range(len(KINDS))]
    assert [getattr(lib, f"LOAD_{shape.upper()}") for shape in SHAPES] == [*range(len(SHAPES))]
    assert [getattr(lib, f"LOAD_{name.upper()}") for name in load.ARRIVALS] == [*range(len(load.ARRIVALS))]


def test_a_load_is_packed_field_by_field() -> None:
    made: Any = module.ffi.new("load_mix *")
    given = load.Load(
        seed=1, records=2, fresh=3, stripe=4, stride=5, operations=6, seconds=7, patience=8, rate=9.5, arrivals="fixed",
        shares={"update": 0.25, "scan": 0.75}, distribution=load.Distribution("latest", 0.5), value_size=10,
        longest_scan=11, indexed=True, window=12, shards=13,
    )  # fmt: skip
    module.ffi.buffer(made)[:] = given.pack()
    half = 1 << 31
    assert (made.seed, made.records, made.fresh, made.stripe, made.stride, made.operations) == (1, 2, 3, 4, 5, 6)
    assert (made.duration, made.patience, made.rate, made.theta) == (7 * 10**9, 8 * 10**9, 9.5, 0.5)
    assert list(made.below) == [0, half // 4, half // 4, half, half]
    assert (made.distribution, made.arrivals, made.value_size, made.longest_scan) == (2, 1, 10, 11)
    assert (made.indexed, made.window, made.shards) == (1, 12, 13)


def test_clients_share_a_load() -> None:
    parts = load.Load(seed=1, operations=10, rate=8).split(4)
    assert [part.operations for part in parts] == [3, 3, 2, 2]
    assert [(part.stripe, part.stride, part.rate) for part in parts] == [(n, 4, 2.0) for n in range(4)]
    assert len({part.seed for part in parts}) == 4


# ---- the Redis protocol ----


def size_of(data: bytes) -> int:
    return int(module.lib.load_resp_size(data, len(data)))


RESP = st.recursive(
    st.sampled_from([b"+OK\r\n", b"-ERR no\r\n", b":-12\r\n", b"$-1\r\n", b"*-1\r\n", b"+\r\n"])
    | st.binary(max_size=20).map(lambda data: b"$%d\r\n%s\r\n" % (len(data), data)),
    lambda inner: st.lists(inner, max_size=4).map(lambda each: b"*%d\r\n" % len(each) + b"".join(each)),
    max_leaves=10,
)


@given(RESP, st.binary(max_size=5))
def test_a_reply_ends_where_it_ends_and_is_not_whole_before(reply: bytes, behind: bytes) -> None:
    assert size_of(reply + behind) == len(reply)
    assert all(size_of(reply[:end]) == 0 for end in range(len(reply)))


@pytest.mark.parametrize(
    "data",
    [b"OK\r\n", b"+OK\rX", b":\r\n", b":1x\r\n", b"$-2\r\n", b"$1\r\nab\r\n", b"$99999999999\r\n", b"*9999999\r\n",
     b"\r\n", b"$0\r\nxx", b":9999999999999999999\r\n", b"+" + 70_000 * b"x", b"*2\r\n+OK\r\n?\r\n"],
)  # fmt: skip
def test_what_is_no_reply_is_refused(data: bytes) -> None:
    assert size_of(data) == -1


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused(data: bytes) -> None:
    assert -1 <= size_of(data) <= len(data)
