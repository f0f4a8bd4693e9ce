"""The ASGI application by itself: mounted in another one, behind a token, with a client that goes, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from radon.atoms.application import Application
from radon.atoms.secrets import Secret
from radon.backends import Options, deploy
from radon.backends.deployment import Deployment
from radon.gateways.http import HttpGateway
from tests.gateways.running import load

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = {"POST /desks/{key}": "desk/{key}", "GET /": "desk/root"}


def application(folder: Path, **http: Any) -> Application:
    return load(
        folder, kinds={"desk": {"module": "desk.wasm", "retry": {"attempts": 1}}},
        ingress={"http": {"routes": ROUTES} | http},
    )  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deployment(guests: Path) -> AsyncIterator[Deployment]:
    it = await asyncio.to_thread(deploy, "monolith", application(guests), Options(store="memory"))
    yield it
    await asyncio.to_thread(it.stop)


def asking(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


# ---- mounted ----


async def test_it_is_mounted_in_another_application(deployment: Deployment) -> None:
    async def home(_: Any) -> PlainTextResponse:
        return PlainTextResponse("the other application")

    app = Starlette(routes=[Route("/", home), Mount("/deep/bank", app=HttpGateway(deployment))])
    async with asking(app) as web:
        assert (await web.get("/")).text == "the other application"
        assert (await web.post("/deep/bank/desks/a%2Fb", content=b"self")).text == "desk/a/b"
        assert (await web.post("/deep/bank/desks/a", content=b"metadata http.path")).text == "/desks/a"
        assert (await web.get("/deep/bank/healthz")).text == "ok\n"
        assert (await web.get("/deep/bank/")).status_code == 502  # the atom of "GET /" was asked nothing
        assert (await web.post("/deep/desks/a", content=b"self")).status_code == 404


@pytest.mark.parametrize(
    ("root", "path", "raw"),
    [
        ("/api", "/api/desks/x y", b"/api/desks/x%20y"),
        ("/api/", "/api/desks/x y", b"/api/desks/x%20y"),
        ("/a pi", "/a pi/desks/x y", b"/a%20pi/desks/x%20y"),
        ("/api", "/desks/x y", b"/desks/x%20y"),  # a proxy took the prefix away
        ("", "/desks/x y", None),  # a server that does not say how it was spelled
        ("/api", "/api/desks/x y", None),
    ],
)
async def test_the_path_below_the_root_counts(deployment: Deployment, root: str, path: str, raw: bytes | None) -> None:
    scope = {"root_path": root, "path": path} | ({} if raw is None else {"raw_path": raw})
    assert (await asked(HttpGateway(deployment), b"self", **scope))[1] == b"desk/x y"


async def test_whoever_serves_it_alone_is_told_that_it_is_ready(deployment: Deployment) -> None:
    messages, sent = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}], []

    async def receive() -> dict[str, str]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await HttpGateway(deployment)({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_websocket_is_turned_away(deployment: Deployment) -> None:
    sent = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await HttpGateway(deployment)({"type": "websocket"}, asyncio.Event().wait, send)
    assert sent == ["websocket.close"]


async def test_headers_beyond_what_a_message_holds_are_refused(deployment: Deployment) -> None:
    async with asking(HttpGateway(deployment)) as web:
        response = await web.post("/desks/a", content=b"self", headers={f"x-{n}": "y" * 1000 for n in range(66)})
    assert (response.status_code, response.json()["error"]) == (431, "too-large")


async def test_it_can_be_used_from_one_event_loop_after_another(deployment: Deployment) -> None:
    app = HttpGateway(deployment)

    def elsewhere() -> bytes:
        return asyncio.run(asked(app, b"say from another loop"))[1]

    assert await asyncio.to_thread(elsewhere) == b"from another loop"
    assert (await asked(app, b"say from this one"))[1] == b"from this one"


# ---- a token ----


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer s3cret", 200), ("bearer  s3cret", 200), ("Bearer S3cret", 401), ("Bearer s3cre", 401), ("Bearer", 401),
        ("Bearer s3cret x", 401), ("Basic s3cret", 401), ("s3cret", 401), (None, 401), ("Bearer \xe9", 401),
    ],
)  # fmt: skip
async def test_a_request_must_bring_the_token(deployment: Deployment, authorization: str | None, status: int) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    async with asking(HttpGateway(deployment, Secret("token", "s3cret"))) as web:
        response = await web.post("/desks/a", content=b"say in", headers=headers)
        assert response.status_code == status
        if status == 401:
            assert response.json()["error"] == "denied"
            assert response.headers["www-authenticate"] == 'Bearer realm="test"'
            assert "s3cret" not in response.text


async def test_only_health_is_for_everybody(deployment: Deployment) -> None:
    async with asking(HttpGateway(deployment, Secret("token", "s3cret"))) as web:
        assert (await web.get("/healthz")).status_code == 200
        for path in ("/metrics", "/topics/x", "/nowhere"):
            assert (await web.get(path)).status_code == 401


# ---- clients that go ----


class Recording:
    """A deployment that remembers which tokens were forgotten."""

    def __init__(self, deployment: Deployment) -> None:
        self.forgotten: list[int] = []
        self._deployment = deployment

    def forget(self, token: int) -> None:
        self.forgotten.append(token)
        self._deployment.forget(token)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._deployment, name)


async def test_a_client_that_goes_away_is_forgotten_and_not_answered(deployment: Deployment) -> None:
    recording = Recording(deployment)
    status, _ = await asked(HttpGateway(recording), b"keep", path="/desks/gone", goes=True)  # type: ignore[arg-type]
    assert status is None
    assert len(recording.forgotten) == 1
    assert recording.forgotten[0] > 0
    assert (await asked(HttpGateway(deployment), b"release x", path="/desks/gone"))[1] == b"released"


async def test_a_client_that_goes_before_its_body_is_complete_sends_nothing(deployment: Deployment) -> None:
    messages = [{"type": "http.request", "body": b"cou", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    app = HttpGateway(deployment)
    await app(http_scope(path="/desks/half"), receive, send)
    assert sent == []
    assert (await asked(app, b"count", path="/desks/half"))[1] == b"1"


async def asked(app: Any, body: bytes, *, goes: bool = False, **scope: Any) -> tuple[int | None, bytes]:
    """Status and body of the answer; a client that `goes` does so as soon as it has asked."""
    messages = [{"type": "http.request", "body": body}] + [{"type": "http.disconnect"}] * goes
    status, answer = None, b""

    async def receive() -> dict[str, Any]:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    async def send(message: Any) -> None:
        nonlocal status, answer
        status, answer = message.get("status", status), answer + message.get("body", b"")

    await app(http_scope(**scope), receive, send)
    return status, answer


def http_scope(**scope: Any) -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": "/desks/a", "headers": [], "query_string": b""} | scope


# ---- another deployment, and none ----


async def test_it_follows_the_routes_of_a_later_deployment(guests: Path) -> None:
    deployment = await asyncio.to_thread(deploy, "monolith", application(guests), Options(store="memory"))
    try:
        async with asking(HttpGateway(deployment)) as web:
            assert (await web.post("/shops/a", content=b"self")).status_code == 404
            other = application(guests, routes={"POST /shops/{key}": "desk/{key}"}, body=10)
            await asyncio.to_thread(deployment.deploy, other)
            assert (await web.post("/shops/a", content=b"self")).text == "desk/a"
            assert (await web.post("/shops/a", content=b"self" + b" " * 10)).status_code == 413
            assert (await web.post("/desks/a", content=b"self")).status_code == 404
    finally:
        await asyncio.to_thread(deployment.stop)


async def test_a_deployment_that_has_stopped_is_unavailable(guests: Path) -> None:
    deployment = await asyncio.to_thread(deploy, "monolith", application(guests), Options(store="memory"))
    await asyncio.to_thread(deployment.stop)
    async with asking(HttpGateway(deployment)) as web:
        for method, path in (("POST", "/desks/a"), ("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/topics/x")):
            response = await web.request(method, path)
            assert (response.status_code, path) == (503 if path != "/topics/x" else 403, path)
