"""HTTP out, to a service of the test: retries, deadlines, errors, and restarts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from radon.abi.errors import Invalid, ManifestError
from radon.abi.exchange import Reply
from radon.atoms.application import Application
from radon.backends import Options, deploy
from radon.gateways import egress
from radon.gateways.egress import Egress, _retry_after
from tests.gateways.running import PATIENCE, Request, Running, answering, load, post, running, service

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def application(folder: Path, url: str, **endpoint: Any) -> Application:
    fast = {"attempts": 3, "backoff": "1ms"}
    return load(
        folder,
        kinds={"desk": {"module": "desk.wasm", "links": {"api": "http:api"}, "limits": {"message": "64KiB"}}},
        egress={"http": {"api": {"url": url, "retry": fast} | endpoint}},
    )


async def asked(app: Running, body: bytes, to: str = "desk/a", **fields: Any) -> str:
    answer = await post(app.deployment, to, body, **fields)
    assert isinstance(answer, Reply), answer
    return answer.body.decode()


async def pending(app: Running) -> int:
    """Requests whose outcome is not in."""
    usage = await asyncio.wrap_future(app.deployment.perform(lambda domain: domain.usage()))
    return usage.kinds["http:api"].queued if "http:api" in usage.kinds else 0


# ---- a request and its answer ----


async def test_an_atom_asks_a_service(guests: Path) -> None:
    async with service(answering((201, {}, b"made"))) as api, running(application(guests, api.url)) as app:
        assert await asked(app, b"ask 5000 hello") == "201 made"
        assert await pending(app) == 0
    (request,) = api.asked
    assert request.body == b"hello"
    assert request.headers["content-type"] == "application/octet-stream"
    assert len(bytes.fromhex(request.headers["idempotency-key"])) == 16


async def test_headers_secrets_and_the_trace_go_along(guests: Path) -> None:
    endpoint = {
        "headers": {"Content-Type": "text/x", "X-Version": "1"},
        "secrets": {"Authorization": {"env": "API_TOKEN"}},
    }
    async with service(answering(200)) as api:
        it = application(guests, api.url, **endpoint)
        async with running(it, environ={"API_TOKEN": "Bearer s3cret"}) as app:
            await asked(app, b"ask 5000 x", metadata=(("traceparent", TRACE), ("x-other", b"y")))
    (request,) = api.asked
    assert request.headers["content-type"] == "text/x"
    assert request.headers["x-version"] == "1"
    assert request.headers["authorization"] == "Bearer s3cret"
    assert request.headers["traceparent"] == TRACE.decode()
    assert "x-other" not in request.headers


async def test_a_secret_that_is_missing_is_named_before_anything_runs(guests: Path) -> None:
    it = application(guests, "http://127.0.0.1:1/", secrets={"Authorization": {"env": "API_TOKEN"}})
    with pytest.raises(ManifestError, match="API_TOKEN"):
        async with running(it):
            pass


ANSWERS = {
    202: "202 answer", 301: "301 invalid", 400: "400 invalid", 401: "401 denied", 403: "403 denied",
    404: "404 not-found", 408: "408 timeout", 409: "409 invalid", 413: "413 too-large", 429: "429 exhausted",
    500: "500 unavailable", 503: "503 unavailable", 504: "504 timeout",
}  # fmt: skip


async def test_a_status_is_an_answer_or_an_error(guests: Path) -> None:
    async with service() as api, running(application(guests, api.url)) as app:
        for status, text in ANSWERS.items():
            api.asked.clear()
            api.script = answering((status, {"Location": "/x"}, b"answer"))
            assert await asked(app, b"ask 5000 x") == text
            again = status in (408, 429) or status >= 500
            assert len(api.asked) == (3 if again else 1)


async def test_cookies_of_one_answer_are_not_sent_with_the_next_question(guests: Path) -> None:
    async with (
        service(answering((200, {"Set-Cookie": "session=1; Path=/"}, b""))) as api,
        running(application(guests, api.url)) as app,
    ):
        await asked(app, b"ask 5000 x")
        await asked(app, b"ask 5000 x")
    assert ["cookie" in request.headers for request in api.asked] == [False, False]


async def test_an_answer_larger_than_the_atom_takes_is_an_error(guests: Path) -> None:
    limit = 64 * 1024
    async with (
        service(answering((200, {}, b"x" * (limit - 4)), (200, {}, b"x" * (limit + 1)))) as api,
        running(application(guests, api.url)) as app,
    ):
        assert await asked(app, b"ask 5000 x") == "200 " + "x" * (limit - 4)
        assert await asked(app, b"ask 5000 x") == "too-large"


# ---- attempts ----


async def test_a_request_is_tried_again_with_the_same_key(guests: Path) -> None:
    async with service(answering(500, 429, 200)) as api, running(application(guests, api.url)) as app:
        assert await asked(app, b"ask 5000 x") == "200 answer"
    assert len({request.headers["idempotency-key"] for request in api.asked}) == 1
    assert len(api.asked) == 3


async def test_a_service_that_is_not_there_is_unavailable(guests: Path) -> None:
    async with running(application(guests, "http://127.0.0.1:1/")) as app:
        assert await asked(app, b"ask 5000 x") == "unavailable"
        assert await pending(app) == 0


async def test_a_service_that_speaks_no_http_is_unavailable(guests: Path) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example ready\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with running(application(guests, f"http://127.0.0.1:{port}/")) as app:
        assert await asked(app, b"ask 5000 x") == "unavailable"
    server.close()


async def test_an_attempt_has_its_own_timeout(guests: Path) -> None:
    calls, end = 0, asyncio.Event()

    async def script(_: Request) -> tuple[int, Mapping[str, str], bytes]:
        nonlocal calls
        calls += 1
        if calls == 1:
            await end.wait()
        return 200, {}, b"second"

    async with service(script) as api, running(application(guests, api.url, timeout="100ms")) as app:
        assert await asked(app, b"ask 5000 x") == "200 second"
        end.set()


async def test_nothing_is_tried_again_that_nobody_would_wait_for(guests: Path) -> None:
    """The service says when to come again, and that is after the deadline: the atom hears at once."""
    async with (
        service(answering((503, {"Retry-After": "60"}, b""))) as api,
        running(application(guests, api.url)) as app,
    ):
        begin = time.monotonic()
        assert await asked(app, b"ask 5000 x") == "503 unavailable"
        assert time.monotonic() - begin < 5
    assert len(api.asked) == 1


async def test_the_deadline_ends_an_attempt(guests: Path) -> None:
    end = asyncio.Event()

    async def script(_: Request) -> tuple[int, Mapping[str, str], bytes]:
        await end.wait()
        return 200, {}, b"late"

    async with service(script) as api, running(application(guests, api.url)) as app:
        assert await asked(app, b"ask 60 x") == "timeout"
        while await pending(app):
            pass
        end.set()


async def test_a_service_that_says_when_is_waited_for(guests: Path) -> None:
    async with (
        service(answering((429, {"Retry-After": "1"}, b""), 200)) as api,
        running(application(guests, api.url)) as app,
    ):
        begin = time.monotonic()
        assert await asked(app, b"ask 5000 x") == "200 answer"
        assert time.monotonic() - begin >= 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("120", 120), ("9" * 400, 3600), ("", 0), ("soon", 0), ("-1", 0), ("1.5", 0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 01 Jan 2970 00:00:00", 3600),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float) -> None:
    assert _retry_after(text, now=lambda: 10.0) == seconds


# ---- sent, and cast ----


async def test_what_is_sent_without_a_question_is_tried_until_it_is_through(guests: Path) -> None:
    async with service(answering(500, 500, 200)) as api, running(application(guests, api.url)) as app:
        assert await asked(app, b"send hello") == "sent"
        while await pending(app):
            pass
    assert [request.body for request in api.asked] == [b"hello"] * 3


async def test_a_cast_is_tried_once(guests: Path) -> None:
    async with service(answering(500, 200)) as api, running(application(guests, api.url)) as app:
        assert await asked(app, b"cast hello") == "cast"
        assert await asked(app, b"ask 5000 x") == "200 answer"
    assert [request.body for request in api.asked] == [b"hello", b"x"]


async def test_casts_beyond_what_waits_are_dropped(guests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "AT_ONCE", 1)
    monkeypatch.setattr(egress, "CASTS", 2)
    go = asyncio.Event()

    async def script(_: Request) -> tuple[int, Mapping[str, str], bytes]:
        await go.wait()
        return 200, {}, b""

    async with service(script) as api, running(application(guests, api.url)) as app:
        for number in range(6):
            await asked(app, b"cast %d" % number)
        go.set()
        await asked(app, b"ask 5000 x")
    assert [request.body for request in api.asked] == [b"0", b"1", b"2", b"x"]


# ---- many ----


async def test_so_many_requests_run_at_once_and_no_more(guests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = 20
    monkeypatch.setattr(egress, "AT_ONCE", at_once)
    running_now, most, full = 0, 0, asyncio.Event()

    async def script(_: Request) -> tuple[int, Mapping[str, str], bytes]:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        if running_now == at_once:
            full.set()
        await full.wait()
        running_now -= 1
        return 200, {}, b""

    async with service(script) as api, running(application(guests, api.url)) as app:
        answers = await asyncio.gather(*[asked(app, b"ask 60000 x", f"desk/{n}") for n in range(50)])
    assert set(answers) == {"200 "}
    assert most == at_once
    assert len(api.asked) == 50


# ---- restarts ----


async def test_what_was_pending_is_sent_again_with_the_same_key(guests: Path, tmp_path: Path) -> None:
    """Two lives of a deployment: in the first one the service does not answer."""
    arrived, never = asyncio.Event(), asyncio.Event()

    async def silent(_: Request) -> tuple[int, Mapping[str, str], bytes]:
        arrived.set()
        await never.wait()
        return 200, {}, b""

    async with service(silent) as api:
        it = application(guests, api.url)
        async with running(it, data=tmp_path / "data") as app:
            assert await asked(app, b"send hello") == "sent"
            await asyncio.wait_for(arrived.wait(), PATIENCE)
        never.set()
        api.script = answering(200)
        async with running(it, data=tmp_path / "data") as app:
            while await pending(app):
                pass
    assert [request.body for request in api.asked] == [b"hello", b"hello"]
    assert len({request.headers["idempotency-key"] for request in api.asked}) == 1


async def test_what_left_before_a_gateway_was_there_is_not_lost(guests: Path) -> None:
    async with service(answering(200)) as api:
        it = application(guests, api.url)
        deployment = await asyncio.to_thread(deploy, "monolith", it, Options(store="memory"))
        answer = asyncio.create_task(post(deployment, "desk/a", b"ask 60000 early"))
        await asyncio.wrap_future(deployment.perform(lambda domain: None))
        gateway = await Egress.start(deployment, it.read_secrets({}))
        assert isinstance(found := await answer, Reply)
        assert found.body == b"200 answer"
        await gateway.stop()
        await asyncio.to_thread(deployment.stop)


async def test_another_gateway_goes_on_where_the_last_one_stopped(guests: Path) -> None:
    arrived, never = asyncio.Event(), asyncio.Event()

    async def silent(_: Request) -> tuple[int, Mapping[str, str], bytes]:
        arrived.set()
        await never.wait()
        return 200, {}, b""

    async with service(silent) as api, running(it := application(guests, api.url)) as app:
        answer = asyncio.create_task(asked(app, b"ask 60000 x"))
        await asyncio.wait_for(arrived.wait(), PATIENCE)
        api.script = answering(200)
        await app.gateways.follow(it.read_secrets({}))
        assert await answer == "200 answer"
        never.set()
    assert len({request.headers["idempotency-key"] for request in api.asked}) == 1


async def test_an_endpoint_has_one_gateway(guests: Path) -> None:
    async with running(it := application(guests, "http://127.0.0.1:1/")) as app:
        with pytest.raises(Invalid, match="another gateway"):
            await Egress.start(app.deployment, it.read_secrets({}))
