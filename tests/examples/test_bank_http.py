"""The bank over HTTP, as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tests.examples.programs import load_program

demo = load_program("demo.py")


async def test_a_repeated_order_has_the_first_ones_answer_and_moves_nothing_even_after_a_crash(tmp_path: Path) -> None:
    bank = demo.Bank(tmp_path, demo.free_port())
    try:
        await bank.build()
        await bank.start()
        async with httpx.AsyncClient(base_url=bank.url) as client:

            async def ask(path: str, order: Any, key: str) -> tuple[int, Any]:
                answer = await client.post(path, json=order, headers={"Idempotency-Key": key})
                assert answer.headers["content-type"] == "application/json"
                return answer.status_code, answer.json()

            order = {"from": "alice", "to": "bob", "cents": 60}
            done = (200, {"from": "alice", "to": "bob", "cents": 60, "balance": 40})
            insufficient = (409, {"error": "insufficient funds"})
            assert (await ask("/accounts/alice", {"deposit": 100}, "1"))[0] == 200
            assert (await ask("/accounts/bob", {"deposit": 1}, "2"))[0] == 200
            assert await ask("/transfers", order, "3") == done
            assert await ask("/transfers", order, "3") == done
            assert await ask("/transfers", order, "4") == insufficient

            await bank.kill()
            await bank.start()
            assert await ask("/transfers", order, "3") == done
            assert await ask("/transfers", order, "4") == insufficient
            assert await ask("/transfers", {**order, "cents": 40}, "5") == (200, {**done[1], "cents": 40, "balance": 0})
            assert (await client.get("/accounts/bob")).json()["balance"] == 101
            assert (await client.get("/accounts/nobody")).status_code == 404
            assert (await client.get("/elsewhere")).status_code == 404
    finally:
        await bank.kill()
