"""What sessions ask of a server: about keys of their own, about groups of keys that lie in several shards, and logs.

The first two are judged by what Redis would answer: each key, and each group, has to be linearizable. A log is a text
that only grows, and shows its past to whoever reads it; so that transactions over all logs are judged together.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import count

from radon.testing.history import Operation
from radon.testing.linearizability import check_linearizable
from radon.testing.serializability import check_serializable
from tests.redis.deployed import Session
from tests.redis.model import Command, Commands
from tests.txkv.workload import listed

LOGS = [f"log-{number}" for number in range(12)]


def keys_of(generation: int) -> list[str]:
    return [f"{kind}-{generation}-{number}" for kind in ("string", "list") for number in range(6)]


def groups_of(generation: int) -> list[str]:
    return [f"{kind}-{generation}-{number}" for kind in ("strings", "lists", "sets") for number in range(2)]


def members(group: str) -> list[str]:
    return [f"{group}:{letter}" for letter in "abcd"]


def look(key: str) -> Command:
    """The command that shows all that a key holds."""
    if key.startswith("list"):
        return ("LRANGE", key, 0, -1)
    return ("SMEMBERS" if key.startswith("sets") else "GET", key)


class Load:
    """Values are unique. Keys and groups give way to others when there is a next generation: with each operation of
    which nothing is known a check takes longer."""

    def __init__(self) -> None:
        self.values = count(1)
        self.generation = 0

    # ---- keys of their own ----

    async def ask_of_keys(self, session: Session, rng: random.Random) -> None:
        await session.ask(*(self.of_a_key(rng) for _ in range(rng.choice((1, 1, 4)))))

    def of_a_key(self, rng: random.Random) -> Command:
        key, value = rng.choice(keys_of(self.generation)), next(self.values)
        if key.startswith("list"):
            return rng.choice((("RPUSH", key, f"{value}"), ("LPOP", key)))
        text = rng.choice((f"{value}", f"text {value}"))
        commands: list[Command] = [("SET", key, text), ("SETNX", key, text), ("APPEND", key, f" {value}")]
        return rng.choice([*commands, ("INCR", key), ("INCR", key), ("GET", key), ("GETDEL", key)])

    # ---- groups ----

    async def ask_of_groups(self, session: Session, rng: random.Random) -> None:
        match self.of_a_group(rng):
            case ("EXEC", *commands):
                await session.transact(*commands)
            case command:
                await session.ask(command)

    def of_a_group(self, rng: random.Random) -> Command:
        group = rng.choice(groups_of(self.generation))
        keys = members(group)
        one, other = rng.sample(keys, 2)
        choices: list[Command] = [("EXEC", *map(look, keys))]
        if group.startswith("lists"):
            choices += [("RPUSH", one, f"{next(self.values)}"), ("LMOVE", one, other, "LEFT", "RIGHT")]
        elif group.startswith("sets"):
            member = f"{rng.randrange(4)}"
            choices += [("SADD", one, member), ("SMOVE", one, other, member)]
        else:
            several = ("MSET", *(word for key in rng.sample(keys, 3) for word in (key, f"{next(self.values)}")))
            choices += [several, ("RENAME", one, other), ("MGET", *keys), ("EXEC", ("INCR", one), ("GET", other))]
        return rng.choice(choices)

    # ---- logs ----

    async def ask_of_logs(self, session: Session, rng: random.Random) -> None:
        keys = rng.sample(LOGS, rng.randrange(2, 5))
        await rng.choice((self.append_to_logs, self.rewrite_logs, read_logs))(session, keys)

    async def append_to_logs(self, session: Session, keys: Sequence[str]) -> None:
        """To every other one; the rest are read."""
        parts = [("read", key) if place % 2 else ("append", key, next(self.values)) for place, key in enumerate(keys)]
        commands = [("GET", key) if name == "read" else ("APPEND", key, f" {of[0]}") for name, key, *of in parts]
        async with session.recorded(("txn", *parts)) as (call,):
            answers = await session.sent(commands, transaction=True)
            call.ok([log(answer) if part[0] == "read" else None for part, answer in zip(parts, answers, strict=True)])

    async def rewrite_logs(self, session: Session, keys: Sequence[str]) -> None:
        """All are read and watched, and all but the last written anew, one longer."""
        more = [(key, next(self.values)) for key in keys[:-1]]
        parts = [*(("read", key) for key in keys), *(("append", *pair) for pair in more)]
        async with session.recorded(("txn", *parts)) as (call,):
            found = await session.watched(keys, lambda found: longer(more, found))
            call.ok([*map(log, found), *(None for _ in more)])


async def read_logs(session: Session, keys: Sequence[str]) -> None:
    async with session.recorded(("txn", *(("read", key) for key in keys))) as (call,):
        call.ok([log(answer) for answer in (await session.sent([("MGET", *keys)], transaction=False))[0]])


def longer(more: Sequence[tuple[str, int]], found: Sequence[str | None]) -> Command:
    """The command that writes these logs anew."""
    return (
        "MSET",
        *(word for (key, value), old in zip(more, found, strict=False) for word in (key, f"{old or ''} {value}")),
    )


def log(text: str | None) -> tuple[int, ...]:
    return listed((text or "").encode())


# ---- the end ----


async def audit(session: Session, load: Load) -> None:
    """All is read, so that what was acknowledged and is not there contradicts this. As many keys as hold something are
    counted, and nothing is locked any more."""
    every = [*LOGS]
    await read_logs(session, LOGS)
    for generation in range(load.generation + 1):
        every += keys_of(generation)
        await session.ask(*map(look, keys_of(generation)))
        for group in groups_of(generation):
            every += members(group)
            await session.transact(*map(look, members(group)))
    there = await session.client.keys()
    assert set(there) <= set(every)
    assert await session.client.dbsize() == len(there) == await session.client.exists(*every)
    await session.client.mset(dict.fromkeys(every, "free"))
    assert await session.client.mget(every) == ["free"] * len(every)
    assert await session.client.dbsize() == len(every)


def check(history: Iterable[Operation]) -> None:
    of_logs, others = [], []
    for operation in history:
        (of_logs if operation.input[0] == "txn" else others).append(operation)
    of_groups = check_linearizable(others, Commands())
    assert of_groups.ok, of_groups.text
    of_all = check_serializable(of_logs)
    assert of_all.ok, of_all.text
