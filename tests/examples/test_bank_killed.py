"""The bank as a user has it, killed with `kill -9` under load, as often as possible while it writes a commit."""

from __future__ import annotations

import asyncio
import mmap
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.programs import load_program

KILLS = 20
MARKED_RADON = Path(__file__).with_name("marked_radon.py")

demo = load_program("demo.py")


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[mmap.mmap]:
    """Its byte is 1 while the bank writes a commit."""
    path = tmp_path / "mark"
    path.write_bytes(b"\0")
    monkeypatch.setenv("COMMIT_MARK", str(path))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 1) as mark:
        yield mark


def kill_in_a_commit(pid: int, mark: mmap.mmap, commits: int, delay: float) -> None:
    """Let so many commits begin, and kill `delay` seconds into the last one."""
    for _ in range(commits):
        while mark[0]:
            time.sleep(0.0001)
        while not mark[0]:
            time.sleep(0.0001)
    time.sleep(delay)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.timeout(300)
async def test_no_cent_is_lost_or_doubled_by_20_kills_most_of_them_in_a_commit(tmp_path: Path, mark: mmap.mmap) -> None:
    rng = random.Random(20)
    bank = demo.Bank(tmp_path, demo.free_port(), (sys.executable, MARKED_RADON))
    await bank.build()
    pid = await bank.start()
    try:
        load = demo.Load(bank.url)
        await load.open_accounts()
        in_a_commit = 0
        async with load.running():
            for _ in range(KILLS):
                await asyncio.to_thread(kill_in_a_commit, pid, mark, rng.randrange(5, 30), rng.random() * 0.001)
                await bank.kill()  # waits for the end
                in_a_commit += mark[0]
                mark[0] = 0
                pid = await bank.start()
        assert await load.balances() == load.expected
        await load.close()
    finally:
        await bank.kill()
    print(f"{in_a_commit} of {KILLS} kills landed in a commit; {dict(load.outcomes)}")  # noqa: T201
    assert in_a_commit >= KILLS // 2
    assert sum(load.expected.values()) == len(demo.ACCOUNTS) * demo.OPENING
