"""The key-value store through its client, against a dict; and the messages that the client never sends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from radon.atoms.application import Application
from radon.testing.harness import Harness
from tests.examples.conftest import Example
from tests.examples.programs import load_program

SHARDS = 16


client = load_program("kv/client.py")


class Caller:
    """What the client takes for a runtime."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness

    async def call(self, address: str, body: bytes = b"", *, timeout: float | None = 5.0) -> bytes:
        return self.harness.call(address, body)


@pytest.fixture
def harness(example: Example) -> Iterator[Harness]:
    with Harness(example("kv").kinds()) as harness:
        yield harness


@pytest.fixture
def store(harness: Harness) -> Any:
    return client.Store(Caller(harness), shards=SHARDS)


async def entries(store: Any, *args: str, **options: int) -> list[tuple[str, bytes]]:
    return [entry async for entry in store.scan(*args, **options)]


async def test_what_was_put_is_there_until_it_is_deleted(store: Any) -> None:
    assert await store.get("a") is None
    await store.put("a", b"1")
    assert await store.get("a") == b"1"
    assert await store.delete("a") is True
    assert await store.delete("a") is False
    assert await store.get("a") is None


@pytest.mark.parametrize("value", [b"", b" ", b"two words ", b"=\n-\x00\xff", bytes(100_000)])
async def test_a_value_is_any_bytes(store: Any, value: bytes) -> None:
    await store.put("a", value)
    assert await store.get("a") == value
    assert await store.compare_and_set("a", value, b"other") is True
    assert await store.compare_and_set("a", b"other", value) is True
    assert await entries(store) == [("a", value)]


@pytest.mark.parametrize("key", ["a", "#3", "/", "kv/x", "ключ", "\0", "\n", "x" * 512])
async def test_a_key_is_any_text_without_spaces(store: Any, key: str) -> None:
    await store.put(key, b"1")
    assert await store.add(key) == 2
    assert await entries(store) == [(key, b"2")]


@pytest.mark.parametrize("key", ["", "a b", " "])
async def test_the_client_refuses_what_can_be_no_key(store: Any, key: str) -> None:
    with pytest.raises(ValueError, match="a key is text without spaces"):
        await store.put(key, b"1")


async def test_a_key_that_is_too_long_is_refused(store: Any) -> None:
    with pytest.raises(client.Refused, match=r"^too-large$"):
        await store.put("x" * 513, b"1")


async def test_a_counter_begins_at_0_and_can_be_read_as_a_value(store: Any) -> None:
    assert await store.add("hits") == 1
    assert await store.add("hits", -11) == -10
    assert await store.get("hits") == b"-10"


async def test_a_counter_does_not_overflow_and_is_no_other_value(store: Any) -> None:
    await store.put("most", b"%d" % (2**63 - 1))
    await store.put("word", b"seven")
    for key in ("most", "word"):
        before = await store.get(key)
        with pytest.raises(client.Refused, match=r"^invalid$"):
            await store.add(key)
        assert await store.get(key) == before


async def test_compare_and_set_compares_all_of_the_value(store: Any) -> None:
    assert await store.compare_and_set("a", b"", b"1") is False
    assert await store.compare_and_set("a", None, b"1") is True
    assert await store.compare_and_set("a", None, b"2") is False
    assert await store.compare_and_set("a", b"1 ", b"2") is False
    assert await store.compare_and_set("a", b"", b"2") is False
    assert await store.compare_and_set("a", b"1", b"") is True
    assert await store.compare_and_set("a", b"", b"2") is True
    assert await store.get("a") == b"2"


async def test_a_scan_is_in_order_over_all_shards(store: Any) -> None:
    model = {f"{number}": b"%d" % number for number in range(300)} | {"é": b"", "z": b"", "日": b""}
    for key, value in model.items():
        await store.put(key, value)
    for page in (1, 7, 1000):
        assert await entries(store, page=page) == sorted(model.items())
    assert [key for key, _ in await entries(store, "28", "29")] == ["28", *(f"28{digit}" for digit in range(10))]
    assert [key for key, _ in await entries(store, "z")] == ["z", "é", "日"]
    assert await entries(store, "29", "28") == []


async def test_a_scan_gets_past_values_of_which_few_fit_into_an_answer(store: Any) -> None:
    for number in range(40):
        await store.put(f"{number:02}", bytes(100_000))
    assert [key for key, _ in await entries(store)] == [f"{number:02}" for number in range(40)]


async def test_keys_are_spread_over_all_shards(store: Any, harness: Harness) -> None:
    for number in range(1000):
        await store.put(str(number), b"")
    sizes = [len(harness.state(f"kv/#{shard}")["values"]) for shard in range(SHARDS)]
    assert sum(sizes) == 1000
    assert min(sizes) > 30


async def test_a_full_shard_says_so_and_goes_on(example: Example) -> None:
    kinds = example("kv").kinds()
    small = {"kv": replace(kinds["kv"], limits=replace(kinds["kv"].limits, state=1000))}
    with Harness(small) as harness:
        store = client.Store(Caller(harness))
        await store.put("a", bytes(900))
        with pytest.raises(client.Refused, match=r"^exhausted$"):
            await store.put("a", bytes(1000))
        assert await store.get("a") == bytes(900)
        assert not harness.dead()


@pytest.mark.parametrize(
    "message",
    [
        b"", b"get", b"get ", b"get a b", b"delete", b"delete a b", b"grow a", b"GET a",
        b"add a", b"add a b", b"add a 1 2",
        b"cas a", b"cas a -1 b c", b"cas a 1", b"cas a 1 b", b"cas a 5 b c", b"cas a x b c", b"cas a 4294967297 b c",
        b"cas a 18446744073709551615 b c",
        b"scan", b"scan x", b"scan -1", b"scan 4294967296",
    ],
)  # fmt: skip
def test_a_message_that_makes_no_sense_is_answered_invalid_and_changes_nothing(
    harness: Harness, message: bytes
) -> None:
    harness.call("kv/a", b"put a b")
    assert harness.call("kv/a", message) == b"!invalid"
    assert harness.call("kv/a", b"get a") == b"=b"
    assert not harness.dead()


def test_a_shard_holds_on_to_no_handles(harness: Harness) -> None:
    for number in range(1, 1101):  # more than limits.handles
        assert harness.call("kv/a", b"add a 1") == b"=%d" % number


def test_a_message_that_wants_no_answer_is_carried_out(harness: Harness) -> None:
    harness.send("kv/a", b"put a 1")
    assert harness.call("kv/a", b"get a") == b"=1"


# ---- against a dict ----

KEYS = st.sampled_from(["a", "b", "ab", "b0", "é", "1", "2", "3"])
VALUES = st.sampled_from([b"", b"7", b"-1", b"x y", b"\x00"]) | st.binary(max_size=40)


class LikeADict(RuleBasedStateMachine):
    """The store does what a dict would, whatever it loses between two calls."""

    application: Application

    def __init__(self) -> None:
        super().__init__()
        self.harness = Harness(self.application.kinds())
        self.store: Any = client.Store(Caller(self.harness))
        self.model: dict[str, bytes] = {}

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        assert asyncio.run(self.store.get(key)) == self.model.get(key)

    @rule(key=KEYS, value=VALUES)
    def put(self, key: str, value: bytes) -> None:
        asyncio.run(self.store.put(key, value))
        self.model[key] = value

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        assert asyncio.run(self.store.delete(key)) == (self.model.pop(key, None) is not None)

    @rule(key=KEYS, delta=st.integers(-(2**63), 2**63 - 1))
    def add(self, key: str, delta: int) -> None:
        try:
            total = _decimal(self.model.get(key, b"0")) + delta
            assert -(2**63) <= total < 2**63
        except (ValueError, AssertionError):
            with pytest.raises(client.Refused):
                asyncio.run(self.store.add(key, delta))
        else:
            assert asyncio.run(self.store.add(key, delta)) == total
            self.model[key] = b"%d" % total

    @rule(key=KEYS, expected=st.none() | VALUES, right=st.booleans(), new=VALUES)
    def compare_and_set(self, key: str, expected: bytes | None, right: bool, new: bytes) -> None:
        expected = self.model.get(key) if right else expected
        done = asyncio.run(self.store.compare_and_set(key, expected, new))
        assert done == (self.model.get(key) == expected)
        if done:
            self.model[key] = new

    @rule(start=KEYS | st.just(""), end=KEYS | st.just(""), page=st.integers(1, 5))
    def scan(self, start: str, end: str, page: int) -> None:
        wanted = [(k, v) for k, v in sorted(self.model.items()) if start <= k and (not end or k < end)]
        assert asyncio.run(entries(self.store, start, end, page=page)) == wanted

    @rule(snapshot=st.booleans())
    def lose_the_process(self, snapshot: bool) -> None:
        self.harness.restart(snapshot=snapshot)

    @rule()
    def lose_the_instances(self) -> None:
        self.harness.forget()

    def teardown(self) -> None:
        self.harness.close()


def _decimal(text: bytes) -> int:
    """Digits, perhaps after a minus, and nothing else. Raises ValueError."""
    digits = text.removeprefix(b"-")
    if not digits.isdigit() or not digits.isascii():
        raise ValueError(text)
    return int(text)


def test_the_store_is_like_a_dict_that_outlives_the_process(example: Example) -> None:
    machine = type("LikeADict", (LikeADict,), {"application": example("kv")})
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=40, deadline=None))
