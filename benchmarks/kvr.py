"""What does replication cost? The store of kv.py, with one owner for each key and with three replicas of each shard.

All is in one domain, without threads and without a store, so that what is counted is all that a request makes anybody
do: with "told" the gossip of the replicas too, until all three have each put. The clients ask the first replica of each
shard, one entry in each question, 256-byte values, every answer looked at. The peer is std:kv in the same run.
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
REPLICAS = 3
CLIENTS = 4
WINDOW = 64  # questions under way, of each
COMMIT = 1000  # turns
ROUND = 20_000_000  # ns from a change to gossip about it
ROUNDS = 5  # what there is to tell goes on at once when it was heard


class Store:
    """A domain with a store and its clients."""

    def __init__(self, consistency: str, keys: int, times: int) -> None:
        self.keys, self.times, self.tells = keys, times, consistency != "linearizable"
        limits = Limits(turn=3600 * 10**9, state=1 << 36)
        if self.tells:
            config = {"shards": f"{SHARDS}", "replicas": f"{REPLICAS}", "consistency": consistency, "log": "1000000"}
            module = STANDARDS["kvr"].path
            store = kind("kv", module, spread="sharded", shards=SHARDS, replicas=REPLICAS, config=config, limits=limits)
        else:
            store = kind("kv", STANDARDS["kv"].path, spread="sharded", shards=SHARDS, limits=limits)
        client = kind("client", guest("kv_client"), ["kv/*"], limits=limits)
        self.harness = Harness({"kv": store, "client": client}, settings=Settings(run=10**15))
        self.tokens, self.rows = itertools.count(1), itertools.count(1)
        self.post([("client/0", b"fill 0 %d %d" % (keys, WINDOW))])
        self.idle()
        self.settle()

    def post(self, bodies: list[tuple[str, bytes]]) -> None:
        posts = [Post(next(self.tokens), 0, 0, Address.parse(to), NOWHERE, "", "", (), body) for to, body in bodies]
        self.harness.domain.submit(inputs(self.harness.now, *posts))

    def idle(self) -> None:
        while self.harness.domain.run(COMMIT) is Status.BUSY:
            self.harness.domain.take_commit()
        self.harness.domain.take_commit()

    def settle(self) -> None:
        """Long enough that nobody has anything to tell any more."""
        for _ in range(ROUNDS if self.tells else 0):
            self.harness.now += ROUND
            self.harness.domain.submit(inputs(self.harness.now))
            self.idle()

    def rate(self, what: bytes, told: bool) -> float:
        """Of entries, a second."""
        body = (what, self.times // CLIENTS, self.keys)
        self.post([(f"client/{n}", b"%s %d %d %d %d" % (*body, next(self.rows), WINDOW)) for n in range(CLIENTS)])
        seconds = timed(self.idle)
        seconds += timed(self.settle) if told else 0
        if not told:
            self.settle()
        assert not any(of.failed for of in self.harness.domain.usage().kinds.values())
        return self.times / seconds


def main() -> None:
    native = choose_domain()
    keys, times = (50_000, 40_000) if native else (10_000, 2_000)
    kv = Store("linearizable", keys, times)
    for consistency in ("eventual", "causal"):
        store = Store(consistency, keys, times)
        for what, told in ((b"get", False), (b"put", False), (b"put", True)):
            ours, peer = compare(
                lambda what=what, told=told, store=store: store.rate(what, told),
                lambda what=what: kv.rate(what, False),
                runs=5,
            )
            how = f"told to {REPLICAS - 1} others, " if told else ""
            report(f"kvr, {consistency}, {what.decode()}s a second, {how}{keys} keys; kv", ours, peer, unit="1/s")


if __name__ == "__main__":
    main()
