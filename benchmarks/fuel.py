"""What does it cost that fuel is counted, always?

The same code in two engines that differ in nothing else; the floor is the one that does not count. Of a hop between two
atoms only the engine's part is here, which alone can tell: a body and a message brought into the guest, four syscalls,
and the fuel of the turn.
"""

from __future__ import annotations

import wasmtime
from _floor import Bare, Floor
from _measure import choose_domain, compare, guest, report

from radon.host.engine import SETTINGS

TIMES = 100_000


def engine(*, counts: bool) -> wasmtime.Engine:
    """As Radon's, but for the pool, which no code can tell."""
    config = wasmtime.Config()
    for name, value in {**SETTINGS, "consume_fuel": counts}.items():
        setattr(config, name, value)
    return wasmtime.Engine(config)


def hop(bare: Bare, *, counts: bool) -> float:
    set_once = bare.refuel(TIMES) if counts else 0
    return 2 * bare.into_guest(TIMES) + 4 * bare.into_host(TIMES) + set_once


def main() -> None:
    choose_domain()
    floor = Floor(guest("bench"))
    counting, free = engine(counts=True), engine(counts=False)
    ours, low = (floor.bare(one, "computing.wat") for one in (counting, free))
    report("primes below 2^20, fuel counted", *compare(lambda: ours.into_host(5), lambda: low.into_host(5)))
    steps = (lambda: ours.into_guest(5), lambda: low.into_guest(5))
    report("1,000,000 steps of a random number generator, fuel counted", *compare(*steps))
    ours, low = (floor.bare(one, "crossing.wat") for one in (counting, free))
    syscalls = (lambda: ours.into_host(TIMES), lambda: low.into_host(TIMES))
    report("a syscall that does nothing, fuel counted", *compare(*syscalls))
    engine_part = (lambda: hop(ours, counts=True), lambda: hop(low, counts=False))
    report("what the engine does of a hop, fuel counted", *compare(*engine_part))


if __name__ == "__main__":
    main()
