"""From an application to a process that serves it until it is told to stop, for `run`, `dev` and `deploy`.

Owns the order of beginning and ending: the claim of the directory, the deployment, its gateways, the control socket;
and back. The socket goes last, so that whoever told it to stop hears of the end. Knows no verb.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radon._version import __version__
from radon.abi.errors import RadonError, Refused
from radon.atoms.application import Application
from radon.backends import Options, deploy
from radon.backends.deployment import Deployment
from radon.backends.stores.directory import make
from radon.cli.failures import INTERRUPTED
from radon.cli.journal import Journal
from radon.cli.printing import shown, shown_lines
from radon.gateways import control_socket
from radon.gateways.control import Control, Steering, serve_control
from radon.gateways.faults import text_of
from radon.gateways.server import GRACE, Gateways, serve

Replace = Callable[[Application, frozenset[str]], Awaitable[None]]
Announce = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Launch:
    """What a verb has made of the command line."""

    application: Application
    on: str
    store: str
    durability: str
    directory: Path
    kept: bool  # False: the directory is only where the control socket is; it may be missing, and goes with the process
    domains: int | None = None
    forgetful: bool = False
    record: Path | None = None
    drop: frozenset[str] = frozenset()


def serve_until_stopped(
    launch: Launch, announce: Announce, journal: Journal, beside: Callable[[Replace], Awaitable[None]] | None = None
) -> int:
    """The exit code. `announce` gets the facts once it is up; `beside` runs along, and may replace the application.

    Raises RadonError, OSError when it cannot start, and when it cannot go on.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Safe())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    return asyncio.run(_Process(launch, journal).live(announce, beside))


class _Safe(logging.Formatter):
    """A message is one line, whatever names it quotes; only a traceback has more."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return shown(record.message)

    def formatException(self, info: Any) -> str:
        return shown_lines(super().formatException(info))


class _Process:
    def __init__(self, launch: Launch, journal: Journal) -> None:
        self._launch = launch
        self._journal = journal
        self._stop = asyncio.Event()
        self._code = 0
        self._failure: Exception | None = None
        self._replacing = asyncio.Lock()
        self._deployment: Deployment
        self._gateways: Gateways
        self._control: Control | None = None

    async def live(self, announce: Announce, beside: Callable[[Replace], Awaitable[None]] | None) -> int:
        self._listen_to_signals()
        async with AsyncExitStack() as stack:
            claim = await stack.enter_async_context(_claim(self._launch))
            await self._begin(stack)
            if claim is not None:
                self._control = Control(self._deployment, Steering(self._facts, self._replace, self._stop.set))
                await stack.enter_async_context(serve_control(self._control, claim.listen()))
            announce(self._facts())
            if beside is not None:
                task = asyncio.create_task(self._accompany(beside))
                stack.callback(task.cancel)
            await self._stop.wait()
            await self._end()
        if self._failure is not None:
            raise self._failure
        return self._code

    async def _begin(self, stack: AsyncExitStack) -> None:
        launch = self._launch
        secrets = launch.application.read_secrets(os.environ)
        options = Options(
            store=launch.store, data=launch.directory, fsync=launch.durability == "fsync", domains=launch.domains,
            forgetful=launch.forgetful, record=launch.record,
            drop=launch.drop, failed=self._failed_in(asyncio.get_running_loop()),
        )  # fmt: skip
        self._deployment = await asyncio.to_thread(deploy, launch.on, launch.application, options)
        stack.push_async_callback(asyncio.to_thread, self._deployment.stop)
        self._deployment.lend()
        follower = self._deployment.observations.follow(self._journal.note)
        stack.callback(self._deployment.observations.leave, follower)
        self._gateways = await serve(self._deployment, secrets)
        stack.push_async_callback(self._gateways.stop)

    async def _end(self) -> None:
        """Drain: what has begun ends, and is durable."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._gateways.stop())
            if self._control is not None:
                group.create_task(self._control.drain(GRACE))
        await asyncio.to_thread(self._deployment.stop)

    async def _accompany(self, beside: Callable[[Replace], Awaitable[None]]) -> None:
        try:
            await beside(self._replace)
        except Exception as error:
            self._failure = error
            self._stop.set()

    async def _replace(self, application: Application, drop: frozenset[str]) -> None:
        """Between two turns. Whatever is wrong with it is found before anything changes."""
        secrets = application.read_secrets(os.environ)
        async with self._replacing:
            await asyncio.to_thread(self._deployment.deploy, application, drop=drop)
            await self._gateways.follow(secrets)

    def _facts(self) -> dict[str, Any]:
        launch, gateways = self._launch, self._gateways
        tcp = launch.application.manifest.ingress.tcp  # as it was when they began to listen
        addresses = [{"protocol": "http", "address": gateways.http}] if gateways.http is not None else []
        for written, bound in gateways.tcp.items():
            addresses.append({"protocol": "tcp", "address": bound, "kind": tcp.get(written, "")})
        return {
            "application": self._deployment.application.name, "digest": self._deployment.application.digest,
            "version": __version__, "pid": os.getpid(), "backend": launch.on, "store": launch.store,
            "durability": launch.durability if launch.store != "memory" else "none",
            "domains": self._deployment.domains, "forgetful": launch.forgetful,
            "record": str(launch.record.absolute()) if launch.record is not None else None,
            "data": str(launch.directory.absolute()), "addresses": addresses,
        }  # fmt: skip

    # ---- how it ends ----

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
            loop.add_signal_handler(signal.SIGHUP, self._stop.set)
        loop.add_signal_handler(signal.SIGINT, self._interrupt)

    def _interrupt(self) -> None:
        """The first Ctrl-C drains; a second one ends the process as `kill -9` would, which loses nothing either."""
        self._code = INTERRUPTED
        self._stop.set()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def _failed_in(self, loop: asyncio.AbstractEventLoop) -> Callable[[RadonError], None]:
        def fail(error: RadonError) -> None:
            self._failure = error
            self._stop.set()

        def failed(error: RadonError) -> None:
            with suppress(RuntimeError):  # the loop is closed: it has ended already
                loop.call_soon_threadsafe(fail, error)

        return failed


@asynccontextmanager
async def _claim(launch: Launch) -> AsyncIterator[control_socket.Claim | None]:
    """The directory, for this process alone. None where it is of no importance and cannot be had."""
    try:
        make(launch.directory)
        claim = control_socket.Claim(launch.directory)
    except (OSError, Refused) as error:
        if launch.kept:
            raise
        logging.getLogger(__name__).warning("no other process can see this one: %s", text_of(error))
        yield None
        return
    try:
        yield claim
    finally:
        claim.release()
        if not launch.kept:
            with suppress(OSError):  # not empty: it was there before
                launch.directory.rmdir()
                launch.directory.parent.rmdir()
