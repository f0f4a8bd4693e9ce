"""All gateways of a deployment, from bound sockets to the last answer: what the command line serves with.

Owns the order of beginning and ending. What each protocol means is its gateway's.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from radon.atoms.application import Secrets
from radon.backends.deployment import Deployment
from radon.gateways.egress import Egress
from radon.gateways.listening import allow_files, bind, text_of, tls_context
from radon.gateways.tcp import TcpGateway
from radon.gateways.tcp_asyncio import AsyncioTcpGateway
from radon.gateways.tcp_native import NativeTcpGateway
from radon.host.domains import chosen

if TYPE_CHECKING:
    from radon.gateways.http import HttpGateway

GRACE = 10.0
"""Seconds that requests and connections have to end when the gateways stop."""


class Gateways:
    """The running gateways of one deployment. `serve` makes one; `stop` it before the deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self.http: str | None = None  # the URL that it is served at: "http://127.0.0.1:8080"
        self.tcp: dict[str, str] = {}  # address as in the manifest -> address that it is bound to
        self._deployment = deployment
        self._asgi: HttpGateway | None = None
        self._server: Server | None = None
        self._connections: TcpGateway | None = None
        self._egress: Egress | None = None

    async def follow(self, secrets: Secrets) -> None:
        """After another application was deployed: take its secrets and outgoing endpoints.

        Routes, topics and limits are followed without being told. Where to listen and TLS stay as they are until the
        next start.
        """
        if self._asgi is not None:
            self._asgi.token = secrets.token
        if self._egress is not None:
            await self._egress.stop()
        self._egress = await Egress.start(self._deployment, secrets)

    async def stop(self, grace: float = GRACE) -> None:
        """Take nothing more, let end what has begun, `grace` seconds at most. Idempotent."""
        if self._asgi is not None:
            self._asgi.close()
        async with asyncio.TaskGroup() as group:
            for ingress in (self._server, self._connections):
                if ingress is not None:
                    group.create_task(ingress.stop(grace))
        self._server = self._connections = None
        if self._egress is not None:  # last: what still ran may have waited for its answers
            await self._egress.stop()
            self._egress = None

    async def _start(self, secrets: Secrets, tls: ssl.SSLContext | None, bound: _Bound) -> None:
        self._egress = await Egress.start(self._deployment, secrets)
        if bound.tcp:
            by_kind: dict[str, list[socket.socket]] = {}
            for (address, kind), sockets in bound.tcp.items():
                by_kind.setdefault(kind, []).extend(sockets)
                self.tcp[address] = text_of(sockets[0].getsockname())
            allow_files()
            self._connections = _tcp_gateway(self._deployment)
            await self._connections.start(by_kind)
        if bound.http:
            scheme = "https" if tls is not None else "http"
            self.http = f"{scheme}://{text_of(bound.http[0].getsockname())}"
            from radon.gateways.http import HttpGateway  # and prometheus_client, which only who listens has to load

            self._asgi = HttpGateway(self._deployment, secrets.token)
            self._server = Server(self._asgi, tls)
            await self._server.start(bound.http)


def _tcp_gateway(deployment: Deployment) -> TcpGateway:
    """The native one in a process that uses the native domain, else its readable twin."""
    return NativeTcpGateway(deployment) if chosen() == "native" else AsyncioTcpGateway(deployment)


class _Bound:
    """Sockets that listen, and are not yet a gateway's."""

    def __init__(self) -> None:
        self.http: list[socket.socket] = []
        self.tcp: dict[tuple[str, str], list[socket.socket]] = {}  # address and kind

    def close(self) -> None:
        for listener in (listener for sockets in (self.http, *self.tcp.values()) for listener in sockets):
            listener.close()


async def serve(deployment: Deployment, secrets: Secrets, *, tcp: Mapping[str, str] | None = None) -> Gateways:
    """Start what the manifest of `deployment` says, in the running loop.

    `tcp` (address -> kind) stands for `[ingress.tcp]` if given. Raises RadonError for an address that cannot be
    listened on, ManifestError for TLS files; then nothing runs.
    """
    manifest = deployment.application.manifest
    http, tcp = manifest.ingress.http, manifest.ingress.tcp if tcp is None else tcp
    tls = tls_context(http.tls, manifest.base) if http is not None and http.tls is not None else None
    gateways, bound = Gateways(deployment), _Bound()
    try:
        if http is not None:
            bound.http = await bind(http.listen, "[ingress.http] listen")
        for address, kind in tcp.items():
            bound.tcp[address, kind] = await bind(address, "[ingress.tcp] or --bind")
        await gateways._start(secrets, tls, bound)
    except BaseException:
        bound.close()
        await gateways.stop(0)
        raise
    return gateways


class Server:
    """uvicorn, without what is the process's own matter: signals, logging, the event loop.

    `protocol`: another one than ours for HTTP. It is on h11 in any case, also where uvicorn could have a faster parser.
    """

    def __init__(
        self, app: Callable[..., Awaitable[None]], tls: ssl.SSLContext | None = None,
        protocol: type[asyncio.Protocol] | None = None,
    ) -> None:  # fmt: skip
        config = uvicorn.Config(
            app, http=protocol or _Http, lifespan="off", ws="none", log_config=None, access_log=False,
            server_header=False, proxy_headers=False,
            ssl_context_factory=None if tls is None else lambda config, default: tls,
        )  # fmt: skip
        self._server = _Uvicorn(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self, sockets: list[socket.socket]) -> None:
        """Returns when requests are taken."""
        self._task = asyncio.create_task(self._server.serve(sockets))
        up = asyncio.create_task(self._server.up.wait())
        await asyncio.wait((self._task, up), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self._task.done():
            await self._task

    async def stop(self, grace: float) -> None:
        """Take no more requests; those that run have `grace` seconds."""
        if self._task is not None:
            self._server.config.timeout_graceful_shutdown = max(1, int(grace))
            self._server.should_exit = True
            self._server.ending.set()
            await self._task


class _Http(H11Protocol):
    """What is no HTTP may come behind a request that is being answered: its connection ends, and that answer too."""

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()
        if self.cycle is not None:  # as if the client had gone, which it has for whoever answers
            self.cycle.disconnected = True
            self.cycle.message_event.set()


class _Uvicorn(uvicorn.Server):
    """Ends as soon as it can; uvicorn's looks for that ten times a second, and then waits for another tenth."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up, self.ending = asyncio.Event(), asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # which sets the date that answers have
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
