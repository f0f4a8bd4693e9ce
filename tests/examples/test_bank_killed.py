"""The bank as a user has it, killed with `kill -9` under load, as often as possible while it writes a commit."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples.programs import MARKED_RADON, kill_in_a_commit, load_program

KILLS = 20

demo = load_program("demo.py")


@pytest.mark.timeout(300)
async def test_20_kills_of_which_many_land_in_a_commit_lose_no_cent_and_double_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    rng = random.Random(20)
    mark = tmp_path / "mark"  # its byte is 1 while a commit is being written
    mark.write_bytes(b"\0")
    monkeypatch.setenv("COMMIT_MARK", str(mark))
    bank = demo.Bank(tmp_path, demo.free_port(), MARKED_RADON)
    in_a_commit = 0
    try:
        await bank.build()
        pid = await bank.start()
        load = demo.Load(bank.url)
        await load.open_accounts()
        async with load.running():
            for _ in range(KILLS):
                await kill_in_a_commit(pid, mark, rng)
                await bank.kill()  # waits for the end
                in_a_commit += mark.read_bytes()[0]
                mark.write_bytes(b"\0")
                pid = await bank.start()
        assert await load.balances() == load.expected
        await load.close()
    finally:
        await bank.kill()
    record_property("kills that landed in a commit", in_a_commit)
    assert in_a_commit >= KILLS // 4, f"only {in_a_commit} of {KILLS} kills landed in a commit"
    assert load.outcomes["moved"] > KILLS
    assert sum(load.expected.values()) == len(demo.ACCOUNTS) * demo.OPENING
