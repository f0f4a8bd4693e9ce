"""How many gets and puts does the standard key-value store do? Client atoms in the same domain, no threads, no store.

One entry in each question, 256-byte values, every answer looked at; or 16 in each. A get is two messages, two turns and
a lookup among a million entries. The floor is one atom that does as many gets and puts of its own state, without a
message. What is counted is all that the domain's thread does, the taking of commits too, on one processor. Commits
have no durable part, as in a deployment in memory.
"""

from __future__ import annotations

import itertools

from _measure import choose_domain, compare, guest, inputs, report, timed

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.atoms.std import STANDARDS
from radon.host.domain import Settings, Status
from radon.host.limits import Limits
from radon.testing.harness import Harness, kind

SHARDS = 16  # kv_client.c knows it too
CLIENTS = 4
WINDOW = 64  # questions under way, of each
COMMIT = 1000  # turns
EACH = 100  # of a turn of the floor


def main() -> None:
    native = choose_domain()
    keys, times = (1_000_000, 400_000) if native else (100_000, 2_000)
    limits = Limits(turn=3600 * 10**9)
    kinds = {
        "kv": kind("kv", STANDARDS["kv"].path, spread="sharded", shards=SHARDS),
        "client": kind("client", guest("kv_client"), ["kv/*"], limits=limits),
        "bench": kind("bench", guest("bench"), limits=limits),
    }
    with Harness(kinds, settings=Settings(run=10**15, durable=False)) as h:
        tokens, rows = itertools.count(1), itertools.count(1)

        def posted(bodies: list[tuple[str, bytes]]) -> None:
            h.domain.submit(
                inputs(
                    h.now, *[Post(next(tokens), 0, 0, Address.parse(to), NOWHERE, "", "", (), b) for to, b in bodies]
                )
            )

        def idle() -> None:
            while h.domain.run(COMMIT) is Status.BUSY:
                h.domain.take_commit()
            h.domain.take_commit()

        def rate(what: bytes) -> float:
            """Of entries, a second."""
            each = times // CLIENTS
            posted(
                [(f"client/{n}", b"%s %d %d %d %d" % (what, each, keys, next(rows), WINDOW)) for n in range(CLIENTS)]
            )
            seconds = timed(idle)
            assert not any(of.failed for of in h.domain.usage().kinds.values())
            return times / seconds

        def floor(what: bytes) -> float:
            posted([("bench/a", b"%s %d %d %d" % (what, EACH, keys, next(rows))) for _ in range(times // EACH)])
            return times / timed(idle)

        for begin in range(0, keys, 1000):
            posted([("bench/a", b"fill %d %d" % (begin, min(keys, begin + 1000)))])
            idle()
        posted([("client/0", b"fill 0 %d %d" % (keys, WINDOW))])
        idle()
        size = f"16-byte keys, 256-byte values, {keys} of them"
        for what, target in ((b"get", 1.5e6), (b"put", 1e6)):
            ours, low = compare(lambda what=what: rate(what), lambda what=what: floor(what), runs=9)
            report(f"kv, {what.decode()}s a second, {size}", ours, low, native=target, unit="1/s", at_least=True)
        for what in (b"get", b"put"):
            ours, low = compare(lambda what=what: rate(what + b"-many"), lambda what=what: floor(what), runs=5)
            report(f"kv, {what.decode()}s a second, 16 in each question, 65536 of {size}", ours, low, unit="1/s")


if __name__ == "__main__":
    main()
