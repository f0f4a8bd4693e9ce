"""One domain on a thread of its own: gather inputs, run, hand the commit to the writer, take snapshots.

Turns go on while commits are being written. When the store fails, everything after its last durable frame is discarded
and the domain is opened again (rule 14); a store that keeps failing is tried ever less often, and meanwhile whoever
comes is turned away with the reason.

Knows no application, no gateway and no event loop. The one place that reads the clock and draws seeds.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from radon.abi.errors import RadonError, StoreError
from radon.abi.exchange import Now
from radon.abi.frames import FrameError, decode_all, encode, encode_all
from radon.backends.driver import Fenced, Image, Store, StoreDamaged, StoreFull, StoreVersion
from radon.backends.inbox import Inbox, Item, Task
from radon.backends.writer import Meter, Writer
from radon.host.domain import Domain, Make, Settings, Status
from radon.host.domains import default
from radon.host.kind import Kind
from radon.host.limits import MIB

T = TypeVar("T")
log = logging.getLogger(__name__)

BATCH = 256
"""Turns between two looks at the inbox, and so at most in one commit."""

SLICE = 0.005
"""Seconds that a batch should take, so that no input waits long behind turns that do. One turn may take longer."""

SNAPSHOT_BYTES = 64 * MIB
"""A snapshot is taken when the log behind the last one is longer than this and than the snapshot itself."""

SNAPSHOT_AGE = 600.0
"""Or, in seconds, when it is older than this and the log an eighth as long as the snapshot."""

STOP_GRACE = 10.0
"""Seconds that a stop waits for atoms to come to rest; what is left in mailboxes goes on at the next start."""

RETRY_FIRST, RETRY_LAST = 0.2, 5.0
"""Seconds before a store is opened again that failed without one commit in between: at first, and after doubling."""

FINAL = (Fenced, StoreDamaged, StoreVersion)
"""Failures that opening again does not help against."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a domain runs, and how. `digest` names it."""

    digest: str
    kinds: Mapping[str, Kind]
    endpoints: tuple[str, ...]
    settings: Settings


def _anything(domain: Domain) -> None:
    """Accepts the data as they are."""


def _nothing() -> None:
    """Keeps no record of a program."""


class Runner:
    """Owns the domain and its threads. Every public method may be called from any thread, none from a callback.

    `release(outputs)` is called with what left: with what had to be durable from one thread at a time and in order;
    with logs, metrics and casts also beside that. `lost(reason)`: all that was not yet released is gone, and nobody
    will be answered; `standing()` then gives the inputs that the domain needs when it is opened again, because no log
    has them. `died(error)`: it cannot be opened again. Callbacks must neither block nor raise.
    """

    def __init__(
        self,
        number: int,
        store: Store,
        *,
        release: Callable[[list[Any]], None],
        lost: Callable[[RadonError], None],
        standing: Callable[[], Iterable[Any]],
        died: Callable[[RadonError], None],
        make: Make | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.meter = Meter()
        self.reopened = 0
        self.log_bytes = 0  # of the log behind the last snapshot
        self._number, self._store, self._make, self._clock = number, store, make or default(), clock
        self._release, self._lost, self._standing, self._died = release, lost, standing, died
        self._inbox = Inbox()
        self._stopping = threading.Event()
        self._stop_by = 0.0
        self._thread: threading.Thread | None = None
        self._retry = 0.0

    # ---- for any thread ----

    def start(
        self, program: Program, accept: Callable[[Domain], None] = _anything, keep: Callable[[], None] = _nothing
    ) -> None:
        """Open, restore and deploy in the caller's thread, then run; see `deploy`. Raises StoreError, LoadError."""
        self._program = program
        self._open(accept, keep)
        self._thread = threading.Thread(target=self._serve, name=f"radon-domain-{self._number}", daemon=True)
        self._thread.start()

    def submit(self, *inputs: Any) -> None:
        """Input records for the next run, in this order. Raises Unavailable, and Invalid for what makes no record."""
        self._inbox.submit(*inputs)

    def perform(self, function: Callable[[Domain], T]) -> Future[T]:
        """Call `function` with the domain between two runs: to look at it, or to change what it runs.

        All inputs that were submitted before have been taken in by then. The future may raise Unavailable.
        """
        return self._inbox.perform(function)

    def deploy(self, program: Program, accept: Callable[[Domain], None], keep: Callable[[], None]) -> Future[None]:
        """Run another program from the next turn on; state stays.

        `accept(domain)` may refuse the data by raising; then nothing has changed. `keep()` makes the program the one
        that the next start runs; it may raise too. What the program has no kind for is ended after that: a crash in
        between leaves it to the next start.
        """

        def change(domain: Domain) -> None:
            accept(domain)
            try:
                _link(domain, program)
                keep()
            except BaseException:
                _link(domain, self._program)
                raise
            self._program = program
            _end_removed(domain, program)

        return self.perform(change)

    def snapshot(self) -> None:
        """Let a snapshot stand for the log so far. Blocks until it is durable; raises StoreError, Unavailable."""
        self.perform(lambda domain: self._take_snapshot()).result().result()

    def stop(self, grace: float = STOP_GRACE) -> None:
        """Take no more inputs, run until idle (`grace` seconds at most), make it durable, free everything."""
        if not self._stopping.is_set():
            self._stop_by = time.monotonic() + grace
        self._inbox.close("the deployment is stopping", for_good=True)
        self._stopping.set()
        self._inbox.wake()
        if self._thread is not None:
            self._thread.join()

    # ---- the domain's thread: opening ----

    def _open(
        self, accept: Callable[[Domain], None] = _anything, keep: Callable[[], None] = _nothing, *, cut: bool = False
    ) -> None:
        """`cut`: the store was full, so let a snapshot stand for the log if there is room for that."""
        image = self._store.open(self._number)
        domain = self._make(self._program.settings)
        try:
            self._restore(domain, image)
            if cut and image.tail:
                with suppress(StoreFull):
                    covered = self._store.position(self._number)
                    self._store.snapshot(self._number, image.epoch, covered, domain.snapshot())
            accept(domain)
            _link(domain, self._program)
            keep()
            _end_removed(domain, self._program)
            self._log_limit = self._store.size().limit // 4
        except BaseException:
            domain.close()
            raise
        self._domain = domain
        self._writer = Writer(
            self._store, self._number, image.epoch, self.meter,
            release=lambda outgoing: self._release(decode_all(outgoing)), failed=self._inbox.wake,
        )  # fmt: skip
        self.log_bytes = sum(map(len, image.tail))
        self._snapshot_bytes, self._snapshot_at = len(image.snapshot or b""), time.monotonic()
        self._snapshot: Future[None] | None = None

    def _restore(self, domain: Domain, image: Image) -> None:
        try:
            domain.restore(image.snapshot, image.tail)
        except FrameError as error:
            raise StoreDamaged(f"domain {self._number} cannot be restored: {error}; go back to a backup") from error
        if image.snapshot is None and not image.tail:
            domain.setup(self._number, secrets.token_bytes(32), secrets.token_bytes(32))

    def _reopen(self) -> bool:
        """After a failure of the writer: discard what is not durable, go on from what is. False: it is time to stop."""
        self._writer.close()
        self._domain.close()
        failure = self._writer.failure
        if self._writer.wrote:
            self._retry = 0.0
        while True:
            assert failure is not None
            if not isinstance(failure, StoreError) or isinstance(failure, FINAL):
                raise failure
            log.error("domain %d goes on from its last durable commit: %s", self._number, failure)
            self._inbox.close(str(failure))
            self._inbox.turn_away()
            self._lost(failure)
            if self._stopping.wait(self._retry):
                return False
            begin = time.monotonic()
            try:
                self._open(cut=isinstance(failure, StoreFull))
                break
            except StoreError as error:
                failure = error
            finally:  # opening may be long work: spend little of the time on it
                took = time.monotonic() - begin
                self._retry = max(min(2 * self._retry, RETRY_LAST), RETRY_FIRST, 4 * took)
        self.reopened += 1
        self._run([encode_all(self._standing())], 0)
        self._inbox.open()
        return True

    # ---- the domain's thread: running ----

    def _serve(self) -> None:
        ended: RadonError | None = None
        try:
            self._run_until_stopped()
        except RadonError as error:
            ended = error
        except BaseException as error:
            log.exception("domain %d: a defect of Radon ended it", self._number)
            ended = RadonError(f"domain {self._number} was ended by a defect of Radon: {error!r}")
        if ended is not None:
            self._inbox.close(str(ended), for_good=True)
        self._inbox.turn_away()
        self._writer.close()
        self._domain.close()
        self._inbox.close(str(ended or "the deployment has stopped"), for_good=True)
        self._inbox.turn_away()
        if ended is not None:
            self._died(ended)
        elif self._writer.failure is not None:
            log.error("domain %d stopped; its last commits are not durable: %s", self._number, self._writer.failure)

    def _run_until_stopped(self) -> None:
        status = Status.BUSY  # what a restored mailbox holds goes on at once
        while True:
            if self._writer.failure is not None:
                if not self._reopen():
                    return
                status = Status.BUSY
            if self._stopping.is_set():
                idle = status is Status.IDLE and self._inbox.empty()
                if idle or time.monotonic() > self._stop_by:
                    return
            patience = self._until_due() if status is Status.IDLE else 0
            status = self._take(self._inbox.gather(patience))
            self._take_snapshot_if_due()

    def _until_due(self) -> float | None:
        due = self._domain.next_due()
        return None if due is None else min(max(0.0, (due - self._clock()) / 1e9), threading.TIMEOUT_MAX)

    def _take(self, items: list[Item]) -> Status:
        """Inputs and tasks in the order in which they came; then a batch of turns."""
        inputs: list[bytes] = []
        for item in items:
            if isinstance(item, bytes):
                inputs.append(item)
            elif item is not None and item.future.set_running_or_notify_cancel():
                self._run(inputs, 0)
                self._hand_over()  # of a task before, too: this one, a snapshot say, sees just what the log does
                inputs = []
                _perform(item, self._domain)
        return self._run_batch(inputs)

    def _run_batch(self, inputs: list[bytes]) -> Status:
        """As many turns as SLICE has time for. Each step has as many as all before it, so the last ends soon after."""
        begin = time.perf_counter()
        status, turns = self._run(inputs, 1), 1
        while status is Status.BUSY and turns < BATCH and time.perf_counter() - begin < SLICE:
            status = self._domain.run(turns)
            turns *= 2
        self._hand_over()
        return status

    def _run(self, inputs: list[bytes], turns: int) -> Status:
        """Take in the time and the inputs, and run."""
        now = encode(Now(self._clock()))
        self._domain.submit(b"".join((now, *inputs)))
        return self._domain.run(turns)

    def _hand_over(self) -> None:
        commit = self._domain.take_commit()
        if commit.volatile:
            self._release(decode_all(commit.volatile))
        if commit.durable or commit.outgoing:
            self.log_bytes += len(commit.durable)
            self._writer.commit(commit.durable, commit.outgoing)

    def _take_snapshot_if_due(self) -> None:
        grown = self.log_bytes > max(SNAPSHOT_BYTES, self._snapshot_bytes) or 0 < self._log_limit < self.log_bytes
        aged = self.log_bytes > self._snapshot_bytes // 8 and time.monotonic() - self._snapshot_at > SNAPSHOT_AGE
        if (grown or aged) and (self._snapshot is None or self._snapshot.done()):
            self._take_snapshot()

    def _take_snapshot(self) -> Future[None]:
        """Right after a commit was handed over, so that it shows exactly what the log does."""
        frame = self._domain.snapshot()
        self.log_bytes = 0
        self._snapshot_bytes, self._snapshot_at = len(frame), time.monotonic()
        self._snapshot = self._writer.snapshot(frame)
        return self._snapshot


def _perform(task: Task, domain: Domain) -> None:
    try:
        result = task.function(domain)
    except BaseException as error:
        task.future.set_exception(error)
    else:
        task.future.set_result(result)


def _link(domain: Domain, program: Program) -> None:
    domain.settings = program.settings
    domain.deploy(program.digest, program.kinds, program.endpoints)


def _end_removed(domain: Domain, program: Program) -> None:
    """End the atoms of kinds that the program does not have, and requests to endpoints that it does not have."""
    present = {*program.kinds, *(f"http:{name}" for name in program.endpoints)}
    for kind in sorted(domain.usage().kinds.keys() - present):
        if not kind.startswith("@"):
            domain.end_kind(kind)
