"""The embedding API: run an application inside another Python program.

    async with radon.Runtime("radon.toml", store="memory") as app:
        answer = await app.call("counter/a", b"add 5")

    with radon.BlockingRuntime("radon.toml") as app:
        answer = app.call("counter/a", b"add 5")

Owns waiting: for answers, in an event loop or in a thread. Any number of runtimes may live in one process and one
event loop; none blocks the loop, and none keeps anything outside itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from radon.abi.delivery import Address
from radon.abi.errors import ErrorCode, Exhausted, RadonError, Refused, Timeout
from radon.abi.exchange import Accepted, Published, Reply, Revive, Spawn
from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.backends import Options, deploy
from radon.backends.deployment import Answer, Stats
from radon.backends.monolith import Monolith

SUBSCRIBED = 10_000
"""Messages that a subscription holds for a slow reader; then it ends with Exhausted."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that failed for good."""

    id: str  # in hexadecimal
    to: str
    cause: str  # "err", "trap: CODE", "closed", "not-found", "aborted: CAUSE"
    form: str  # "message", "start", "replied", "fired" or "down"
    attempts: int
    time: int  # ns since 1970
    sender: str  # "" from outside
    body: bytes


class _Base:
    """What both runtimes are made of: an application to be, and a deployment while entered."""

    def __init__(
        self,
        manifest: Manifest | Application | str | Path,
        *,
        on: str = "monolith",
        store: str = "memory",
        data: str | Path | None = None,
        durability: str = "fsync",
        forgetful: bool = False,
    ) -> None:
        """`manifest`: a path of a radon.toml, a Manifest, or an Application that is loaded already.

        `store` "memory" or "lmdb", the latter in the folder `data` (default .radon/APPLICATION). `durability` "fsync":
        what is answered outlives a power cut; "async": it outlives the process. `forgetful` drops every instance
        after its turn, to find out what an atom keeps in its memory that belongs into its state.
        """
        self._given = manifest
        self._on = on
        self._failure: RadonError | None = None
        self._options = Options(
            store=store, data=Path(data) if data is not None else None, fsync=durability == "fsync",
            forgetful=forgetful, failed=self._failed,
        )  # fmt: skip
        self._deployment: Monolith | None = None

    @property
    def deployment(self) -> Monolith:
        """For gateways and tools. Raises RuntimeError outside of `with`."""
        if self._deployment is None:
            raise RuntimeError(f"this {type(self).__name__} is not running; use it as a context manager")
        return self._deployment

    def _failed(self, error: RadonError) -> None:
        self._failure = error

    def _start(self) -> None:
        self._deployment = deploy(self._on, load_application(self._given), self._options)

    def _stop(self) -> None:
        if self._deployment is not None:
            self._deployment.stop()
            self._deployment = None

    def _post(
        self, address: str, body: bytes, resolve: Callable[[Answer], None], wants: bool, timeout: float | None,
        once: str, metadata: Mapping[str, bytes],
    ) -> int:  # fmt: skip
        if timeout is not None and timeout <= 0:
            raise Timeout(f"the deadline for {address} has passed already; nothing was sent")
        deadline = 0 if timeout is None or not wants else time.time_ns() + int(timeout * 1e9)
        return self.deployment.post(
            Address.parse(address), bytes(body), resolve, wants=wants, deadline=deadline, once=once,
            pair=f"runtime {id(self)}" if not wants else "", metadata=tuple(metadata.items()),
        )  # fmt: skip


class Runtime(_Base):
    """An application that runs while the `async with` block does. Methods raise RadonError and its kinds."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._loop: asyncio.AbstractEventLoop
        self._arrived: deque[tuple[asyncio.Future[Any], Answer]] = deque()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._start)
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await asyncio.to_thread(self._stop)

    async def call(
        self, address: str, body: bytes = b"", *, timeout: float | None = 5.0, once: str = "",
        metadata: Mapping[str, bytes] = {},
    ) -> bytes:  # fmt: skip
        """Send a message to "kind/key" and wait for the answer.

        `timeout` in seconds (None: for ever). `once`: a dedup key: calling again with it, after a Timeout or a crash,
        has the effect once and gets the first answer. Raises NotFound, Closed, Timeout, ... as radon.wit has them.
        """
        reply = await self.request(address, body, timeout=timeout, once=once, metadata=metadata)
        return reply.body

    async def request(
        self, address: str, body: bytes = b"", *, timeout: float | None = 5.0, once: str = "",
        metadata: Mapping[str, bytes] = {},
    ) -> Reply:  # fmt: skip
        """As `call`; the answer with its metadata."""
        future: asyncio.Future[Any] = self._loop.create_future()
        token = self._post(address, body, self._resolver(future), True, timeout, once, metadata)
        try:
            async with asyncio.timeout(timeout):
                reply = await future
        except TimeoutError:
            raise Timeout(f"{address} has not answered within {timeout} s; it may or may not have acted") from None
        finally:
            self.deployment.forget(token)
        return _checked(reply, address)

    async def send(
        self, address: str, body: bytes = b"", *, once: str = "", metadata: Mapping[str, bytes] = {}
    ) -> None:
        """Send a message that wants no answer; returns when it is in the mailbox as durably as the store makes it.

        Messages of one runtime to one atom are handled in the order in which they were sent.
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        self._post(address, body, self._resolver(future), False, None, once, metadata)
        _checked(await future, address)

    async def spawn(self, kind: str, args: bytes = b"") -> str:
        """A new atom of `kind` with a fresh key; its address. `args` reach its `start`."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self.deployment.submit(Spawn(self.deployment.expect(self._resolver(future)), kind, bytes(args)))
        return _checked(await future, kind).body.decode()

    @asynccontextmanager
    async def subscription(self, topic: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """As `subscribe`, with a certain beginning and end: inside the block nothing published is missed."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(SUBSCRIBED)

        def hear(published: Published) -> None:
            self._loop.call_soon_threadsafe(put, published.body)

        def put(body: bytes) -> None:
            if queue.full():
                queue.get_nowait()
                queue.put_nowait(None)
            elif not overflown():
                queue.put_nowait(body)

        def overflown() -> bool:
            return bool(queue.qsize()) and queue._queue[-1] is None  # type: ignore[attr-defined]

        async def bodies() -> AsyncIterator[bytes]:
            while (body := await queue.get()) is not None:
                yield body
            raise Exhausted(f"the subscriber of {topic!r} is more than {SUBSCRIBED} messages behind")

        listener = self.deployment.listen(topic, hear)
        await self._settle()
        try:
            yield bodies()
        finally:
            self.deployment.unlisten(listener)

    async def subscribe(self, topic: str) -> AsyncIterator[bytes]:
        """What is published to `topic` from the first `anext` on. Raises Exhausted when the reader falls behind."""
        async with self.subscription(topic) as bodies:
            async for body in bodies:
                yield body

    async def stats(self) -> Stats:
        return await asyncio.to_thread(self.deployment.stats)

    async def dead_letters(self) -> list[DeadLetter]:
        """Oldest first."""
        return await asyncio.wrap_future(self.deployment.perform(_dead_letters))

    async def revive(self, id: str, *, again: bool = True) -> None:
        """Deliver a dead letter again, or (`again=False`) drop it."""
        self.deployment.submit(Revive(bytes.fromhex(id), int(again)))
        await self._settle()

    async def _settle(self) -> None:
        """What was submitted before has been taken in."""
        await asyncio.wrap_future(self.deployment.perform(lambda domain: None))

    def _resolver(self, future: asyncio.Future[Any]) -> Callable[[Answer], None]:
        def resolve(answer: Answer) -> None:
            first = not self._arrived
            self._arrived.append((future, answer))
            if first:  # one wake-up of the loop serves all that arrive until it comes
                self._loop.call_soon_threadsafe(self._resolve_arrived)

        return resolve

    def _resolve_arrived(self) -> None:
        while self._arrived:
            future, answer = self._arrived.popleft()
            if not future.done():
                future.set_result(answer)


class BlockingRuntime(_Base):
    """The same for programs without an event loop. Methods may be called from any thread."""

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop()

    def call(
        self, address: str, body: bytes = b"", *, timeout: float | None = 5.0, once: str = "",
        metadata: Mapping[str, bytes] = {},
    ) -> bytes:  # fmt: skip
        """See `Runtime.call`."""
        future: Future[Answer] = Future()
        token = self._post(address, body, future.set_result, True, timeout, once, metadata)
        try:
            return _checked(future.result(timeout), address).body
        except FutureTimeout:
            raise Timeout(f"{address} has not answered within {timeout} s; it may or may not have acted") from None
        finally:
            self.deployment.forget(token)

    def send(self, address: str, body: bytes = b"", *, once: str = "", metadata: Mapping[str, bytes] = {}) -> None:
        """See `Runtime.send`."""
        future: Future[Answer] = Future()
        self._post(address, body, future.set_result, False, None, once, metadata)
        _checked(future.result(), address)

    def spawn(self, kind: str, args: bytes = b"") -> str:
        """See `Runtime.spawn`."""
        future: Future[Answer] = Future()
        self.deployment.submit(Spawn(self.deployment.expect(future.set_result), kind, bytes(args)))
        return _checked(future.result(), kind).body.decode()

    def stats(self) -> Stats:
        return self.deployment.stats()

    def dead_letters(self) -> list[DeadLetter]:
        """Oldest first."""
        return self.deployment.perform(_dead_letters).result()


def load_application(given: Manifest | Application | str | Path) -> Application:
    """From whatever names one. Raises ManifestError, LoadError."""
    if isinstance(given, Application):
        return given
    return Application.load(given if isinstance(given, Manifest) else Manifest.load(given))


def _checked(answer: Answer, what: str) -> Reply:
    """The reply, or raised what it was refused with."""
    if isinstance(answer, Accepted):
        return Reply(answer.token, 0, (), b"")
    if isinstance(answer, RadonError):
        raise answer
    if answer.code:
        code = ErrorCode(answer.code - 1)
        text = dict(answer.metadata).get("radon.error", b"").decode() or f"{what}: {code.label}"
        raise Refused.of(code, text)
    return answer


def _dead_letters(domain: Any) -> list[DeadLetter]:
    return [
        DeadLetter(
            id.hex(), letter.to.text, letter.cause, letter.delivery.form.name.lower(), letter.delivery.attempt + 1,
            letter.time, letter.delivery.sender.text, letter.delivery.body,
        )
        for id, letter in sorted(domain.image.dead.items())
    ]  # fmt: skip
