"""The wrappers for stores: told nothing they change nothing, and told something they do that."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from threading import Thread

import pytest

from radon.abi.errors import StoreError
from radon.backends.driver import Store, StoreFull
from radon.backends.stores.lmdb import LmdbStore
from radon.backends.stores.memory import MemoryStore
from radon.testing.faults import Faulty, Full, Latency, Stalled
from radon.testing.stores import StoreFactory, StoreSuite

WRAPPED: dict[str, StoreFactory] = {
    "faulty": lambda directory: Faulty(MemoryStore(), seed=1, rate=0),
    "latency": lambda directory: Latency(MemoryStore(), 0.1, sleep=lambda seconds: None),
    "full": lambda directory: Full(MemoryStore()),
    "stalled": lambda directory: Stalled(MemoryStore()),
    "all": lambda directory: Faulty(Full(Stalled(LmdbStore(directory, fsync=False))), seed=1, rate=0),
}


@pytest.fixture(params=WRAPPED)
def open_store(request: pytest.FixtureRequest) -> StoreFactory:
    return WRAPPED[request.param]


class TestWrappedStore(StoreSuite): ...


def outcomes(store: Store, commits: int) -> list[str]:
    epoch, told = store.open(0).epoch, []
    for number in range(commits):
        try:
            store.commit(0, epoch, [b"%d" % number])
            told.append("done")
        except StoreError as error:
            told.append(str(error).rpartition("asked for, ")[2])
    return told


def test_a_faulty_store_fails_before_or_after_the_effect_as_its_seed_says() -> None:
    inner = MemoryStore()
    faulty = Faulty(inner, seed=3, rate=0.5, calls=("commit",))
    told = outcomes(faulty, 200)
    assert [int(frame) for frame in inner.open(0).tail] == [n for n, fate in enumerate(told) if "before" not in fate]
    assert told == outcomes(Faulty(MemoryStore(), seed=3, rate=0.5, calls=("commit",)), 200)
    assert told != outcomes(Faulty(MemoryStore(), seed=4, rate=0.5, calls=("commit",)), 200)
    counted = Counter(told)
    assert faulty.fates["commit", "before"] == counted["before the effect"] > 30
    assert faulty.fates["commit", "after"] == counted["after the effect"] > 30
    assert faulty.fates["open", "none"] == 1


def test_a_slow_store_waits_before_each_call() -> None:
    waited: list[float] = []
    outcomes(Latency(MemoryStore(), 0.25, sleep=waited.append), 3)
    assert waited == [0.25] * 4


def test_a_full_store_takes_nothing_until_there_is_room() -> None:
    full = Full(MemoryStore(), full=True)
    epoch = full.open(0).epoch
    for act in (lambda: full.commit(0, epoch, [b"a"]), lambda: full.write("a", b"a")):
        with pytest.raises(StoreFull, match="make room"):
            act()
    full.snapshot(0, epoch, 0, b"reserve")
    full.reserve = False
    with pytest.raises(StoreFull):
        full.snapshot(0, epoch, 0, b"none")
    full.full = False
    full.commit(0, epoch, [b"a"])
    assert full.open(0)[1:] == (b"reserve", [b"a"])
    assert full.refused == 3


def test_a_stalled_store_goes_on_when_it_is_let() -> None:
    stalled = Stalled(MemoryStore())
    epoch = stalled.open(0).epoch
    stalled.stall()
    committing = Thread(target=stalled.commit, args=(0, epoch, [b"a"]))
    committing.start()
    assert stalled.waits.wait(10)
    assert stalled.position(0) == 0
    stalled.go()
    committing.join()
    assert stalled.position(0) == 1


def test_a_wrapper_is_as_durable_as_what_is_inside(tmp_path: Path) -> None:
    assert Full(MemoryStore()).durability == "none"
    store = Full(LmdbStore(tmp_path, fsync=False))
    assert store.durability == "process"
    store.close()
