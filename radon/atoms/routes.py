"""Routes of the HTTP ingress: "POST /accounts/{key}" = "account/{key}", taken apart and checked.

Owns the grammar; matching requests is the gateway's work, and whether the kind exists is `application.py`'s to check.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from radon.abi.delivery import Address
from radon.abi.errors import ManifestError

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
RESERVED = ("/healthz", "/metrics", "/topics")
"""Paths that the gateway itself answers, with all that is below them."""

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\*?)\}")
_LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()+,;=:@-]*")


class Route(NamedTuple):
    """One route. Of two that fit a request the more literal one, segment by segment from the left, is meant."""

    method: str
    path: str  # as written
    parameters: tuple[str, ...]  # in the order of the path
    rest: bool  # the last parameter takes all that is left of the path, slashes too
    kind: str
    key: str  # with the parameters' places in it, as "{name}"

    @staticmethod
    def parse(pattern: str, target: str) -> Route:
        """Raises ManifestError."""
        method, space, path = pattern.partition(" ")
        if not space or not path.startswith("/"):
            raise ManifestError('a route is a method and a path, as in "POST /accounts/{key}"')
        if method not in METHODS:
            raise ManifestError(f"unknown method {method!r}; known: {', '.join(METHODS)}")
        parameters, rest = _parameters(path)
        address = Address.parse(target)
        if not address.kind or "{" in address.kind or "}" in address.kind:
            raise ManifestError('a route leads to "KIND" or "KIND/KEY", with parameters of the path in KEY only')
        if "{" in _PARAMETER.sub("", address.key) or "}" in _PARAMETER.sub("", address.key):
            raise ManifestError("a brace in the key must be part of a {parameter}")
        for name, star in _PARAMETER.findall(address.key):
            if star or name not in parameters:
                raise ManifestError(f"the key names {{{name}{star}}}, but the path has {_listed(parameters)}")
        return Route(method, path, parameters, rest, address.kind, address.key)

    @property
    def shape(self) -> str:
        """What it matches, whatever its parameters are called: two routes of the same shape are one too many."""
        return f"{self.method} {_PARAMETER.sub(lambda found: '{' + found[2] + '}', self.path)}"


def _parameters(path: str) -> tuple[tuple[str, ...], bool]:
    if any(path == own or path.startswith(f"{own}/") for own in RESERVED):
        raise ManifestError(f"the gateway itself answers {', '.join(RESERVED)}; choose another path")
    names: list[str] = []
    rest = False
    segments = path[1:].split("/")
    for number, segment in enumerate(segments, start=1):
        found = _PARAMETER.fullmatch(segment)
        if found is None and not _LITERAL.fullmatch(segment):
            raise ManifestError(f"segment {segment!r} must be plain text, {{name}}, or {{name*}} at the end")
        if found is None and not segment and number < len(segments):
            raise ManifestError("a path has no empty segments")
        if found is None:
            continue
        if found[1] in names:
            raise ManifestError(f"the path has {{{found[1]}}} twice")
        names.append(found[1])
        rest = bool(found[2])
        if rest and number < len(segments):
            raise ManifestError(f"{{{found[1]}*}} takes all that is left and must stand at the end")
    return tuple(names), rest


def _listed(parameters: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in parameters) or "no parameters"
