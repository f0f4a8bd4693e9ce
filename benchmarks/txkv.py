"""How many transactions of two entries do coordinators do? Client atoms in the same domain, no threads, no store.

Each is of two shards, without conflicts, 256-byte values, every answer looked at. The floor is what kv itself does with
one put in each question, in the same run: the ratio is of entries. "put" writes both; "move" gets both before, and
writes them if nobody else has meanwhile. Turns are of all atoms, for one transaction: as many as there are messages.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from _measure import choose_domain, compare, guest, inputs, report, timed

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.atoms.std import STANDARDS
from radon.host.domain import Settings, Status
from radon.host.limits import Limits
from radon.testing.harness import Harness, kind

SHARDS, COORDINATORS = 16, 4  # the guests know them too
CLIENTS = 4
WINDOW = 64  # transactions under way, of each
COMMIT = 1000  # turns


def main() -> None:
    native = choose_domain()
    keys, times = (1_000_000, 60_000) if native else (100_000, 1_000)
    limits = Limits(turn=3600 * 10**9)
    kinds = {
        "kv": kind("kv", STANDARDS["kv"].path, spread="sharded", shards=SHARDS),
        "tx": kind("tx", STANDARDS["txkv"].path, ["kv/*"], spread="sharded", shards=COORDINATORS),
        "txclient": kind("txclient", guest("txkv_client"), ["kv/*", "tx/*"], limits=limits),
        "client": kind("client", guest("kv_client"), ["kv/*"], limits=limits),
    }
    with Harness(kinds, settings=Settings(run=10**15)) as h:
        tokens, rows = itertools.count(1), itertools.count(1)

        def posted(to: str, body: bytes) -> None:
            post = Post(next(tokens), 0, 0, Address.parse(to), NOWHERE, "", "", (), body)
            h.domain.submit(inputs(h.now, post))

        def idle() -> None:
            while h.domain.run(COMMIT) is Status.BUSY:
                h.domain.take_commit()
            h.domain.take_commit()

        def rate(client: str, what: str, entries: int) -> Callable[[], float]:
            """Of entries, a second."""

            def measured() -> float:
                for number in range(CLIENTS):
                    body = f"{what} {times // CLIENTS} {keys} {next(rows)} {WINDOW}"
                    posted(f"{client}/{number}", body.encode())
                seconds = timed(idle)
                assert not any(of.failed for of in h.domain.usage().kinds.values())
                return entries * times / seconds

            return measured

        def turns() -> int:
            return sum(of.turns for of in h.domain.usage().kinds.values())

        posted("client/0", f"fill 0 {keys} {WINDOW}".encode())
        idle()
        size = f"16-byte keys, 256-byte values, {keys} of them"
        for what in ("put", "move"):
            before = turns()
            rate("txclient", what, 2)()
            question = f"txkv, entries a second, {what}, {(turns() - before) / times:.2f} turns each, {size}"
            ours, floor = compare(rate("txclient", what, 2), rate("client", "put", 1), runs=7)
            target = 0.3 * floor if what == "put" else None
            report(question, ours, floor, native=target, unit="1/s", at_least=True)


if __name__ == "__main__":
    main()
