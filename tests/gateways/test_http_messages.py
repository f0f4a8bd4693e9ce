"""What HTTP and messages make of each other, without either."""

from __future__ import annotations

import base64

import h11
from hypothesis import given
from hypothesis import strategies as st

from radon.abi.errors import ErrorCode, Invalid, ManifestError
from radon.atoms.routes import Route
from radon.gateways.http_events import event_of
from radon.gateways.http_messages import STATUS, answered, error_of, metadata_of
from radon.gateways.http_routes import RouteTable

NAMES = st.text(st.characters(max_codepoint=0x17F), max_size=12)
VALUES = st.binary(max_size=20)


def test_every_error_code_has_a_status_that_means_it() -> None:
    assert set(STATUS) == set(ErrorCode)
    for code, status in STATUS.items():
        if code is not ErrorCode.CLOSED:  # another's bad gateway is unavailable to an atom: it may try again
            assert error_of(status) is code


@given(st.integers(100, 599))
def test_every_status_is_success_or_an_error(status: int) -> None:
    assert (error_of(status) is None) == (200 <= status < 300)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), VALUES)
def test_whatever_an_atom_answers_is_a_response_that_a_server_can_send(
    metadata: list[tuple[str, bytes]], body: bytes
) -> None:
    try:
        status, headers, sent = answered(tuple(metadata), body)
    except Invalid:
        return
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    connection.next_event()
    connection.next_event()
    head = connection.send(h11.Response(status_code=status, headers=headers))
    assert head.count(b"\r\n") == len(headers) + 2
    connection.send(h11.Data(data=sent))
    connection.send(h11.EndOfMessage())
    assert connection.our_state is h11.DONE


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"cookie", b"te", b"http.x"]), VALUES), max_size=8))
def test_headers_are_joined_by_name_in_order(headers: list[tuple[bytes, bytes]]) -> None:
    told = dict(metadata_of(headers, ("http.method", b"GET")))
    assert told.pop("http.method") == b"GET"
    assert set(told) <= {"a", "b", "cookie"}
    for name, value in told.items():
        separator = b"; " if name == "cookie" else b", "
        assert value == separator.join(given for known, given in headers if known == name.encode())


SEGMENTS = st.sampled_from(["a", "b", "{x}", "{y}", "{z*}"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4)


@given(st.lists(PATHS, max_size=6), st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=4))
def test_the_most_literal_route_is_taken(paths: list[list[str]], asked: list[str]) -> None:
    routes = {}
    for number, path in enumerate(paths):
        pattern = "GET /" + "/".join(path)
        try:
            shape = Route.parse(pattern, "kind").shape
        except ManifestError:
            continue
        if all(Route.parse(known, "kind").shape != shape for known in routes):
            routes[pattern] = f"kind/{number}"
    fitting = [pattern for pattern in routes if fits(pattern[5:].split("/"), asked)]
    found = RouteTable(routes).match("GET", "/" + "/".join(asked))
    if found is None:
        assert fitting == []
    else:
        best = min(fitting, key=lambda pattern: [preference(segment) for segment in pattern[5:].split("/")])
        assert found.pattern == best
        assert found.to.key == routes[best].removeprefix("kind/")


def preference(segment: str) -> int:
    return 0 if "{" not in segment else 2 if "*" in segment else 1


def fits(pattern: list[str], asked: list[str]) -> bool:
    if not pattern or not asked:
        return not pattern and not asked
    if preference(pattern[0]) == 2:
        return "/".join(asked) != ""
    return (asked[0] != "" if "{" in pattern[0] else pattern[0] == asked[0]) and fits(pattern[1:], asked[1:])


@given(st.binary())
def test_every_message_can_be_read_back_from_its_event(body: bytes) -> None:
    kind, data = "message", []
    for line in event_of(body).split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"event":
            kind = value.strip().decode()
        elif name == b"data":
            data.append(value.removeprefix(b" "))
    text = b"\n".join(data)
    assert (base64.b64decode(text) if kind == "base64" else text) == body
