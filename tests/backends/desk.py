"""A runner without an application: what tests post to it, and all that is known of it outside."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

from radon.abi import exchange as x
from radon.abi.delivery import NOWHERE, Address
from radon.abi.errors import RadonError, StoreError, Unavailable
from radon.abi.frames import decode_all
from radon.abi.records import Step
from radon.atoms.manifest import Durability
from radon.backends.deployment import Answer, Deployment
from radon.backends.driver import Store
from radon.backends.program import Program
from radon.backends.runner import Runner
from radon.host.domain import Domain, Settings
from radon.host.image import Image
from radon.host.kind import Kind
from radon.host.lookup import restored
from radon.runtime.running import checked
from radon.testing.faults import Around, Call

SOON = 20.0
"""Seconds after which something that has to happen has not."""


class Desk:
    """A runner of agents, and all that is known of it outside."""

    def __init__(self, store: Store, kind: Kind, **options: Any) -> None:
        self.store = store
        self.program = Program("suite", {"agent": kind}, (), Settings())
        self.waiting: dict[int, Future[str]] = {}
        self.released: list[Any] = []
        self.lost: list[str] = []
        self.opened = threading.Event()  # again, after a loss
        self.dead: Future[RadonError] = Future()
        self.tokens = itertools.count(1)
        self.runner = Runner(
            0, store, release=lambda records: self.release(records), lost=self.lose, standing=self.stand,
            died=self.dead.set_result, **options,
        )  # fmt: skip
        self.runner.start(self.program)

    def release(self, records: bytes) -> None:
        for output in decode_all(records):
            self.released.append(output)
            if isinstance(output, x.Reply) and output.token in self.waiting:  # else it was told of a loss already
                self.waiting.pop(output.token).set_result(output.body.decode())

    def lose(self, reason: RadonError) -> None:
        self.lost.append(str(reason))
        self.opened.clear()
        for token in list(self.waiting):
            self.waiting.pop(token).set_exception(Unavailable(str(reason)))

    def stand(self) -> list[Any]:
        self.opened.set()
        return []

    def post(self, *lines: str, to: str = "agent/a", once: str = "", deadline: int = 0) -> Future[str]:
        token, answer = next(self.tokens), Future[str]()
        self.waiting[token] = answer
        body = "".join(f"{line}\n" for line in lines).encode()
        try:
            self.runner.submit(x.Post(token, deadline, 1, Address.parse(to), NOWHERE, "", once, (), body))
        except RadonError as error:
            if self.waiting.pop(token, None) is not None:  # else it was told of a loss already
                answer.set_exception(error)
        return answer

    def ask(self, *lines: str, **fields: Any) -> str:
        return self.post(*lines, **fields).result(SOON)

    def insist(self, *lines: str, **fields: Any) -> str:
        """Ask again after each loss."""
        while True:
            try:
                return self.ask(*lines, **fields)
            except Unavailable:
                assert not self.dead.done(), self.dead.result()
                self.opened.wait(0.01)  # the door is opened just after; no loss, and this was not too soon

    def settle(self) -> None:
        """All that was submitted has been taken in, and what it led to at once was handed over."""
        self.runner.perform(lambda domain: None).result(SOON)

    def tokens_answered(self) -> list[int]:
        return [output.token for output in self.released if isinstance(output, x.Reply)]


Open = Callable[..., Desk]


class Driver:
    """A thread that drives a runner, as the thread of an event loop does: whatever is submitted is run there first."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._calls: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="driver", daemon=True)
        self._thread.start()
        runner.lend(self._borrow)

    def close(self) -> None:
        self._calls.put(False)
        self._thread.join()

    def _borrow(self) -> bool:
        self._calls.put(True)
        return True

    def _serve(self) -> None:
        while self._calls.get():
            while self._runner.drive():
                pass


class Durable(Around):
    """Claims that what was written outlives the process, so that it gets a writer's thread."""

    @property
    def durability(self) -> Durability:
        return "process"


class Recording(Around):
    """Remembers what was called, and how many frames went into each commit."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.calls: list[Call] = []
        self.frames: list[int] = []

    def around(self, call: Call, act: Callable[[], Any]) -> Any:
        self.calls.append(call)
        return act()

    def commit(self, domain: int, epoch: int, frames: Any) -> None:
        self.frames.append(len(frames))
        super().commit(domain, epoch, frames)


class Failing(Around):
    """Fails the calls that are named in `fails`, before their effect."""

    fails: tuple[Call, ...] = ()

    def around(self, call: Call, act: Callable[[], Any]) -> Any:
        if call in self.fails:
            raise StoreError(f"the disk broke in {call}")
        return act()


def ask(deployment: Deployment, to: str, *lines: str, once: str = "") -> str:
    """What an agent of a deployment answers."""
    answer: Future[Answer] = Future()
    body = "".join(f"{line}\n" for line in lines).encode()
    deployment.post(Address.parse(to), body, answer.set_result, once=once)
    return checked(answer.result(SOON), to).body.decode()


def holdings(domain: Domain) -> list[Any]:
    """All that a domain holds, but for what time it is."""
    return _held(restored(domain.snapshot()))


def held_by(store: Store) -> list[Any]:
    """What a domain holds that is restored from a store."""
    found = store.open(0)
    return _held(restored(found.snapshot, found.tail))


def _held(image: Image) -> list[Any]:
    return [record for record in image.records() if not isinstance(record, Step)]
