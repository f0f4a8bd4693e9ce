"""How long does `app.call` take, and how many durable turns a second does the monolith make?

The floor of a call is a hop to a thread and back through the event loop; the floor of a durable turn is LMDB's own put
and commit with fsync, in batches as large as the runner made them.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from threading import Thread

import lmdb
from _measure import RUNS, bench_guest, report

import radon
from radon import Manifest

CALLS, CALLERS = 300, 100


def manifest(folder: Path) -> Manifest:
    (folder / "bench.wasm").write_bytes(bench_guest())
    return Manifest.of({"application": {"name": "bench"}, "kinds": {"bench": {"module": str(folder / "bench.wasm")}}})


async def latency(app: radon.Runtime) -> float:
    """Median seconds of a call, one at a time."""
    seconds = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        await app.call("bench/a", b"echo")
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


async def thread_hop() -> float:
    """Median seconds to another thread and back: what no runtime with a thread of its own can go below."""
    loop, inbox = asyncio.get_running_loop(), SimpleQueue[asyncio.Future[None] | None]()

    def answer() -> None:
        while (future := inbox.get()) is not None:
            loop.call_soon_threadsafe(future.set_result, None)

    thread = Thread(target=answer)
    thread.start()
    seconds = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        future = loop.create_future()
        inbox.put(future)
        await future
        seconds.append(time.perf_counter() - begin)
    inbox.put(None)
    thread.join()
    return statistics.median(seconds)


async def durable(app: radon.Runtime, each: int = 40) -> tuple[float, float]:
    """Durable turns a second with many callers, and how many the average commit held."""

    async def caller(key: int) -> None:
        for _ in range(each):
            await app.call(f"bench/{key}", b"put 1")

    before = (await app.stats()).commits
    begin = time.perf_counter()
    await asyncio.gather(*[caller(key) for key in range(CALLERS)])
    seconds = time.perf_counter() - begin
    return CALLERS * each / seconds, CALLERS * each / max(1, (await app.stats()).commits - before)


def raw_commits(folder: Path, blob: int, count: int = 200) -> float:
    """LMDB's own commits a second, one blob each."""
    with lmdb.open(str(folder), map_size=1 << 30, sync=True) as environment:
        begin = time.perf_counter()
        for number in range(count):
            with environment.begin(write=True) as transaction:
                transaction.put(number.to_bytes(8, "big"), bytes(blob))
        return count / (time.perf_counter() - begin)


async def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        application = manifest(folder)
        async with radon.Runtime(application, store="memory") as app:
            await latency(app)
            floors, ours = [], []
            for _ in range(RUNS):
                floors.append(await thread_hop())
                ours.append(await latency(app))
            report("app.call, p50, store memory", ours, statistics.median(floors), target=300e-6)
        async with radon.Runtime(application, store="lmdb", data=folder / "data") as app:
            await durable(app)
            rates, floors = [], []
            for _ in range(RUNS):
                rate, batch = await durable(app)
                rates.append(rate)
                floors.append(raw_commits(folder / "raw", int(batch * 200)) * batch)
            report(
                "durable turns a second, 100 callers", rates, statistics.median(floors), target=5000, unit="1/s",
                at_least=True,
            )  # fmt: skip


if __name__ == "__main__":
    asyncio.run(main())
