"""Gets, puts and the rest on a few keys, for `radon sim`: each answer is one that a single store could have given.

radon sim examples/kv --workload examples/kv/workload.py --seeds 100
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count

from radon.abi.errors import Timeout, Unavailable
from radon.testing.history import Operation, Outcome
from radon.testing.linearizability import check_linearizable
from radon.testing.models import KeyValue
from radon.testing.simulation import Client, State, Workload

KEYS = [f"key-{number}" for number in range(8)]
AFTER_ALL = 1 << 62  # ns, for what is read when everything is over


class Store(Workload):
    clients = 30

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.values = count(1)  # no two are the same, so that an answer tells which one it saw

    async def client(self, client: Client) -> None:
        async for _ in client.every(1.0):
            with suppress(Timeout, Unavailable):
                await self.operate(client)

    async def operate(self, client: Client) -> None:
        key = client.random.choice(KEYS)
        value = next(self.values)
        # Without a dedup key a message is handled once at most, and nobody may know whether it was.
        once = client.random.random() < 0.5
        match client.random.choices(("get", "put", "add", "cas", "delete"), (5, 2, 1, 2, 1))[0]:
            case "get":
                with client.begin("get", key) as operation:
                    # Asked without a dedup key, a question leaves no trace in the log: whoever answers it has to know
                    # by itself that it still may.
                    found = await client.call(f"kv/{key}", b"get %b" % key.encode(), once=False, timeout=3.0)
                    operation.ok(None if found == b"-" else int(found.removeprefix(b"=")))
            case "put":
                with client.begin("put", key, value) as operation:
                    await client.call(f"kv/{key}", b"put %b %d" % (key.encode(), value), once=once)
                    operation.ok()
            case "add":
                with client.begin("add", key, 1) as operation:
                    found = await client.call(f"kv/{key}", b"add %b 1" % key.encode(), once=once)
                    operation.ok(int(found.removeprefix(b"=")))
            case "cas":
                old = client.random.randrange(1, value + 1)
                with client.begin("cas", key, old, value) as operation:
                    text = b"%d" % old
                    body = b"cas %b %d %b %d" % (key.encode(), len(text), text, value)
                    operation.ok(await client.call(f"kv/{key}", body) == b"+")
            case "delete":
                with client.begin("delete", key) as operation:
                    operation.ok(await client.call(f"kv/{key}", b"delete %b" % key.encode()) == b"+")

    def check(self, history: list[Operation], state: State) -> None:
        assert not state.dead_letters(), state.dead_letters()
        values = {put.key.decode(): int(put.value) for key in state.atoms("kv") for put in state.entries(f"kv/{key}")}
        final = [
            Operation("audit", ("get", key), values.get(key), AFTER_ALL, AFTER_ALL + 1, Outcome.OK) for key in KEYS
        ]
        found = check_linearizable([*history, *final], KeyValue())
        assert found.ok, found.text
