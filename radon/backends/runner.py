"""One domain on a thread of its own, and its store behind it: gather inputs, run, commit, release.

While one commit is being written the next turns run; whatever piled up meanwhile is written as one (group commit).
Nothing of a commit's `outgoing` part is released before its `durable` part is durable. When a store fails, everything
after its last durable frame is discarded and the domain is opened again from the store (rule 14).

Knows no application, no gateway and no event loop. The one place that reads the clock and draws seeds.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from radon.abi.errors import RadonError, StoreError, Unavailable
from radon.abi.exchange import Now
from radon.abi.frames import FrameType, decode_all, encode_all, seal, unseal_commit
from radon.backends.driver import Store
from radon.host.domain import Domain, Settings, Status
from radon.host.kind import Kind
from radon.host.limits import MIB

T = TypeVar("T")
log = logging.getLogger(__name__)

BATCH = 256
"""Turns between two looks at the inbox, and so at most in one commit."""

BACKLOG = 64
"""Commits that may wait for the store; the domain pauses behind them."""

SNAPSHOT_BYTES = 64 * MIB
"""A snapshot is taken when the log behind the last one is longer than this and than the snapshot itself."""

SNAPSHOT_AGE = 600.0
"""Or, in seconds, when it is older and there is a log at all."""

STOP_GRACE = 10.0
"""Seconds that a stop waits for atoms to come to rest; what is left in mailboxes goes on at the next start."""

RETRY_AFTER = 0.2
"""Seconds between a store's failure and the next attempt."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a domain runs: the digest that names it, its kinds, its outgoing endpoints."""

    digest: str
    kinds: Mapping[str, Kind]
    endpoints: tuple[str, ...] = ()


@dataclass(slots=True)
class _Write:
    """A commit, or a snapshot (`covered` >= 0), on its way to the store."""

    epoch: int
    frame: bytes  # b"": nothing durable in it
    outgoing: bytes = b""
    covered: int = -1
    done: threading.Event | None = None


@dataclass(slots=True)
class Meter:
    """What the runner did, for `ps`, metrics and benchmarks."""

    commits: int = 0
    frames: int = 0
    bytes: int = 0
    snapshots: int = 0
    reopened: int = 0
    log_bytes: int = field(default=0)  # since the last snapshot


class Runner:
    """Owns the domain and its two threads. Every public method may be called from any thread.

    `release(outputs)` is called with what left, in order, from one thread at a time; `lost(reason)` when the domain
    was opened again and all that was not yet released is gone; `died(error)` when it cannot be opened any more.
    """

    def __init__(
        self,
        number: int,
        store: Store,
        settings: Settings,
        *,
        release: Callable[[list[Any]], None],
        lost: Callable[[RadonError], None],
        died: Callable[[RadonError], None],
        make: Callable[[Settings], Domain] = Domain,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.meter = Meter()
        self._number, self._store, self._settings = number, store, settings
        self._release, self._lost, self._died = release, lost, died
        self._make, self._clock = make, clock
        self._inbox: deque[Any] = deque()
        self._tasks: deque[tuple[Callable[[Domain], Any], Future[Any]]] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._stop_by = 0.0
        self._failure: StoreError | None = None  # of the store, seen by the writer
        self._writes: SimpleQueue[_Write | None] = SimpleQueue()
        self._room = threading.Semaphore(BACKLOG)
        self._unwritten = 0  # commits handed to the writer and not released yet; both threads, under _count
        self._count = threading.Lock()
        self._position = 0  # log frames ever handed over
        self._snapshot_bytes = 0
        self._snapshot_at = 0.0
        self._threads: list[threading.Thread] = []

    # ---- for any thread ----

    def start(self, program: Program) -> None:
        """Open, restore and deploy in the caller's thread (raises StoreError, FrameError, LoadError), then run."""
        self._program = program
        self._open()
        writer = threading.Thread(target=self._write_all, name=f"radon-store-{self._number}", daemon=True)
        turns = threading.Thread(target=self._run, name=f"radon-domain-{self._number}", daemon=True)
        self._threads = [turns, writer]
        writer.start()
        turns.start()

    def submit(self, *inputs: Any) -> None:
        """Input records for the next run. Raises Unavailable once the runner is stopping."""
        if self._stopping:
            raise Unavailable("the deployment is stopping")
        self._inbox.extend(inputs)
        self._wake.set()

    def perform(self, function: Callable[[Domain], T]) -> Future[T]:
        """Call `function` with the domain between two runs: to look at it, or to change what it runs."""
        future: Future[T] = Future()
        if self._stopping:
            future.set_exception(Unavailable("the deployment is stopping"))
            return future
        self._tasks.append((function, future))
        self._wake.set()
        return future

    def deploy(self, program: Program) -> Future[None]:
        """Run another program from the next turn on; state stays."""

        def change(domain: Domain) -> None:
            domain.deploy(program.digest, program.kinds, program.endpoints)
            self._program = program

        return self.perform(change)

    def stop(self, grace: float = STOP_GRACE) -> None:
        """Take no more inputs, run until idle (`grace` seconds at most), make it durable, free everything."""
        self._stop_by = time.monotonic() + grace
        self._stopping = True
        self._wake.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    # ---- the domain's thread ----

    def _open(self) -> None:
        image = self._store.open(self._number)
        self._epoch = image.epoch
        self._position = self._store.position(self._number)
        self._snapshot_bytes = len(image.snapshot or b"")
        self._snapshot_at = time.monotonic()
        self.meter.log_bytes = sum(map(len, image.tail))
        domain = self._make(self._settings)
        domain.restore(image.snapshot, image.tail)
        if not self._position:
            domain.setup(self._number, secrets.token_bytes(32), secrets.token_bytes(32))
        domain.deploy(self._program.digest, self._program.kinds, self._program.endpoints)
        self._domain = domain

    def _run(self) -> None:
        try:
            self._run_until_stopped()
        except Exception as error:
            log.exception("domain %d: a defect of Radon ended it", self._number)
            self._stopping = True
            self._died(RadonError(f"domain {self._number} ended by a defect of Radon: {error!r}"))
        while self._tasks:
            self._tasks.popleft()[1].set_exception(Unavailable("the deployment has stopped"))
        self._writes.put(None)
        self._domain.close()

    def _run_until_stopped(self) -> None:
        status = Status.BUSY  # what a restored mailbox holds goes on at once
        while not (self._stopping and self._may_stop(status)):
            if self._failure is not None and not self._reopen():
                break
            if status is Status.IDLE and not self._inbox and not self._tasks:
                self._wait()
            while self._tasks:
                _perform(self._domain, *self._tasks.popleft())
            status = self._run_once()
            self._take_snapshot_if_due()

    def _may_stop(self, status: Status) -> bool:
        return (status is Status.IDLE and not self._inbox) or time.monotonic() > self._stop_by

    def _wait(self) -> None:
        due = self._domain.next_due()
        delay = None if due is None else max(0.0, (due - self._clock()) / 1e9)
        if delay is None or delay > 0:
            self._wake.wait(min(delay, threading.TIMEOUT_MAX) if delay is not None else None)
        self._wake.clear()

    def _run_once(self) -> Status:
        inputs = [self._inbox.popleft() for _ in range(len(self._inbox))]
        self._domain.submit(seal(FrameType.INPUT, encode_all([Now(self._clock()), *inputs])))
        status = self._domain.run(BATCH)
        frame = self._domain.take_commit()
        if frame:
            commit = unseal_commit(frame)
            if commit.volatile:
                self._release(decode_all(commit.volatile))
            if commit.durable or commit.outgoing:
                self._hand_over(commit.durable, commit.outgoing)
        return status

    def _hand_over(self, durable: bytes, outgoing: bytes) -> None:
        """To the writer; at once to the world where there is nothing to make durable, now or before it."""
        with self._count:
            idle = not self._unwritten
            if durable or not idle:
                self._unwritten += 1
        if not durable and idle:
            self._release(decode_all(outgoing))
            return
        self._room.acquire()
        self._position += bool(durable)
        self._writes.put(_Write(self._epoch, seal(FrameType.LOG, durable) if durable else b"", outgoing))

    def _take_snapshot_if_due(self) -> None:
        grown = self.meter.log_bytes > max(SNAPSHOT_BYTES, self._snapshot_bytes)
        aged = self.meter.log_bytes and time.monotonic() - self._snapshot_at > SNAPSHOT_AGE
        if grown or aged:
            self.take_snapshot(self._domain)

    def take_snapshot(self, domain: Domain, done: threading.Event | None = None) -> None:
        """In the domain's thread (use `perform`): let a snapshot stand for the log so far."""
        frame = domain.snapshot()
        self._snapshot_bytes, self._snapshot_at = len(frame), time.monotonic()
        self.meter.log_bytes = 0
        self._room.acquire()
        with self._count:
            self._unwritten += 1
        self._writes.put(_Write(self._epoch, frame, covered=self._position, done=done))

    def _reopen(self) -> bool:
        """After a failure of the store: discard what is not durable, go on from what is. False: stop for good."""
        reason = self._failure
        assert reason is not None
        log.error("%s; going on from the last durable commit", reason)
        self._domain.close()
        self._inbox.clear()
        self._lost(reason)
        while True:
            try:
                self._open()
                break
            except StoreError as error:
                if self._stopping:
                    self._died(error)
                    return False
                log.error("cannot open the store again: %s", error)
            except RadonError as error:
                self._died(error)
                return False
            time.sleep(RETRY_AFTER)
        self.meter.reopened += 1
        self._failure = None
        return True

    # ---- the writer's thread ----

    def _write_all(self) -> None:
        stop = False
        while not stop:
            batch = [self._writes.get()]
            while True:
                try:
                    batch.append(self._writes.get_nowait())
                except Empty:
                    break
            stop = batch[-1] is None
            self._write([write for write in batch if write is not None])

    def _write(self, batch: list[_Write]) -> None:
        """Store a batch with as few calls as keep its order; after a failure what is left of it is dropped."""
        while batch:
            end = next((at for at, write in enumerate(batch) if write.covered >= 0), len(batch))
            group, batch = batch[: max(end, 1)], batch[max(end, 1) :]
            if self._failure is None and group[0].epoch == group[-1].epoch == self._epoch:
                try:
                    self._store_group(group)
                    self._release([output for write in group for output in decode_all(write.outgoing)])
                except StoreError as error:
                    self._failure = error
                    time.sleep(RETRY_AFTER)
                    self._wake.set()
            with self._count:
                self._unwritten -= len(group)
            for write in group:
                self._room.release()
                if write.done is not None:
                    write.done.set()

    def _store_group(self, group: list[_Write]) -> None:
        first = group[0]
        if first.covered >= 0:
            self._store.snapshot(self._number, first.epoch, first.covered, first.frame)
            self.meter.snapshots += 1
            return
        frames = [write.frame for write in group if write.frame]
        if frames:
            self._store.commit(self._number, first.epoch, frames)
            size = sum(map(len, frames))
            self.meter.commits += 1
            self.meter.frames += len(frames)
            self.meter.bytes += size
            self.meter.log_bytes += size


def _perform(domain: Domain, function: Callable[[Domain], Any], future: Future[Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function(domain))
    except BaseException as error:
        future.set_exception(error)
