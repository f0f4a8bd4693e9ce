"""The example server, deployed, and killed with `kill -9` again and again while redis-py clients ask it in parallel."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import pytest

from radon.testing.history import Outcome, Recorder
from tests.examples.programs import kill_in_a_commit
from tests.redis.deployed import Deployed, Session, client_of
from tests.redis.load import ask_of_groups, ask_of_keys, ask_of_logs, audit, check

CLIENTS = 4  # each with three connections
COMMITS = range(30, 100)  # from one kill to the next


@pytest.fixture(scope="module", autouse=True)
def each_domain() -> None:
    """Not here: the server is a process of its own."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("domains", "kills"),
    [("1", 5), pytest.param("1", 30, marks=pytest.mark.slow), pytest.param("3", 30, marks=pytest.mark.slow)],
)
async def test_what_a_server_answers_that_is_killed_again_and_again_is_what_one_redis_would(
    domains: str,
    kills: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    rng, values, recorder, over = random.Random(6), count(1), Recorder(), asyncio.Event()
    mark = tmp_path / "mark"  # its byte is 1 while a commit is being written
    mark.write_bytes(b"\0")
    monkeypatch.setenv("COMMIT_MARK", str(mark))
    server = Deployed(tmp_path, "--domains", domains)

    async def ask(load: Callable[..., object], session: Session) -> None:
        choices = random.Random(session.name)
        while not over.is_set():
            await load(session, choices, values)

    try:
        pid = await server.start()
        async with AsyncExitStack() as clients, asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                client = await clients.enter_async_context(client_of(server.port))
                for load in (ask_of_keys, ask_of_groups, ask_of_logs):
                    group.create_task(ask(load, Session(client, f"client {number} {load.__name__}", recorder)))
            for _ in range(kills):
                await kill_in_a_commit(pid, mark, rng, COMMITS)
                await server.kill()  # waits for the end
                mark.write_bytes(b"\0")
                pid = await server.start()
            over.set()
        async with client_of(server.port) as client:
            await audit(Session(client, "audit", recorder))
    finally:
        await server.kill()
    done = sum(operation.outcome is Outcome.OK for operation in recorder.history)
    record_property("operations", done)
    assert done > kills
    check(recorder.history)
