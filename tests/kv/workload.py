"""What clients do to a store, one shard or several, while hosts crash and the network fails: each answer is one that a
single store could have given, and transactions within a shard are all or nothing.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count

from radon.abi.errors import Timeout, Unavailable
from radon.kv import IF_ABSENT, Kv
from radon.kv.messages import Op, Status, items, parse, request
from radon.testing.history import Operation, Outcome
from radon.testing.linearizability import check_linearizable
from radon.testing.models import KeyValue
from radon.testing.simulation import Client, State, Workload
from tests.kv.stores import SHARDS

KEYS = [f"key-{number}" for number in range(6)]
AFTER_ALL = 1 << 62  # ns, for what is read when everything is over


class Unkeyed:
    """Asked without a dedup key, a question leaves no trace in the log: whoever answers it has to know by itself that
    it still may."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, address: str, body: bytes = b"", *, timeout: float = 3.0, once: str = "") -> bytes:
        return await self.client.call(address, body, once=False, timeout=3.0)


class Store(Workload):
    clients = 20

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.values = count(1)  # no two are the same, so that an answer tells which one it saw

    async def client(self, client: Client) -> None:
        async for _ in client.every(1.0):
            with suppress(Timeout, Unavailable):
                await self.operate(client)

    async def operate(self, client: Client) -> None:
        kv = Kv(client, shards=SHARDS, timeout=10.0)
        key, value = client.random.choice(KEYS), next(self.values)
        text = b"%d" % value
        match client.random.choices(("get", "put", "put-new", "add", "cas", "delete", "pair"), (5, 2, 1, 1, 2, 1, 1))[
            0
        ]:
            case "get":
                with client.begin("get", key) as operation:
                    found = await Kv(Unkeyed(client), shards=SHARDS).get(key)
                    operation.ok(None if found is None else int(found))
            case "put":
                with client.begin("put", key, value) as operation:
                    await kv.put(key, text, ttl=client.random.choice((None, 1e6)))
                    operation.ok()
            case "put-new":
                with client.begin("cas", key, None, value) as operation:
                    operation.ok(await kv.put(key, text, when=IF_ABSENT) > 0)
            case "add":
                with client.begin("add", key, 1) as operation:
                    operation.ok(await kv.add(key))
            case "cas":
                old = client.random.randrange(1, value + 1)
                with client.begin("cas", key, old, value) as operation:
                    operation.ok(await kv.compare_and_set(key, b"%d" % old, text))
            case "delete":
                with client.begin("delete", key) as operation:
                    operation.ok(await kv.delete(key))
            case "pair":
                await self.put_pair(client, text)

    async def put_pair(self, client: Client, text: bytes) -> None:
        """The same value under two keys of one shard, or under neither."""
        puts = [request(Op.PUT, name, text) for name in (b"left", b"right")]
        answer = parse(await client.call("kv/#0", request(Op.BATCH, payload=items(puts))))
        assert answer.status is Status.OK

    def invariant(self, state: State) -> None:
        left, right = (state.get("kv/#0", "values", name) for name in (b"left", b"right"))
        assert (None if left is None else parse(left).value) == (None if right is None else parse(right).value)

    def check(self, history: list[Operation], state: State) -> None:
        assert not state.dead_letters(), state.dead_letters()
        stored = {
            put.key.decode(): int(parse(put.value).value)
            for atom in state.atoms("kv")
            for put in state.entries(f"kv/{atom}")
            if put.bucket == "values"
        }
        final = [
            Operation("audit", ("get", key), stored.get(key), AFTER_ALL, AFTER_ALL + 1, Outcome.OK) for key in KEYS
        ]
        found = check_linearizable([*history, *final], KeyValue())
        assert found.ok, found.text
