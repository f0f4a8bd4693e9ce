"""A deployed store with coordinators, killed with `kill -9` under load, mostly while it writes a commit."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from radon.abi.errors import Unavailable
from radon.host.domains import chosen
from radon.kv import Conflict, Kv
from radon.testing.history import Outcome, Recorder
from radon.testing.serializability import check_serializable
from tests.examples.programs import MARKED_RADON, kill_in_a_commit, load_program
from tests.txkv.workload import listed

KILLS = 6
COMMITS = range(50, 150)  # from one to the next
CLIENTS = 12
KEYS = [f"key-{number}" for number in range(20)]

MANIFEST = """
[application]
name = "shop"

[kinds.kv]
module = "std:kv"
spread = "sharded"
shards = 8

[kinds.tx]
module = "std:txkv"
spread = "sharded"
shards = 2
grants = ["kv/*"]

[require]
delivery = "exactly-once"
durability = "machine"

[ingress.http]
listen = "127.0.0.1:{port}"

[ingress.http.routes]
"POST /kv/{{shard}}" = "kv/#{{shard}}"
"POST /tx/{{shard}}" = "tx/#{{shard}}"
"""

free_port = load_program("demo.py").free_port


@pytest.fixture(scope="module", autouse=True)
def each_domain() -> str:
    """One: they run the same guests alike."""
    return chosen()


class Shop:
    """The process, and what its clients take for a runtime: who hears nothing asks again, under the same name."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.folder = folder
        self.manifest = folder / "radon.toml"
        self.manifest.write_text(MANIFEST.format(port=port))
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10)
        self.process: asyncio.subprocess.Process | None = None
        self.numbers = count(1)

    async def start(self, *options: str) -> int:
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *MARKED_RADON, "deploy", self.manifest, "--data", self.folder / "data", *options, stdout=log, stderr=log
            )
        while not await self.answers():
            assert self.process.returncode is None, (self.folder / "log").read_text()
            await asyncio.sleep(0.02)
        return self.process.pid

    async def answers(self) -> bool:
        with suppress(httpx.TransportError):
            return (await self.http.get("/healthz")).status_code == 200
        return False

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def call(self, address: str, body: bytes = b"", *, timeout: Any = None, once: str = "") -> bytes:
        key = f"question-{next(self.numbers)}"
        while True:
            with suppress(httpx.TransportError):
                answer = await self.http.post(
                    f"/{address.replace('#', '')}", content=body, headers={"Idempotency-Key": key}
                )
                if answer.status_code == 200:
                    return answer.content
            await asyncio.sleep(0.02)


async def be_a_client(kv: Kv, number: int, recorder: Recorder, values: Any, over: asyncio.Event) -> None:
    rng = random.Random(number)
    while not over.is_set():
        keys = rng.sample(KEYS, rng.randrange(2, 5))
        parts = [("append", key, next(values)) if rng.random() < 0.5 else ("read", key) for key in keys]
        with recorder.begin(f"client {number}", ("txn", *parts)) as operation:
            try:
                async with kv.transaction() as t:
                    found = await t.get_many(keys)
                    for (name, key, *value), old in zip(parts, found, strict=True):
                        if name == "append":
                            t.put(key, b"%b %d" % (old or b"", *value))
            except (Conflict, Unavailable):  # or the process was away for longer than a shard is waited for
                operation.failed()
            else:
                told = zip(parts, found, strict=True)
                operation.ok([listed(old) if part[0] == "read" else None for part, old in told])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("domains", ["3", pytest.param("1", marks=pytest.mark.slow)])
async def test_transactions_of_a_process_that_is_killed_again_and_again_are_serializable(
    domains: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    rng = random.Random(10)
    mark = tmp_path / "mark"  # its byte is 1 while a commit is being written
    mark.write_bytes(b"\0")
    monkeypatch.setenv("COMMIT_MARK", str(mark))
    shop, recorder, over = Shop(tmp_path), Recorder(), asyncio.Event()
    kv, values = Kv(shop), count(1)
    try:
        pid = await shop.start("--domains", domains)
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(be_a_client(kv, number, recorder, values, over))
            for _ in range(KILLS):
                await kill_in_a_commit(pid, mark, rng, COMMITS)
                await shop.kill()  # waits for the end
                mark.write_bytes(b"\0")
                pid = await shop.start("--domains", domains)
            over.set()
        with recorder.begin("audit", ("txn", *(("read", key) for key in KEYS))) as operation:
            operation.ok([listed(value) for value in await kv.snapshot(KEYS)])
        async with kv.transaction() as t:  # nothing is locked any more
            for key in KEYS:
                t.delete(key)
    finally:
        await shop.kill()
        await shop.http.aclose()
    done = sum(operation.outcome is Outcome.OK for operation in recorder.history)
    record_property("transactions", done)
    assert done > KILLS
    report = check_serializable(recorder.history)
    assert report.ok, report.text
