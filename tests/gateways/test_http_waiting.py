"""HTTP in: how long a client waits, and what happens once however often it is asked for."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from radon.gateways.http_exchange import PATIENCE
from tests.gateways.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")


# ---- time ----


async def test_a_timeout_of_zero_sends_nothing(web: httpx.AsyncClient) -> None:
    response = await web.post("/desks/zero", content=b"count", headers={"Radon-Timeout-Ms": "0"})
    assert (response.status_code, response.json()["error"]) == (504, "timeout")
    assert (await web.post("/desks/zero", content=b"count")).text == "1"


@pytest.mark.parametrize("given", ["", "-1", "1.5", "soon", "1e3", "9999999999"])
async def test_a_timeout_that_is_no_number_is_invalid(web: httpx.AsyncClient, given: str) -> None:
    response = await web.post("/desks/a", content=b"count", headers={"Radon-Timeout-Ms": given})
    assert (response.status_code, response.json()["error"]) == (400, "invalid")


async def test_an_atom_that_answers_too_late_has_timed_out(web: httpx.AsyncClient) -> None:
    response = await web.post("/desks/late", content=b"keep", headers={"Radon-Timeout-Ms": "60"})
    assert (response.status_code, response.json()["error"]) == (504, "timeout")
    assert (await web.post("/desks/late", content=b"release x")).text == "released"


async def test_an_answer_may_come_from_a_later_turn(web: httpx.AsyncClient, desk: Running) -> None:
    async with asyncio.TaskGroup() as group:
        kept = group.create_task(web.post("/desks/later", content=b"keep"))
        while (await web.post("/desks/later", content=b"release at last")).text != "released":
            pass
    assert kept.result().text == "at last"


async def test_a_slow_answer_is_awaited_beyond_the_first_patience(web: httpx.AsyncClient, desk: Running) -> None:
    """From then on it is watched whether the client goes away."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        begin = loop.time()
        kept = group.create_task(web.post("/desks/slow", content=b"keep"))
        while loop.time() < begin + 3 * PATIENCE:
            await web.post("/desks/other", content=b"self")
        while (await web.post("/desks/slow", content=b"release now")).text != "released":
            pass
    assert kept.result().text == "now"


# ---- once ----


async def test_a_request_with_a_key_happens_once(web: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
    answers = [(await web.post("/desks/once", content=b"count", headers=key)).text for _ in range(3)]
    assert answers == ["1", "1", "1"]
    assert (await web.post("/desks/once", content=b"count")).text == "2"


async def test_a_key_counts_for_one_path_and_method(web: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "the-same"}
    assert (await web.post("/desks/one", content=b"self", headers=key)).text == "desk/one"
    assert (await web.post("/desks/two", content=b"self", headers=key)).text == "desk/two"
    assert (await web.put("/desks/one", content=b"say put", headers=key)).text == "put"


async def test_a_repetition_gets_the_answer_that_the_first_one_did_not_wait_for(web: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "patient"}
    first = await web.post("/desks/patient", content=b"keep", headers=key | {"Radon-Timeout-Ms": "60"})
    assert first.status_code == 504
    async with asyncio.TaskGroup() as group:
        again = group.create_task(web.post("/desks/patient", content=b"keep", headers=key))
        group.create_task(web.post("/desks/patient", content=b"release the first answer"))
    assert again.result().text == "the first answer"


async def test_repetitions_at_the_same_time_get_one_answer(web: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "many"}
    answers = await asyncio.gather(*[web.post("/desks/many", content=b"count", headers=key) for _ in range(20)])
    assert {answer.text for answer in answers} == {"1"}


async def test_status_and_headers_are_repeated_with_the_answer(web: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "created"}
    answers = [await web.post("/desks/a", content=b"status 201 made", headers=key) for _ in range(2)]
    assert [(answer.status_code, answer.text) for answer in answers] == [(201, "made")] * 2


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_a_key_that_is_none_is_invalid(web: httpx.AsyncClient, key: str) -> None:
    response = await web.post("/desks/a", content=b"count", headers={"Idempotency-Key": key})
    assert (response.status_code, response.json()["error"]) == (400, "invalid")


async def test_several_keys_are_invalid_and_one_given_twice_is_one(web: httpx.AsyncClient) -> None:
    twice = [("Idempotency-Key", "k"), ("Idempotency-Key", "k")]
    answers = [await web.post("/desks/a", content=b"count", headers=twice) for _ in range(2)]
    assert [answer.text for answer in answers] == ["1", "1"]
    response = await web.post(
        "/desks/a", content=b"count", headers=[("Idempotency-Key", "k"), ("Idempotency-Key", "l")]
    )
    assert (response.status_code, response.json()["error"]) == (400, "invalid")
