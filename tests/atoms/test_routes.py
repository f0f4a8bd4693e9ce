"""Routes of the HTTP ingress: taken apart, or refused with the reason."""

from __future__ import annotations

import pytest

from radon.abi.errors import ManifestError
from radon.atoms.routes import Route


def test_a_route_is_taken_apart() -> None:
    assert Route.parse("POST /accounts/{key}", "account/{key}") == Route(
        "POST", "/accounts/{key}", ("key",), False, "account", "{key}"
    )
    assert Route.parse("GET /reports/{year}/{name*}", "report/{year}-{name}") == Route(
        "GET", "/reports/{year}/{name*}", ("year", "name"), True, "report", "{year}-{name}"
    )
    assert Route.parse("GET /", "front") == Route("GET", "/", (), False, "front", "")


def test_a_parameter_may_go_unused() -> None:
    assert Route.parse("GET /a/{x}", "front").parameters == ("x",)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("GET /{a}", "GET /{b}", True),
        ("GET /{a}", "POST /{a}", False),
        ("GET /{a}", "GET /{a*}", False),
        ("GET /{a}", "GET /a", False),
        ("GET /a", "GET /a/", False),
        ("GET /x/{a}/{b*}", "GET /x/{b}/{a*}", True),
    ],
)
def test_routes_of_one_shape_take_the_same_requests(one: str, other: str, same: bool) -> None:
    assert (Route.parse(one, "front").shape == Route.parse(other, "front").shape) is same


A_ROUTE = 'a route is a method and a path, as in "POST /accounts/{key}"'
A_TARGET = 'a route leads to "KIND" or "KIND/KEY", with parameters of the path in KEY only'


@pytest.mark.parametrize(
    ("pattern", "target", "fault"),
    [
        ("", "front", A_ROUTE),
        ("/accounts", "front", A_ROUTE),
        ("POST accounts", "front", A_ROUTE),
        ("post /a", "front", "unknown method 'post'; known: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        ("GET /a/{x}{y}", "front", "segment '{x}{y}' must be plain text, {name}, or {name*} at the end"),
        ("GET /a b", "front", "segment 'a b' must be plain text, {name}, or {name*} at the end"),
        ("GET /a?b", "front", "segment 'a?b' must be plain text, {name}, or {name*} at the end"),
        ("GET /a/*", "front", "segment '*' must be plain text, {name}, or {name*} at the end"),
        ("GET /a/{}", "front", "segment '{}' must be plain text, {name}, or {name*} at the end"),
        ("GET /a//b", "front", "a path has no empty segments"),
        ("GET /{x}/{x}", "front", "the path has {x} twice"),
        ("GET /{x*}/a", "front", "{x*} takes all that is left and must stand at the end"),
        ("GET /metrics", "front", "the gateway itself answers /healthz, /metrics, /topics; choose another path"),
        ("GET /topics/{x}", "front", "the gateway itself answers /healthz, /metrics, /topics; choose another path"),
        ("GET /{x}", "", A_TARGET),
        ("GET /{x}", "/{x}", A_TARGET),
        ("GET /{x}", "{x}/a", A_TARGET),
        ("GET /{x}", "front/{x", "a brace in the key must be part of a {parameter}"),
        ("GET /{x}", "front/{}", "a brace in the key must be part of a {parameter}"),
        ("GET /{x}/{y}", "front/{z}", "the key names {z}, but the path has {x}, {y}"),
        ("GET /{x*}", "front/{x*}", "the key names {x*}, but the path has {x}"),
        ("GET /", "front/{x}", "the key names {x}, but the path has no parameters"),
    ],
)
def test_a_broken_route_is_refused_with_the_reason(pattern: str, target: str, fault: str) -> None:
    with pytest.raises(ManifestError) as refusal:
        Route.parse(pattern, target)
    assert str(refusal.value) == fault
