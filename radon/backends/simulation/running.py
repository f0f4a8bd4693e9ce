"""A domain that is open at a simulated host: what a runner and a writer do elsewhere, by events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from radon.abi.exchange import Now
from radon.abi.frames import FrameType, encode, seal
from radon.backends.driver import Image
from radon.backends.program import link
from radon.backends.simulation import services as s
from radon.backends.simulation.story import Holds
from radon.backends.simulation.world import MILLISECOND
from radon.host.domain import Domain, Status

if TYPE_CHECKING:
    from radon.backends.simulation.host import Host

TURNS = 64
"""In one batch at most; a turn takes about TURN ns of virtual time."""

TURN = 5_000

SNAPSHOT_BYTES = 8 * 1024
"""A snapshot is taken when the log behind the last one is longer than this and than the snapshot."""


class Running:
    """A domain that is open at a host. `position`: how many frames its log has had."""

    def __init__(self, host: Host, number: int, image: Image, position: int) -> None:
        self.number, self.epoch = number, image.epoch
        self.is_closing = False
        self._host, self._cluster = host, host.cluster
        self._position = position
        self._inbox: list[bytes] = []
        self._is_awake = False
        self._due: int | None = None
        self._written: list[tuple[str, bytes, bytes]] = []  # what is to be: commit or snapshot, and what leaves then
        self._is_writing = False
        self.domain = self._restored(image)
        self._log_bytes, self._snapshot_bytes = sum(map(len, image.tail)), len(image.snapshot or b"")

    def _restored(self, image: Image) -> Domain:
        cluster = self._cluster
        settings = replace(cluster.program.settings, host=self._host.name, sharing=cluster.domains)
        domain = cluster.make(settings)
        domain.restore(image.snapshot, image.tail)
        if image.snapshot is None and not image.tail:
            domain.setup(self.number, cluster.seeds[self.number], cluster.secret, cluster.domains)
        link(domain, replace(cluster.program, settings=settings))
        return domain

    def close(self) -> None:
        self.domain.close()

    @property
    def is_open(self) -> bool:
        """Whatever is let leave may be its end: the member may find that its lease has ended."""
        return self._host.running.get(self.number) is self

    def submit(self, record: Any) -> None:
        self._inbox.append(encode(record))
        self.wake()

    def wake(self) -> None:
        """Run soon."""
        if not self._is_awake:
            self._is_awake = True
            self._host.after(TURN, self._step)

    def put_down(self) -> None:
        """Take in what is here, run nothing of it any more, and tell the member when all is durable."""
        self.is_closing = True
        self._cluster.world.tell(Holds(self._host.name, "closes", self.number, self.epoch))
        self._take_in()
        self.domain.run(0)
        self._commit()

    def _take_in(self) -> None:
        self.domain.submit(b"".join((encode(Now(self._host.wall())), *self._inbox)))
        self._inbox = []

    def _step(self) -> None:
        self._is_awake = False
        if not self.is_open or self.is_closing:
            return
        self._take_in()
        status = self.domain.run(TURNS)
        self._commit()
        if status is Status.BUSY:
            self.wake()
        elif self.is_open:
            self._sleep()

    def _sleep(self) -> None:
        due = self.domain.next_due()
        if due is not None and due != self._due:
            self._due = due
            self._host.after(max(0, due - self._host.wall()) + MILLISECOND, self._ring, due)

    def _ring(self, due: int) -> None:
        if self._due == due:
            self._due = None
            self.wake()

    # ---- commits ----

    def _commit(self) -> None:
        commit = self.domain.take_commit()
        if commit.volatile:
            self._host.release(self, commit.volatile, volatile=True)
        if not self.is_open:
            return
        if commit.durable or commit.outgoing:
            self._log_bytes += len(commit.durable)
            self._written.append(("commit", commit.durable, commit.outgoing))
            if self._log_bytes > max(SNAPSHOT_BYTES, self._snapshot_bytes):
                frame = self.domain.snapshot()
                self._log_bytes, self._snapshot_bytes = 0, len(frame)
                self._written.append(("snapshot", frame, b""))
        self._write()

    def _write(self) -> None:
        if self._is_writing:
            return
        group = []
        while self._written and self._written[0][0] == "commit":
            group.append(self._written.pop(0))
        outgoing = b"".join([leaves for _, _, leaves in group])
        durable = b"".join([records for _, records, _ in group])
        if durable:
            request: Any = s.Commit(self.number, self.epoch, self._position, seal(FrameType.LOG, durable))
            self._ask(request, lambda: self._has_written(outgoing))
        elif group:
            self._has_written(outgoing)
        elif self._written:
            _, frame, _ = self._written.pop(0)
            self._ask(s.Snapshot(self.number, self.epoch, self._position, frame), self._write)
        elif self.is_closing:
            self._host.has_put_down(self)

    def _ask(self, request: Any, written: Callable[[], None]) -> None:
        self._is_writing = True

        def answered(answer: Any) -> None:
            self._is_writing = False
            if not self.is_open:
                return
            if answer is True:
                self._position += isinstance(request, s.Commit)
                written()
            elif isinstance(request, s.Snapshot) and answer == s.Refusal("full"):
                self._write()  # without room the log simply goes on
            else:
                self._host.has_failed(self)

        self._host.requests.ask(self._cluster.log, request, self._cluster.timing.longest, answered)

    def _has_written(self, outgoing: bytes) -> None:
        if outgoing:
            self._host.release(self, outgoing)
        if self.is_open:
            self._write()
