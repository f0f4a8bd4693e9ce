"""What does a syscall cost? Many of them in one turn, so that turns do not count; one domain, no threads, no store.

The floor of a call is the bare crossing, guest to host. That of state is the same map in C: searched, copied and, for
`put`, written down, without a guest. A bucket of a million entries does not fit any cache, and its floor says so.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from _floor import Floor
from _measure import choose_domain, compare, guest, inputs, report, timed

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.host.domain import Settings
from radon.host.limits import Limits
from radon.testing.harness import Harness, kind

EACH = 100  # of a turn's gets and puts
BATCH = 20  # turns of a commit
COMMITS = 10


def main() -> None:
    native = choose_domain()
    keys, calls = (1_000_000, 500_000) if native else (20_000, 20_000)
    module = guest("bench")
    floor = Floor(module)
    limits = Limits(turn=3600 * 10**9)
    with Harness({"bench": kind("bench", module, limits=limits)}, settings=Settings(run=10**15)) as h:
        tokens = itertools.count(1)

        def posted(bodies: list[bytes]) -> float:
            """Seconds of the turns that these bodies begin. What they wrote is a commit that nobody keeps."""
            to = Address("bench", "a")
            h.domain.submit(
                inputs(h.now, *[Post(next(tokens), 0, 0, to, NOWHERE, "", "", (), body) for body in bodies])
            )
            seconds = timed(lambda: h.domain.run(len(bodies)))
            h.domain.take_commit()
            assert not h.domain.usage().kinds["bench"].failed
            return seconds

        ours, low = compare(lambda: posted([b"now %d" % calls]) / calls, lambda: floor.into_host(calls))
        report("clock.now", ours, low, native=2 * low, python=1e-6)

        floor.fill(keys)
        for begin in range(0, keys, 1000):
            posted([b"fill %d %d" % (begin, begin + 1000)])
        rows = itertools.count(1)

        def state(what: bytes) -> float:
            """Seconds of one."""
            commits = [[b"%s %d %d %d" % (what, EACH, keys, next(rows)) for _ in range(BATCH)] for _ in range(COMMITS)]
            return sum(map(posted, commits)) / (EACH * BATCH * COMMITS)

        def bare(what: Callable[..., float]) -> float:
            return sum(what(keys, next(rows), EACH * BATCH) for _ in range(COMMITS)) / COMMITS

        size = f"of a 16-byte key and a 256-byte value, {keys} keys"
        ours, low = compare(lambda: state(b"get"), lambda: bare(floor.get))
        report(f"bucket.get {size}", ours, low, native=low + 80e-9, python=8e-6)
        ours, low = compare(lambda: state(b"put"), lambda: bare(floor.put))
        report(f"bucket.put {size}", ours, low, native=low + 150e-9, python=12e-6)
        floor.clear()


if __name__ == "__main__":
    main()
