"""What must hold of every application in every world, checked as each commit becomes durable, and as anything leaves.

1. One owner commits in an epoch, and no epoch after a newer one.
2. The log has whole commits, as the domain gave them and in that order; it can be restored, and gives the same image.
3. Nothing arrives that did not leave durably; nothing is forgotten where it left before it has arrived durably.
4. Messages of a pair are handled in the order of their arrival; none twice; no dedup key is taken twice.
5. Nothing leaves a host before its commit is durable, nor when another host has opened the domain.
6. When nothing goes wrong any more all comes to rest: clients are answered, outboxes and mailboxes are empty, and
   nothing that was due is left (`unfinished`).

It reads the log as a restart would, and believes no host.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Delivery, Form
from radon.abi.frames import Commit, FrameError, FrameType, decode_all, encode_all, unseal
from radon.backends.driver import Image as Stored
from radon.host.domain import Domain, Make
from radon.host.image import Image
from radon.host.lookup import restored
from radon.testing.around import Around, around


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
        self._given: dict[tuple[int, int], Given] = {}  # domain, epoch -> what it gave

    # ---- the log ----

    def committed(self, domain: int, member: str, epoch: int, frame: bytes) -> None:
        """The log has this frame now."""
        if self.violation is None:
            try:
                self._check_owner(domain, member, epoch)
                body = unseal(FrameType.LOG, frame)
                self._check_whole(domain, epoch, body)
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

    def compare(self, domain: int, stored: Stored) -> None:
        """What the log has in the end must be what was committed to it."""
        try:
            image = restored(stored.snapshot, stored.tail)
        except FrameError as error:
            self.fail(f"domain {domain} cannot be restored: {error}")
        else:
            if _durable(image) != _durable(self.images[domain]):
                self.fail(f"domain {domain}: its log is not what was committed to it")

    def opened(self, domain: int, member: str, epoch: int) -> None:
        """The log has a new owner of the domain."""
        self._owners[domain] = (epoch, member)

    def _check_whole(self, domain: int, epoch: int, body: bytes) -> None:
        given = self._given.get((domain, epoch))
        assert given is None or given.store(body), "the log has half a commit, or what is none"

    def _check_owner(self, domain: int, member: str, epoch: int) -> None:
        newest, owner = self._owners[domain]
        assert epoch == newest, f"{member} commits in epoch {epoch}, and the newest is {newest}"
        assert member == owner, f"{member} and {owner} commit in one epoch"

    def _apply(self, domain: int, records: list[Any]) -> None:
        image = self.images[domain]
        for record in records:
            kind = type(record)
            if kind is r.Seen:
                assert record.key not in image.seen, f"the dedup key {record.key!r} is taken a second time"
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
        """Domains whose commits are remembered until they are durable."""
        return around(Watched, make)

    def runs(self, number: int, epoch: int, domain: Domain) -> None:
        """A host has opened this domain."""
        if isinstance(domain, Watched):
            self._given[number, epoch] = domain.given

    def unreadable(self, number: int, epoch: int, error: FrameError) -> None:
        """A host could not restore what the log has."""
        self.fail(f"domain {number}, epoch {epoch}: cannot be restored: {error}")

    def released(self, number: int, epoch: int, outputs: bytes) -> None:
        """This leaves a host, after its commit."""
        given = self._given.get((number, epoch))
        if given is not None and not given.may_leave(len(outputs)):
            self.fail(f"domain {number}, epoch {epoch}: something left before its commit was durable")
        newest, owner = self._owners[number]
        if epoch < newest:
            self.fail(f"domain {number}: something left in epoch {epoch}, and {owner} has epoch {newest}")


def _durable(image: Image) -> bytes:
    """All but the time, which a snapshot has as it was when it was taken, and a log as of its last step."""
    return encode_all(record for record in image.records() if type(record) is not r.Step)


def unfinished(image: Image, now: int) -> str:
    """What is still under way in a domain at this time, ns since 1970; "" when nothing is."""
    for number, outbox in image.outboxes.items():
        if outbox.crossings:
            return f"domain {image.domain} has {len(outbox.crossings)} crossings to domain {number}"
    if any(late.due <= now for late in image.postponed.values()):
        return f"domain {image.domain} has a postponed message that is due"
    for atom in image.atoms.values():
        if atom.mailbox:
            return f"{atom.address.text} has mail"
        if any(due <= now for due in atom.timers.values()):
            return f"{atom.address.text} has a timer that is due"
    return ""


class Given:
    """What one domain gave in one epoch: commits that are not durable yet, and what may leave with them."""

    def __init__(self) -> None:
        self._commits: deque[tuple[bytes, int]] = deque()  # not durable: records, and bytes that leave with them
        self._may_leave = 0  # bytes of what leaves that follow from what is durable

    def add(self, commit: Commit) -> None:
        if commit.durable or self._commits:
            self._commits.append((commit.durable, len(commit.outgoing)))
        else:
            self._may_leave += len(commit.outgoing)

    def store(self, body: bytes) -> bool:
        """This became durable: is it the next ones, whole?"""
        while body or (self._commits and not self._commits[0][0]):
            if not self._commits or not body.startswith(self._commits[0][0]):
                return False
            durable, outgoing = self._commits.popleft()
            body = body[len(durable) :]
            self._may_leave += outgoing
        return True

    def may_leave(self, more: int) -> bool:
        """So many bytes do."""
        self._may_leave -= more
        return self._may_leave >= 0


class Watched(Around):
    """A domain whose commits are remembered."""

    def __init__(self, inner: Domain) -> None:
        super().__init__(inner)
        self.given = Given()

    def take_commit(self) -> Commit:
        commit = self.inner.take_commit()
        self.given.add(commit)
        return commit


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
