"""HTTP in, with real clients over real sockets. One application serves all tests; each has atoms of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from radon.gateways.http_exchange import PATIENCE
from tests.gateways.running import Running, Service, answering, client, connected, load, running, service

pytestmark = pytest.mark.asyncio(loop_scope="module")

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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream() -> AsyncIterator[Service]:
    async with service() as it:
        yield it


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(guests: Path, upstream: Service) -> AsyncIterator[Running]:
    desk = {"module": "desk.wasm", "links": {"api": "http:api"}, "retry": {"attempts": 1}, "grants": ["publish:*"]}
    application = load(
        guests,
        kinds={"desk": desk, "small": desk | {"limits": {"message": 10}}},
        ingress={"http": {"listen": "127.0.0.1:0", "routes": ROUTES, "body": "1KiB"}},
        egress={"http": {"api": {"url": upstream.url, "retry": {"attempts": 1}}}},
    )
    async with running(application) as it:
        yield it


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(app: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app.url) as it:
        yield it


# ---- routes ----


async def test_a_request_reaches_the_atom_of_its_route(web: httpx.AsyncClient) -> None:
    response = await web.post("/desks/alice", content=b"say hello")
    assert (response.status_code, response.content) == (200, b"hello")
    assert response.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("method", "path", "atom"),
    [
        ("POST", "/desks/alice", "desk/alice"),
        ("POST", "/desks/a%2Fb%20%C3%A9", "desk/a/b é"),
        ("PUT", "/desks/special", "desk/literal"),
        ("PUT", "/desks/specia%6C", "desk/literal"),
        ("PUT", "/desks/other", "desk/other"),
        ("POST", "/desks/special", "desk/special"),
        ("GET", "/files/a/b%2Fc", "desk/files-a/b/c"),
        ("OPTIONS", "/own", "desk/options"),
    ],
)
async def test_the_path_says_which_atom(web: httpx.AsyncClient, method: str, path: str, atom: str) -> None:
    response = await web.request(method, path, content=b"self")
    assert response.text == atom


@pytest.mark.parametrize(
    "path", ["/", "/desks", "/desks/", "/desks/a/b", "/files/", "/nowhere", "//desks/a", "/metrics/x"]
)
async def test_a_path_without_a_route_is_not_found(web: httpx.AsyncClient, path: str) -> None:
    response = await web.get(path)
    assert response.status_code == 404
    assert response.json()["error"] == "not-found"


async def test_a_path_that_is_not_utf_8_is_invalid(web: httpx.AsyncClient) -> None:
    response = await web.post("/desks/%FF", content=b"self")
    assert (response.status_code, response.json()["error"]) == (400, "invalid")


async def test_a_method_without_a_route_is_told_which_ones_there_are(web: httpx.AsyncClient) -> None:
    response = await web.delete("/desks/a")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST, PUT")
    assert response.json()["error"] == "invalid"


async def test_options_is_answered_with_the_methods(web: httpx.AsyncClient) -> None:
    response = await web.options("/desks/a")
    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST, PUT")
    assert (await web.options("/nowhere")).status_code == 404


async def test_head_is_get_without_the_body(web: httpx.AsyncClient) -> None:
    response = await web.request("HEAD", "/desks/alice", content=b"say hello")
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "5")
    asked = await web.request("HEAD", "/head", content=b"metadata http.method")
    assert asked.headers["content-length"] == "4"


# ---- what an atom sees ----


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http.method", "POST"),
        ("http.path", "/desks/a%20b"),
        ("http.query", "x=1&y=%20"),
        ("content-type", "text/plain"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-twice", "one, two"),
        ("cookie", "a=1; b=2"),
        ("authorization", "(none)"),
        ("connection", "(none)"),
        ("x-hop", "(none)"),
        ("radon-timeout-ms", "(none)"),
        ("content-length", "(none)"),
        ("http.fake", "(none)"),
        ("radon.error", "(none)"),
        ("x-none", "(none)"),
    ],
)
async def test_an_atom_sees_the_request_as_metadata(web: httpx.AsyncClient, name: str, value: str) -> None:
    headers = [
        ("Content-Type", "text/plain"), ("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("X-Twice", "one"), ("X-Twice", "two"), ("Cookie", "a=1"), ("Cookie", "b=2"), ("Authorization", "Basic eA=="),
        ("Connection", "keep-alive, X-Hop"), ("X-Hop", "here"), ("Radon-Timeout-Ms", "9000"), ("Http.Fake", "x"),
        ("Http.Method", "FAKE"), ("Radon.Error", "x"),
    ]  # fmt: skip
    response = await web.post("/desks/a%20b?x=1&y=%20", content=f"metadata {name}".encode(), headers=headers)
    assert response.text == value


async def test_more_headers_than_an_atom_can_be_given_are_refused(web: httpx.AsyncClient) -> None:
    """Those of a single line that is too long, or that come in small pieces, are refused by uvicorn itself."""
    many = [(f"x-{number}", "y" * 1000) for number in range(70)]
    response = await web.post("/desks/a", content=b"self", headers=many)
    assert response.status_code in (400, 431)


# ---- what an atom answers ----


@pytest.mark.parametrize("status", [200, 201, 299, 301, 404, 418, 500, 599])
async def test_an_atom_chooses_the_status(web: httpx.AsyncClient, status: int) -> None:
    response = await web.post("/desks/a", content=f"status {status} hello".encode())
    assert (response.status_code, response.content) == (status, b"hello")


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_statuses_without_a_body_have_none(web: httpx.AsyncClient, status: int) -> None:
    response = await web.post("/desks/a", content=f"status {status} hello".encode())
    assert (response.status_code, response.content) == (status, b"")
    again = await web.post("/desks/a", content=b"say next")
    assert again.content == b"next"


@pytest.mark.parametrize("status", ["", "20", "2000", "100", "600", "abc", "-20"])
async def test_a_status_that_is_none_is_the_atoms_fault(web: httpx.AsyncClient, status: str) -> None:
    response = await web.post("/desks/a", content=f"status {status} hello".encode())
    assert (response.status_code, response.json()["error"]) == (502, "invalid")


async def test_an_atom_sets_headers(web: httpx.AsyncClient) -> None:
    response = await web.post("/desks/a", content=b"type text/csv a,b")
    assert (response.headers["content-type"], response.text) == ("text/csv", "a,b")
    response = await web.post("/desks/a", content=b"header Location  /elsewhere ")
    assert response.headers["location"] == "/elsewhere"


@pytest.mark.parametrize(
    "header",
    [
        b"Evil x\r\nSet-Cookie: a=b", b"Evil x\nb", b"Evil x\0", b"Ev:il x", b"\xc3\xa9vil x", b" x",
        b"Content-Length 1", b"Transfer-Encoding chunked", b"Connection close", b"Keep-Alive 1", b"Upgrade h2c",
        b"Date never", b"Server evil", b"http.evil x", b"radon.evil x",
    ],
)  # fmt: skip
async def test_what_cannot_be_a_header_is_left_out(web: httpx.AsyncClient, header: bytes) -> None:
    response = await web.post("/desks/a", content=b"header " + header)
    assert (response.status_code, response.text) == (200, "with a header")
    assert set(response.headers) == {"date", "content-length", "content-type"}
    assert response.headers["content-length"] == str(len("with a header"))


# ---- errors ----


@pytest.mark.parametrize(
    ("upstream_status", "status", "error"),
    [
        (400, 400, "invalid"),
        (302, 400, "invalid"),
        (401, 403, "denied"),
        (403, 403, "denied"),
        (404, 404, "not-found"),
        (410, 404, "not-found"),
        (408, 504, "timeout"),
        (504, 504, "timeout"),
        (413, 413, "too-large"),
        (429, 429, "exhausted"),
        (500, 503, "unavailable"),
        (503, 503, "unavailable"),
    ],
)
async def test_every_error_has_its_status(
    web: httpx.AsyncClient, upstream: Service, upstream_status: int, status: int, error: str
) -> None:
    """The question is forwarded to an endpoint, whose answer is the answer: so every code can be met."""
    upstream.script = answering(upstream_status)
    response = await web.post("/desks/forwarder", content=b"forward")
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response.headers["content-type"] == "application/json"
    assert ("retry-after" in response.headers) == (status in (429, 503))


async def test_a_forwarded_question_is_answered_with_the_endpoints_body(
    web: httpx.AsyncClient, upstream: Service
) -> None:
    upstream.script = answering((200, {"Content-Type": "text/x"}, b"from afar"))
    response = await web.post("/desks/forwarder", content=b"forward")
    assert (response.status_code, response.text, response.headers["content-type"]) == (200, "from afar", "text/x")


@pytest.mark.parametrize("body", [b"nothing", b"fail"])
async def test_an_atom_that_does_not_answer_has_closed(web: httpx.AsyncClient, body: bytes) -> None:
    response = await web.post("/desks/a", content=body)
    assert (response.status_code, response.json()["error"]) == (502, "closed")


async def test_a_body_over_the_limit_of_the_kind_is_too_large(web: httpx.AsyncClient) -> None:
    response = await web.post("/small", content=b"self" + b" " * 100)
    assert (response.status_code, response.json()["error"]) == (413, "too-large")
    assert "limits.message" in response.json()["message"]


async def test_a_body_over_the_limit_of_the_gateway_is_not_read(web: httpx.AsyncClient) -> None:
    response = await web.post("/desks/a", content=b"x" * 1025)
    assert (response.status_code, response.json()["error"]) == (413, "too-large")
    assert (await web.post("/desks/a", content=b"say " + b"x" * 1020)).status_code == 200


async def test_a_chunked_body_over_the_limit_is_refused_before_it_ends(app: Running) -> None:
    async with connected(*app.address) as (reader, writer):
        writer.write(b"POST /desks/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"3e8\r\n" + b"x" * 1000 + b"\r\n" + b"19\r\n" + b"x" * 25 + b"\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_is_announced_too_large_is_not_asked_for(app: Running) -> None:
    async with connected(*app.address) as (reader, writer):
        writer.write(b"POST /desks/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1025\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_fits_is_asked_for(app: Running) -> None:
    async with connected(*app.address) as (reader, writer):
        writer.write(b"POST /desks/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"say hi")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_does_not_come_in_time_is_given_up(app: Running) -> None:
    async with connected(*app.address) as (reader, writer):
        writer.write(b"POST /desks/a HTTP/1.1\r\nHost: x\r\nRadon-Timeout-Ms: 20\r\nContent-Length: 6\r\n\r\nsay")
        answer = await reader.read(-1)  # until it is closed: what is missing of the body can never come
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"timeout"' in answer


async def test_a_chunked_body_within_the_limit_is_joined(web: httpx.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        for part in (b"say ", b"a" * 500, b"", b"b" * 500):
            yield part

    response = await web.post("/desks/a", content=body())
    assert response.content == b"a" * 500 + b"b" * 500


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


async def test_an_answer_may_come_from_a_later_turn(web: httpx.AsyncClient, app: Running) -> None:
    async with asyncio.TaskGroup() as group:
        kept = group.create_task(web.post("/desks/later", content=b"keep"))
        while (await web.post("/desks/later", content=b"release at last")).text != "released":
            pass
    assert kept.result().text == "at last"


async def test_a_slow_answer_is_awaited_beyond_the_first_patience(web: httpx.AsyncClient, app: Running) -> None:
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
    app: Running, web: httpx.AsyncClient, request_bytes: bytes
) -> None:
    async with connected(*app.address) as (reader, writer):
        writer.write(request_bytes + b"\r\n\r\n")
        answer = await reader.read(-1)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert (await web.post("/desks/a", content=b"say on")).text == "on"


async def test_a_head_without_an_end_is_refused(app: Running) -> None:
    async with connected(*app.address) as (reader, writer):
        writer.write(b"POST /desks/a HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000)
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")


async def test_a_request_in_the_absolute_form_is_understood(app: Running) -> None:
    answer = await raw(app, b"POST http://example/desks/abs HTTP/1.1\r\nHost: example\r\nContent-Length: 4\r\n\r\nself")
    assert answer.endswith(b"\r\n\r\ndesk/abs")


async def test_options_of_the_server_itself_is_answered(app: Running) -> None:
    assert (await raw(app, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 204 ")


async def test_pipelined_requests_are_answered_in_order(app: Running) -> None:
    one = b"POST /desks/pipe HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\ncount"
    async with connected(*app.address) as (reader, writer):
        writer.write(one * 5)
        for number in range(1, 6):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(1) == b"%d" % number


async def raw(app: Running, request: bytes) -> bytes:
    """The whole answer to a request after which the connection is closed."""
    async with connected(*app.address) as (reader, writer):
        writer.write(request.replace(b"\r\nHost", b"\r\nConnection: close\r\nHost"))
        answer = await reader.read(-1)
        return answer


# ---- health ----


async def test_a_deployment_that_runs_is_healthy(web: httpx.AsyncClient) -> None:
    response = await web.get("/healthz")
    assert (response.status_code, response.text) == (200, "ok\n")
    assert (await web.post("/healthz")).status_code == 405


async def test_errors_are_json_of_one_line(web: httpx.AsyncClient) -> None:
    response = await web.get("/nowhere")
    assert response.text.count("\n") == 1
    assert set(json.loads(response.text)) == {"error", "message"}
