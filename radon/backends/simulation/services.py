"""What a cluster relies on beside its hosts: the log of each domain, and the registry of leases. Machines of their own.

A request to them, and its answer, go over the network like everything else; `Requests` is the asking side of that.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from radon.abi.frames import FrameError, FrameType, unseal
from radon.backends.cluster.events import Alive, Timing
from radon.backends.driver import Image
from radon.backends.simulation.network import Network
from radon.backends.simulation.world import MILLISECOND, Node, World

SYNC = 2 * MILLISECOND
"""ns that a write takes until it is durable, on average; writes wait for each other."""


class Refusal(NamedTuple):
    """Why a service did nothing."""

    reason: str  # "fenced", "full", "late" or "lapsed"


class Opened(NamedTuple):
    """A domain is the asker's: what its log has, and how many frames it ever had."""

    image: Image
    position: int


@dataclass(frozen=True)
class Look:
    domain: int


@dataclass(frozen=True)
class Open:
    domain: int
    after: int  # the epoch that must be the newest
    member: str


@dataclass(frozen=True)
class Commit:
    domain: int
    epoch: int
    position: int  # of the frame, counted from the log's beginning: a second copy of this comes too late
    frame: bytes


@dataclass(frozen=True)
class Snapshot:
    domain: int
    epoch: int
    covered: int
    frame: bytes


@dataclass(frozen=True)
class Renew:
    member: str
    leaving: bool


@dataclass(frozen=True)
class Release:
    member: str


class Requests:
    """One machine's, to services. An answer that does not come in time is not waited for."""

    def __init__(self, node: Node, network: Network) -> None:
        self._node, self._network = node, network
        self._waiting: dict[int, Callable[[Any], None]] = {}
        self._numbers = 0

    def forget(self) -> None:
        """The machine went down."""
        self._waiting = {}

    def ask(self, service: Service, request: Any, patience: int, answered: Callable[[Any], None]) -> None:
        """`answered(None)` if no answer came in so many ns."""
        self._numbers += 1
        number = self._numbers
        self._waiting[number] = answered
        self._node.after(patience, self._hear, number, None)
        size = len(getattr(request, "frame", b""))
        self._network.send(self._node, service, size, service.serve, request, self._node, self._hear, number)

    def _hear(self, number: int, answer: Any) -> None:
        answered = self._waiting.pop(number, None)
        if answered is not None:
            answered(answer)


class Service(Node):
    """A machine that answers requests."""

    def __init__(self, world: World, network: Network, name: str) -> None:
        super().__init__(world, name)
        self._network = network

    def serve(self, request: Any, asker: Node, hear: Callable[..., None], number: int) -> None:
        raise NotImplementedError

    def _answer(self, asker: Node, hear: Callable[..., None], number: int, answer: Any) -> None:
        self._network.send(self, asker, 0, hear, number, answer)


class Registry(Service):
    """Leases, by its own clock. One that has ended never begins again: its member's name is spent."""

    def __init__(self, world: World, network: Network, timing: Timing) -> None:
        super().__init__(world, network, "registry")
        self._timing = timing
        self._leases: dict[str, tuple[int, bool]] = {}  # member -> until when, leaving
        self._spent: set[str] = set()

    def serve(self, request: Any, asker: Node, hear: Callable[..., None], number: int) -> None:
        self._end_leases()
        answer: Any = None
        match request:
            case Renew(member, leaving) if member in self._spent:
                answer = Refusal("lapsed")
            case Renew(member, leaving):
                self._leases[member] = (self.monotonic() + self._timing.lease, leaving)
                answer = tuple(Alive(name, leaves) for name, (_, leaves) in sorted(self._leases.items()))
            case Release(member):
                self._leases.pop(member, None)
                self._spent.add(member)
        self._answer(asker, hear, number, answer)

    def _end_leases(self) -> None:
        now = self.monotonic()
        for member in [member for member, (until, _) in self._leases.items() if until <= now]:
            del self._leases[member]
            self._spent.add(member)


@dataclass
class _File:
    """The log of one domain on the disk."""

    epoch: int = 0
    owner: str = ""
    snapshot: bytes | None = None
    covered: int = 0
    tail: list[bytes] = field(default_factory=list)  # frames behind the snapshot

    @property
    def position(self) -> int:
        return self.covered + len(self.tail)

    def has(self, position: int, frame: bytes) -> bool:
        """Is this frame there already? A copy of the request may come, and its answer may come first."""
        return self.covered <= position < self.position and self.tail[position - self.covered] == frame


class Log(Service):
    """The log of each domain, fenced by epochs. `committed(domain, member, epoch, frame)` and `opened(domain, member,
    epoch)` hear what became durable.
    """

    def __init__(
        self, world: World, network: Network, domains: int, committed: Callable[[int, str, int, bytes], None],
        opened: Callable[[int, str, int], None],
    ) -> None:  # fmt: skip
        super().__init__(world, network, "log")
        self._files = [_File() for _ in range(domains)]
        self._committed, self._opened = committed, opened
        self._unsynced: list[Any] = []  # requests, in the order in which they are being written
        self._busy_until = 0
        self.stall = 0  # ns that every write takes longer
        self.is_full = False

    @property
    def is_writing(self) -> bool:
        return bool(self._unsynced)

    def image(self, domain: int) -> Image:
        """What is durable."""
        file = self._files[domain]
        return Image(file.epoch, file.snapshot, list(file.tail))

    def serve(self, request: Any, asker: Node, hear: Callable[..., None], number: int) -> None:
        if isinstance(request, Look):
            file = self._files[request.domain]
            self._answer(asker, hear, number, (file.epoch, file.owner))
            return
        self._unsynced.append(request)
        took = int(self.world.random.expovariate(1.0) * SYNC) + self.stall
        self._busy_until = max(self._busy_until, self.world.now) + took
        self.after(self._busy_until - self.world.now, self._synced, request, asker, hear, number)

    def _synced(self, request: Any, asker: Node, hear: Callable[..., None], number: int) -> None:
        self._unsynced.remove(request)
        self._answer(asker, hear, number, self._apply(request))

    def _apply(self, request: Any) -> Any:
        file = self._files[request.domain]
        match request:
            case Open(after=after) if after != file.epoch:
                return Refusal("fenced")
            case Open(domain, after, member):
                file.epoch, file.owner = after + 1, member
                self._opened(domain, member, file.epoch)
                return Opened(self.image(domain), file.position)
            case _ if self.is_fenced(request.epoch, file.epoch):
                return Refusal("fenced")
            case Commit(position=position, frame=frame) if not self.is_next(position, file.position):
                return file.has(position, frame) or Refusal("late")
            case _ if self.is_full:
                self.world.fired["full"] += 1
                return Refusal("full")
            case Commit(domain, epoch, _, frame):
                file.tail.append(frame)
                self._committed(domain, file.owner, epoch, frame)
            case Snapshot(covered=covered, frame=frame) if file.covered <= covered <= file.position:
                del file.tail[: covered - file.covered]
                file.snapshot, file.covered = frame, covered
        return True

    def is_fenced(self, epoch: int, newest: int) -> bool:
        """May an owner of this epoch write no more?"""
        return epoch != newest

    def is_next(self, position: int, end: int) -> bool:
        """May a frame for this position be appended to a log that ends there?"""
        return position == end

    def crash(self) -> None:
        """What was being written is durable up to some byte; what the disk has half of is told by its checksum."""
        super().crash()
        unsynced, self._unsynced, self._busy_until = self._unsynced, [], 0
        whole = self.world.random.randrange(len(unsynced) + 1)
        for request in unsynced[:whole]:
            self._apply(request)
        if whole < len(unsynced):
            self._tear(unsynced[whole])

    def _tear(self, request: Any) -> None:
        frame = getattr(request, "frame", b"")
        if frame:
            kind = FrameType.LOG if isinstance(request, Commit) else FrameType.SNAPSHOT
            self.world.fired["torn"] += 1
            half = frame[: self.world.random.randrange(len(frame))]
            with suppress(FrameError):
                unseal(kind, half)
                self._apply(replace(request, frame=half))
