"""Makes the commits of one domain durable, in order, and then releases what waited for them.

While one write is under way others gather behind it and are stored together, as one log frame (group commit). A Writer
serves one epoch: its first failure is its end, and what had gathered is dropped unreleased (rule 14). Knows no record.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import NamedTuple

from radon.abi.errors import Unavailable
from radon.abi.frames import FrameType, seal
from radon.backends.driver import Store, StoreFull
from radon.host.limits import MIB

log = logging.getLogger(__name__)

BACKLOG = 64
"""Writes that may wait for the store; the domain pauses behind them."""

GROUP_BYTES = 16 * MIB
"""A group that has grown to this is written as it is."""


class _Commit(NamedTuple):
    durable: bytes  # records; b"": none
    outgoing: bytes


class _Snapshot(NamedTuple):
    frame: bytes
    done: Future[None]


_Write = _Commit | _Snapshot


@dataclass(slots=True)
class Meter:
    """What was written since the deployment was opened. One writer at a time counts; anyone may look."""

    commits: int = 0  # calls of `Store.commit`
    bytes: int = 0  # of log frames
    snapshots: int = 0


class Writer:
    """Used by whoever has the domain. `release(outgoing)` is called once what it follows from is durable: in order,
    from the writer's thread or, where there is nothing to wait for, from the caller's; never from both at once.

    `failed()` is called, from the writer's thread, after `failure` was set. A store that makes nothing durable is
    written to at once: there is nothing to gather behind, and no thread.
    """

    def __init__(
        self, store: Store, domain: int, epoch: int, meter: Meter, *,
        release: Callable[[bytes], None], failed: Callable[[], None],
    ) -> None:  # fmt: skip
        self.failure: BaseException | None = None
        self.wrote = False  # did any commit succeed?
        self._store, self._domain, self._epoch, self._meter = store, domain, epoch, meter
        self._release, self._failed = release, failed
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._room = threading.Semaphore(BACKLOG)
        self._given = 0  # writes; counted by the caller
        self._done = 0  # counted by the writer's, after everything else about them
        self._thread: threading.Thread | None = None
        if store.durability != "none":
            self._thread = threading.Thread(target=self._serve, name=f"radon-store-{domain}", daemon=True)
            self._thread.start()

    # ---- for whoever has the domain ----

    @property
    def behind(self) -> bool:
        """Would `commit` block?"""
        return self._given - self._done >= BACKLOG

    def commit(self, durable: bytes, outgoing: bytes) -> None:
        """Store the records `durable`, then release `outgoing`. Blocks while BACKLOG writes wait."""
        if not durable and self._given == self._done:
            if self.failure is None:  # looked at last: it is set before a failed write counts as done
                self._release(outgoing)
        else:
            self._give(_Commit(durable, outgoing))

    def snapshot(self, frame: bytes) -> Future[None]:
        """Let `frame` stand for everything given before. The future tells when it is durable, or why it is not."""
        done: Future[None] = Future()
        self._give(_Snapshot(frame, done))
        return done

    def close(self) -> None:
        """Wait until all that was given is written, or dropped after a failure."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _give(self, write: _Write) -> None:
        self._given += 1
        if self._thread is None:
            self._write([write])
        else:
            self._room.acquire()
            self._queue.put(write)

    # ---- the writer's thread ----

    def _serve(self) -> None:
        waiting: deque[_Write | None] = deque()
        while True:
            if not waiting:
                waiting.append(self._queue.get())
            while not self._queue.empty():
                waiting.append(self._queue.get())
            group = _first_group(waiting)
            if not group:
                return
            self._write(group)
            self._room.release(len(group))

    def _write(self, group: list[_Write]) -> None:
        try:
            first = group[0]
            if isinstance(first, _Snapshot):
                self._write_snapshot(first)
            elif self.failure is None:
                self._write_commits([write for write in group if isinstance(write, _Commit)])
        except BaseException as error:  # whatever it is, turns must not go on as if it had been stored
            self.failure = error
        self._done += len(group)
        if self.failure is not None:
            self._failed()

    def _write_commits(self, group: list[_Commit]) -> None:
        durable = b"".join([write.durable for write in group])
        if durable:
            frame = seal(FrameType.LOG, durable)
            self._store.commit(self._domain, self._epoch, [frame])
            self.wrote = True
            self._meter.commits += 1
            self._meter.bytes += len(frame)
        self._release(b"".join([write.outgoing for write in group]))

    def _write_snapshot(self, snapshot: _Snapshot) -> None:
        """Without room the log simply goes on; any other failure leaves open whether it was cut."""
        try:
            if self.failure is not None:
                raise Unavailable(f"the snapshot was not written: {self.failure}")
            covered = self._store.position(self._domain)  # all commits before it are written, and none behind it
            self._store.snapshot(self._domain, self._epoch, covered, snapshot.frame)
        except BaseException as error:
            snapshot.done.set_exception(error)
            if isinstance(error, StoreFull):
                log.warning("domain %d: no snapshot: %s", self._domain, error)
            elif self.failure is None:
                raise
        else:
            self._meter.snapshots += 1
            snapshot.done.set_result(None)


def _first_group(waiting: deque[_Write | None]) -> list[_Write]:
    """Take out what is written next: a snapshot, or as many commits as may go together. Empty at the end."""
    first = waiting.popleft()
    if first is None:
        return []
    group, size = [first], 0
    if isinstance(first, _Commit):
        size = len(first.durable)
        while waiting and isinstance(following := waiting[0], _Commit) and size < GROUP_BYTES:
            group.append(following)
            waiting.popleft()
            size += len(following.durable)
    return group
