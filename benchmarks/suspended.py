"""What does a turn cost that waits in the middle, when very many do, and what does code that checks its accesses?

Each measurement is a process of its own, since the environment says how the engine lays out its guests. Memory is what
the process has more than before for each turn, page tables included. The floor of code without guards is the same code
with them.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from _measure import choose_domain, guest, inputs, report, timed

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.host import room
from radon.host.domain import Settings, Status
from radon.host.kind import Kind
from radon.host.limits import Limits
from radon.testing.harness import Harness, kind

SECOND = 10**9
BATCH = 500
MANY = 100_000
RUNS = 5  # processes


class Waited(NamedTuple):
    suspended: int
    memory: float  # bytes
    maps: float
    seconds: float  # to begin, wait and end, of the processor's time


def main() -> None:
    native = choose_domain()
    waiter, sieve = guest("waiter"), guest("sieve")
    for asked, turns, what in (
        (None, room.SUSPENDED if native else 2_500, "suspended at once"),
        (MANY, MANY if native else 10_000, "suspended at once, without guards"),
    ):
        found = apart(asked, wait, waiter, turns)
        each = f"a turn of {found.suspended:,} {what}"
        report(f"{each}, which begins, waits and ends", [found.seconds / found.suspended], None)
        report(f"memory of {each}", [found.memory / found.suspended], None, unit="B")
        report(f"maps of {found.suspended:,} {what}", [found.maps], None, unit="1")
    guarded, dense = [], []
    for _ in range(RUNS):
        guarded.append(apart(None, compute, sieve))
        dense.append(apart(MANY, compute, sieve))
    report("code that checks its accesses", dense, statistics.median(guarded))


def apart(asked: int | None, function: Callable[..., Any], *arguments: Any) -> Any:
    """In a process of its own, whose environment asks for so many suspended turns."""
    os.environ.pop(room.VARIABLE, None)
    if asked is not None:
        os.environ[room.VARIABLE] = str(asked)
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def wait(module: bytes, turns: int) -> Waited:
    kinds = {"bench": module}
    with Harness(kinds, settings=Settings(suspended=turns, memory=room.memory(turns), run=10**15)) as h:
        before, maps_before = memory(), maps()
        seconds = timed(lambda: [post(h, range(at, at + BATCH)) for at in range(0, turns, BATCH)])
        suspended = h.domain.usage().kinds["bench"].suspended
        found, maps_then = memory(), maps()
        h.now += SECOND
        seconds += timed(lambda: run(h))
        assert h.domain.usage().kinds["bench"].suspended == 0
    return Waited(suspended, found - before, maps_then - maps_before, seconds)


def post(h: Harness, keys: range) -> None:
    posts = [Post(1, 0, 0, Address("bench", str(key)), NOWHERE, "", "", (), b"") for key in keys]
    run(h, *posts)


def run(h: Harness, *posts: Post) -> None:
    h.domain.submit(inputs(h.now, *posts))
    while h.domain.run(BATCH) is Status.BUSY:
        h.domain.take_commit()
    h.domain.take_commit()


def compute(module: bytes) -> float:
    """Seconds of the primes below 2^20."""
    sieve: Kind = kind("bench", module, limits=Limits(turn=100 * SECOND))
    with Harness({"bench": sieve}) as h:
        h.send("bench/a", b"1")
        seconds = timed(lambda: h.send("bench/a", b"20")) / 20
        assert not h.dead()
    return seconds


def memory() -> int:
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return sum(int(fields[name].split()[0]) << 10 for name in ("VmRSS", "VmPTE"))


def maps() -> int:
    return Path("/proc/self/maps").read_bytes().count(b"\n")


if __name__ == "__main__":
    main()
