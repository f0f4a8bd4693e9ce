"""The runtime for programs with an event loop. Owns waiting in it, for answers and for publications."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from radon.abi.errors import Invalid, RadonError, Timeout
from radon.abi.exchange import Published, Reply, Revive
from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.backends.deployment import Answer, Stats
from radon.gateways.http_exchange import Receive, Scope, Send
from radon.gateways.relay import Relay
from radon.runtime import dead_letters
from radon.runtime.dead_letters import DeadLetter
from radon.runtime.deadlines import Deadlines
from radon.runtime.heard import Heard
from radon.runtime.running import Running, bounded, checked, in_bytes

if TYPE_CHECKING:
    from radon.gateways.http import HttpGateway


THREADS = ("loop", "own")

_Awaited = asyncio.Future[Answer | None]  # None: it did not come in time


class Runtime(Running):
    """An application that runs while the `async with` block does. Methods raise RadonError and its kinds.

    To be used from the event loop in which it was entered.
    """

    _loop: asyncio.AbstractEventLoop
    _loop_thread: int
    _relay: Relay
    _deadlines: Deadlines
    _subscriptions: dict[Heard, asyncio.Event]
    _http: HttpGateway | None = None

    def __init__(
        self,
        manifest: Manifest | Application | str | Path,
        *,
        on: str = "monolith",
        store: str | None = None,
        data: str | Path | None = None,
        durability: str | None = None,
        domains: int | None = None,
        forgetful: bool = False,
        record: str | Path | None = None,
        thread: str = "loop",
    ) -> None:
        """`manifest`: a path of a radon.toml, a Manifest, or an Application that is loaded already.

        `store`, `data`, `durability`, `domains`, `forgetful` and `record` as `BlockingRuntime` has them. `thread`
        "loop": the event loop runs short turns itself, so that no call waits for another thread; "own": all turns run
        in a thread of their own, so that no turn stops the loop. Several domains always have their own.
        """
        if thread not in THREADS:
            raise Invalid(f"unknown thread {thread!r}; known: {', '.join(THREADS)}")
        super().__init__(
            manifest, on=on, store=store, data=data, durability=durability, domains=domains, forgetful=forgetful,
            record=record,
        )  # fmt: skip
        self._lent = thread == "loop"

    async def __aenter__(self) -> Self:
        self._enter()
        self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
        self._relay, self._deadlines, self._subscriptions = Relay(self._loop), Deadlines(self._loop), {}
        try:
            await asyncio.to_thread(self._start)
            if self._lent:
                self.deployment.lend()
        except BaseException:  # cancelled, say: then the thread goes on, and what it starts has to be stopped
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None
        await asyncio.shield(self._loop.run_in_executor(None, self._stop))
        self._deadlines.close()
        self._end_subscriptions(None)

    @property
    def asgi(self) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        """The routes of `[ingress.http]` as an ASGI application, to be mounted in another one; docs/gateways.md.

        It can be mounted before the runtime is entered, and answers while it is.
        """
        from radon.gateways.http import HttpGateway  # with its metrics it takes long to load

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if self._http is None:
                self._http = HttpGateway(self.deployment, self._secrets.token)
            await self._http(scope, receive, send)

        return answer

    async def call(
        self, address: str, body: bytes = b"", *, timeout: float | None = 5.0, once: str = "",
        metadata: Mapping[str, bytes] = {},
    ) -> bytes:  # fmt: skip
        """Send a message to "kind/key" and wait for the answer.

        `timeout` in seconds (None: for ever). `once`: a dedup key: calling again with it, after a Timeout or a crash,
        has the effect once and gets the first answer. Raises NotFound, Closed, Timeout, ... as radon.wit has them.
        """
        answer, timeout = self._awaited(), bounded(timeout)
        token = self._post(partial(self._resolve, answer), address, body, True, timeout, once, metadata)
        return (await self._wait(answer, token, address, timeout)).body

    async def request(
        self, address: str, body: bytes = b"", *, timeout: float | None = 5.0, once: str = "",
        metadata: Mapping[str, bytes] = {},
    ) -> Reply:  # fmt: skip
        """As `call`; the answer with its metadata."""
        answer, timeout = self._awaited(), bounded(timeout)
        token = self._post(partial(self._resolve, answer), address, body, True, timeout, once, metadata)
        return await self._wait(answer, token, address, timeout)

    async def send(
        self, address: str, body: bytes = b"", *, once: str = "", metadata: Mapping[str, bytes] = {}
    ) -> None:
        """Send a message that wants no answer; returns when it is in the mailbox as durably as the store makes it.

        Messages of one runtime to one atom are handled in the order in which they were sent.
        """
        answer = self._awaited()
        token = self._post(partial(self._resolve, answer), address, body, False, None, once, metadata)
        await self._wait(answer, token, address)

    async def spawn(self, kind: str, args: bytes = b"") -> str:
        """A new atom of `kind` with a fresh key; its address. `args` reach its `start`."""
        answer = self._awaited()
        token = self.deployment.spawn(kind, in_bytes(args, "the args of an atom are"), partial(self._resolve, answer))
        return (await self._wait(answer, token, kind)).body.decode()

    @asynccontextmanager
    async def subscription(self, topic: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """As `subscribe`, with a certain beginning and end: inside the block nothing published is missed."""
        deployment, heard, more = self.deployment, Heard(topic), asyncio.Event()

        def hear(published: Published) -> None:
            heard.put(published)
            more.set()

        async def bodies() -> AsyncIterator[bytes]:
            while heard.bodies or not heard.ended:
                if heard.bodies:
                    yield heard.bodies.popleft()
                else:
                    more.clear()
                    await more.wait()
            if heard.error is not None:
                raise heard.error

        listener = deployment.listen(topic, lambda published: self._relay(hear, published))
        self._subscriptions[heard] = more
        try:
            await self._settled()
            yield bodies()
        finally:
            del self._subscriptions[heard]
            deployment.unlisten(listener)

    async def subscribe(self, topic: str) -> AsyncIterator[bytes]:
        """What is published to `topic` from the first `anext` on. Raises Exhausted when the reader falls behind."""
        async with self.subscription(topic) as bodies:
            async for body in bodies:
                yield body

    async def stats(self) -> Stats:
        return await asyncio.to_thread(self.deployment.stats)

    async def dead_letters(self) -> list[DeadLetter]:
        """Oldest first."""
        return dead_letters.merge(await asyncio.wrap_future(self.deployment.perform_all(dead_letters.look)))

    async def revive(self, id: str, *, again: bool = True) -> None:
        """Deliver a dead letter again, or (`again=False`) drop it. Raises NotFound, Invalid."""
        deployment = self.deployment
        key = dead_letters.key(id)
        looks = deployment.perform_all(lambda domain: domain.dead_letter(key))
        dead_letters.check_known(id, await asyncio.wrap_future(looks))
        deployment.submit(Revive(key, int(again)))
        await self._settled()

    def _awaited(self) -> _Awaited:
        _ = self.deployment  # which raises where there is none
        return self._loop.create_future()

    async def _wait(self, awaited: _Awaited, token: int, what: str, timeout: float | None = None) -> Reply:
        deployment = self.deployment
        if timeout is not None:
            self._deadlines.add(awaited, timeout)
        try:
            answer = await awaited
        finally:
            deployment.forget(token)
            if timeout is not None:
                self._deadlines.remove(awaited, timeout)
        if answer is None:
            raise Timeout(f"{what} has not answered within {timeout} s; it may or may not have acted")
        return checked(answer, what)

    def _resolve(self, awaited: _Awaited, answer: Answer) -> None:
        """From any thread."""
        if threading.get_ident() != self._loop_thread:
            self._relay(partial(_settle, awaited), answer)
        elif not awaited.done():
            awaited.set_result(answer)

    async def _settled(self) -> None:
        """What was submitted before has been taken in."""
        await asyncio.wrap_future(self.deployment.perform_all(lambda domain: None))

    def _failed(self, error: RadonError) -> None:
        self._relay(self._end_subscriptions, error)

    def _end_subscriptions(self, error: RadonError | None) -> None:
        for heard, more in self._subscriptions.items():
            heard.end(error)
            more.set()


def _settle(awaited: _Awaited, answer: Answer) -> None:
    if not awaited.done():
        awaited.set_result(answer)
