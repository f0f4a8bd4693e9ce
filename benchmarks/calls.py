"""How long does `app.call` take, how many can there be, and how many durable turns does a domain with its store make?

The floor of a call is a callback through the event loop; beside it stands a hop to another thread and back, which no
runtime with a thread of its own can go below. The floor of durable turns is LMDB's own put and commit with fsync, of as
many bytes as the commits had. Threads are at work here, so it is the clock that is read.
"""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

import lmdb
from _measure import RUNS, choose_domain, guest, report

import radon
from radon import Manifest
from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.backends.program import Program
from radon.backends.runner import Runner
from radon.backends.stores.lmdb import LmdbStore
from radon.host.domain import Settings
from radon.testing.harness import kind

CALLS, CALLERS = 300, 1000
PAIRS = 100


# ---- calls ----


async def call_hop() -> None:
    """What any answer takes that comes through the event loop."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, None)
    await future


class ThreadHop:
    """A thread that answers."""

    def __init__(self) -> None:
        self._inbox = SimpleQueue[asyncio.Future[None] | None]()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    async def __call__(self) -> None:
        future = self._loop.create_future()
        self._inbox.put(future)
        await future

    def _serve(self) -> None:
        while (future := self._inbox.get()) is not None:
            self._loop.call_soon_threadsafe(future.set_result, None)

    def close(self) -> None:
        self._inbox.put(None)
        self._thread.join()


async def latency(call: Callable[[], Awaitable[object]]) -> float:
    """Median seconds, one at a time."""
    seconds = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        await call()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


async def rate(call: Callable[[int], Awaitable[object]], each: int) -> float:
    """Calls a second, by many callers."""

    async def caller(key: int) -> None:
        for _ in range(each):
            await call(key)

    begin = time.perf_counter()
    await asyncio.gather(*[caller(key) for key in range(CALLERS)])
    return CALLERS * each / (time.perf_counter() - begin)


async def calls(application: Manifest, each: int) -> None:
    async with radon.Runtime(application, store="memory") as app:
        thread_hop = ThreadHop()
        one: dict[str, list[float]] = {"hop": [], "thread": [], "call": []}
        many: dict[str, list[float]] = {"hop": [], "call": []}
        for _ in range(RUNS):
            one["hop"].append(await latency(call_hop))
            one["thread"].append(await latency(thread_hop))
            one["call"].append(await latency(lambda: app.call("bench/a", b"echo")))
            many["hop"].append(await rate(lambda key: call_hop(), each))
            many["call"].append(await rate(lambda key: app.call(f"bench/{key}", b"echo"), each))
        thread_hop.close()
        low = statistics.median(one["hop"])
        report("a hop to a thread and back, p50", one["thread"], low)
        report("app.call, p50, store memory", one["call"], low, native=60e-6, python=300e-6)
        report(
            f"app.call, {CALLERS} callers, store memory", many["call"], statistics.median(many["hop"]), native=100_000,
            unit="1/s", at_least=True,
        )  # fmt: skip


# ---- durable turns ----


class Pairs:
    """Atoms that pass numbers back and forth; a domain, its threads and a store, without an event loop."""

    def __init__(self, folder: Path) -> None:
        self._answers: dict[int, Future[None]] = {}
        self.store = LmdbStore(folder)
        self.runner = Runner(
            0, self.store, release=self._release, lost=self._fail, standing=lambda: (), died=self._fail
        )
        self.runner.start(Program("bench", {"pair": kind("pair", guest("pair"))}, (), Settings()))

    def turns(self, each: int) -> tuple[float, float, float]:
        """So many turns of each pair: a second, by commit, and the bytes of one."""
        meter = self.runner.meter
        commits, size = meter.commits, meter.bytes
        begin = time.perf_counter()
        for pair in range(PAIRS):
            self._answers[pair] = Future()
            body = b"pair/%d-b %d" % (pair, each)
            self.runner.submit(Post(pair, 0, 1, Address("pair", f"{pair}-a"), NOWHERE, "", "", (), body))
        for answer in list(self._answers.values()):
            answer.result(60)
        seconds, commits = time.perf_counter() - begin, meter.commits - commits
        return PAIRS * each / seconds, PAIRS * each / commits, (meter.bytes - size) / commits

    def close(self) -> None:
        self.runner.stop()
        self.store.close()

    def _release(self, outputs: list[Any]) -> None:
        for output in outputs:
            if output.code:
                self._fail(RuntimeError(f"a pair failed: {output}"))
            self._answers[output.token].set_result(None)

    def _fail(self, error: Exception) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)


def raw_commits(folder: Path, size: int, count: int = 100) -> float:
    """LMDB's own commits a second, of so many bytes each."""
    with lmdb.open(str(folder), map_size=8 << 30, sync=True) as environment:
        begin = time.perf_counter()
        for number in range(count):
            with environment.begin(write=True) as transaction:
                transaction.put(number.to_bytes(8, "big"), bytes(size))
        return count / (time.perf_counter() - begin)


def durable(folder: Path, each: int) -> None:
    pairs = Pairs(folder / "data")
    pairs.turns(each)
    rates, floors = [], []
    for _ in range(RUNS):
        turns, batch, size = pairs.turns(each)
        rates.append(turns)
        floors.append(raw_commits(folder / "raw", int(size)) * batch)
    pairs.close()
    low = statistics.median(floors)
    report(
        "durable turns", rates, low, native=max(100_000, low / 2), python=5000, unit="1/s", at_least=True,
    )  # fmt: skip


def main() -> None:
    native = choose_domain()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bench.wasm").write_bytes(guest("bench"))
        kinds = {"bench": {"module": str(folder / "bench.wasm")}}
        asyncio.run(calls(Manifest.of({"application": {"name": "bench"}, "kinds": kinds}), 20 if native else 5))
        durable(folder, 1000 if native else 20)


if __name__ == "__main__":
    main()
