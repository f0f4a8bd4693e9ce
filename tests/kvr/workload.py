"""What clients do to replicated stores while hosts crash and the network fails. Each client is a session, near another
replica than the next one.

In the end all replicas show the same, nothing that was acknowledged is lost, and no session was promised too much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from itertools import count

from radon.abi.errors import Timeout, Unavailable
from radon.kv import Behind, Kv
from radon.kv.messages import Answer, parse_many
from radon.kv.operations import shard_of
from radon.testing.history import Operation, Outcome
from radon.testing.sessions import check_sessions
from radon.testing.simulation import Client, State, Workload
from tests.kvr.stores import REPLICAS, SHARDS

REGISTERS = [f"register-{number}" for number in range(4)]
COUNTERS = ["counter-0", "counter-1"]
SETS = ["set-0", "set-1"]
BRIEF = ["brief-0", "brief-1"]  # what is put there is deleted, or goes by itself

REGISTER, COUNTER, ELEMENT = 0, 1, 2


class Replicated(Workload):
    clients = 12
    settles = 40.0
    keeps: bool  # the values of which none has replaced another

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.numbers = count(1)
        self.versions: dict[tuple[str, int], int] = {}  # of values that were acknowledged

    async def client(self, client: Client) -> None:
        near = client.number % REPLICAS
        kv = Kv(client, "kvr", shards=SHARDS, replicas=REPLICAS, near=near, timeout=10.0)
        async for _ in client.every(0.5):
            if client.random.random() < 0.3:
                kv.move(client.random.randrange(REPLICAS))
            with suppress(Timeout, Unavailable, Behind):
                await self.operate(client, kv)

    async def operate(self, client: Client, kv: Kv) -> None:
        what = client.random.choices(("get", "put", "add", "insert", "remove", "brief"), (5, 4, 2, 2, 1, 2))[0]
        key, value = client.random.choice(REGISTERS), next(self.numbers)
        text = b"%d" % value
        match what:
            case "get":
                await self.get(client, kv, key)
            case "put":
                after = await self.get(client, kv, key) if self.keeps else None
                with client.begin("put", key, value) as operation:
                    self.versions[key, value] = await kv.put(key, text, after=after)
                    operation.ok()
            case "add":
                key = client.random.choice(COUNTERS)
                with client.begin("add", key, value) as operation:
                    await kv.add(key, value)
                    operation.ok()
            case "insert":
                key = client.random.choice(SETS)
                with client.begin("insert", key, value) as operation:
                    await kv.insert(key, text)
                    operation.ok()
            case "remove":
                key = client.random.choice(SETS)
                members = await kv.members(key)
                if members:
                    element = client.random.choice(members)
                    with client.begin("remove", key, int(element)) as operation:
                        await kv.remove(key, element)
                        operation.ok()
            case "brief":
                key = client.random.choice(BRIEF)
                await kv.put(key, text, ttl=client.random.choice((0.01, 1.0)))
                if client.random.random() < 0.5:
                    await kv.delete(key)

    async def get(self, client: Client, kv: Kv, key: str) -> object:
        with client.begin("get", key) as operation:
            found = await kv.versions(key)
            operation.ok([int(entry.value) for entry in found.entries])
        return found

    # ---- in the end ----

    def check(self, history: list[Operation], state: State) -> None:
        assert not state.dead_letters(), state.dead_letters()
        cells = [self.agreed(state, shard) for shard in range(SHARDS)]
        shown = {key: found for each in cells for key, found in each.items()}
        assert not shown.keys() & set(BRIEF), "what was deleted or has expired is there"
        for shard in range(SHARDS):
            self.check_registers(
                history, {key: shown.get(key, []) for key in REGISTERS if shard_of(key, SHARDS) == shard}
            )
        for key in COUNTERS:
            self.check_counter(key, history, shown.get(key, []))
        for key in SETS:
            self.check_set(key, history, shown.get(key, []))

    def agreed(self, state: State, shard: int) -> dict[str, list[Answer]]:
        """The cells of a shard, which are the same in every replica."""
        atoms = [f"kvr/#{shard}" + f"+{number}" * bool(number) for number in range(REPLICAS)]
        values = [
            {put.key.decode(): put.value for put in state.entries(atom) if put.bucket == "values"} for atom in atoms
        ]
        for atom, found in zip(atoms[1:], values[1:], strict=True):
            assert found == values[0], f"{atom} has {differing(found, values[0])} than {atoms[0]}"
        left = {put.bucket for atom in atoms for put in state.entries(atom)} - {"values", "replica"}
        assert not left, f"there is something left of shard {shard}: {left}"
        return {key: parse_many(value) for key, value in values[0].items()}

    def check_registers(self, history: list[Operation], shown: dict[str, list[Answer]]) -> None:
        """Causal order holds within a shard."""
        own = [each for each in history if each.input[1] in shown]
        final = {key: [int(cell.value) for cell in cells] for key, cells in shown.items() if self.written(own, key)}
        report = check_sessions(own, keeps=self.keeps, final=final)
        assert report.ok, report.text
        if self.keeps:
            return
        for (key, value), version in self.versions.items():
            for cell in shown.get(key, []):
                assert version <= cell.version, f"{value}, put under {key} later, has not replaced {cell.value!r}"

    @staticmethod
    def written(history: Iterable[Operation], key: str) -> bool:
        return any(each.input[:2] == ("put", key) and each.outcome is Outcome.OK for each in history)

    @staticmethod
    def check_counter(key: str, history: list[Operation], cells: list[Answer]) -> None:
        total = sum(int.from_bytes(cell.value, "little", signed=True) for cell in cells)
        added = Counter[bool]()
        for each in history:
            if each.input[:2] == ("add", key):
                added[each.outcome is Outcome.OK] += each.input[2]
        assert added[True] <= total <= added[True] + added[False], f"{key} is {total} after {added}"

    @staticmethod
    def check_set(key: str, history: list[Operation], cells: list[Answer]) -> None:
        there = {int(cell.value) for cell in cells}
        own = [each for each in history if each.input[1] == key]
        inserted = {each.input[2] for each in own if each.input[0] == "insert" and each.outcome is Outcome.OK}
        maybe = {each.input[2] for each in own if each.input[0] == "insert"}
        gone = {each.input[2] for each in own if each.input[0] == "remove" and each.outcome is Outcome.OK}
        going = {each.input[2] for each in own if each.input[0] == "remove"}
        assert inserted - going <= there, f"{key} lacks {inserted - going - there}"
        assert there <= maybe - gone, f"{key} has {there - (maybe - gone)}"


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


class Causal(Replicated):
    keeps = True


class Eventual(Replicated):
    keeps = False
