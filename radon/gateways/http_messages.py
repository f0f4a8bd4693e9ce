"""What HTTP and messages have in common, both ways: headers as metadata, errors as statuses, statuses as errors.

Pure functions and tables; knows no socket, no server and no deployment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import NamedTuple

from radon.abi.delivery import Metadata
from radon.abi.errors import ErrorCode, Invalid, TooLarge
from radon.host.limits import KIB, NAME_BYTES

Headers = list[tuple[bytes, bytes]]
"""As ASGI has them: names in lower case."""

METADATA_BYTES = 64 * KIB
"""Headers of a request or an answer that become metadata; more are too large."""

STATUS = MappingProxyType(
    {
        ErrorCode.DENIED: 403,
        ErrorCode.NOT_FOUND: 404,
        ErrorCode.TOO_LARGE: 413,
        ErrorCode.EXHAUSTED: 429,
        ErrorCode.TIMEOUT: 504,
        ErrorCode.CLOSED: 502,
        ErrorCode.UNAVAILABLE: 503,
        ErrorCode.INVALID: 400,
    }
)
"""What a client is told when an atom's answer is an error."""

_CODES = MappingProxyType(
    {
        401: ErrorCode.DENIED,
        403: ErrorCode.DENIED,
        404: ErrorCode.NOT_FOUND,
        408: ErrorCode.TIMEOUT,
        410: ErrorCode.NOT_FOUND,
        413: ErrorCode.TOO_LARGE,
        429: ErrorCode.EXHAUSTED,
        504: ErrorCode.TIMEOUT,
    }
)

HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade")
)  # fmt: skip
"""They are about one connection, and mean nothing beyond it."""

_NOT_TOLD = HOP_BY_HOP | {
    b"authorization",  # a secret does not belong into logs, dead letters and state; the gateway has checked it
    b"content-length",  # of the body, which is there; wrong once it is decoded
    b"expect",
    b"radon-timeout-ms",  # the message's deadline says it
}
_NOT_ANSWERED = HOP_BY_HOP | {b"content-length", b"date", b"server"}  # these are the server's to say
_OURS = (b"http.", b"radon.")

_NAME = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_STATUS = re.compile(rb"[2-5][0-9][0-9]")


class Answered(NamedTuple):
    """An atom's answer as a response."""

    status: int
    headers: Headers
    body: bytes


def error_of(status: int) -> ErrorCode | None:
    """What an endpoint's status means to an atom; None for success."""
    if 200 <= status <= 299:
        return None
    return _CODES.get(status, ErrorCode.UNAVAILABLE if status >= 500 else ErrorCode.INVALID)


def metadata_of(headers: Iterable[tuple[bytes, bytes]], *first: tuple[str, bytes]) -> Metadata:
    """`first`, then the headers an atom may see, each once: a repeated one has its values joined (RFC 9110, 5.2).

    Raises TooLarge.
    """
    told = dict(first)
    dropped = _NOT_TOLD | _named_by_connection(headers)
    size = sum(len(name) + len(value) for name, value in first)
    for name, value in headers:
        if name in dropped or name.startswith(_OURS) or len(name) > NAME_BYTES:
            continue
        size += len(name) + len(value) + 2
        if size > METADATA_BYTES:
            raise TooLarge(f"the headers have more than {METADATA_BYTES} bytes")
        text = name.decode("latin-1")
        known = told.get(text)
        told[text] = value if known is None else known + (b"; " if name == b"cookie" else b", ") + value
    return tuple(told.items())


def answered(metadata: Metadata, body: bytes) -> Answered:
    """The response that an atom's answer asks for: "http.status", and whatever else can be a header.

    Raises Invalid for a status that is none.
    """
    status, headers = 200, Headers()
    typed = False
    for text, value in metadata:
        if text == "http.status":
            if not _STATUS.fullmatch(value):
                raise Invalid(f"the atom answered with the http.status {value[:20]!r}; it is three digits from 200 on")
            status = int(value)
            continue
        name, value = text.lower().encode(), value.strip(b" \t")
        if name in _NOT_ANSWERED or name.startswith(_OURS) or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            continue
        typed = typed or name == b"content-type"
        headers.append((name, value))
    if status in (204, 205, 304):
        body = b""
    elif body and not typed:
        headers.append((b"content-type", b"application/octet-stream"))
    if status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(body)))
    return Answered(status, headers, body)


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The first value under `name`, which is in lower case."""
    return next((value for known, value in headers if known == name), None)


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    """Headers that the sender says are for this connection only."""
    values = [value for name, value in headers if name == b"connection"]
    return {token.strip().lower() for value in values for token in value.split(b",")} if values else set()
