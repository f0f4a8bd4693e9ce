"""What does a syscall cost, and what a message hop and the activation of an atom? One domain, no threads, no store.

The floor is the bare crossing of the same kind: guest to host, host to guest, a store with an instance.
"""

from __future__ import annotations

from _measure import RUNS, Floor, bench_guest, compare, report, timed

from radon.testing.harness import Harness, kind

TIMES = 20_000


def main() -> None:
    floor, guest = Floor(), bench_guest()
    big = {"turn": 60 * 10**9}
    links = {"links": {"peer": "pong/x"}}
    kinds = {
        "bench": kind("bench", guest, limits=_limits(**big)),
        "ping": kind("ping", guest, **links),
        "pong": kind("pong", guest, links={"peer": "ping/x"}),
    }
    with Harness(kinds) as h:
        h.call("bench/a", b"put 1")

        def into_host() -> float:
            return floor.into_host(TIMES)

        ours, low = compare(lambda: timed(lambda: h.call("bench/a", b"now %d" % TIMES)) / TIMES, into_host)
        report("clock.now", ours, low, target=1e-6)
        ours, low = compare(lambda: timed(lambda: h.call("bench/a", b"get %d" % TIMES)) / TIMES, into_host)
        report("bucket.get of 64 bytes", ours, low, target=8e-6)
        ours, low = compare(lambda: timed(lambda: h.call("bench/a", b"put %d" % TIMES)) / TIMES, into_host)
        report("bucket.put of 64 bytes", ours, low, target=12e-6)

        hops = 2000
        h.post("ping/x", b"pass".ljust(64), wants=False, run=False)
        h.domain.run(10)

        def hop() -> float:
            seconds = timed(lambda: h.domain.run(hops)) / hops
            h.domain.take_commit()
            return seconds

        ours, low = compare(hop, lambda: 2 * floor.into_guest(hops))
        report("message hop between two atoms", ours, low, target=40e-6)

    fresh = 300
    with Harness({"bench": guest}) as h:
        keys = iter(range(10**9))

        def activate() -> float:
            """Addressing atoms that never lived, less addressing ones that are awake."""
            new = [f"bench/{next(keys)}" for _ in range(fresh)]
            cold = timed(lambda: [h.send(key, b"x") for key in new])
            warm = timed(lambda: [h.send(key, b"x") for key in new])
            return (cold - warm) / fresh

        ours, low = compare(activate, lambda: floor.activation(fresh), RUNS)
        report("activation of a new atom", ours, low, target=150e-6)


def _limits(**changes: int) -> object:
    from radon.host.limits import Limits

    return Limits(**changes)


if __name__ == "__main__":
    main()
