"""Topics as server-sent events, read by a client that knows nothing but their format."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from radon.abi.exchange import Published
from radon.gateways import http_events
from radon.gateways.http import HttpGateway
from radon.gateways.http_events import BEHIND, _Stream
from tests.gateways.running import Running, client, connected, load, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(guests: Path) -> AsyncIterator[Running]:
    application = load(
        guests, kinds={"desk": {"module": "desk.wasm", "grants": ["publish:*"]}},
        ingress={"http": {"listen": "127.0.0.1:0", "routes": {"POST /": "desk"}, "topics": ["news", "rates/*"]}},
    )  # fmt: skip
    async with running(application) as it:
        yield it


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(app: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app.url) as it:
        yield it


async def publish(web: httpx.AsyncClient, topic: str, body: bytes) -> None:
    response = await web.post("/", content=b"publish " + topic.encode() + b" " + body)
    assert response.text == "published"


class Events:
    """What has arrived of a stream, parsed by the rules of the format."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.comments: list[str] = []

    async def next(self) -> tuple[str, str] | None:
        """The kind and data of the next event; None at the end."""
        kind, data = "message", []
        async for line in self._lines:
            if not line and data:
                return kind, "\n".join(data)
            if line.startswith(":"):
                self.comments.append(line)
                continue
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                kind = value
            elif name == "data":
                data.append(value)
        return None


async def test_a_reader_gets_what_is_published(web: httpx.AsyncClient) -> None:
    async with web.stream("GET", "/topics/news") as response:
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store"
        events = Events(response.aiter_lines())
        for body in (b"first", b"", b"two\nlines\n", "ünïcode".encode()):
            await publish(web, "news", body)
            assert await events.next() == ("message", body.decode())


async def test_bytes_that_are_no_text_come_as_base64(web: httpx.AsyncClient) -> None:
    async with web.stream("GET", "/topics/news") as response:
        events = Events(response.aiter_lines())
        for body in (b"\xff\x00\n", b"a\r\nb"):
            await publish(web, "news", body)
            assert await events.next() == ("base64", base64.b64encode(body).decode())


async def test_every_reader_of_a_topic_gets_its_own_and_no_other(web: httpx.AsyncClient) -> None:
    async with (
        web.stream("GET", "/topics/rates/eur") as one,
        web.stream("GET", "/topics/rates%2Feur") as two,
        web.stream("GET", "/topics/rates/usd") as other,
    ):
        readers = [Events(response.aiter_lines()) for response in (one, two, other)]
        await publish(web, "rates/eur", b"1.08")
        await publish(web, "rates/usd", b"1.00")
        assert [await reader.next() for reader in readers] == [("message", value) for value in ("1.08", "1.08", "1.00")]


@pytest.mark.parametrize("topic", ["secret", "news/x", "rates", ""])
async def test_a_topic_that_the_manifest_does_not_offer_is_denied(web: httpx.AsyncClient, topic: str) -> None:
    response = await web.get(f"/topics/{topic}")
    assert (response.status_code, response.json()["error"]) == (403, "denied")


async def test_a_topic_is_only_read(web: httpx.AsyncClient) -> None:
    assert (await web.post("/topics/news")).status_code == 405
    head = await web.head("/topics/news")
    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream")


async def test_a_reader_that_goes_is_listened_for_no_more(app: Running, web: httpx.AsyncClient) -> None:
    async def topics() -> int:
        """That anybody listens to."""
        return await app.atoms("@topic")

    async with web.stream("GET", "/topics/news"):
        while not await topics():
            pass
    while await topics():
        pass


async def test_silence_is_filled_with_comments(app: Running) -> None:
    events, receive = asyncio.Queue[bytes](), asyncio.Event().wait

    async def send(message: Any) -> None:
        await events.put(message.get("body", b""))

    gateway = HttpGateway(app.deployment, keep_alive=0.001)
    scope = {"type": "http", "method": "GET", "path": "/topics/news", "headers": [], "query_string": b""}
    serving = asyncio.create_task(gateway(scope, receive, send))
    assert [await events.get() for _ in range(4)] == [b"", b": listening\n\n", b": keep-alive\n\n", b": keep-alive\n\n"]
    gateway.close()
    await serving
    assert serving.exception() is None


async def test_a_slow_reader_is_told_and_cut_off(
    app: Running, web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has everything up to a point, then the news that more was lost, then the end."""
    monkeypatch.setattr(http_events, "BEHIND_BYTES", 200_000)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, app.address)
    async with connected(sock=narrow, limit=4096) as (reader, writer):
        writer.write(b"GET /topics/news HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b": listening\n\n")
        for _ in range(40):  # more than sockets, buffers and the stream hold
            await publish(web, "news", b"x" * 100_000)
        heard = b""
        while not heard.endswith(b"\r\n0\r\n\r\n"):
            heard += await reader.read(1 << 20)
    assert 1 <= heard.count(b"data: xx") < 40
    assert heard.index(b"event: overflow") > heard.rindex(b"xx")


async def test_a_stream_holds_so_many_messages_and_no_more() -> None:
    stream = _Stream()
    for number in range(BEHIND + 10):
        stream.hear(Published(1, "t", b"%d" % number))
    taken = stream.take()
    assert taken.count(b"\n\n") == BEHIND + 1
    assert taken.startswith(b"data: 0\n\n")
    assert b"event: overflow" in taken
    assert stream.ended


async def test_readers_are_sent_the_end_when_the_gateway_stops(guests: Path) -> None:
    application = load(
        guests, kinds={"desk": {"module": "desk.wasm"}}, ingress={"http": {"listen": "127.0.0.1:0", "topics": ["*"]}}
    )
    async with running(application) as app, client(app.url) as web, web.stream("GET", "/topics/news") as response:
        events = Events(response.aiter_lines())
        stopping = asyncio.create_task(app.gateways.stop())
        assert await events.next() is None
        await stopping
