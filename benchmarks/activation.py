"""What does it cost to bring an atom to life, and to have a million of them?

The floor of an activation is a store with an instance of the same module, made and freed. Of the million, so many are
live at a time; each is addressed once, which makes the next one passive. They come first, since a process never gets
smaller than it was.
"""

from __future__ import annotations

import ctypes
import resource
from collections.abc import Iterable

from _floor import Floor
from _measure import choose_domain, compare, guest, inputs, report, timed

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Barrier, Post
from radon.host.domain import Settings
from radon.testing.harness import Harness

GIB = 1 << 30
BATCH = 500


class Allocated(ctypes.Structure):
    """glibc's mallinfo2."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
    )]  # fmt: skip


def allocated() -> int:
    """Bytes that this process has from malloc."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Allocated
    found = mallinfo()
    return int(found.uordblks + found.hblkhd)


def send(h: Harness, keys: Iterable[int]) -> float:
    """A message to each of these atoms; the seconds of their turns alone."""
    posts = [Post(1, 0, 0, Address("bench", str(key)), NOWHERE, "", "", (), b"x") for key in keys]
    h.domain.submit(inputs(h.now, *posts))
    seconds = timed(lambda: h.domain.run(len(posts)))
    h.domain.take_commit()
    return seconds


def million(module: bytes, atoms: int, live: int) -> None:
    with Harness({"bench": module}, settings=Settings(instances=live)) as h:
        send(h, range(live))
        before = allocated()
        seconds = timed(lambda: [send(h, range(at, at + BATCH)) for at in range(live, atoms + live, BATCH)])
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        each = (allocated() - before) / atoms
        assert h.domain.usage().kinds["bench"].atoms == atoms + live
        h.submit(Barrier())
    report(f"{atoms} atoms addressed once, {live} live at a time", [seconds], None, native=60)
    report(f"memory of the process with {atoms} atoms", [most], None, native=GIB, unit="B")
    report("a passive atom without state", [each], None, native=200, unit="B")


def activation(module: bytes) -> None:
    floor = Floor(module)
    with Harness({"bench": module}, settings=Settings(instances=BATCH)) as h:
        fresh = iter(range(0, 10**9, BATCH))

        def activate() -> float:
            """Atoms that never lived, less the same ones awake: as many as may live, so each takes another's place."""
            first = next(fresh)
            keys = range(first, first + BATCH)
            return (send(h, keys) - send(h, keys)) / BATCH

        ours, low = compare(activate, lambda: floor.activation(BATCH))
        report("activation of an atom", ours, low, native=15e-6, python=150e-6)


def main() -> None:
    native = choose_domain()
    module = guest("bench")
    million(module, *(1_000_000, 10_000) if native else (5_000, 500))
    activation(module)


if __name__ == "__main__":
    main()
