"""One request and its response, over ASGI: reading a body within limits, answering once, noticing who went away.

Knows no deployment and no route.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeVar

from radon.abi.errors import ErrorCode, TooLarge
from radon.gateways.http_messages import STATUS, Headers, header
from radon.gateways.http_routes import path_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Seen = Callable[[str, int, float], None]

T = TypeVar("T")

PATIENCE = 0.05
"""Seconds for which it does not matter that the client went away: most answers come sooner than a watch is set up."""


class Gone(Exception):
    """The client went away; nobody will read an answer."""


class Exchange:
    """`seen(label, status, seconds)` is called when it was answered; `label` is set by who finds out what was asked."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, seen: Seen) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.headers: Headers = list(scope["headers"])
        self.path = path_of(scope)  # percent-encoded
        self.label = "unknown"
        self._receive, self._send, self._seen = receive, send, seen
        self._began = time.perf_counter()

    def header(self, name: bytes) -> bytes | None:
        return header(self.headers, name)

    async def body(self, limit: int) -> bytes:
        """All of it. Raises TooLarge as soon as it is clear that there are more than `limit` bytes, and Gone."""
        declared = self.header(b"content-length") or b"0"
        _check(int(declared) if declared.isdigit() else 0, limit)
        message = await self._receive()
        parts: list[bytes] = []
        size = 0
        while message["type"] == "http.request":
            part: bytes = message.get("body", b"")
            size += len(part)
            _check(size, limit)
            parts.append(part)
            if not message.get("more_body"):
                return part if len(parts) == 1 else b"".join(parts)
            message = await self._receive()
        raise Gone

    async def unless_gone(self, future: asyncio.Future[T]) -> T:
        """What `future` comes to. Call it when the body has been read. Raises Gone."""
        await asyncio.wait((future,), timeout=PATIENCE)
        if not future.done():
            gone = asyncio.ensure_future(self.gone())
            try:
                await asyncio.wait((future, gone), return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
        if not future.done():
            raise Gone
        return future.result()

    async def gone(self) -> None:
        """Returns when the client went away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def begin(self, status: int, headers: Headers) -> None:
        """A response whose body comes in pieces, by `send`."""
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        self._seen(self.label, status, time.perf_counter() - self._began)

    async def send(self, piece: bytes, *, more: bool = True) -> None:
        """Waits while the client is slow to read."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def respond(self, status: int, headers: Headers, body: bytes = b"") -> None:
        """The whole response; to HEAD without the body. `headers` say its length."""
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else body})
        self._seen(self.label, status, time.perf_counter() - self._began)

    async def text(self, status: int, body: bytes, content_type: str, *headers: tuple[bytes, bytes]) -> None:
        own = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))]
        await self.respond(status, [*own, *headers], body)

    async def fail(self, code: ErrorCode, why: str, *headers: tuple[bytes, bytes], status: int = 0) -> None:
        """An error of the error set, with its status or another one, and a JSON body."""
        status = status or STATUS[code]
        if status in (429, 503):
            headers = (*headers, (b"retry-after", b"1"))
        body = json.dumps({"error": code.label, "message": why}).encode() + b"\n"
        await self.text(status, body, "application/json", *headers)


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge(f"the body has more than {limit} bytes, the limit of ingress.http.body")
