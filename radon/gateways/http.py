"""HTTP in: an ASGI application whose routes lead to atoms. Mount it anywhere, or let `server.py` serve it.

Owns what a request means to an atom and an answer to a client: docs/gateways.md has all of it. Knows no socket.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from radon.abi.errors import ErrorCode, Invalid, RadonError, Refused, Timeout, TooLarge, Unavailable
from radon.abi.exchange import Reply
from radon.atoms.application import Application
from radon.atoms.grants import matches
from radon.atoms.manifest import HttpIngress
from radon.atoms.secrets import Secret
from radon.backends.deployment import Answer, Deployment
from radon.gateways.http_events import KEEP_ALIVE, EventStreams
from radon.gateways.http_exchange import Exchange, Gone, Receive, Scope, Send
from radon.gateways.http_messages import answered, metadata_of
from radon.gateways.http_routes import Match, RouteTable, segments_of
from radon.gateways.metrics import Metrics
from radon.gateways.relay import Relay

TIMEOUT = 30_000
"""Milliseconds that a client waits if it does not say (`Radon-Timeout-Ms`)."""

HEALTHY = 5.0
"""Seconds within which a healthy deployment comes to the end of a turn."""

_DIGITS = re.compile(rb"[0-9]{1,9}")
_ONCE = re.compile(rb"[\x21-\x7e]{1,255}")
_TOPICS = "/topics/"

_MEANINGS = {
    ErrorCode.CLOSED: "the atom failed for good, ended, or left the request unanswered",
    ErrorCode.TIMEOUT: "the atom has not answered in time; it may or may not have acted",
}


class _Served(NamedTuple):
    """What of an application the gateway goes by."""

    application: Application
    http: HttpIngress
    routes: RouteTable


class HttpGateway:
    """The ASGI application of one deployment. It follows the routes, topics and limits of later deployments.

    Used in one event loop: the one of its first request. `token`: what every request but those for /healthz must
    bring.
    """

    def __init__(self, deployment: Deployment, token: Secret | None = None, *, keep_alive: float = KEEP_ALIVE) -> None:
        self.token = token
        self._deployment = deployment
        self._keep_alive = keep_alive
        self._metrics = Metrics()
        self._served = _serve(deployment.application)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._relay: Relay
        self._events: EventStreams

    def close(self) -> None:
        """End the event streams, which would otherwise go on for as long as their readers like."""
        if self._loop is not None:
            self._events.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._settle()
            await self._answer(Exchange(scope, receive, send, self._metrics.saw))
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    def _settle(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._relay = Relay(loop)
            self._events = EventStreams(self._deployment, self._relay, self._keep_alive)
        if self._served.application is not self._deployment.application:
            self._served = _serve(self._deployment.application)

    async def _answer(self, exchange: Exchange) -> None:
        try:
            if exchange.path == "/healthz":
                await self._own(exchange, self._health)
            elif not self._authorized(exchange):
                realm = f'Bearer realm="{self._served.application.name}"'
                challenge = (b"www-authenticate", realm.encode())
                await exchange.fail(ErrorCode.DENIED, "send Authorization: Bearer TOKEN", challenge, status=401)
            elif exchange.path == "/metrics":
                await self._own(exchange, self._page)
            elif exchange.path.startswith(_TOPICS):
                await self._own(exchange, self._topic)
            else:
                await self._route(exchange)
        except Gone:
            pass
        except Refused as refused:
            await exchange.fail(refused.code, str(refused))
        except RadonError as error:
            await exchange.fail(ErrorCode.UNAVAILABLE, str(error))

    def _authorized(self, exchange: Exchange) -> bool:
        if self.token is None:
            return True
        scheme, _, given = (exchange.header(b"authorization") or b"").partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self.token.reveal().encode())

    # ---- what the gateway answers itself ----

    async def _own(self, exchange: Exchange, serve: Callable[[Exchange], Awaitable[None]]) -> None:
        exchange.label = exchange.path if not exchange.path.startswith(_TOPICS) else f"{_TOPICS}NAME"
        if exchange.method in ("GET", "HEAD"):
            await serve(exchange)
        else:
            await _only(exchange, ["GET", "HEAD", "OPTIONS"])

    async def _health(self, exchange: Exchange) -> None:
        try:
            async with asyncio.timeout(HEALTHY):
                await asyncio.wrap_future(self._deployment.perform_all(lambda domain: None))
        except TimeoutError:
            raise Unavailable(f"no turn has ended for {HEALTHY} s") from None
        await exchange.text(200, b"ok\n", "text/plain; charset=utf-8")

    async def _page(self, exchange: Exchange) -> None:
        accept = (exchange.header(b"accept") or b"").decode("latin-1")
        page, content_type = await asyncio.to_thread(self._metrics.render, self._deployment, accept)
        await exchange.text(200, page, content_type)

    async def _topic(self, exchange: Exchange) -> None:
        topic = "/".join(segments_of(exchange.path[len(_TOPICS) - 1 :]))
        if not any(matches(glob, topic) for glob in self._served.http.topics):
            raise Refused.of(ErrorCode.DENIED, f"the manifest lets nobody read the topic {topic!r}")
        if exchange.method == "HEAD":
            await exchange.text(200, b"", "text/event-stream")
        else:
            await self._events.serve(exchange, topic)

    # ---- what atoms answer ----

    async def _route(self, exchange: Exchange) -> None:
        match = self._served.routes.match(exchange.method, exchange.path) if exchange.path != "*" else None
        if match is not None:
            exchange.label = match.pattern
            await self._ask(exchange, match)
            return
        allowed = self._served.routes.allowed(exchange.path) if exchange.path != "*" else ["GET", "HEAD", "OPTIONS"]
        if not allowed:
            raise Refused.of(ErrorCode.NOT_FOUND, "no route of the manifest has this path")
        await _only(exchange, allowed)

    async def _ask(self, exchange: Exchange, match: Match) -> None:
        """Body in, message to the atom, its answer out."""
        wait = _timeout_of(exchange)
        deadline = time.time_ns() + int(wait * 1e9)
        once = _once_of(exchange)
        try:
            metadata = metadata_of(
                exchange.headers, ("http.method", exchange.method.encode()), ("http.path", exchange.path.encode()),
                ("http.query", exchange.scope.get("query_string", b"")),
            )  # fmt: skip
        except TooLarge as error:
            await exchange.fail(error.code, str(error), status=431)
            return
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        token = 0
        try:
            async with asyncio.timeout(wait):
                body = await exchange.body(self._served.http.body)
                token = self._deployment.post(
                    match.to, body, partial(self._relay, partial(_resolve, answer)), deadline=deadline, once=once,
                    metadata=metadata,
                )  # fmt: skip
                reply = await exchange.unless_gone(answer)
        except TimeoutError:
            if not token:
                closing = (b"connection", b"close")
                why = "the body has not come in time"
                await exchange.fail(ErrorCode.TIMEOUT, why, closing, status=408)
                return
            raise Timeout(_MEANINGS[ErrorCode.TIMEOUT]) from None
        finally:
            self._deployment.forget(token)
        await _tell(exchange, reply)


async def _tell(exchange: Exchange, answer: Answer) -> None:
    """The atom's answer, or the error in its place."""
    if isinstance(answer, RadonError):
        raise answer
    assert isinstance(answer, Reply)
    if answer.code:
        code = ErrorCode(answer.code - 1)
        why = dict(answer.metadata).get("radon.error", b"").decode()
        raise Refused.of(code, why or _MEANINGS.get(code, f"the atom answered {code.label}"))
    try:
        response = answered(answer.metadata, answer.body)
    except Invalid as error:  # the atom's mistake, not the client's
        await exchange.fail(error.code, str(error), status=502)
        return
    await exchange.respond(*response)


def _timeout_of(exchange: Exchange) -> float:
    """Seconds that the client waits. Raises Invalid, Timeout."""
    given = exchange.header(b"radon-timeout-ms")
    if given is not None and not _DIGITS.fullmatch(given):
        raise Invalid("Radon-Timeout-Ms is a whole number of milliseconds, of at most 9 digits")
    milliseconds = TIMEOUT if given is None else int(given)
    if not milliseconds:
        raise Timeout("the deadline has passed already; nothing was sent")
    return milliseconds / 1000


def _once_of(exchange: Exchange) -> str:
    """The dedup key that the client's key stands for: the same key for another path is another one. Raises Invalid."""
    keys = {value for name, value in exchange.headers if name == b"idempotency-key"}
    if not keys:
        return ""
    if len(keys) > 1:
        raise Invalid("a request has one Idempotency-Key, and this one has several")
    given = keys.pop()
    if not _ONCE.fullmatch(given):
        raise Invalid("an Idempotency-Key has 1 to 255 printable characters and no spaces")
    scope = f"{exchange.method} {exchange.path} ".encode()
    return f"http {hashlib.sha256(scope + given).hexdigest()}"


async def _only(exchange: Exchange, methods: list[str]) -> None:
    """OPTIONS is told the methods; any other one that is not among them is refused."""
    allow = (b"allow", ", ".join(methods).encode())
    if exchange.method == "OPTIONS":
        await exchange.respond(204, [allow])
    else:
        why = f"{exchange.method} is not allowed here; allowed: {', '.join(methods)}"
        await exchange.fail(ErrorCode.INVALID, why, allow, status=405)


async def _live(receive: Receive, send: Send) -> None:
    """Whoever serves this application alone asks whether it is ready; the deployment began before it was made."""
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def _resolve(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _serve(application: Application) -> _Served:
    http = application.manifest.ingress.http or HttpIngress()
    return _Served(application, http, RouteTable(http.routes))
