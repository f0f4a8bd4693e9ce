"""What must hold of every application in every world, checked as each commit becomes durable.

It reads the log as a restart would, and keeps the image that each domain would have. Besides: one owner in an epoch;
nothing arrives that did not leave durably, and nothing is forgotten there before it has; messages of a pair are handled
in their order, and none twice; nothing leaves before its commit.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Delivery, Form
from radon.abi.frames import Commit, FrameError, FrameType, decode_all, unseal
from radon.backends.driver import Image as Stored
from radon.host.domain import Domain, Make, Settings
from radon.host.image import Image


class Violation(AssertionError):
    """Something does not hold. The message says what, and of whom."""


class Monitor:
    """Of one world. `checks` are called, with nothing, after each commit: they may raise AssertionError."""

    def __init__(self, domains: int) -> None:
        self.images = [Image() for _ in range(domains)]
        self.checks: list[Callable[[], None]] = []
        self.commits = 0
        self.violation: Violation | None = None
        self._orders = [Order() for _ in range(domains)]
        self._owners: list[tuple[int, str]] = [(0, "")] * domains
        self._bodies = Counter[tuple[int, int]]()  # domain, epoch -> bytes that became durable in it

    # ---- the log ----

    def committed(self, domain: int, member: str, epoch: int, frame: bytes) -> None:
        """The log has this frame now."""
        if self.violation is None:
            try:
                self._check_owner(domain, member, epoch)
                body = unseal(FrameType.LOG, frame)
                self._bodies[domain, epoch] += len(body)
                self._apply(domain, decode_all(body))
                self.commits += 1
                for check in self.checks:
                    check()
            except (AssertionError, LookupError, FrameError) as error:
                self.fail(f"domain {domain}, epoch {epoch}: {error}")

    def fail(self, reason: str) -> None:
        """Only the first reason counts."""
        if self.violation is None:
            self.violation = Violation(reason)

    def restored(self, domain: int, stored: Stored) -> None:
        """What the log has in the end must be what was committed to it."""
        image = Image()
        try:
            if stored.snapshot is not None:
                image.load(decode_all(unseal(FrameType.SNAPSHOT, stored.snapshot)))
            for frame in stored.tail:
                image.load(decode_all(unseal(FrameType.LOG, frame)))
        except (AssertionError, LookupError, FrameError) as error:
            self.fail(f"domain {domain} cannot be restored: {error!r}")
        else:
            if _durable(image) != _durable(self.images[domain]):
                self.fail(f"domain {domain}: its log is not what was committed to it")

    def _check_owner(self, domain: int, member: str, epoch: int) -> None:
        newest, owner = self._owners[domain]
        if epoch > newest:
            self._owners[domain] = (epoch, member)
        else:
            assert epoch == newest, f"{member} commits in epoch {epoch}, and the newest is {newest}"
            assert member == owner, f"{member} and {owner} commit in one epoch"

    def _apply(self, domain: int, records: list[Any]) -> None:
        image = self.images[domain]
        for record in records:
            kind = type(record)
            image.load((record,))
            self._orders[domain].follow(record)
            if kind is r.Arrived:
                self._check_arrived(domain, record)
            elif kind is r.LeftGone:
                heard = self.images[record.domain].heard.get(domain, 0)
                assert record.number <= heard, (
                    f"forgets what it sent to domain {record.domain} up to {record.number}; that has {heard}"
                )

    def _check_arrived(self, domain: int, record: r.Arrived) -> None:
        outbox = self.images[record.domain].outboxes.get(domain)
        last = outbox.last if outbox is not None else 0
        assert record.number <= last, (
            f"has {record.number} from domain {record.domain}, which has committed {last} only"
        )

    # ---- what leaves ----

    def watch(self, make: Make) -> Make:
        """Domains whose commits are counted."""

        def watched(settings: Settings) -> Domain:
            return Watched(make(settings))

        return watched

    def released(self, number: int, epoch: int, domain: Domain, outputs: bytes) -> None:
        """This leaves a host, after its commit."""
        if isinstance(domain, Watched) and domain.needs(len(outputs)) > self._bodies[number, epoch]:
            self.fail(f"domain {number}: something left before its commit was durable")


def _durable(image: Image) -> list[Any]:
    """All but the time, which a snapshot has as it was when it was taken, and a log as of its last step."""
    return [record for record in image.records() if type(record) is not r.Step]


class Watched:
    """A domain that counts what it gives: how much must be durable before so much may leave."""

    def __init__(self, inner: Domain) -> None:
        self._inner = inner
        self._durable = self._outgoing = self._left = 0
        self._commits: list[tuple[int, int]] = []  # bytes so far: that leave, and that must be durable then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def settings(self) -> Settings:
        return self._inner.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._inner.settings = settings

    def take_commit(self) -> Commit:
        commit = self._inner.take_commit()
        self._durable += len(commit.durable)
        self._outgoing += len(commit.outgoing)
        if commit.outgoing:
            self._commits.append((self._outgoing, self._durable))
        return commit

    def needs(self, more: int) -> int:
        """Bytes that must be durable when so many more leave."""
        self._left += more
        durable = 0
        while self._commits and self._commits[0][0] <= self._left:
            durable = self._commits.pop(0)[1]
        return durable


class Order:
    """Of what one domain handles: messages of a pair in the order of their arrival, and each once.

    Knows the mailboxes' contents from the records alone, and nothing of how a domain keeps them.
    """

    def __init__(self) -> None:
        self._at = ("", "")
        self._waiting: dict[tuple[str, str], dict[Pair, deque[bytes]]] = {}  # atom -> pair -> ids
        self._pairs: dict[bytes, Pair] = {}  # of those
        self._handled: set[bytes] = set()

    def follow(self, record: Any) -> None:
        """The next record. Raises AssertionError."""
        match record:
            case r.At(kind, key):
                self._at = (kind, key)
            case r.Delivered(delivery):
                assert delivery.id not in self._handled, f"{'/'.join(self._at)}: a message comes again after its turn"
                pair = pair_of(delivery)
                if pair is not None:
                    self._pairs[delivery.id] = pair
                    self._waiting.setdefault(self._at, {}).setdefault(pair, deque()).append(delivery.id)
            case r.Consumed(id):
                self._handled.add(id)
                pair = self._pairs.pop(id, None)
                if pair is not None:
                    first = self._waiting[self._at][pair].popleft()
                    assert first == id, f"{'/'.join(self._at)}: a later message of {'/'.join(pair)} was handled first"
            case r.Ended():
                for ids in self._waiting.pop(self._at, {}).values():
                    for id in ids:
                        del self._pairs[id]


Pair = tuple[str, str]


def pair_of(delivery: Delivery) -> Pair | None:
    """Of which messages are handled in order (rule 12); None: it is alone."""
    if delivery.form is not Form.MESSAGE:
        return None
    if delivery.pair:
        return ("@pair", delivery.pair)
    return delivery.sender[:2] if delivery.sender != NOWHERE else None
