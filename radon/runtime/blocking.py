"""The runtime for programs without an event loop. Owns waiting in threads, for answers and for publications."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from radon.abi.errors import RadonError, Timeout
from radon.abi.exchange import Published, Reply, Revive
from radon.backends.deployment import Answer, Stats
from radon.runtime import dead_letters
from radon.runtime.dead_letters import DeadLetter
from radon.runtime.heard import Heard
from radon.runtime.running import Running, bounded, checked, in_bytes


class BlockingRuntime(Running):
    """The same for programs without an event loop. Methods may be called from any thread."""

    _heard: set[Heard]
    _more: threading.Condition  # guards all of them

    def __enter__(self) -> Self:
        self._enter()
        self._heard, self._more = set(), threading.Condition()
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop()
        self._end_subscriptions(None)

    def call(
        self, address: str, body: bytes = b"", *, timeout: float | None = 5.0, once: str = "",
        metadata: Mapping[str, bytes] = {},
    ) -> bytes:  # fmt: skip
        """See `Runtime.call`."""
        return self.request(address, body, timeout=timeout, once=once, metadata=metadata).body

    def request(
        self, address: str, body: bytes = b"", *, timeout: float | None = 5.0, once: str = "",
        metadata: Mapping[str, bytes] = {},
    ) -> Reply:  # fmt: skip
        """See `Runtime.request`."""
        answer, timeout = Future[Answer](), bounded(timeout)
        token = self._post(answer.set_result, address, body, True, timeout, once, metadata)
        return self._wait(answer, token, address, timeout)

    def send(self, address: str, body: bytes = b"", *, once: str = "", metadata: Mapping[str, bytes] = {}) -> None:
        """See `Runtime.send`."""
        answer = Future[Answer]()
        self._wait(answer, self._post(answer.set_result, address, body, False, None, once, metadata), address)

    def spawn(self, kind: str, args: bytes = b"") -> str:
        """See `Runtime.spawn`."""
        answer = Future[Answer]()
        token = self.deployment.spawn(kind, in_bytes(args, "the args of an atom are"), answer.set_result)
        return self._wait(answer, token, kind).body.decode()

    @contextmanager
    def subscription(self, topic: str) -> Iterator[Iterator[bytes]]:
        """See `Runtime.subscription`. The iterator blocks; it ends when the runtime does."""
        deployment, heard = self.deployment, Heard(topic)

        def hear(published: Published) -> None:
            with self._more:
                heard.put(published)
                self._more.notify_all()

        def bodies() -> Iterator[bytes]:
            while True:
                with self._more:
                    self._more.wait_for(lambda: heard.bodies or heard.ended)
                    if not heard.bodies:
                        break
                    body = heard.bodies.popleft()
                yield body
            if heard.error is not None:
                raise heard.error

        listener = deployment.listen(topic, hear)
        with self._more:
            self._heard.add(heard)
        try:
            deployment.perform_all(lambda domain: None).result()
            yield bodies()
        finally:
            with self._more:
                self._heard.remove(heard)
            deployment.unlisten(listener)

    def subscribe(self, topic: str) -> Iterator[bytes]:
        """See `Runtime.subscribe`."""
        with self.subscription(topic) as bodies:
            yield from bodies

    def stats(self) -> Stats:
        return self.deployment.stats()

    def dead_letters(self) -> list[DeadLetter]:
        """Oldest first."""
        return dead_letters.merge(self.deployment.perform_all(dead_letters.look).result())

    def revive(self, id: str, *, again: bool = True) -> None:
        """See `Runtime.revive`."""
        deployment = self.deployment
        key = dead_letters.key(id)
        dead_letters.check_known(id, deployment.perform_all(lambda domain: domain.dead_letter(key)).result())
        deployment.submit(Revive(key, int(again)))
        deployment.perform_all(lambda domain: None).result()

    def _wait(self, answer: Future[Answer], token: int, what: str, timeout: float | None = None) -> Reply:
        deployment = self.deployment
        try:
            return checked(answer.result(timeout), what)
        except TimeoutError:
            raise Timeout(f"{what} has not answered within {timeout} s; it may or may not have acted") from None
        finally:
            deployment.forget(token)

    def _failed(self, error: RadonError) -> None:
        self._end_subscriptions(error)

    def _end_subscriptions(self, error: RadonError | None) -> None:
        with self._more:
            for heard in self._heard:
                heard.end(error)
            self._more.notify_all()
