"""Which route of the manifest a request takes. Owns matching; the grammar of routes is `radon.atoms.routes`'."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from radon.abi.delivery import Address
from radon.abi.errors import Invalid
from radon.atoms.routes import Route

_LITERAL, _PARAMETER, _REST = 0, 1, 2  # in the order in which they are preferred

_IN_KEY = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Match(NamedTuple):
    """Where a request goes, and the route as the manifest has it."""

    to: Address
    pattern: str


class _Pattern(NamedTuple):
    order: tuple[int, ...]  # of its segments; the smaller one is tried first
    segments: tuple[str, ...]  # literal text, or the name of a parameter
    route: Route

    def match(self, given: list[str]) -> dict[str, str] | None:
        """The values of the parameters, none of them empty; None where the path does not fit."""
        count = len(self.segments)
        rest = self.order[-1] == _REST
        if len(given) < count if rest else len(given) != count:
            return None
        values = {}
        for at, (order, segment) in enumerate(zip(self.order, self.segments, strict=True)):
            value = "/".join(given[at:]) if order == _REST else given[at]
            if order == _LITERAL and value != segment:
                return None
            if order != _LITERAL:
                if not value:
                    return None
                values[segment] = value
        return values


class RouteTable:
    """The routes of one application. Immutable."""

    def __init__(self, routes: Mapping[str, str]) -> None:
        """`routes` as in `[ingress.http.routes]`. Raises ManifestError."""
        self._patterns: dict[str, list[_Pattern]] = {}  # by method
        for pattern, target in routes.items():
            route = Route.parse(pattern, target)
            self._patterns.setdefault(route.method, []).append(_compile(route))
        for patterns in self._patterns.values():
            patterns.sort(key=lambda pattern: pattern.order)

    def match(self, method: str, path: str) -> Match | None:
        """The route that fits best. `path` is percent-encoded; HEAD takes a route of GET where it has none of its own.

        Raises Invalid for a path that is not UTF-8.
        """
        given = segments_of(path)
        found = self._match(method, given)
        return found or (self._match("GET", given) if method == "HEAD" else None)

    def allowed(self, path: str) -> list[str]:
        """The methods that a path can be asked with; empty where there is no such path."""
        given = segments_of(path)
        methods = {method for method in self._patterns if self._match(method, given) is not None}
        if methods:
            methods |= {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        return sorted(methods)

    def _match(self, method: str, given: list[str]) -> Match | None:
        for pattern in self._patterns.get(method, ()):
            values = pattern.match(given)
            if values is not None:
                route = pattern.route
                key = _IN_KEY.sub(lambda found: values[found[1]], route.key) if values else route.key  # noqa: B023
                return Match(Address(route.kind, key), f"{route.method} {route.path}")
        return None


def segments_of(path: str) -> list[str]:
    """Decoded after it is divided, so that an encoded slash is part of a segment. Raises Invalid."""
    try:
        return [unquote(segment, errors="strict") for segment in path[1:].split("/")]
    except UnicodeDecodeError:
        raise Invalid("the path is not UTF-8") from None


def path_of(scope: Mapping[str, object]) -> str:
    """The percent-encoded path of an ASGI request, below where the app is mounted."""
    raw = scope.get("raw_path")
    path = raw.decode("latin-1") if isinstance(raw, bytes) else str(scope["path"]).replace("%", "%25")
    if not path.startswith("/") and "://" in path:  # the absolute form, as a proxy is asked (RFC 9112, 3.2.2)
        path = "/" + path.partition("://")[2].partition("/")[2]
    root = str(scope.get("root_path") or "").rstrip("/")
    if not root:
        return path
    segments = path.split("/")
    below = root.count("/") + 1
    if unquote("/".join(segments[:below])) != root:
        return path
    return "/" + "/".join(segments[below:])


def _compile(route: Route) -> _Pattern:
    order, texts = [], []
    for segment in route.path[1:].split("/"):
        if segment.startswith("{"):
            order.append(_REST if segment.endswith("*}") else _PARAMETER)
            texts.append(segment[1:-1].removesuffix("*"))
        else:
            order.append(_LITERAL)
            texts.append(segment)
    return _Pattern(tuple(order), tuple(texts), route)
