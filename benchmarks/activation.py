"""What does it cost to bring an atom to life, and to have a million of them?

The floor of an activation is a store with an instance of the same module, made and freed; atoms that share an instance
do without. Of the million, so many are live at a time; each is addressed once, which makes the next one passive. What
is measured in memory comes first, since a process never gets smaller than it was.
"""

from __future__ import annotations

import ctypes
import mmap
import resource
from collections.abc import Iterable
from pathlib import Path

from _floor import Floor
from _measure import choose_domain, compare, guest, inputs, report, timed

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Barrier, Post
from radon.host.domain import Settings
from radon.testing.harness import Harness, kind

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


def resident() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * mmap.PAGESIZE


def active(module: bytes, atoms: int, *, shared: bool) -> float:
    """What an atom takes that is active, all of it, in bytes."""
    with Harness({"bench": kind("bench", module, shared=shared)}, settings=Settings(instances=atoms)) as h:
        send(h, range(BATCH))
        before = resident()
        for begin in range(BATCH, BATCH + atoms, BATCH):
            send(h, range(begin, begin + BATCH))
        each = (resident() - before) / atoms
        assert sum(h.domain.instances().values()) == (1 if shared else atoms)
        return each


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


def activation(module: bytes, floor: Floor, *, shared: bool) -> None:
    with Harness({"bench": kind("bench", module, shared=shared)}, settings=Settings(instances=BATCH)) as h:
        fresh = iter(range(0, 10**9, BATCH))

        def activate() -> float:
            """Atoms that never lived, less the same ones awake: as many as may live, so each takes another's place,
            unless they share one."""
            first = next(fresh)
            keys = range(first, first + BATCH)
            return (send(h, keys) - send(h, keys)) / BATCH

        ours, low = compare(activate, lambda: floor.activation(BATCH))
        if shared:
            report("activation of an atom that shares an instance", ours, low)
        else:
            report("activation of an atom", ours, low, native=15e-6, python=150e-6)


def main() -> None:
    native = choose_domain()
    module = guest("bench")
    together = active(module, 100_000 if native else 5_000, shared=True)
    apart = active(module, 4_000 if native else 500, shared=False)
    report("an active atom that shares an instance, beside one with its own", [together], apart, unit="B")
    million(module, *(1_000_000, 10_000) if native else (5_000, 500))
    floor = Floor(module)
    for shared in (False, True):
        activation(module, floor, shared=shared)


if __name__ == "__main__":
    main()
