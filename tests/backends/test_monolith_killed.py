"""kill -9 under load, at seeded moments, most of them while a commit is being written: what was promised is there.

Run as a program this file is the victim: it serves agents from an LMDB, is its own twelve clients, and tells on its
standard output what it tries and what was acknowledged.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import mmap
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import radon
from radon.backends import runner
from radon.backends.stores import lmdb as lmdb_module
from radon.backends.stores.lmdb import LmdbStore

CLIENTS = 12
COMMITS = 40  # of each domain at most, before a kill
MOMENT = 0.0005  # seconds at most from the beginning of a commit to the kill: about as long as one takes
HALF = 0.0002  # seconds by which one is made longer before it and behind it: it may take 10 us, and cannot be hit
COMMIT, SNAPSHOT = 1, 2  # what the mark says is being written

GRANTS = ["agent/*"]


def manifest(folder: Path) -> radon.Manifest:
    kinds = {"agent": {"module": "agent.wasm", "grants": GRANTS}}
    return radon.Manifest.of({"application": {"name": "killed"}, "kinds": kinds}, base=folder)


# ---- the victim ----


def mark_writes(path: str) -> None:
    """The file's byte says what is being written; what is mapped outlives the process."""
    with open(path, "r+b") as file:
        mark = mmap.mmap(file.fileno(), 1)

    def marked(method: Callable[..., None], what: int) -> Callable[..., None]:
        def write(*args: Any) -> None:
            mark[0] = what
            time.sleep(HALF)
            method(*args)
            time.sleep(HALF)
            mark[0] = 0

        return write

    LmdbStore.commit = marked(LmdbStore.commit, COMMIT)  # type: ignore[method-assign]
    LmdbStore.snapshot = marked(LmdbStore.snapshot, SNAPSHOT)  # type: ignore[method-assign]


def say(*words: object) -> None:
    os.write(1, " ".join(map(str, words)).encode() + b"\n")  # at once: a line is written whole or not at all


def lines(number: int) -> bytes:
    """A note at one agent, an object, and one for another agent, who notes it when it has read the object."""
    name = hashlib.sha256(f"object {number}".encode()).hexdigest()
    return f"note {number}\nobject object {number}\nto agent/b{number % CLIENTS} read {name};note {number}\n".encode()


async def operate(app: radon.Runtime, number: int) -> None:
    """In one turn what `lines` say. Even ones have a dedup key and may be tried again."""
    say("try", number)
    client = number % CLIENTS
    await app.call(f"agent/a{client}", lines(number), once=f"op {number}" if number % 2 == 0 else "", timeout=None)
    say("ack", number)


async def client(app: radon.Runtime, first: int) -> None:
    number = first
    while True:
        await operate(app, number)
        number += CLIENTS


async def leave_behind(app: radon.Runtime, name: str) -> None:
    """A timer, a postponed message, a kept message, and a turn that waits for its answer."""
    await app.call(f"agent/t-{name}", b"timer 30 7\nlater 30 agent/t-%b note late\n" % name.encode(), once=f"t {name}")
    waits = b"call 36000000 agent/k-%b note asked;keep 1\nnote resumed\n" % name.encode()
    asked = asyncio.ensure_future(app.call(f"agent/s-{name}", waits, once=f"s {name}", timeout=None))
    await app.call(f"agent/k-{name}", b"until 1", timeout=None)
    say("left", name)
    await asked


async def be_killed(folder: Path, durability: str, domains: int, order: dict[str, Any]) -> None:
    lmdb_module.PART_BYTES, runner.SNAPSHOT_BYTES = 4096, 20_000  # snapshots often, and of several parts
    where: dict[str, Any] = {"store": "lmdb", "data": folder / "data", "durability": durability, "domains": domains}
    async with radon.Runtime(manifest(folder), **where) as app:
        say("ready")
        await asyncio.gather(*[operate(app, number) for number in order["again"]])
        first = order["first"]
        await asyncio.gather(leave_behind(app, order["name"]), *[client(app, first + n) for n in range(CLIENTS)])


# ---- the killer ----


class Killer:
    """Kills one victim after another on the same data, and remembers what each said."""

    def __init__(self, folder: Path, durability: str, domains: int, seed: int) -> None:
        self.folder, self.durability, self.domains, self.random = folder, durability, domains, random.Random(seed)
        self.tried: set[int] = set()
        self.acknowledged: set[int] = set()
        self.left: list[str] = []
        self.landed = Counter[int]()
        (folder / "mark").write_bytes(b"\0")
        with (folder / "mark").open("r+b") as file:
            self.mark = mmap.mmap(file.fileno(), 1)

    def kill_one(self, name: str) -> None:
        order = {"name": name, "first": CLIENTS * (max(self.tried, default=0) // CLIENTS + 1), "again": self.open()}
        chosen = (str(self.folder), self.durability, str(self.domains), json.dumps(order))
        command = [sys.executable, __file__, *chosen]
        self.mark[0] = 0
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child, ThreadPoolExecutor(1) as reader:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            said = reader.submit(child.stdout.read)  # at once: behind a full pipe the victim would stand still
            self.wait_for_commits(child, self.random.randrange(1, COMMITS * self.domains))
            child.kill()
        self.landed[self.mark[0]] += 1
        for line in said.result().decode().splitlines():
            what, about = line.split()
            if what == "left":
                self.left.append(about)
            else:
                (self.tried if what == "try" else self.acknowledged).add(int(about))

    def wait_for_commits(self, child: subprocess.Popen[bytes], commits: int) -> None:
        for _ in range(commits):
            end = time.monotonic() + 60  # a disk that others use may be slow
            for written in (False, True):
                while (self.mark[0] != 0) is not written:
                    assert child.poll() is None, "the victim ended by itself"
                    assert time.monotonic() < end, "the victim commits nothing"
                    time.sleep(0.00005)  # a processor for the victim; some commits are over before they are seen
        moment = time.perf_counter() + self.random.random() * MOMENT
        while time.perf_counter() < moment:
            pass

    def open(self) -> list[int]:
        """Operations that nobody knows of whether they happened, and that may be tried again."""
        return sorted(number for number in self.tried - self.acknowledged if number % 2 == 0)


def check(killer: Killer) -> None:
    """The data after the last kill, in a process that lives."""
    with radon.BlockingRuntime(manifest(killer.folder), store="lmdb", data=killer.folder / "data") as app:

        def tell(key: str, line: str, once: str = "") -> list[str]:
            return app.call(f"agent/{key}", line.encode(), once=once).decode().split("\n")

        happened: list[int] = []
        for n in range(CLIENTS):
            first = [line for line in tell(f"a{n}", "notes") if line]
            second = [line for line in tell(f"b{n}", f"until {len(first)}") if line]
            for _ in range(100):  # what was on its way from another domain may have come in between
                if len(second) > len(first):
                    first = [line for line in tell(f"a{n}", "notes") if line]
            assert second == first, "half of a turn, or out of order"
            happened += map(int, first)
        assert len(set(happened)) == len(happened), "something happened twice"
        assert killer.acknowledged <= set(happened), "something that was acknowledged is not there"
        assert set(happened) <= killer.tried
        for number in killer.open():
            app.call(f"agent/a{number % CLIENTS}", lines(number), once=f"op {number}")
        for n in range(CLIENTS):
            again = [line for line in tell(f"a{n}", "notes") if line]
            assert len(set(again)) == len(again), "something was done again that had been done"
        for name in killer.left:
            assert sorted(tell(f"t-{name}", "until 2")) == ["fired 7", "late"]
            assert tell(f"k-{name}", "answer 1 go") == [""]
            assert tell(f"s-{name}", "until 1") == ["resumed"]
        for name in killer.left:
            assert sorted(tell(f"t-{name}", "notes")) == ["fired 7", "late"]
            assert tell(f"s-{name}", "notes") == ["resumed"]
            assert tell(f"k-{name}", "notes") == ["asked"]
        assert app.dead_letters() == []


def kill_many(folder: Path, agent_folder: Path, durability: str, domains: int, seed: int, rounds: int) -> None:
    (folder / "agent.wasm").write_bytes((agent_folder / "agent.wasm").read_bytes())
    killer = Killer(folder, durability, domains, seed)
    for number in range(rounds):
        killer.kill_one(f"{number}")
    check(killer)
    assert len(killer.acknowledged) > 10 * rounds
    assert len(killer.left) > rounds // 6
    assert killer.landed[COMMIT] + killer.landed[SNAPSHOT] >= rounds // 3, killer.landed
    print(f"{durability}: {killer.landed[COMMIT]} of {rounds} kills landed in a commit, ")  # noqa: T201
    print(f"{killer.landed[SNAPSHOT]} in a snapshot; {len(killer.acknowledged)} operations")  # noqa: T201


@pytest.mark.parametrize(("durability", "domains"), [("fsync", 1), ("async", 1), ("async", 3)])
def test_a_killed_deployment_keeps_what_it_promised_and_does_nothing_twice(
    tmp_path: Path, agent_folder: Path, durability: str, domains: int
) -> None:
    kill_many(tmp_path, agent_folder, durability, domains, 1, 6)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("durability", "domains"), [("fsync", 1), ("async", 1), ("async", 3)])
@pytest.mark.parametrize("seed", range(2, 5))
def test_many_more_kills(tmp_path: Path, agent_folder: Path, durability: str, domains: int, seed: int) -> None:
    kill_many(tmp_path, agent_folder, durability, domains, seed, 40)


if __name__ == "__main__":
    mark_writes(str(Path(sys.argv[1]) / "mark"))
    asyncio.run(be_killed(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])))
