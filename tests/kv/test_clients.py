"""The clients for programs that embed Radon: what their methods answer, over several shards."""

from __future__ import annotations

import inspect
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import radon
from radon.host.hash import shard_of as shard_of_text
from radon.host.limits import Limits
from radon.kv import IF_ABSENT, IF_PRESENT, BlockingKv, Kv, NotANumber, if_version, shard_of
from radon.kv.messages import BATCH_MAX, Op, Status, items, parse, request
from radon.testing.harness import Harness
from tests.kv.stores import SHARDS, Calls, kv_kind, store

MANIFEST = radon.Manifest.of(
    {"application": {"name": "shop"}, "kinds": {"kv": {"module": "std:kv", "spread": "sharded", "shards": 5}}}
)


def test_what_was_put_is_there_until_it_is_deleted(kv: BlockingKv) -> None:
    assert kv.get("a") is None
    assert not kv.exists("a")
    assert kv.put("a", b"1") > 0
    assert (kv.get("a"), kv.get(b"a"), kv.length("a")) == (b"1", b"1", 1)
    assert (kv.delete("a"), kv.delete("a"), kv.get("a")) == (True, False, None)


@pytest.mark.parametrize("key", ["", "#3", "/", "ключ", b"\xff\xfe", b"\0", "x" * 65_000])
def test_a_key_is_any_bytes(kv: BlockingKv, key: str | bytes) -> None:
    kv.put(key, b"1")
    assert kv.add(key) == 2
    encoded = key.encode() if isinstance(key, str) else key
    assert [(found, entry.value) for found, entry in kv.scan()] == [(encoded, b"2")]


@given(st.text(max_size=20))
def test_text_is_where_its_address_leads(key: str) -> None:
    if not key.startswith("#"):
        assert shard_of(key, 16) == shard_of_text(key, 16)


def test_a_put_may_have_a_condition(kv: BlockingKv) -> None:
    assert kv.put("a", b"1", when=IF_PRESENT) == 0
    first = kv.put("a", b"1", when=IF_ABSENT)
    assert first > 0
    assert kv.put("a", b"2", when=IF_ABSENT) == 0
    second = kv.put("a", b"2", when=if_version(first))
    assert second > first
    assert kv.put("a", b"3", when=if_version(first)) == 0
    assert kv.delete("a", when=if_version(first)) is False
    assert kv.delete("a", when=if_version(second)) is True
    third = kv.put("a", b"1", when=if_version(0))
    assert third > second
    assert kv.entry("a") == (b"1", third, 0, 0)


def test_compare_and_set_compares_all_of_the_value(kv: BlockingKv) -> None:
    assert kv.compare_and_set("a", b"", b"1") is False
    assert kv.compare_and_set("a", None, b"1") is True
    assert kv.compare_and_set("a", None, b"2") is False
    assert kv.compare_and_set("a", b"1 ", b"2") is False
    assert kv.compare_and_set("a", b"1", b"") is True
    assert kv.compare_and_set("a", b"", b"2") is True
    assert kv.get("a") == b"2"


def test_swap_and_take_give_what_was_there(kv: BlockingKv) -> None:
    assert (kv.swap("a", b"1"), kv.swap("a", b""), kv.take("a"), kv.take("a")) == (None, b"1", b"", None)


def test_parts_of_values(kv: BlockingKv) -> None:
    assert kv.append("a", b"hello") == 5
    assert kv.append("a", b" world") == 11
    assert (kv.part("a", 6, 3), kv.part("a", 9, 100), kv.part("a", 11, 1), kv.part("b", 0, 1)) == (
        b"wor", b"ld", b"", None,
    )  # fmt: skip
    assert kv.write("a", 13, b"!") == 14
    assert kv.get("a") == b"hello world\0\0!"


def test_numbers(kv: BlockingKv) -> None:
    assert (kv.add("n", 5), kv.add("n", -7), kv.get("n")) == (5, -2, b"-2")
    kv.put("most", b"%d" % (2**63 - 1))
    for value in (b"", b"x", b"07", b" 7", b"-0", b"9223372036854775808"):
        kv.put("n", value)
        with pytest.raises(NotANumber):
            kv.add("n")
        assert kv.get("n") == value
    for key, delta in (("most", 1), ("n", 2**63)):
        with pytest.raises(NotANumber):
            kv.add(key, delta)


def test_many_keys_take_one_question_of_each_shard(kv: BlockingKv, harness: Harness) -> None:
    values: dict[str | bytes, bytes] = {f"k{number}": b"%d" % number for number in range(100)}
    calls = Calls(harness)
    kv = BlockingKv(calls, shards=SHARDS)
    kv.put_many(values)
    assert kv.get_many([*values, "nobody"]) == [*values.values(), None]
    assert calls.count == 2 * SHARDS
    assert kv.delete_many(["k1", "k2", "nobody"]) == 2
    assert (kv.get_many([]), kv.delete_many([])) == ([], 0)


def test_more_keys_than_a_batch_holds_take_several_and_each_has_a_name_of_its_own() -> None:
    with store(1) as harness:
        kv = BlockingKv(Calls(harness))
        values: dict[bytes | str, bytes] = {f"{number}": b"%d" % number for number in range(2 * BATCH_MAX + 1)}
        for _ in range(2):
            kv.put_many(values, once="all of them")
        assert kv.get_many(values) == [*values.values()]
        assert max(entry.version for _, entry in kv.scan(page=5000)) == len(values)


@pytest.mark.parametrize(("ttl", "lives"), [(1e-12, 1), (2.5, 2_500_000_000), (1e9, 10**18), (inf, 2**64 - 1)])
def test_any_time_to_live_can_be_said(kv: BlockingKv, harness: Harness, ttl: float, lives: int) -> None:
    kv.put("a", b"", ttl=ttl)
    entry = kv.entry("a")
    assert entry is not None
    assert entry.expiry == min(harness.now + lives, 2**64 - 1)


def test_many_great_values_take_several_answers(kv: BlockingKv) -> None:
    for number in range(12):
        kv.put(str(number), bytes(500_000))
    assert kv.get_many(map(str, range(12))) == [bytes(500_000)] * 12


def test_a_scan_is_in_order_over_all_shards(kv: BlockingKv) -> None:
    model = {b"%d" % number: b"%d" % number for number in range(150)} | {b"\xff": b"", b"": b"empty"}
    kv.put_many(model)
    for page in (1, 7, 1000):
        assert [(key, entry.value) for key, entry in kv.scan(page=page)] == sorted(model.items())
    assert [key for key, _ in kv.scan("14", "15")] == [b"14", *(b"14%d" % digit for digit in range(10))]
    assert [(key, entry.value) for key, entry in kv.scan("99", values=False)] == [(b"99", b""), (b"\xff", b"")]
    assert list(kv.scan("2", "1")) == []
    assert list(kv.scan("a", "")) == []


def test_a_scan_asks_for_less_where_an_answer_would_be_too_long() -> None:
    with store(2, limits=Limits(message=5000)) as harness:
        kv = BlockingKv(Calls(harness))
        for number in range(50):
            kv.put(f"{number:02}", bytes(900))
        assert [key for key, _ in kv.scan()] == [b"%02d" % number for number in range(50)]


def test_what_a_transaction_has_is_locked(kv: BlockingKv, harness: Harness) -> None:
    kv.put("a", b"1")
    atom = f"kv/#{shard_of('a', SHARDS)}"
    prepared = parse(harness.call(atom, request(Op.PREPARE, b"n" * 16, items([request(Op.PUT, b"a", b"2")]))))
    assert prepared.status is Status.OK
    for what in (lambda: kv.get("a"), lambda: kv.put("a", b"3"), lambda: kv.put_many({"a": b"3"})):
        with pytest.raises(radon.RadonError, match="try again"):
            what()
    harness.call(atom, request(Op.COMMIT, b"n" * 16))
    assert kv.get("a") == b"2"


def test_full_and_too_large_are_the_errors_of_radon() -> None:
    with store(limits=Limits(state=1000)) as harness:
        kv = BlockingKv(Calls(harness))
        with pytest.raises(radon.Exhausted, match=r"limits\.state"):
            kv.put("a", bytes(2000))
        with pytest.raises(radon.TooLarge):
            kv.put("k" * 65_521, b"")
        with pytest.raises(radon.Invalid, match="time to live"):
            kv.put("a", b"", ttl=0)


def test_a_store_that_does_not_know_its_shards_says_so() -> None:
    with Harness({"kv": replace(kv_kind(), config={})}) as harness:
        with pytest.raises(radon.Invalid, match="shards="):
            BlockingKv(Calls(harness)).get("a")
        assert BlockingKv(Calls(harness), shards=SHARDS).get("a") is None


def test_both_clients_have_the_same_methods() -> None:
    def methods(client: type) -> dict[str, list[str]]:
        found = inspect.getmembers(client, inspect.isfunction)
        return {name: list(inspect.signature(method).parameters) for name, method in found if name[0] != "_"}

    assert methods(Kv).keys() - {"operations"} == methods(BlockingKv).keys()
    assert {**methods(Kv), "operations": []} == {**methods(BlockingKv), "operations": []}


async def test_an_embedded_application_uses_the_shipped_module(tmp_path: Path) -> None:
    async with radon.Runtime(MANIFEST, store="lmdb", data=tmp_path / "shop") as app:
        kv = Kv(app)
        assert (await kv.operations()).shards == 5
        await kv.put("a", b"1", ttl=3600)
        assert await kv.add("n", 7, once="order 1") == 7
        assert await kv.add("n", 7, once="order 1") == 7
        await kv.put_many({f"k{number}": b"" for number in range(20)}, once="all")
    async with radon.Runtime(MANIFEST, store="lmdb", data=tmp_path / "shop") as app:
        kv = Kv(app)
        assert await kv.get_many(["a", "n", "k7", "k20"]) == [b"1", b"7", b"", None]
        assert len([key async for key, _ in kv.scan("k", "l")]) == 20


def test_a_program_without_an_event_loop_does_too() -> None:
    with radon.BlockingRuntime(MANIFEST) as app:
        kv = BlockingKv(app)
        kv.put("a", b"1")
        assert kv.swap("a", b"2", once="x") == b"1"
        assert app.call("kv/a", request(Op.GET, b"a"))[-1:] == b"2"
