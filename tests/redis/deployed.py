"""The example server, deployed: a process that is killed and started again on the same data, and clients that record.

What a client is not answered it knows nothing of. redis-py would send it again by itself, which is turned off here.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, ResponseError, WatchError

from radon.testing.history import Call, Recorder
from tests.examples.programs import MARKED_RADON, kill_in_a_commit, load_program
from tests.redis.model import Command
from tests.redis.served import EXAMPLE

free_port = load_program("demo.py").free_port


class Deployed:
    """`options` are those of `radon deploy`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port: int = free_port()
        self.log = folder / "log"
        self.mark = folder / "mark"  # its byte is 1 while a commit is being written
        self.command = [*MARKED_RADON, "deploy", EXAMPLE, "--data", folder / "data", *options]
        self.command += ["--bind", f"127.0.0.1:{self.port}=resp"]
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.mark.write_bytes(b"\0")
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command, stdout=log, stderr=log, env={**os.environ, "COMMIT_MARK": str(self.mark)}
            )
        async with self.client() as client:
            while not await answers(client):
                assert self.process.returncode is None, self.log.read_text()

    async def kill_in_a_commit(self, rng: random.Random, commits: range) -> None:
        assert self.process is not None
        await kill_in_a_commit(self.process.pid, self.mark, rng, commits)
        await self.process.wait()

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def client(self) -> redis.asyncio.Redis:
        return redis.asyncio.Redis(
            port=self.port, protocol=3, decode_responses=True, socket_timeout=60, retry=Retry(NoBackoff(), 0)
        )

    async def __aenter__(self) -> Deployed:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()


async def answers(client: redis.asyncio.Redis) -> bool:
    with suppress(ConnectionError):
        return bool(await client.ping())
    await asyncio.sleep(0.02)
    return False


def plain(answer: Any) -> Any:
    """As a history can hold it and the model says it."""
    if isinstance(answer, ResponseError):
        return str(answer)
    if isinstance(answer, set):
        return sorted(answer)
    return [plain(one) for one in answer] if isinstance(answer, list) else answer


class Session:
    """What one task asks. It may share its client with others: each of them has a connection of its own then."""

    def __init__(self, client: redis.asyncio.Redis, name: str, recorder: Recorder) -> None:
        self.client = client
        self.name = name
        self.recorder = recorder

    async def ask(self, *commands: Command) -> None:
        """One, or a pipeline."""
        async with self.recorded(*commands) as calls:
            for call, answer in zip(calls, await self.sent(commands, transaction=False), strict=True):
                call.ok(answer)

    async def transact(self, *commands: Command) -> None:
        async with self.recorded(("EXEC", *commands)) as (call,):
            call.ok(await self.sent(commands, transaction=True))

    async def sent(self, commands: Sequence[Command], transaction: bool) -> list[Any]:
        async with self.client.pipeline(transaction=transaction) as pipeline:
            return await executed(pipeline, commands)

    async def watched(self, keys: Sequence[str], change: Callable[[list[str | None]], Command]) -> list[str | None]:
        """The values of the keys, of which this command was made, and done while they were still the same."""
        async with self.client.pipeline() as pipeline:
            await pipeline.watch(*keys)
            values: list[str | None] = await pipeline.mget(keys)
            pipeline.multi()
            await executed(pipeline, [change(values)])
        return values

    @asynccontextmanager
    async def recorded(self, *inputs: Command) -> AsyncIterator[list[Call]]:
        """Operations under way. If the connection is lost nothing is known of them, and the server is waited for."""
        with ExitStack() as stack:
            calls = [stack.enter_context(self.recorder.begin(self.name, input)) for input in inputs]
            try:
                yield calls
            except ConnectionError:
                lost = True
            except WatchError as error:  # redis-py says so of a lost connection as well
                lost = str(error) != "Watched variable changed."
                for call in calls:
                    call.unknown() if lost else call.failed()
            else:
                lost = False
        if lost:
            await self.client.connection_pool.disconnect(inuse_connections=False)  # of which it would try each
            while not await answers(self.client):
                pass


async def executed(pipeline: redis.asyncio.client.Pipeline, commands: Sequence[Command]) -> list[Any]:
    for command in commands:
        pipeline.execute_command(*command)
    return [plain(answer) for answer in await pipeline.execute(raise_on_error=False)]
