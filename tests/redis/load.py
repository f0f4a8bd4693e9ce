"""What sessions ask of a server: about keys of their own, about groups of keys that lie in several shards, and logs.

The first two are judged by what Redis would answer: each key, and each group, has to be linearizable. A log is a text
that only grows, and shows its past to whoever reads it; so that transactions over all logs are judged together.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from radon.testing.history import Operation
from radon.testing.linearizability import check_linearizable
from radon.testing.serializability import check_serializable
from tests.redis.deployed import Session
from tests.redis.model import Command, Commands
from tests.txkv.workload import listed

SINGLE = [f"{kind}-{number}" for kind in ("string", "list") for number in range(6)]
GROUPS = [f"{kind}-{number}" for kind in ("strings", "lists", "sets") for number in range(2)]
LOGS = [f"log-{number}" for number in range(12)]
MEMBERS = "0123"


def members(group: str) -> list[str]:
    return [f"{group}:{letter}" for letter in "abcd"]


def reads(key: str) -> Command:
    """The command that shows all that it holds."""
    if key.startswith("list"):
        return ("LRANGE", key, 0, -1)
    return ("SMEMBERS" if key.startswith("sets") else "GET", key)


def look(group: str) -> Command:
    return ("EXEC", *map(reads, members(group)))


# ---- keys of their own ----


async def ask_of_keys(session: Session, rng: random.Random, values: Iterator[int]) -> None:
    await session.ask(*(of_a_key(rng, next(values)) for _ in range(rng.choice((1, 1, 4)))))


def of_a_key(rng: random.Random, value: int) -> Command:
    key = rng.choice(SINGLE)
    if key.startswith("list"):
        return rng.choice((("RPUSH", key, f"{value}"), ("LPOP", key)))
    text = rng.choice((f"{value}", f"text {value}"))
    commands: list[Command] = [("SET", key, text), ("SETNX", key, text), ("APPEND", key, f" {value}")]
    return rng.choice([*commands, ("INCR", key), ("INCR", key), ("GET", key), ("GETDEL", key)])


# ---- groups ----


async def ask_of_groups(session: Session, rng: random.Random, values: Iterator[int]) -> None:
    match of_a_group(rng, values):
        case ("EXEC", *commands):
            await session.transact(*commands)
        case command:
            await session.ask(command)


def of_a_group(rng: random.Random, values: Iterator[int]) -> Command:
    group = rng.choice(GROUPS)
    keys = members(group)
    one, other = rng.sample(keys, 2)
    if group.startswith("lists"):
        return rng.choice((("RPUSH", one, f"{next(values)}"), ("LMOVE", one, other, "LEFT", "RIGHT"), look(group)))
    if group.startswith("sets"):
        member = rng.choice(MEMBERS)
        return rng.choice((("SADD", one, member), ("SMOVE", one, other, member), look(group)))
    several: Command = ("MSET", *(word for key in rng.sample(keys, 3) for word in (key, f"{next(values)}")))
    return rng.choice((several, ("RENAME", one, other), ("MGET", *keys), ("EXEC", ("INCR", one), ("GET", other))))


# ---- logs ----


async def ask_of_logs(session: Session, rng: random.Random, values: Iterator[int]) -> None:
    keys = rng.sample(LOGS, rng.randrange(2, 5))
    await rng.choice((append_to_logs, rewrite_logs, read_logs))(session, keys, values)


async def append_to_logs(session: Session, keys: Sequence[str], values: Iterator[int]) -> None:
    """To every other one; the rest are read."""
    parts = [("read", key) if place % 2 else ("append", key, next(values)) for place, key in enumerate(keys)]
    commands = [("GET", key) if name == "read" else ("APPEND", key, f" {of[0]}") for name, key, *of in parts]
    async with session.recorded(("txn", *parts)) as (call,):
        answers = await session.sent(commands, transaction=True)
        call.ok([log(answer) if part[0] == "read" else None for part, answer in zip(parts, answers, strict=True)])


async def rewrite_logs(session: Session, keys: Sequence[str], values: Iterator[int]) -> None:
    """All are read and watched, and all but the last written anew, one longer."""
    more = [next(values) for _ in keys[:-1]]

    def longer(found: Sequence[str | None]) -> Command:
        new = [(key, f"{old or ''} {value}") for key, old, value in zip(keys, found, more, strict=False)]
        return ("MSET", *(word for pair in new for word in pair))

    parts = [("read", key) for key in keys] + [("append", key, value) for key, value in zip(keys, more, strict=False)]
    async with session.recorded(("txn", *parts)) as (call,):
        found = await session.watched(keys, longer)
        call.ok([*map(log, found), *(None for _ in more)])


async def read_logs(session: Session, keys: Sequence[str], values: Iterator[int]) -> None:
    async with session.recorded(("txn", *(("read", key) for key in keys))) as (call,):
        call.ok([log(answer) for answer in (await session.sent([("MGET", *keys)], transaction=False))[0]])


def log(text: str | None) -> tuple[int, ...]:
    return listed((text or "").encode())


# ---- the end ----


async def audit(session: Session) -> None:
    """All is read, so that what was acknowledged and is not there contradicts this. Nothing is locked any more, and as
    many keys as hold something are counted."""
    for key in SINGLE:
        await session.ask(reads(key))
    for group in GROUPS:
        await session.transact(*map(reads, members(group)))
    await read_logs(session, LOGS, iter(()))
    keys = await session.client.keys()
    assert await session.client.dbsize() == len(keys) == await session.client.exists(*keys)
    every = [*SINGLE, *LOGS, *(key for group in GROUPS for key in members(group))]
    assert set(keys) <= set(every)
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
