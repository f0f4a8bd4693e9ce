"""Do two domains on two cores make twice the turns of one? And what does it cost when each message crosses over?

Pairs of atoms pass a number back and forth, in a store that is memory, driven without an event loop. The floor is one
domain. Near: both atoms of a pair are in the same domain. Far: each is in the other's, so that every message is in a
commit, crosses, and is acknowledged. Threads are at work here, so it is the clock that is read.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from _measure import RUNS, choose_domain, guest, report

from radon.abi.delivery import Address
from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.backends.deployment import Answer
from radon.backends.monolith import Monolith
from radon.backends.stores.memory import MemoryStore
from radon.host.placement import place

PAIRS = 64


def pairs(domains: int, *, near: bool) -> list[tuple[str, str]]:
    """Names of atoms two by two, as many in each domain as in any other."""
    homes: list[list[str]] = [[] for _ in range(domains)]
    for number in itertools.count():
        if min(map(len, homes)) >= 2 * PAIRS // domains:
            break
        name = f"pair/{number}"
        homes[place(Address.parse(name), lambda address: address, domains)].append(name)
    if near:
        return [pair for home in homes for pair in zip(home[: 2 * PAIRS // domains : 2], home[1::2], strict=False)]
    return list(zip(homes[0][:PAIRS], homes[1][:PAIRS], strict=True))


@contextmanager
def deployment(application: Application, domains: int) -> Iterator[Monolith]:
    running = Monolith.open(application, MemoryStore(), domains=domains)
    try:
        yield running
    finally:
        running.stop()


def turns(running: Monolith, chosen: list[tuple[str, str]], each: int) -> float:
    """A second, when each pair has so many."""
    left = threading.Semaphore(0)

    def done(answer: Answer) -> None:
        left.release()

    begin = time.perf_counter()
    for one, other in chosen:
        running.post(Address.parse(one), f"{other} {each}".encode(), done)
    for _ in chosen:
        left.acquire()
    return len(chosen) * each / (time.perf_counter() - begin)


def main() -> None:
    each = 20_000 if choose_domain() else 200
    with TemporaryDirectory() as folder:
        Path(folder, "pair.wasm").write_bytes(guest("pair"))
        kinds = {"pair": {"module": "pair.wasm"}}
        application = Application.load(
            Manifest.of({"application": {"name": "domains"}, "kinds": kinds}, base=Path(folder))
        )
        with deployment(application, 1) as one, deployment(application, 2) as two:
            ways = [
                (one, pairs(1, near=True), each),
                (two, pairs(2, near=True), each),
                (two, pairs(2, near=False), each // 4),
            ]
            found: list[list[float]] = [[], [], []]
            for run in range(RUNS // 3 + 1):
                for rates, way in zip(found, ways, strict=True):
                    rate = turns(*way)
                    if run:  # the first one makes the atoms
                        rates.append(rate)
    floor = sorted(found[0])[len(found[0]) // 2]
    report("turns of one domain", found[0], None, unit="1/s", at_least=True)
    report("turns of two domains, near", found[1], floor, native=1.8 * floor, unit="1/s", at_least=True)
    report("turns of two domains, far", found[2], floor, unit="1/s", at_least=True)


if __name__ == "__main__":
    main()
