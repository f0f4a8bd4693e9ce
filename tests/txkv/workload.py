"""What clients do to a store with coordinators while hosts crash and the network fails: transactions, snapshots, and
appends that know nothing of transactions. Some order of all of it, which does not contradict the clock, explains every
answer; and when all is over nothing is locked any more.

Some lists move: whoever appends to one puts it under either of two keys of different shards, and deletes the other. So
these keys come and go, and who sees a list under neither of its keys, or under both, has seen what never was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import count
from random import Random
from typing import Any

from radon.abi.errors import Timeout, Unavailable
from radon.kv import Conflict, Kv
from radon.kv.messages import RUN, Answer, Op, parse
from radon.kv.operations import Ask
from radon.testing.history import Operation, Outcome
from radon.testing.serializability import check_serializable
from radon.testing.simulation import Client, State, Workload
from tests.kv.stores import SHARDS

KEYS = [f"key-{number}" for number in range(10)]
CROSSED = KEYS[:2]
MOVING = {key: (key, f"{key} moved") for key in KEYS[8:]}
AFTER_ALL = 1 << 62  # ns, for what is read when everything is over
CHANGES = (RUN, Op.BATCH, Op.APPEND)


class Asking:
    """A question that only reads is asked without a dedup key, so that it leaves no trace in the log."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, address: str, body: bytes = b"", *, timeout: float = 10.0, once: str = "") -> bytes:
        return await self.client.call(address, body, timeout=timeout, once=body[0] in CHANGES)


class Store(Kv):
    """In virtual time, in which a client asks one question after the other."""

    def __init__(self, client: Client, dawdling: float = 0.0) -> None:
        async def pause(attempt: int) -> None:
            await client.sleep(client.random.random() * min(0.2, 0.005 * 2.0**attempt))

        super().__init__(Asking(client), shards=SHARDS, timeout=10.0, pause=pause)
        self.client = client
        self.dawdling = dawdling  # s between two questions, at most

    async def _ask_all(self, asks: list[Ask], once: str) -> list[Answer]:
        """In any order."""
        answers: dict[int, Answer] = {}
        for number in self.client.random.sample(range(len(asks)), len(asks)):
            answers[number] = await self._ask(asks[number], {})
            if self.dawdling:
                await self.client.sleep(self.client.random.random() * self.dawdling)
        return [answers[number] for number in range(len(asks))]


def places(keys: Iterable[str]) -> list[str]:
    """All keys of the store under which these lists may be."""
    return [place for key in keys for place in MOVING.get(key, (key,))]


def listed(value: bytes | None) -> tuple[int, ...]:
    return tuple(int(word) for word in (value or b"").split())


def found(key: str, values: Mapping[str, bytes | None]) -> tuple[int, ...]:
    """The list, in what stands in its places."""
    return listed(b" ".join(values.get(place) or b"" for place in places([key])))


class Transactions(Workload):
    clients = 16

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.values = count(1)  # no two are the same, so that a list shows its whole past

    async def client(self, client: Client) -> None:
        kv, slow = Store(client), Store(client, dawdling=0.05)
        async for _ in client.every(2.0):
            does, by = client.random.choices(
                [
                    (self.change, kv), (self.cross, kv), (self.look, kv), (self.look, slow), (self.append, kv),
                    (self.commute, kv),
                ],
                [3, 1, 1, 3, 1, 2],
            )[0]  # fmt: skip
            with suppress(Timeout):
                await does(by, client)

    async def change(self, kv: Kv, client: Client) -> None:
        """Reads lists and appends to some of them."""
        keys = client.random.sample(KEYS, client.random.randrange(1, 5))
        await self.transact(
            kv, client,
            [("append", key, next(self.values)) if client.random.random() < 0.5 else ("read", key) for key in keys],
        )  # fmt: skip

    async def cross(self, kv: Kv, client: Client) -> None:
        """Reads one of two lists and appends to the other, at a time when others do so the other way round."""
        for _ in range(5):
            read, changed = client.random.sample(CROSSED, 2)
            await self.transact(kv, client, [("read", read), ("append", changed, next(self.values))])

    async def transact(self, kv: Kv, client: Client, parts: list[tuple[Any, ...]]) -> None:
        with client.begin("txn", *parts) as operation:
            answers: list[tuple[int, ...] | None] = []
            try:
                async with kv.transaction() as t:
                    for name, key, *value in parts:
                        at = places([key])
                        before = found(key, dict(zip(at, await t.get_many(at), strict=True)))
                        answers.append(before if name == "read" else None)
                        if name == "append":
                            client.random.shuffle(at)
                            t.put(at[0], b" ".join(b"%d" % each for each in (*before, *value)))
                            for other in at[1:]:
                                t.delete(other)
            except (Conflict, Unavailable):
                operation.failed()
            else:
                operation.ok(answers)

    async def look(self, kv: Kv, client: Client) -> None:
        keys = client.random.sample(KEYS, client.random.randrange(1, len(KEYS)))
        with client.begin("txn", *(("read", key) for key in keys)) as operation:
            try:
                values = dict(zip(places(keys), await kv.snapshot(places(keys)), strict=True))
                operation.ok([found(key, values) for key in keys])
            except (Conflict, Unavailable):
                operation.failed()

    async def append(self, kv: Kv, client: Client) -> None:
        """Without a transaction."""
        key, value = client.random.choice([key for key in KEYS if key not in MOVING]), next(self.values)
        with client.begin("txn", ("append", key, value)) as operation:
            try:
                await kv.append(key, b" %d" % value)
                operation.ok([None])
            except Conflict:
                operation.failed()

    async def commute(self, kv: Kv, client: Client) -> None:
        """Moves a list to and fro, which changes nothing of it."""
        at = client.random.choice(list(MOVING.values()))
        for _ in range(10):
            with suppress(Conflict, Unavailable):
                async with kv.transaction() as t:
                    for here, there, value in zip(at, reversed(at), await t.get_many(at), strict=True):
                        if value is not None:
                            t.put(there, value)
                            t.delete(here)

    def check(self, history: list[Operation], state: State) -> None:
        assert not state.dead_letters(), state.dead_letters()
        left = {
            f"{kind}/{atom}: {put.bucket}"
            for kind, kept in (("kv", ("values", "shard")), ("tx", ("numbers", "told", "asked")))
            for atom in state.atoms(kind)
            for put in state.entries(f"{kind}/{atom}")
            if put.bucket not in kept
        }
        assert not left, f"these are not over: {left}"
        stored = {
            put.key.decode(): parse(put.value).value
            for atom in state.atoms("kv")
            for put in state.entries(f"kv/{atom}")
            if put.bucket == "values"
        }
        reads = ("txn", *(("read", key) for key in KEYS))
        final = Operation(
            "audit", reads, tuple(found(key, stored) for key in KEYS), AFTER_ALL, AFTER_ALL + 1, Outcome.OK
        )
        report = check_serializable([*history, final])
        assert report.ok, report.text
