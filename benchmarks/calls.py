"""How long does `app.call` take, how many can there be, and how many durable turns does a domain with its store make?

The floor of a call is a callback through the event loop; beside it stands a hop to another thread and back, which no
runtime whose turns have a thread of their own can go below. The floor of one durable call, and of durable turns, is
LMDB's own put and commit with fsync, of as many bytes as the commits had. Threads are at work here, so it is the clock
that is read.
"""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack
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
from radon.abi.frames import decode_all
from radon.backends.program import Program
from radon.backends.runner import Runner
from radon.backends.stores.lmdb import LmdbStore
from radon.host.domain import Settings
from radon.testing.harness import kind

CALLS, DURABLE_CALLS, CALLERS = 300, 30, 1000
PAIRS = 100

ONE_COMMIT = 200
"""Bytes; about what one call leaves behind."""


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


async def latency(call: Callable[[], Awaitable[object]], calls: int = CALLS) -> float:
    """Median seconds, one at a time."""
    seconds = []
    for _ in range(calls):
        begin = time.perf_counter()
        await call()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


async def rate(call: Callable[[int], Awaitable[object]], each: int) -> tuple[float, float]:
    """Calls a second, by many callers, and the processor's time of one."""

    async def caller(key: int) -> None:
        for _ in range(each):
            await call(key)

    begin, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(*[caller(key) for key in range(CALLERS)])
    total = CALLERS * each
    return total / (time.perf_counter() - begin), (time.process_time() - spent) / total


class Way:
    """A runtime, and what was measured of it."""

    def __init__(self, application: Manifest, folder: Path, durability: str, thread: str) -> None:
        self.name = f"{durability}, thread={thread}"
        self.durable = durability != "memory"
        options: dict[str, Any] = {"store": "memory"}
        if self.durable:
            options = {"store": "lmdb", "data": folder / f"{durability} {thread}", "durability": durability}
        self.app = radon.Runtime(application, thread=thread, **options)
        self.one: list[float] = []
        self.many: list[tuple[float, float]] = []

    async def measure(self, each: int) -> None:
        calls = DURABLE_CALLS if self.durable else CALLS
        self.one.append(await latency(lambda: self.app.call("bench/a", b"echo"), calls))
        self.many.append(await rate(lambda key: self.app.call(f"bench/{key}", b"echo"), each))


async def calls(application: Manifest, folder: Path, each: int) -> None:
    ways = [
        Way(application, folder, durability, thread)
        for durability in ("memory", "fsync", "async")
        for thread in ("loop", "own")
    ]
    async with AsyncExitStack() as stack:
        for way in ways:
            await stack.enter_async_context(way.app)
            await way.measure(each)
        for way in ways:
            way.one.clear(), way.many.clear()
        thread_hop = ThreadHop()
        hops, thread_hops, many_hops, commits = [], [], [], []
        for _ in range(RUNS):
            hops.append(await latency(call_hop))
            thread_hops.append(await latency(thread_hop))
            many_hops.append(await rate(lambda key: call_hop(), each))
            commits.append(1 / raw_commits(folder / "raw one", ONE_COMMIT, DURABLE_CALLS))
            for way in ways:
                await way.measure(each)
        thread_hop.close()
        hop, commit = statistics.median(hops), statistics.median(commits)
        hops_a_second, hop_cpu = (statistics.median(column) for column in zip(*many_hops, strict=True))
        report("a hop to a thread and back, p50", thread_hops, hop)
        for way in ways:
            one, many = (None, None) if way.durable else (60e-6, 100_000)
            report(
                f"app.call, p50, {way.name}", way.one, commit if way.durable else hop, native=one,
                python=300e-6 if one else None,
            )  # fmt: skip
            rates, cpu = (list(column) for column in zip(*way.many, strict=True))
            name = f"app.call, {CALLERS} callers, {way.name}"
            report(name, rates, hops_a_second, native=many, unit="1/s", at_least=True)
            report(f"{name}, the processor's time of one", cpu, hop_cpu, native=1 / many if many else None)


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

    def _release(self, records: bytes) -> None:
        for output in decode_all(records):
            if output.code:
                self._fail(RuntimeError(f"a pair failed: {output}"))
            self._answers[output.token].set_result(None)

    def _fail(self, error: Exception) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)


def raw_commits(folder: Path, size: int, count: int = 100) -> float:
    """LMDB's own commits a second, of so many bytes each, with fsync."""
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
        application = Manifest.of({"application": {"name": "bench"}, "kinds": kinds})
        asyncio.run(calls(application, folder, 10 if native else 2))
        durable(folder, 1000 if native else 20)


if __name__ == "__main__":
    main()
