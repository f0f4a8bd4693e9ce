"""An application with its gateways at free ports, and the other side of each: clients, an HTTP service, events."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from radon.abi.delivery import Address
from radon.abi.exchange import Published
from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.backends import Options, deploy
from radon.backends.deployment import Answer, Deployment
from radon.backends.driver import Store
from radon.backends.monolith import Monolith
from radon.gateways.listening import bind
from radon.gateways.relay import Relay
from radon.gateways.server import Gateways, Server, serve

PATIENCE = 20.0
"""Seconds after which what is awaited in a test will not come any more."""


@dataclass
class Running:
    deployment: Deployment
    gateways: Gateways

    @property
    def url(self) -> str:
        assert self.gateways.http is not None
        return self.gateways.http

    @property
    def address(self) -> tuple[str, int]:
        """Of the HTTP gateway."""
        host, _, port = self.url.rpartition("/")[2].rpartition(":")
        return host, int(port)

    @property
    def tcp(self) -> tuple[str, int]:
        """Of the only TCP listener."""
        (address,) = self.gateways.tcp.values()
        host, _, port = address.rpartition(":")
        return host, int(port)

    async def settled(self) -> None:
        """What was submitted before has been taken in."""
        await asyncio.wrap_future(self.deployment.perform(lambda domain: None))

    async def atoms(self, kind: str) -> int:
        """How many there are."""
        usage = await asyncio.wrap_future(self.deployment.perform(lambda domain: domain.usage()))
        return usage.kinds[kind].atoms if kind in usage.kinds else 0

    async def connection(self) -> str:
        """The key of the atom of the only connection, when it lives."""
        while not await self.atoms("line"):
            pass
        gateway = self.gateways._connections
        assert gateway is not None
        (key,) = gateway.connections
        return key

    @asynccontextmanager
    async def hearing(self, topic: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
        """Inside, the function that it gives returns what is published, one after the other."""
        heard: asyncio.Queue[str] = asyncio.Queue()
        relay = Relay(asyncio.get_running_loop())

        def put(published: Published) -> None:
            heard.put_nowait(published.body.decode())

        listener = self.deployment.listen(topic, lambda published: relay(put, published))
        await self.settled()
        try:
            yield lambda: asyncio.wait_for(heard.get(), PATIENCE)
        finally:
            self.deployment.unlisten(listener)


def load(folder: Path, **tables: Any) -> Application:
    """An application named "test", whose modules are in `folder`."""
    return Application.load(Manifest.of({"application": {"name": "test"}, **tables}, base=folder))


@asynccontextmanager
async def running(
    application: Application, *, data: Path | None = None, store: Store | None = None, environ: Mapping[str, str] = {},
    record: Path | None = None, domains: int | None = None,
) -> AsyncIterator[Running]:  # fmt: skip
    """Deployed in memory, in `data` or in `store`, and served until the block ends."""
    if store is not None:
        deployment = await asyncio.to_thread(Monolith.open, application, store, domains=domains)
    else:
        options = Options(store="memory" if data is None else "lmdb", data=data, record=record, domains=domains)
        deployment = await asyncio.to_thread(deploy, "monolith", application, options)
    deployment.lend()
    try:
        gateways = await serve(deployment, application.read_secrets(environ))
        try:
            yield Running(deployment, gateways)
        finally:
            await gateways.stop()
    finally:
        await asyncio.to_thread(deployment.stop)


@dataclass
class Request:
    """What a service was asked."""

    headers: Mapping[str, str]
    body: bytes


Script = Callable[[Request], Awaitable[tuple[int, Mapping[str, str], bytes]]]


@dataclass
class Service:
    """An HTTP service that answers what `script` says, and remembers what it was asked."""

    url: str = ""
    asked: list[Request] = field(default_factory=list)
    script: Script | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        request = Request({name.decode(): value.decode() for name, value in scope["headers"]}, body)
        self.asked.append(request)
        assert self.script is not None
        status, headers, answer = await self.script(request)
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": answer})


@asynccontextmanager
async def service(script: Script | None = None) -> AsyncIterator[Service]:
    """Inside, it listens at its url."""
    it = Service(script=script)
    sockets = await bind("127.0.0.1:0", "a test")
    server = Server(it, None)
    await server.start(sockets)
    it.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/api"
    try:
        yield it
    finally:
        await server.stop(1)


def answering(*answers: int | tuple[int, Mapping[str, str], bytes]) -> Script:
    """One after the other; the last one for ever."""
    left = list(answers)

    async def script(_: Request) -> tuple[int, Mapping[str, str], bytes]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer if isinstance(answer, tuple) else (answer, {}, b"answer")

    return script


async def post(deployment: Deployment, to: str, body: bytes, **fields: Any) -> Answer:
    """The answer to a message from outside."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()
    relay = Relay(loop)
    deployment.post(Address.parse(to), body, lambda found: relay(answer.set_result, found), **fields)
    return await asyncio.wait_for(answer, PATIENCE)


@asynccontextmanager
async def connected(*address: Any, **options: Any) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    """A plain connection, closed at the end; arguments as for open_connection."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(*address, **options)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def client(base: str, **options: Any) -> httpx.AsyncClient:
    """As a user's, but for proxies of the environment, and for the world's certificates, which take 20 ms to load."""
    return httpx.AsyncClient(base_url=base, trust_env=False, timeout=PATIENCE, **{"verify": False, **options})
