"""One domain and who runs it: gather inputs, run, hand the commit to the writer, take snapshots.

A step of this is done by whichever thread has the domain. The runner has a thread of its own that sleeps until it is
woken; a thread that has submitted something may `drive` instead, which spares it the way there and back. What it
leaves undone, the own thread does: whoever cannot go on rings the bell, and never the other way round.

Turns go on while commits are being written. When the store fails, everything after its last durable frame is discarded
and the domain is opened again (rule 14); a store that keeps failing is tried ever less often, and meanwhile whoever
comes is turned away with the reason.

Knows no application, no gateway and no event loop. The one place that reads the clock and draws seeds.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from radon.abi.errors import RadonError, StoreError
from radon.abi.exchange import Now
from radon.abi.frames import FrameError, encode, encode_all
from radon.backends.driver import Fenced, Image, Store, StoreDamaged, StoreFull, StoreVersion
from radon.backends.inbox import Inbox, Item, encoded
from radon.backends.pace import LENT, SLICE, Pace
from radon.backends.program import Program, alone, end_removed, link
from radon.backends.writer import Meter, Writer
from radon.host.domain import Domain, Make, Status
from radon.host.domains import default
from radon.host.limits import MIB

T = TypeVar("T")
log = logging.getLogger(__name__)

SNAPSHOT_BYTES = 128 * MIB
"""A snapshot is taken when the log behind the last one is longer than this and than the snapshot itself."""

SNAPSHOT_AGE = 600.0
"""Or, in seconds, when it is older than this and the log an eighth as long as the snapshot."""

STOP_GRACE = 10.0
"""Seconds that a stop waits for atoms to come to rest; what is left in mailboxes goes on at the next start."""

RETRY_FIRST, RETRY_LAST = 0.2, 5.0
"""Seconds before a store is opened again that failed without one commit in between: at first, and after doubling."""

FINAL = (Fenced, StoreDamaged, StoreVersion)
"""Failures that opening again does not help against."""


def _anything(domain: Domain) -> None:
    """Accepts the data as they are."""


def _nothing() -> None:
    """Keeps no record of a program."""


class Runner:
    """Owns the domain and its threads. Every public method may be called from any thread; from a callback `submit`,
    `perform` and `drive`.

    `release(records)` is called with what left: with what had to be durable from one thread at a time and in order;
    with logs, metrics and casts also beside that. `lost(reason)`: all that was not yet released is gone, and nobody
    will be answered; `standing()` then gives the inputs that the domain needs when it is opened again, because no log
    has them; `back()`: it takes inputs again. `died(error)`: it cannot be opened again. These callbacks must neither
    block nor raise, and come from threads of the runner, or from one that drives. `setup(domain)` begins a new domain.
    """

    def __init__(
        self, number: int, store: Store, *,
        release: Callable[[bytes], None], lost: Callable[[RadonError], None],
        standing: Callable[[], Iterable[Any]], died: Callable[[RadonError], None],
        back: Callable[[], None] = _nothing, setup: Callable[[Domain], None] = alone,
        make: Make | None = None, clock: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        self.meter = Meter()
        self.reopened = 0
        self.log_bytes = 0  # of the log behind the last snapshot
        self._number, self._store, self._make, self._clock = number, store, make or default(), clock
        self._release, self._lost, self._standing, self._died = release, lost, standing, died
        self._back, self._setup = back, setup
        self._inbox = Inbox()
        self._borrow: Callable[[], bool] = lambda: False
        self._lock = threading.Lock()  # who has it has the domain, and whatever of this is not for any thread
        self._own_waits = False  # the own thread, for the lock
        self._over = False  # nobody runs the domain any more
        self._defect: BaseException | None = None  # that a thread met which drove
        self._status = Status.BUSY  # what a restored mailbox holds goes on at once
        self._pace = Pace()
        self._awake_at: float = 0  # when the own thread looks up, whatever happens: ns since 1970
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
        self.submit_encoded(encoded(inputs))

    def submit_encoded(self, records: bytes) -> None:
        """Likewise a body of them, which is well-formed."""
        self._inbox.submit(records)
        if not self._borrow():
            self._inbox.wake()

    def lend(self, borrow: Callable[[], bool]) -> None:
        """Ask `borrow()` after each submission, in its thread, whether someone will `drive`; else the own thread runs.

        Whoever says yes must drive at least once from then on.
        """
        self._borrow = borrow

    def drive(self) -> bool:
        """Run one short batch, unless another thread has the domain. True: there is more, drive again soon.

        Blocks for no thread, lock or disk, but for as long as a turn takes. Callbacks are called from here.
        """
        if self._own_waits:  # and will look into the inbox
            return False
        if not self._lock.acquire(blocking=False):
            self._inbox.wake()  # who has it may have looked already
            return False
        try:
            return not self._over and self._drive()
        except BaseException as defect:
            self._over, self._defect = True, defect
            self._inbox.wake()
            if isinstance(defect, Exception):
                return False
            raise  # an interrupt, say
        finally:
            self._lock.release()

    def perform(self, function: Callable[[Domain], T]) -> Future[T]:
        """Call `function` with the domain between two runs: to look at it, or to change what it runs.

        All inputs that were submitted before have been taken in by then. The future may raise Unavailable.
        """
        future = self._inbox.perform(function)
        self._inbox.wake()
        return future

    def deploy(self, program: Program, accept: Callable[[Domain], None], keep: Callable[[], None]) -> Future[None]:
        """Run another program from the next turn on; state stays.

        `accept(domain)` may refuse the data by raising; then nothing has changed. `keep()` makes the program the one
        that the next start runs; it may raise too. What the program has no kind for is ended after that: a crash in
        between leaves it to the next start.
        """

        def change(domain: Domain) -> None:
            accept(domain)
            try:
                link(domain, program)
                keep()
            except BaseException:
                link(domain, self._program)
                raise
            self._program = program
            end_removed(domain, program)

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

    # ---- whoever has the domain: opening ----

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
            link(domain, self._program)
            keep()
            end_removed(domain, self._program)
            self._log_limit = self._store.size().limit // 4
        except BaseException:
            domain.close()
            raise
        self._domain = domain
        self._writer = Writer(
            self._store, self._number, image.epoch, self.meter, release=self._release, failed=self._inbox.wake
        )
        self.log_bytes = sum(map(len, image.tail))
        self._snapshot_bytes, self._snapshot_at = len(image.snapshot or b""), time.monotonic()
        self._snapshot: Future[None] | None = None

    def _restore(self, domain: Domain, image: Image) -> None:
        try:
            domain.restore(image.snapshot, image.tail)
        except FrameError as error:
            raise StoreDamaged(f"domain {self._number} cannot be restored: {error}; go back to a backup") from error
        if image.snapshot is None and not image.tail:
            self._setup(domain)

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
        self._submit([encode_all(self._standing())])
        self._domain.run(0)
        self._status = Status.BUSY
        self._inbox.open()
        self._back()
        return True

    # ---- the own thread ----

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
        patience: float | None = 0
        while True:
            self._inbox.wait(patience)
            self._own_waits = True  # else one that drives again and again could take the lock before it each time
            with self._lock:
                self._own_waits = False
                if self._defect is not None:
                    raise self._defect
                self._over = True  # unless this ends well
                if not self._step():
                    return
                patience = self._until_awake()
                self._over = False

    def _step(self) -> bool:
        """Whatever there is to do, and one batch. False: it is time to stop."""
        if self._writer.failure is not None and not self._reopen():
            return False
        if self._stopping.is_set():
            idle = self._status is Status.IDLE and self._inbox.empty()
            if idle or time.monotonic() > self._stop_by:
                return False
        self._take(self._inbox.gather())
        self._pace.rest()
        if self._snapshot_is_due():
            self._take_snapshot()
        return True

    def _until_awake(self) -> float | None:
        """Seconds for which the own thread has nothing to do, unless it is woken. None: for ever.

        What has come in meanwhile does not count: whoever submitted it wakes, or drives.
        """
        if self._status is Status.BUSY or self._stopping.is_set():
            self._awake_at = 0
            return 0
        due = self._domain.next_due()
        if due is None:
            self._awake_at = math.inf
            return None
        self._awake_at = due
        return min(max(0.0, (due - self._clock()) / 1e9), threading.TIMEOUT_MAX)

    # ---- whoever has the domain: running ----

    def _drive(self) -> bool:
        """As `drive`."""
        own = self._stopping.is_set() or self._writer.failure is not None or self._writer.behind
        if own or not self._pace.may_drive():
            self._inbox.wake()
            return False
        inputs = self._inbox.gather_inputs()  # the rest is the own thread's: a task may take long
        if not inputs and self._status is Status.IDLE:
            return False
        self._run_batch(inputs, LENT)
        again = self._pace.goes_on(self._status)
        due = self._domain.next_due()
        sooner = due is not None and due < self._awake_at
        if sooner or self._snapshot_is_due() or (self._status is Status.BUSY and not again):
            self._inbox.wake()
        return again

    def _take(self, items: list[Item]) -> None:
        """Inputs and tasks in the order in which they came; then a batch of turns."""
        inputs: list[bytes] = []
        for item in items:
            if isinstance(item, bytes):
                inputs.append(item)
            elif item.future.set_running_or_notify_cancel():
                self._submit(inputs)
                self._domain.run(0)
                self._hand_over()  # of a task before, too: this one, a snapshot say, sees just what the log does
                inputs = []
                item.perform(self._domain)
        self._run_batch(inputs, SLICE)

    def _run_batch(self, inputs: list[bytes], seconds: float) -> None:
        self._submit(inputs)
        self._status = self._pace.run(self._domain, seconds)
        self._hand_over()

    def _submit(self, inputs: list[bytes]) -> None:
        """The time, and the inputs."""
        now = encode(Now(self._clock()))
        self._domain.submit(b"".join((now, *inputs)))

    def _hand_over(self) -> None:
        commit = self._domain.take_commit()
        if commit.volatile:
            self._release(commit.volatile)
        if commit.durable or commit.outgoing:
            self.log_bytes += len(commit.durable)
            self._writer.commit(commit.durable, commit.outgoing)

    def _snapshot_is_due(self) -> bool:
        grown = self.log_bytes > max(SNAPSHOT_BYTES, self._snapshot_bytes) or 0 < self._log_limit < self.log_bytes
        aged = self.log_bytes > self._snapshot_bytes // 8 and time.monotonic() - self._snapshot_at > SNAPSHOT_AGE
        return (grown or aged) and (self._snapshot is None or self._snapshot.done())

    def _take_snapshot(self) -> Future[None]:
        """Right after a commit was handed over, so that it shows exactly what the log does."""
        frame = self._domain.snapshot()
        self.log_bytes = 0
        self._snapshot_bytes, self._snapshot_at = len(frame), time.monotonic()
        self._snapshot = self._writer.snapshot(frame)
        return self._snapshot
