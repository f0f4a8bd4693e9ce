"""What does a message cost between two atoms of one domain, and what a question with its answer? No threads, no store.

The floor of a hop is what the engine takes to enter a guest twice, once for the body and once for the message. That of
a round trip is to enter two guests, of which one waits for the other in the middle.
"""

from __future__ import annotations

from _floor import Floor
from _measure import choose_domain, compare, guest, inputs, report, timed

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.testing.harness import Harness, kind

BATCH = 256  # turns of a commit, as a deployment has them
TRIPS = 1000  # of one turn


def main() -> None:
    native = choose_domain()
    bench, hop = guest("bench"), guest("hop")
    floor = Floor(bench)
    kinds = {
        "ping": kind("ping", hop, links={"peer": "pong/x"}),
        "pong": kind("pong", hop, links={"peer": "ping/x"}),
        "caller": kind("caller", guest("caller"), links={"peer": "echo/x"}),
        "echo": kind("echo", bench),
    }
    batches = 100 if native else 4
    with Harness(kinds) as h:

        def hops() -> float:
            """Seconds of a hop, without the taking of commits."""
            seconds = 0.0
            for _ in range(batches):
                seconds += timed(lambda: h.domain.run(BATCH))
                h.domain.take_commit()
            return seconds / (batches * BATCH)

        def trips() -> float:
            question = Post(1, 0, 0, Address("caller", "x"), NOWHERE, "", "", (), b"%d" % TRIPS)
            h.domain.submit(inputs(h.now, question))
            seconds = timed(lambda: h.domain.run(10 * TRIPS))
            h.domain.take_commit()
            return seconds / TRIPS

        ours, low = compare(trips, lambda: floor.round_trip(TRIPS))
        report("a call of another atom, with its answer", ours, low, native=1.5e-6)
        assert not any(of.failed for of in h.domain.usage().kinds.values())

        h.post("ping/x", bytes(64), wants=False, run=False)
        ours, low = compare(hops, lambda: 2 * floor.into_guest(BATCH * batches))
        report("a message of 64 bytes to another atom", ours, low, native=200e-9, python=40e-6)


if __name__ == "__main__":
    main()
