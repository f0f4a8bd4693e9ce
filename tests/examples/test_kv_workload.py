"""The key-value store as a program uses it: through the embedding API, on disk, with many calls under way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

import radon
from tests.examples.conftest import Example
from tests.examples.programs import load_program

OPERATIONS = 100_000
KEYS = 5_000
AT_ONCE = 250
RUNTIMES = 4  # one after the other, on the same data

client = load_program("kv/client.py")


def zipf(seed: int) -> Iterator[str]:
    """Keys, of which the nth most frequent comes 1/n as often as the first: what is asked of real stores."""
    rng = random.Random(seed)
    names = [f"key-{number}" for number in range(KEYS)]
    rng.shuffle(names)
    weights = list(accumulate(1 / rank for rank in range(1, KEYS + 1)))
    while True:
        yield from rng.choices(names, cum_weights=weights, k=1000)


async def expect(call: Awaitable[Any], expected: Any) -> None:
    assert await call == expected


def operation(store: Any, model: dict[str, bytes], key: str, rng: random.Random) -> Awaitable[None]:
    """One call and what it must answer, given all calls before it."""
    old, new = model.get(key), b"%d" % rng.randrange(10**9)
    kind = rng.choices(("get", "put", "add", "cas", "miss", "delete"), (50, 20, 10, 8, 2, 10))[0]
    if kind == "get":
        return expect(store.get(key), old)
    if kind == "put":
        model[key] = new
        return expect(store.put(key, new), None)
    if kind == "add":
        delta = rng.randrange(-1000, 1000)
        total = int(old or b"0") + delta
        model[key] = b"%d" % total
        return expect(store.add(key, delta), total)
    if kind == "delete":
        model.pop(key, None)
        return expect(store.delete(key), old is not None)
    if kind == "miss":
        return expect(store.compare_and_set(key, b"what nobody ever put", new), False)
    model[key] = new
    return expect(store.compare_and_set(key, old, new), True)


@pytest.mark.timeout(300)
async def test_100000_operations_on_zipf_keys_are_answered_as_by_a_dict(example: Example, tmp_path: Path) -> None:
    """No turn of a shard fails, so it handles calls in the order of their arrival, and a dict can tell every answer."""
    model: dict[str, bytes] = {}
    rng, keys = random.Random(16), zipf(16)
    for _ in range(RUNTIMES):
        async with radon.Runtime(example("kv"), store="lmdb", data=tmp_path / "kv") as app:
            store = client.Store(app, timeout=60)
            assert [entry async for entry in store.scan(page=1000)] == sorted(model.items())
            for _ in range(OPERATIONS // RUNTIMES // AT_ONCE):
                await asyncio.gather(*(operation(store, model, next(keys), rng) for _ in range(AT_ONCE)))
    async with radon.Runtime(example("kv"), store="lmdb", data=tmp_path / "kv") as app:
        assert [entry async for entry in client.Store(app).scan(page=1000)] == sorted(model.items())
        assert not await app.dead_letters()


async def test_of_many_who_compare_and_set_at_once_one_wins_each_round(example: Example) -> None:
    async with radon.Runtime(example("kv")) as app:
        store = client.Store(app)

        async def increment() -> None:
            """By compare-and-set alone: read, try, and read again when somebody else was faster."""
            while True:
                old = await store.get("n")
                if await store.compare_and_set("n", old, b"%d" % (int(old or b"0") + 1)):
                    return

        await asyncio.gather(*(increment() for _ in range(20)))
        assert await store.get("n") == b"20"
