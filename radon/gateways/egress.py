"""HTTP out: what atoms send to "http:NAME" is posted to the URL of that endpoint, and the answer is their Outcome.

Owns retries, deadlines and how many requests run at once. A request is the deployment's until its Outcome is in: one
that is given up here, or lost with the process, comes again with the same id, which is its idempotency key.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, NamedTuple, Self

from radon._version import __version__
from radon.abi.delivery import Address, Metadata
from radon.abi.errors import ErrorCode, RadonError, TooLarge
from radon.abi.exchange import Hangup, Outcome, Sent
from radon.atoms.application import Secrets
from radon.atoms.manifest import HttpEgress
from radon.atoms.secrets import Secret
from radon.backends.deployment import Deployment
from radon.gateways.http_messages import error_of, metadata_of
from radon.gateways.relay import Relay
from radon.host.limits import MIB

if TYPE_CHECKING:
    import httpx

AT_ONCE = 100
"""Requests to one endpoint that run at the same time; more wait."""

CASTS = 10_000
"""Requests that wait for their turn before further casts to the endpoint are dropped."""

PATIENCE = 3600.0
"""The longest `Retry-After`, in seconds, that is taken at its word."""

DOUBLINGS = 30
"""Of the wait between two attempts; it grows no more after that."""

log = logging.getLogger(__name__)


class Egress:
    """The outgoing endpoints of a deployment. In the event loop that it is started in."""

    def __init__(self, endpoints: list[_Endpoint]) -> None:
        self._endpoints = endpoints

    @classmethod
    async def start(cls, deployment: Deployment, secrets: Secrets) -> Self:
        """Send what atoms ask for, beginning with what is pending. Raises Invalid if another gateway does."""
        endpoints: list[_Endpoint] = []
        egress = cls(endpoints)
        entries = deployment.application.manifest.egress.http
        if not entries:
            return egress
        verify = await asyncio.to_thread(_trusted)
        try:
            for name, entry in entries.items():
                endpoints.append(_Endpoint(deployment, name, entry, secrets.headers.get(name, {}), verify))
        except BaseException:
            await egress.stop()
            raise
        return egress

    async def stop(self) -> None:
        """Give up what is on its way; whoever attaches next sends it again."""
        for endpoint in self._endpoints:
            await endpoint.stop()
        self._endpoints = []


def _trusted() -> ssl.SSLContext:
    """Whom a request trusts. Reads files, and loads the HTTP client, which takes long and few deployments need."""
    import httpx

    return httpx.create_ssl_context()


class _Verdict(NamedTuple):
    """What an attempt came to. Worth `again`: another one may do better, and not before `after` seconds."""

    code: ErrorCode | None
    metadata: Metadata = ()
    body: bytes = b""
    again: bool = False
    after: float = 0.0


class _Request:
    """One message on its way out."""

    __slots__ = ("attempts", "sent")

    def __init__(self, sent: Sent) -> None:
        self.sent = sent
        self.attempts = 0

    @property
    def remaining(self) -> float:
        """Seconds to its deadline; inf without one."""
        deadline = self.sent.delivery.deadline
        return (deadline - time.time_ns()) / 1e9 if deadline else float("inf")


class _Endpoint:
    def __init__(
        self, deployment: Deployment, name: str, entry: HttpEgress, secrets: Mapping[str, Secret],
        verify: ssl.SSLContext,
    ) -> None:  # fmt: skip
        import httpx

        self._deployment = deployment
        self._address = Address(f"http:{name}", "")
        self._entry = entry
        self._headers = {b"content-type": b"application/octet-stream", b"user-agent": f"radon/{__version__}".encode()}
        self._headers |= {key.lower().encode(): value.encode() for key, value in entry.headers.items()}
        self._headers |= {key.lower().encode(): secret.reveal().encode() for key, secret in secrets.items()}
        self._client = httpx.AsyncClient(
            verify=verify,
            timeout=None,  # an attempt has one, as a whole
            limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # one atom's session is not another's
        )
        self._loop = asyncio.get_running_loop()
        self._unfinished: dict[bytes, Sent] = {}  # by id: until their Outcome is in
        self._waiting: deque[_Request] = deque()
        self._later: dict[_Request, asyncio.TimerHandle] = {}  # until their next attempt
        self._running: set[asyncio.Task[None]] = set()
        self._stopped = False
        deployment.attach(self._address.kind, partial(Relay(self._loop), self._take))

    async def stop(self) -> None:
        self._deployment.detach(self._address.kind)
        self._stopped = True
        self._waiting.clear()
        for handle in self._later.values():
            handle.cancel()
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._deployment.resend(self._unfinished.values())
        await self._client.aclose()

    # ---- when ----

    def _take(self, output: Sent | Hangup) -> None:
        """A request; twice if the domain was lost in between. That it was (a Hangup) changes nothing here."""
        if isinstance(output, Hangup) or output.delivery.id in self._unfinished:
            return
        if self._stopped:  # it was on its way here
            self._deployment.resend([output] if output.wants else [])
            return
        if output.wants:
            self._unfinished[output.delivery.id] = output
        elif len(self._waiting) >= CASTS:
            return
        self._enqueue(_Request(output))

    def _enqueue(self, request: _Request) -> None:
        self._later.pop(request, None)
        self._waiting.append(request)
        self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < AT_ONCE:
            task = self._loop.create_task(self._run(self._waiting.popleft()))
            self._running.add(task)
            task.add_done_callback(self._ran)

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start_waiting()

    async def _run(self, request: _Request) -> None:
        """One attempt, and what follows from it."""
        if request.remaining <= 0:
            return self._settle(request, _Verdict(ErrorCode.TIMEOUT))
        request.attempts += 1
        verdict = await self._attempt(request)
        retry = self._entry.retry
        delay = max(retry.backoff / 1e9 * 2 ** min(request.attempts - 1, DOUBLINGS), verdict.after)
        hopeless = request.attempts >= retry.attempts or delay >= request.remaining or not request.sent.wants
        if verdict.again and not hopeless:
            self._later[request] = self._loop.call_later(delay, self._enqueue, request)
        else:
            self._settle(request, verdict)

    def _settle(self, request: _Request, verdict: _Verdict) -> None:
        if not request.sent.wants:
            return
        id = request.sent.delivery.id
        code = 0 if verdict.code is None else verdict.code + 1
        try:
            self._deployment.submit(Outcome(id, code, self._address, verdict.metadata, verdict.body))
        except RadonError:  # it is stopping, and will send the request again when it is started
            return
        del self._unfinished[id]

    # ---- what ----

    async def _attempt(self, request: _Request) -> _Verdict:
        import httpx

        limit = min(self._entry.timeout / 1e9, request.remaining)
        try:
            async with asyncio.timeout(limit):
                return await self._post(request)
        except TimeoutError:
            return _Verdict(ErrorCode.TIMEOUT, again=True)
        except TooLarge:
            return _Verdict(ErrorCode.TOO_LARGE)
        except httpx.TransportError as error:
            log.debug("%s: %s", self._address.kind, type(error).__name__)
            return _Verdict(ErrorCode.UNAVAILABLE, again=True)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # what it sent is not HTTP
            log.warning("%s answered what cannot be read: %s", self._address.kind, type(error).__name__)
            return _Verdict(ErrorCode.INVALID)

    async def _post(self, request: _Request) -> _Verdict:
        delivery = request.sent.delivery
        headers = {**self._headers, b"idempotency-key": delivery.id.hex().encode()}
        headers |= {name.encode(): value for name, value in delivery.metadata if name == "traceparent"}
        async with self._client.stream("POST", self._entry.url, content=delivery.body, headers=headers) as response:
            code = error_of(response.status_code)
            pairs = [
                (name.lower(), value) for name, value in response.headers.raw if name.lower() != b"content-encoding"
            ]
            metadata = metadata_of(pairs, ("http.status", b"%d" % response.status_code))
            if code is None:
                return _Verdict(None, metadata, await _body(response, self._limit_of(delivery.sender)))
            again = response.status_code in (408, 429) or response.status_code >= 500
            return _Verdict(code, metadata, again=again, after=_retry_after(response.headers.get("retry-after", "")))

    def _limit_of(self, asker: Address) -> int:
        entry = self._deployment.application.manifest.kinds.get(asker.kind)
        return entry.limits.message if entry is not None else MIB


async def _body(response: httpx.Response, limit: int) -> bytes:
    """Raises TooLarge."""
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > limit:
            raise TooLarge(f"an answer of more than {limit} bytes")
    return bytes(body)


def _retry_after(text: str, now: Callable[[], float] = time.time) -> float:
    """Seconds; 0 for what is no time."""
    if text.isdigit():
        return min(float(text), PATIENCE)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return min(max(when.replace(tzinfo=when.tzinfo or UTC).timestamp() - now(), 0.0), PATIENCE)
