"""Checks that find nothing prove nothing: here are a worse server, and worse clients; and Redis, which passes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import redis.asyncio

from radon.testing.history import Recorder
from radon.testing.linearizability import check_linearizable
from radon.testing.serializability import check_serializable
from tests.redis.deployed import Deployed, Session
from tests.redis.load import Load, audit, check
from tests.redis.model import Commands
from tests.redis.server import Server


@pytest.fixture(scope="module", autouse=True)
def each_domain() -> None:
    """Not here: the server is a process of its own."""


async def test_a_store_that_forgets_is_found(tmp_path: Path) -> None:
    recorder = Recorder()
    async with Deployed(tmp_path, "--store", "memory") as server:
        async with server.client() as client:
            await Session(client, "ann", recorder).ask(("SET", "a", "1"))
        await server.kill()
        await server.start()
        async with server.client() as client:
            await Session(client, "ann", recorder).ask(("GET", "a"))
    report = check_linearizable(recorder.history, Commands())
    assert report.violation is not None
    assert report.violation.answers == ["1"]


async def test_an_mset_in_steps_is_found(tmp_path: Path) -> None:
    recorder = Recorder()
    keys = [f"group:{letter}" for letter in "ab"]
    async with Deployed(tmp_path) as server, server.client() as client:
        ann, bob = Session(client, "ann", recorder), Session(client, "bob", recorder)
        async with ann.recorded(("MSET", *(word for key in keys for word in (key, "1")))) as (call,):
            await client.set(keys[0], "1")
            await bob.ask(("MGET", *keys))
            await client.set(keys[1], "1")
            call.ok(True)
        await bob.ask(("MGET", *keys))
    report = check_linearizable(recorder.history, Commands())
    assert report.violation is not None
    assert report.violation.culprit.output == ("1", None)


async def test_a_change_without_watch_is_found(tmp_path: Path) -> None:
    """Two read an empty log, and each writes it one longer."""
    recorder = Recorder()
    async with Deployed(tmp_path) as server, server.client() as client:
        ann, bob = Session(client, "ann", recorder), Session(client, "bob", recorder)
        async with (
            ann.recorded(("txn", ("read", "log"), ("append", "log", 1))) as (one,),
            bob.recorded(("txn", ("read", "log"), ("append", "log", 2))) as (other,),
        ):
            assert await client.mget("log") == await client.mget("log") == [None]
            await client.set("log", " 1")
            one.ok([(), None])
            await client.set("log", " 2")
            other.ok([(), None])
        async with ann.recorded(("txn", ("read", "log"))) as (call,):
            call.ok([[int(word) for word in (await client.get("log")).split()]])
    report = check_serializable(recorder.history, "serializable")
    assert "lost-update" in {anomaly.name for anomaly in report.anomalies}, report.text


@pytest.mark.debian("redis-server")
async def test_redis_passes(tmp_path: Path) -> None:
    recorder, load = Recorder(), Load()

    async def ask_often(ask: Callable[[Session, random.Random], Awaitable[None]], session: Session) -> None:
        choices = random.Random(session.name)
        for _ in range(100):
            await ask(session, choices)

    with Server(tmp_path) as server:
        async with redis.asyncio.Redis(unix_socket_path=server.path, protocol=3, decode_responses=True) as client:
            async with asyncio.TaskGroup() as group:
                for number in range(4):
                    for ask in (load.ask_of_keys, load.ask_of_groups, load.ask_of_logs):
                        session = Session(client, f"client {number} {ask.__name__}", recorder)
                        group.create_task(ask_often(ask, session))
            await audit(Session(client, "audit", recorder), load)
    check(recorder.history)
