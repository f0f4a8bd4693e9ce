"""Transfers between a few accounts, for `radon sim`: no cent may be lost or doubled, whatever goes wrong.

radon sim examples/bank --seeds 100
"""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from typing import Any

from radon.abi.errors import Timeout
from radon.testing.history import Operation, Outcome
from radon.testing.linearizability import check_linearizable
from radon.testing.simulation import Client, State, Workload

ACCOUNTS = 20
OPENED_WITH = 1000  # cents
BOOK = struct.Struct("<qqqqQ")  # balance, pending, sent, received, numbers: as account.c keeps them


class Account:
    """A model of one account. A transfer is two operations: it takes from one account and gives to another."""

    def key(self, input: tuple[Any, ...]) -> str:
        return str(input[1])

    def initial(self, key: str) -> int:
        return OPENED_WITH

    def apply(self, state: int, input: tuple[Any, ...]) -> tuple[Any, int]:
        match input:
            case ("read", _):
                return state, state
            case ("give", _, cents):
                return True, state + cents
            case ("take", _, cents):
                return cents <= state, state - cents if cents <= state else state
        raise AssertionError(input)


class Bank(Workload):
    clients = 30

    async def setup(self, client: Client) -> None:
        for number in range(ACCOUNTS):
            await client.call(f"account/{number}", b'{"deposit": %d}' % OPENED_WITH)

    async def client(self, client: Client) -> None:
        async for _ in client.every(1.0):
            if client.random.random() < 0.3:
                await self.look(client)
            else:
                await self.transfer(client)

    async def look(self, client: Client) -> None:
        account = str(client.random.randrange(ACCOUNTS))
        with client.begin("read", account) as operation, suppress(Timeout):
            operation.ok(json.loads(await client.call(f"account/{account}"))["balance"])

    async def transfer(self, client: Client) -> None:
        source, target = map(str, client.random.sample(range(ACCOUNTS), 2))
        cents = client.random.randrange(1, 400)
        order = json.dumps({"from": source, "to": target, "cents": cents}).encode()
        with client.begin("take", source, cents) as taken, client.begin("give", target, cents) as given:
            try:
                answer = json.loads(await client.call("teller", order, timeout=60.0))
            except Timeout:
                return
            if "error" in answer:
                assert answer["error"] == "insufficient funds", answer
                taken.ok(False)
                given.failed()
            else:
                taken.ok(True)
                given.ok(True)

    def invariant(self, state: State) -> None:
        books = [
            BOOK.unpack(found)
            for key in map(str, range(ACCOUNTS))
            if (found := state.get(f"account/{key}", "account", "book"))
        ]
        if len(books) == ACCOUNTS:
            under_way = sum(sent - received for _, _, sent, received, _ in books)
            assert sum(balance for balance, *_ in books) + under_way == ACCOUNTS * OPENED_WITH, "money was made or lost"

    def check(self, history: list[Operation], state: State) -> None:
        books = {
            key: BOOK.unpack(state.get(f"account/{key}", "account", "book") or b"") for key in map(str, range(ACCOUNTS))
        }
        assert sum(balance for balance, *_ in books.values()) == ACCOUNTS * OPENED_WITH, "money was made or lost"
        assert not any(pending for _, pending, *_ in books.values()), "a transfer never ended"
        assert not state.dead_letters(), state.dead_letters()
        final = [
            Operation("audit", ("read", key), book[0], 1 << 62, (1 << 62) + 1, Outcome.OK)
            for key, book in books.items()
        ]
        found = check_linearizable([*history, *final], Account())
        assert found.ok, found.text
