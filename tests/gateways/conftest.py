"""What stands behind the gateways: guests, compiled once, and for each file of tests an application that serves it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from radon.atoms.build import build_c
from radon.host.domains import VARIABLE, available
from tests.gateways.connections import application, gone
from tests.gateways.running import Running, Service, client, load, running, service

ROUTES = {
    "POST /desks/{key}": "desk/{key}",
    "GET /desks/{key}": "desk/{key}",
    "PUT /desks/special": "desk/literal",
    "PUT /desks/{key}": "desk/{key}",
    "GET /files/{name*}": "desk/files-{name}",
    "OPTIONS /own": "desk/options",
    "POST /small": "small",
    "HEAD /head": "desk/head",
}


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """The services of these tests are on this machine, whatever the environment says of others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        yield


@pytest.fixture(scope="session")
def guests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with desk.wasm and line.wasm."""
    folder = tmp_path_factory.mktemp("guests")
    for source in sorted(Path(__file__).parent.glob("*.c")):
        result = build_c([source], folder / f"{source.stem}.wasm")
        assert result.warnings == "", result.warnings
    return folder


# ---- HTTP: desk.c, and the service that its atoms ask ----


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream() -> AsyncIterator[Service]:
    async with service() as it:
        yield it


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(guests: Path, upstream: Service) -> AsyncIterator[Running]:
    kind = {"module": "desk.wasm", "links": {"api": "http:api"}, "retry": {"attempts": 1}, "grants": ["publish:*"]}
    it = load(
        guests,
        kinds={"desk": kind, "small": kind | {"limits": {"message": 10}}},
        ingress={"http": {"listen": "127.0.0.1:0", "routes": ROUTES, "body": "1KiB", "topics": ["news"]}},
        egress={"http": {"api": {"url": upstream.url, "retry": {"attempts": 1}}}},
    )
    async with running(it) as app:
        yield app


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(desk: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with client(desk.url) as it:
        yield it


# ---- TCP: line.c ----


@pytest.fixture(scope="module", params=available())
def twin(request: pytest.FixtureRequest) -> Iterator[str]:
    """The domain and the TCP gateway of the tests that use it are each of the twins that this machine has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, request.param)
        yield request.param


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_lines(twin: str, guests: Path) -> AsyncIterator[Running]:
    async with running(application(guests)) as app:
        yield app


@pytest_asyncio.fixture(loop_scope="module")
async def lines(shared_lines: Running) -> AsyncIterator[Running]:
    """Each test leaves it without connections."""
    yield shared_lines
    await gone(shared_lines)
