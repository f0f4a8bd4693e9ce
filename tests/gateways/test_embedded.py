"""The gateways of a runtime inside another program: mounted, and sending, without `serve`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import radon
from radon.atoms.application import Application
from tests.gateways.running import answering, load, service

ROUTES = {"POST /desks/{key}": "desk/{key}"}


def application(folder: Path, url: str = "http://127.0.0.1:1/") -> Application:
    return load(
        folder,
        kinds={"desk": {"module": "desk.wasm", "links": {"api": "http:api"}, "grants": ["publish:*"]}},
        ingress={"http": {"routes": ROUTES, "token": {"env": "DESK_TOKEN"}, "topics": ["*"]}},
        egress={"http": {"api": {"url": url, "retry": {"attempts": 1}}}},
    )


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_TOKEN", "s3cret")


def asking(app: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),  # type: ignore[arg-type]
        base_url="http://test",
        headers={"Authorization": "Bearer s3cret"},
    )


async def test_a_service_mounts_a_runtime_that_it_enters_later(guests: Path) -> None:
    runtime = radon.Runtime(application(guests))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with runtime:
            yield

    app = Starlette(routes=[Mount("/bank", app=runtime.asgi)], lifespan=lifespan)
    async with app.router.lifespan_context(app), asking(app) as web:
        assert (await web.post("/bank/desks/a", content=b"say hello")).text == "hello"
        assert await runtime.call("desk/a", b"say direct") == b"direct"
        assert (await web.post("/bank/desks/a", headers={"Authorization": "Bearer x"})).status_code == 401


async def test_it_is_mounted_anew_when_the_runtime_is_entered_again(guests: Path) -> None:
    runtime = radon.Runtime(application(guests))
    asgi = runtime.asgi
    for _ in range(2):
        async with runtime, asking(asgi) as web:
            assert (await web.post("/desks/a", content=b"count")).text == "1"
    async with asking(asgi) as web:
        with pytest.raises(RuntimeError, match="not running"):
            await web.post("/desks/a", content=b"count")


async def test_atoms_of_a_runtime_reach_their_endpoints(guests: Path) -> None:
    async with service(answering(200)) as api, radon.Runtime(application(guests, api.url)) as app:
        assert await app.call("desk/a", b"ask 5000 x") == b"200 answer"


async def test_atoms_of_a_blocking_runtime_reach_their_endpoints(guests: Path) -> None:
    async with service(answering(200)) as api:

        def program() -> bytes:
            with radon.BlockingRuntime(application(guests, api.url)) as app:
                return app.call("desk/a", b"ask 5000 x")

        assert await asyncio.to_thread(program) == b"200 answer"


async def test_a_missing_secret_is_named_and_nothing_runs(guests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESK_TOKEN")
    runtime, blocking = radon.Runtime(application(guests)), radon.BlockingRuntime(application(guests))
    with pytest.raises(radon.ManifestError, match="DESK_TOKEN"):
        await runtime.__aenter__()
    with pytest.raises(radon.ManifestError, match="DESK_TOKEN"):
        await asyncio.to_thread(blocking.__enter__)
    for either in (runtime, blocking):
        with pytest.raises(RuntimeError, match="not running"):
            _ = either.deployment
