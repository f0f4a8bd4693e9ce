"""The example server, deployed, and killed with `kill -9` again and again while redis-py clients ask it in parallel."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from radon.testing.history import Outcome, Recorder
from tests.redis.deployed import Deployed, Session
from tests.redis.load import Load, audit, check

CLIENTS = 4  # each with three connections
COMMITS = range(50, 150)  # of a domain, from one kill to the next
GENERATION = 3  # kills, that the keys of one outlast


@pytest.fixture(scope="module", autouse=True)
def each_domain() -> None:
    """Not here: the server is a process of its own."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("domains", "kills"),
    [(1, 5), pytest.param(1, 30, marks=pytest.mark.slow), pytest.param(3, 30, marks=pytest.mark.slow)],
)
async def test_a_server_that_is_killed_again_and_again_answers_as_one_redis_would(
    domains: int, kills: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    rng, load, recorder, over = random.Random(6), Load(), Recorder(), asyncio.Event()
    commits = range(COMMITS.start * domains, COMMITS.stop * domains)

    async def keep_asking(ask: Callable[[Session, random.Random], Awaitable[None]], session: Session) -> None:
        choices = random.Random(session.name)
        while not over.is_set():
            await ask(session, choices)

    async with Deployed(tmp_path, "--domains", f"{domains}") as server:
        async with AsyncExitStack() as clients, asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                client = await clients.enter_async_context(server.client())
                for ask in (load.ask_of_keys, load.ask_of_groups, load.ask_of_logs):
                    session = Session(client, f"client {number} {ask.__name__}", recorder)
                    group.create_task(keep_asking(ask, session))
            for kill in range(kills):
                load.generation = kill // GENERATION
                await server.kill_in_a_commit(rng, commits)
                await server.start()
            over.set()
        async with server.client() as client:
            await audit(Session(client, "audit", recorder), load)
    done = sum(operation.outcome is Outcome.OK for operation in recorder.history)
    record_property("operations", done)
    assert done > 10 * kills
    check(recorder.history)
