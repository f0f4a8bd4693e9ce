"""HTTP in, with real clients over real sockets: which atom is asked, what it sees, what the client sees."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.gateways.running import Service, answering

pytestmark = pytest.mark.asyncio(loop_scope="module")


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


async def test_a_chunked_body_within_the_limit_is_joined(web: httpx.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        for part in (b"say ", b"a" * 500, b"", b"b" * 500):
            yield part

    response = await web.post("/desks/a", content=body())
    assert response.content == b"a" * 500 + b"b" * 500


# ---- health ----


async def test_a_deployment_that_runs_is_healthy(web: httpx.AsyncClient) -> None:
    response = await web.get("/healthz")
    assert (response.status_code, response.text) == (200, "ok\n")
    assert (await web.post("/healthz")).status_code == 405


async def test_errors_are_json_of_one_line(web: httpx.AsyncClient) -> None:
    response = await web.get("/nowhere")
    assert response.text.count("\n") == 1
    assert set(json.loads(response.text)) == {"error", "message"}
