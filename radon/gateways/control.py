"""The control socket's requests: call, look at, back up, redeploy and stop a running deployment. HTTP for its owner.

Errors are `{"error": LABEL, "message": TEXT}` with a label of `faults.py`; records travel as sealed frames. Knows no
command line: the same requests serve whatever else an owner writes.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from radon.abi.delivery import Address
from radon.abi.errors import ErrorCode, Invalid, NotFound, RadonError, Refused, Timeout, TooLarge, Unavailable
from radon.abi.exchange import Logged, Reply, Revive
from radon.abi.frames import FrameType, encode_all, seal, unseal
from radon.abi.records import Put
from radon.abi.syscalls import LEVELS
from radon.atoms.application import Application
from radon.atoms.plan import plan
from radon.backends.deployment import Answer, Deployment
from radon.gateways.faults import DEFECT, label_of, text_of
from radon.gateways.relay import Relay
from radon.gateways.server import Server
from radon.host.domain import Domain

T = TypeVar("T")

FOLLOWED = 10_000
"""Lines that a follower of the log may be behind; then the oldest of them are left out, and it is told how many."""

GRACE = 2
"""Seconds that requests at the socket have left when it closes."""

_PEER = struct.Struct("3i")  # struct ucred: process, user, group


@dataclass(frozen=True, slots=True)
class Steering:
    """What the control socket can do to the process beside its deployment."""

    facts: Callable[[], Mapping[str, Any]]  # of the process and its gateways; told as they are
    replace: Callable[[Application, frozenset[str]], Awaitable[None]]  # the application; kinds to drop
    stop: Callable[[], None]  # begin to stop; returns at once


class Control:
    """The ASGI application of one deployment's control socket, in the event loop that it is made in."""

    def __init__(self, deployment: Deployment, steering: Steering) -> None:
        self._deployment = deployment
        self._steering = steering
        self._relay = Relay(asyncio.get_running_loop())
        self._followers: set[asyncio.Queue[Logged | None]] = set()
        self._asked: set[asyncio.Future[Answer]] = set()  # by those who wait
        self._stopping = False
        self.app = Starlette(
            routes=[
                Route("/", self._facts),
                Route("/stats", self._stats),
                Route("/call", self._call, methods=["POST"]),
                Route("/send", self._send, methods=["POST"]),
                Route("/logs", self._logs),
                Route("/dead", self._dead),
                Route("/dead", self._revive, methods=["POST"]),
                Route("/atom", self._atom),
                Route("/image", self._image),
                Route("/application", self._application),
                Route("/application", self._replace, methods=["PUT"]),
                Route("/backup", self._backup, methods=["POST"]),
                Route("/stop", self._stop, methods=["POST"]),
            ],
            exception_handlers={RadonError: _failed, OSError: _failed, Exception: _failed},
        )

    # ---- messages ----

    async def _call(self, request: Request) -> Response:
        """Body in, body out. Query: address, timeout (ns), once."""
        timeout, text = _number(request, "timeout"), _text(request, "address")
        if timeout <= 0:
            raise Timeout(f"the deadline for {text} has passed already; nothing was sent")
        return _octets(await self._post(request, text, timeout))

    async def _send(self, request: Request) -> Response:
        """Body in; answered when the message is in its mailbox, durably. Query: address, once."""
        await self._post(request, _text(request, "address"), None)
        return Response()

    async def _post(self, request: Request, address: str, timeout: int | None) -> bytes:
        """The answer; b"" if none is wanted (None) and the message is in its mailbox."""
        body = await self._body(request)
        if self._stopping:
            raise Unavailable("the deployment is stopping")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        token = self._deployment.post(
            Address.parse(address), body, lambda found: self._relay(_resolve(answer), found),
            wants=timeout is not None, deadline=0 if timeout is None else time.time_ns() + timeout,
            once=request.query_params.get("once", ""), pair="" if timeout is not None else "control",
        )  # fmt: skip
        self._asked.add(answer)
        try:
            async with asyncio.timeout(None if timeout is None else timeout / 1e9):
                return _checked(await answer, address)
        except TimeoutError:
            raise Timeout(f"{address} has not answered in time; it may or may not have acted") from None
        finally:
            self._asked.discard(answer)
            self._deployment.forget(token)

    async def _body(self, request: Request) -> bytes:
        """No longer than any kind of the application takes: what cannot be delivered is not read to its end."""
        most = max(entry.limits.message for entry in self._deployment.application.manifest.kinds.values())
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise TooLarge(f"the body has more than {most} bytes, the largest limits.message of any kind")
        return bytes(body)

    # ---- looking ----

    async def _facts(self, _: Request) -> Response:
        application = self._deployment.application
        return JSONResponse({"application": application.name, "digest": application.digest, **self._steering.facts()})

    async def _stats(self, _: Request) -> Response:
        return JSONResponse(asdict(await asyncio.to_thread(self._deployment.stats)))

    async def _logs(self, request: Request) -> Response:
        """JSON lines: what is kept, oldest first; with ?follow=1 also what comes, until the deployment stops."""
        observations = self._deployment.observations
        if request.query_params.get("follow") != "1":
            return Response(b"".join(map(line_of, observations.lines())), media_type="application/jsonl")
        return StreamingResponse(self._follow(), media_type="application/jsonl")

    async def _follow(self) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[Logged | None] = asyncio.Queue()
        behind = 0

        def hear(line: Logged) -> None:
            nonlocal behind
            if queue.qsize() >= FOLLOWED:
                queue.get_nowait()
                behind += 1
            queue.put_nowait(line)

        observations = self._deployment.observations
        number = observations.follow(lambda line: self._relay(hear, line))
        self._followers.add(queue)
        try:
            kept = observations.lines()
            twice = {id(line) for line in kept}  # `kept` keeps them alive; what came in between is heard as well
            yield b"".join(map(line_of, kept))
            while (line := await queue.get()) is not None:
                if behind:
                    missed, behind = behind, 0
                    yield msgspec.json.encode({"missed": missed}) + b"\n"
                if id(line) not in twice:
                    yield line_of(line)
        finally:
            observations.leave(number)
            self._followers.discard(queue)

    async def _dead(self, _: Request) -> Response:
        letters = await self._perform_all(lambda domain: domain.dead_letters())
        return _frame(sorted(chain.from_iterable(letters), key=lambda letter: letter.delivery.id))

    async def _atom(self, request: Request) -> Response:
        """Put records, in order of bucket and key. Query: address, and perhaps bucket and key (in hexadecimal)."""
        address = Address.parse(_text(request, "address"))
        bucket, key = request.query_params.get("bucket"), request.query_params.get("key")

        def look(domain: Domain) -> list[Put]:
            return domain.entries(domain.resolve(address), bucket, None if key is None else bytes.fromhex(key))

        return _frame(await asyncio.wrap_future(self._deployment.perform(look, address)))

    async def _image(self, _: Request) -> Response:
        """The records of a snapshot of each domain, one behind the other, all of one moment."""
        snapshots = await self._perform_all(lambda domain: domain.snapshot(), at_once=True)
        bodies = (unseal(FrameType.SNAPSHOT, snapshot) for snapshot in snapshots)
        return _octets(seal(FrameType.SNAPSHOT, b"".join(bodies)))

    async def _application(self, _: Request) -> Response:
        return _octets(self._deployment.application.bundle())

    # ---- changing ----

    async def _revive(self, request: Request) -> Response:
        """Query: again=1 to deliver again, 0 to drop; id (in hexadecimal), or none for all. Answers how many it did."""
        again = _number(request, "again") == 1
        wanted = request.query_params.get("id")

        letters = chain.from_iterable(await self._perform_all(lambda domain: domain.dead_letters()))
        chosen = {letter.delivery.id: letter.to for letter in letters}
        if wanted is not None:
            chosen = {id: to for id, to in chosen.items() if id.hex() == wanted}
            if not chosen:
                raise NotFound(f"no dead letter {wanted}")
        for id, to in chosen.items():
            if again and to.kind not in self._deployment.application.manifest.kinds:
                raise Invalid(f"dead letter {id.hex()} is for {to.text}, whose kind is gone; it can be dropped")
        self._deployment.submit(*(Revive(id, int(again)) for id in chosen))
        await self._perform_all(lambda domain: None)
        return JSONResponse({"letters": len(chosen)})

    async def _replace(self, request: Request) -> Response:
        """The bundle of another application in; what changed out. Query: drop, once for each kind to drop.

        `restart`: where it listens was to change, and does so at the next start.
        """
        bundle = await request.body()
        new = await asyncio.to_thread(Application.unbundle, bundle)
        old = self._deployment.application
        await self._steering.replace(new, frozenset(request.query_params.getlist("drop")))
        moved = entrances(old) != entrances(new)
        return JSONResponse({**msgspec.to_builtins(plan(old, new)), "restart": moved})

    async def _backup(self, request: Request) -> Response:
        """Query: directory, an absolute path."""
        directory = Path(_text(request, "directory"))
        if not directory.is_absolute():
            raise Invalid(f"{directory}: not an absolute path")
        await asyncio.to_thread(self._deployment.backup, directory)
        return Response()

    async def _stop(self, _: Request) -> Response:
        self._steering.stop()
        return Response(status_code=202)

    async def drain(self, grace: float) -> None:
        """Take no more messages, and wait for the answers to those that were taken; `grace` seconds at most."""
        self._stopping = True
        if self._asked:
            await asyncio.wait(self._asked, timeout=grace)

    def close(self) -> None:
        """End the streams, which have no end of their own."""
        for queue in self._followers:
            queue.put_nowait(None)

    async def _perform_all(self, function: Callable[[Domain], T], *, at_once: bool = False) -> list[T]:
        return await asyncio.wrap_future(self._deployment.perform_all(function, at_once=at_once))


@asynccontextmanager
async def serve_control(control: Control, listener: socket.socket) -> AsyncIterator[None]:
    """Answer requests at `listener`, which is taken over, inside the block."""
    server = Server(control.app, protocol=_OwnerOnly)
    await server.start([listener])
    try:
        yield
    finally:
        control.close()
        await server.stop(GRACE)


class _OwnerOnly(H11Protocol):
    """The mode of the socket keeps others out; this holds even where a file system ignores modes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        _, user, _ = _PEER.unpack(peer)
        if user != os.geteuid():
            transport.abort()
        super().connection_made(transport)


def entrances(application: Application) -> Any:
    """Where it listens and how: what only a start can change."""
    ingress = application.manifest.ingress
    return ingress.tcp, ingress.http and (ingress.http.listen, ingress.http.tls)


def fields_of(line: Logged) -> dict[str, Any]:
    """A line of the log. `time` is in ns since 1970."""
    return {
        "time": line.time, "level": LEVELS[line.level], "atom": line.atom.text, "attempt": line.attempt,
        "step": line.step, "text": line.text,
    }  # fmt: skip


def line_of(line: Logged) -> bytes:
    """The same as JSON."""
    return msgspec.json.encode(fields_of(line)) + b"\n"


def _text(request: Request, name: str) -> str:
    """A parameter of the query. Raises Invalid."""
    value = request.query_params.get(name)
    if value is None:
        raise Invalid(f"{request.url.path} needs the parameter {name!r}")
    return value


def _number(request: Request, name: str) -> int:
    text = _text(request, name)
    if not text.isdecimal():
        raise Invalid(f"the parameter {name!r} is a number, not {text!r}")
    return int(text)


def _checked(answer: Answer, to: str) -> bytes:
    """The body, or raised what it was refused with."""
    if isinstance(answer, RadonError):
        raise answer
    if isinstance(answer, Reply) and answer.code:
        code = ErrorCode(answer.code - 1)
        raise Refused.of(code, dict(answer.metadata).get("radon.error", b"").decode() or f"{to}: {code.label}")
    return answer.body if isinstance(answer, Reply) else b""


def _resolve(future: asyncio.Future[Answer]) -> Callable[[Answer], None]:
    def resolve(answer: Answer) -> None:
        if not future.done():
            future.set_result(answer)

    return resolve


async def _failed(_: Request, error: Exception) -> Response:
    label = label_of(error)
    text = text_of(error) if label != DEFECT else f"{type(error).__name__}: {error}"
    return JSONResponse({"error": label, "message": text}, status_code=500 if label == DEFECT else 400)


def _frame(records: Iterable[Any]) -> Response:
    return _octets(seal(FrameType.SNAPSHOT, encode_all(records)))


def _octets(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream")
