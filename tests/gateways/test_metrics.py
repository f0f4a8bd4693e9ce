"""The page for Prometheus, read by Prometheus' own parser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse

from tests.gateways.running import Running, client, load, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(guests: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    routes = {"POST /desks/{key}": "desk/{key}"}
    application = load(
        guests, kinds={"desk": {"module": "desk.wasm", "retry": {"attempts": 1}}},
        ingress={"http": {"listen": "127.0.0.1:0", "routes": routes}},
    )  # fmt: skip
    async with running(application, data=tmp_path_factory.mktemp("data")) as it:  # there are no commits in memory
        yield it


@pytest_asyncio.fixture(loop_scope="module")
async def web(app: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app.url) as it:
        yield it


Series = tuple[str, frozenset[tuple[str, str]]]


async def samples(web: httpx.AsyncClient) -> dict[Series, float]:
    page = (await web.get("/metrics")).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(page)
        for sample in family.samples
    }


def series(metric: str, **labels: str) -> Series:
    return metric, frozenset(labels.items())


async def test_turns_and_requests_are_counted(web: httpx.AsyncClient) -> None:
    before = await samples(web)
    for key in ("a", "b", "a"):
        await web.post(f"/desks/{key}", content=b"count")
    await web.post("/desks/a", content=b"fail")
    await web.get("/nowhere/1")
    await web.get("/nowhere/2")
    after = await samples(web)

    def grown(metric: str, **labels: str) -> float:
        return after[series(metric, **labels)] - before.get(series(metric, **labels), 0.0)

    assert grown("radon_turns_total", kind="desk") == 4
    assert grown("radon_turns_failed_total", kind="desk") == 1
    assert after[series("radon_atoms", kind="desk")] == 2
    assert after[series("radon_queue", kind="desk")] == 0
    assert grown("radon_state_bytes", kind="desk") > 0
    assert grown("radon_dead_letters") == 1
    assert grown("radon_commits_total") >= 4
    assert after[series("radon_uptime_seconds")] > 0
    assert grown("radon_http_requests_total", route="POST /desks/{key}", status="200") == 3
    assert grown("radon_http_requests_total", route="POST /desks/{key}", status="502") == 1
    assert grown("radon_http_requests_total", route="unknown", status="404") == 2
    assert grown("radon_http_request_seconds_count", route="POST /desks/{key}") == 4


async def test_what_atoms_measure_is_there_whatever_they_call_it(web: httpx.AsyncClient) -> None:
    for _ in range(2):
        await web.post("/desks/a", content=b"measure")
    now = await samples(web)
    name = 'a "size"\n'
    assert now[series("radon_guest_count_total", kind="desk", name="things")] == 6
    assert now[series("radon_guest_observation_count", kind="desk", name=name)] == 2
    assert now[series("radon_guest_observation_sum", kind="desk", name=name)] == pytest.approx(0.14)
    assert now[series("radon_guest_observation_bucket", kind="desk", name=name, le="0.05")] == 0
    assert now[series("radon_guest_observation_bucket", kind="desk", name=name, le="0.1")] == 2
    assert now[series("radon_guest_observation_bucket", kind="desk", name=name, le="+Inf")] == 2


async def test_openmetrics_is_spoken_to_those_who_ask(web: httpx.AsyncClient) -> None:
    response = await web.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert any(family.name == "radon_turns" for family in parse_open(response.text))


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=new", "text/plain; version=", ";;,=", "\xe9"]
)
async def test_whatever_a_scraper_accepts_there_is_a_page(web: httpx.AsyncClient, accept: str) -> None:
    response = await web.get("/metrics", headers={"Accept": accept.encode("latin-1")})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    assert list(parse(response.text))
