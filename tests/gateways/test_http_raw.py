"""HTTP in, byte by byte: bodies that are too long or never come, pipelines, and what is no HTTP at all."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.gateways.running import Running, connected

pytestmark = pytest.mark.asyncio(loop_scope="module")


# ---- bodies ----


async def test_a_chunked_body_over_the_limit_is_refused_before_it_ends(desk: Running) -> None:
    async with connected(*desk.address) as (reader, writer):
        writer.write(b"POST /desks/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"3e8\r\n" + b"x" * 1000 + b"\r\n" + b"19\r\n" + b"x" * 25 + b"\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_is_announced_too_large_is_not_asked_for(desk: Running) -> None:
    async with connected(*desk.address) as (reader, writer):
        writer.write(b"POST /desks/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1025\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_fits_is_asked_for(desk: Running) -> None:
    async with connected(*desk.address) as (reader, writer):
        writer.write(b"POST /desks/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"say hi")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_does_not_come_in_time_is_given_up(desk: Running) -> None:
    async with connected(*desk.address) as (reader, writer):
        writer.write(b"POST /desks/a HTTP/1.1\r\nHost: x\r\nRadon-Timeout-Ms: 20\r\nContent-Length: 6\r\n\r\nsay")
        answer = await reader.read(-1)  # until it is closed: what is missing of the body can never come
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"timeout"' in answer


# ---- many, and malformed ----


async def test_many_requests_at_once_are_all_answered(web: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*[web.post(f"/desks/busy-{n % 7}", content=b"count") for n in range(300)])
    assert {answer.status_code for answer in answers} == {200}
    assert max(int(answer.text) for answer in answers) == 43


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"garbage\r\n\r\n",
        b"POST /desks/a HTTP/1.1\r\n\r\n",  # without a Host
        b"POST /desks/a HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"POST /desks/a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /desks/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /desks/a HTTP/1.1\r\nHost: x\r\nX\0: y\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS where there is none
    ],
    ids=["garbage", "no-host", "length", "negative", "chunk", "name", "tls"],
)
async def test_a_malformed_request_is_refused_and_harms_nobody(
    desk: Running, web: httpx.AsyncClient, request_bytes: bytes
) -> None:
    async with connected(*desk.address) as (reader, writer):
        writer.write(request_bytes + b"\r\n\r\n")
        answer = await reader.read(-1)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert (await web.post("/desks/a", content=b"say on")).text == "on"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (
            b"POST /desks/a HTTP/1.1\r\nRadon-Timeout-Ms: soon\r\n",
            b"400",
        ),  # the gateway answers before the body is read
        (b"GET /topics/news HTTP/1.1\r\n", b"200"),  # it streams already
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_malformed_body_of_a_request_that_is_being_answered_closes_the_connection_and_nothing_else(
    desk: Running, head: bytes, status: bytes, at_once: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(*desk.address) as (reader, writer):
        writer.write(head + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"zz\r\n" if at_once else b""))
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"zz\r\n")
        await reader.read(-1)
        assert answer.startswith(b"HTTP/1.1 " + (b"400" if at_once else status))
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_head_without_an_end_is_refused(desk: Running) -> None:
    async with connected(*desk.address) as (reader, writer):
        writer.write(b"POST /desks/a HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000)
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")


async def test_a_request_in_the_absolute_form_is_understood(desk: Running) -> None:
    answer = await raw(
        desk, b"POST http://example/desks/abs HTTP/1.1\r\nHost: example\r\nContent-Length: 4\r\n\r\nself"
    )
    assert answer.endswith(b"\r\n\r\ndesk/abs")


async def test_options_of_the_server_itself_is_answered(desk: Running) -> None:
    assert (await raw(desk, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 204 ")


async def test_pipelined_requests_are_answered_in_order(desk: Running) -> None:
    one = b"POST /desks/pipe HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\ncount"
    async with connected(*desk.address) as (reader, writer):
        writer.write(one * 5)
        for number in range(1, 6):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(1) == b"%d" % number


async def raw(desk: Running, request: bytes) -> bytes:
    """The whole answer to a request after which the connection is closed."""
    async with connected(*desk.address) as (reader, writer):
        writer.write(request.replace(b"\r\nHost", b"\r\nConnection: close\r\nHost"))
        answer = await reader.read(-1)
        return answer
