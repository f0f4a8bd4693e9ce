"""The durable state of a domain, and what each record of a commit does to it.

The one way in which durable state changes is `apply`: a live domain and one that is restored from its log take the
same path. A snapshot is the shortest log that makes an equal image. Knows no guest, no module and no clock.

State writes are the exception in timing, not in kind: a running turn writes through `Atom.write` at once and keeps
the old values in `Atom.undo`; a snapshot shows the old ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sortedcontainers import SortedDict

from radon.abi import records as r
from radon.abi.delivery import Delivery, Metadata
from radon.host.alarms import Alarm, Alarms, Cause
from radon.host.atom import LISTENER, Atom
from radon.host.journal import Journal
from radon.host.limits import MAIL_OVERHEAD, OBJECT_OVERHEAD


@dataclass(slots=True)
class Object:
    body: bytes
    expires: int
    pins: int


@dataclass(slots=True)
class Once:
    """What is known of a dedup key. `answer`: code, metadata and body, once there is one."""

    expires: int
    answer: tuple[int, Metadata, bytes] | None = None


class Outbox:
    """Crossings to one domain that it has not acknowledged: numbers `gone` + 1 and so on."""

    def __init__(self) -> None:
        self.gone = 0
        self.crossings: deque[bytes] = deque()

    @property
    def last(self) -> int:
        """The number of the last one that ever was in it."""
        return self.gone + len(self.crossings)


class Image:
    """Everything of a domain that outlives its process. `apply` one record after another, in order."""

    def __init__(self) -> None:
        self.domain, self.domains = 0, 1
        self.seed = bytes(32)
        self.secret = bytes(32)
        self.step = 0
        self.time = 0
        self.digest = ""
        self.atoms: dict[tuple[str, str], Atom] = {}
        self.postponed: dict[bytes, r.Postponed] = {}
        self.objects: dict[str, Object] = {}
        self.object_bytes = 0
        self.seen: dict[str, Once] = {}
        self.dead: SortedDict[bytes, r.Died] = SortedDict()  # by id: about the order in which they were sent
        self.mail_bytes = self.dead_bytes = 0  # of all that is under way; of `dead`
        self.outboxes: dict[int, Outbox] = {}  # by domain
        self.heard: dict[int, int] = {}  # domain -> the number of the last crossing that came from there
        self.alarms = Alarms(self.awaits)
        self._at = Atom("", "")

    def find(self, kind: str, key: str) -> Atom | None:
        return self.atoms.get((kind, key))

    def atom(self, kind: str, key: str) -> Atom:
        """The atom, made if need be; it lives once Born is applied to it."""
        found = self.atoms.get((kind, key))
        if found is None:
            found = self.atoms[kind, key] = Atom(kind, key)
        return found

    def awaits(self, alarm: Alarm) -> bool:
        """Does it still mean anything? If not it is dropped unheard: a restored image never had it."""
        atom, name = self.atoms.get((alarm.kind, alarm.key)), alarm.name
        match alarm.cause:
            case Cause.POSTPONED:
                return name in self.postponed
            case Cause.SEEN:
                once = self.seen.get(name.decode())
                return once is not None and once.expires == alarm.due
            case Cause.OBJECT:
                thing = self.objects.get(name.decode())
                return thing is not None and not thing.pins and thing.expires == alarm.due
            case _ if atom is None:
                return False
            case Cause.TIMER:
                return atom.timers.get(int.from_bytes(name, "big")) == alarm.due
            case Cause.RETRY:
                return atom.mailbox.due.get(name) == alarm.due
            case Cause.ASKED:
                return name in atom.asked
            case Cause.CALLED:
                awaited = atom.journal.awaited() if atom.journal is not None else None
                return awaited is not None and awaited.request == name

    def load(self, log: Iterable[Any]) -> None:
        """Apply the records of a snapshot or of a log frame."""
        for record in log:
            if type(record) is r.At:
                self._at = self.atom(record.kind, record.key)
            elif type(record) is r.Delivered and record.delivery in self._at.mailbox:
                raise LookupError("a delivery that is there already")
            else:
                self.apply(self._at, record)

    def apply(self, atom: Atom, record: Any) -> None:
        """Do to `atom`, or to the domain, what `record` says."""
        _APPLY[type(record)](self, atom, record)

    def records(self) -> Iterator[Any]:
        """The snapshot: records that make an equal image; the same for equal images."""
        yield r.Setup(self.domain, self.domains, self.seed, self.secret)
        yield r.Deployed(self.digest)
        yield r.Step(self.step, self.time)
        for name, thing in sorted(self.objects.items()):
            yield r.Stored(thing.expires, thing.pins, name, thing.body)
        for key, once in sorted(self.seen.items()):
            yield r.Seen(once.expires, key)
            if once.answer is not None:
                code, metadata, body = once.answer
                yield r.Settled(code, key, metadata, body)
        for _, letter in sorted(self.dead.items()):
            yield letter
        for _, later in sorted(self.postponed.items()):
            yield later
        for domain, outbox in sorted(self.outboxes.items()):
            if outbox.gone:
                yield r.LeftGone(domain, outbox.gone)
            for number, crossing in enumerate(outbox.crossings, outbox.gone + 1):
                yield r.Left(domain, number, crossing)
        yield from (r.Arrived(domain, number) for domain, number in sorted(self.heard.items()))
        for (kind, key), atom in sorted(self.atoms.items()):
            about = _records_of(atom)
            first = next(about, None) if not atom.volatile else None
            if first is not None:  # else nothing would be left of it in a log
                yield r.At(kind, key)
                yield first
                yield from about

    # ---- what each record does ----

    def _step(self, _: Atom, x: r.Step) -> None:
        self.step = max(self.step, x.number)
        self.time = max(self.time, x.time)

    def _setup(self, _: Atom, x: r.Setup) -> None:
        if not x.domains:
            raise LookupError("an application without domains")
        self.domain, self.domains, self.seed, self.secret = x

    def _deployed(self, _: Atom, x: r.Deployed) -> None:
        self.digest = x.digest

    def _born(self, atom: Atom, x: r.Born) -> None:
        atom.life, atom.parent = x
        self.step = max(self.step, x.life)

    def _ended(self, atom: Atom, _: r.Ended) -> None:
        del self.atoms[atom.kind, atom.key]
        self.mail_bytes -= sum(map(_weight, atom.mailbox))
        for asked in atom.asked.values():
            self.alarms.withdraw(_deadline(atom, asked))

    def _put(self, atom: Atom, x: r.Put) -> None:
        atom.write(x.bucket, x.key, x.value)

    def _delete(self, atom: Atom, x: r.Delete) -> None:
        atom.write(x.bucket, x.key, None)

    def _delivered(self, atom: Atom, x: r.Delivered) -> None:
        atom.mailbox.append(x.delivery)
        self.mail_bytes += _weight(x.delivery)

    def _consumed(self, atom: Atom, x: r.Consumed) -> None:
        self.mail_bytes -= _weight(atom.mailbox.consumed(x.id))
        if atom.journal is not None and atom.journal.id == x.id:
            atom.journal = None

    def _attempted(self, atom: Atom, x: r.Attempted) -> None:
        atom.mailbox.attempted(x.id, x.attempt, x.due)
        atom.journal = None
        self.alarms.set(x.due, Cause.RETRY, atom.kind, atom.key, x.id)

    def _retried(self, atom: Atom, x: r.Retried) -> None:
        atom.mailbox.retried(x.id)

    def _timer_set(self, atom: Atom, x: r.TimerSet) -> None:
        atom.timers[x.token] = x.due
        self.alarms.set(x.due, Cause.TIMER, atom.kind, atom.key, x.token.to_bytes(8, "big"))

    def _timer_gone(self, atom: Atom, x: r.TimerGone) -> None:
        del atom.timers[x.token]

    def _postponed(self, _: Atom, x: r.Postponed) -> None:
        self.postponed[x.delivery.id] = x
        self.mail_bytes += _weight(x.delivery)
        self.alarms.set(x.due, Cause.POSTPONED, x.to.kind, x.to.key, x.delivery.id)

    def _postponed_gone(self, _: Atom, x: r.PostponedGone) -> None:
        self.mail_bytes -= _weight(self.postponed.pop(x.id).delivery)

    def _kept(self, atom: Atom, x: r.Kept) -> None:
        atom.kept[x.token] = x.message

    def _kept_gone(self, atom: Atom, x: r.KeptGone) -> None:
        del atom.kept[x.token]

    def _asked(self, atom: Atom, x: r.Asked) -> None:
        atom.asked[x.id] = x
        self.alarms.set_aside(_deadline(atom, x))

    def _asked_gone(self, atom: Atom, x: r.AskedGone) -> None:
        self.alarms.withdraw(_deadline(atom, atom.asked.pop(x.id)))

    def _watched(self, atom: Atom, x: r.Watched) -> None:
        atom.watchers[x.token, x.request, x.watcher] = None

    def _watched_gone(self, atom: Atom, x: r.WatchedGone) -> None:
        atom.watchers.pop((x.token, x.request, x.watcher), None)

    def _child_ended(self, atom: Atom, x: r.ChildEnded) -> None:
        atom.children[x.child] = x.status

    def _child_gone(self, atom: Atom, x: r.ChildGone) -> None:
        del atom.children[x.child]

    def _suspended(self, atom: Atom, x: r.Suspended) -> None:
        atom.journal = Journal(atom.mailbox.find(x.id).id, *x[1:])

    def _called(self, atom: Atom, x: r.Called) -> None:
        assert atom.journal is not None
        atom.journal.ask(x)
        self.alarms.set(x.deadline, Cause.CALLED, atom.kind, atom.key, x.request)

    def _answered(self, atom: Atom, x: r.Answered) -> None:
        assert atom.journal is not None
        atom.journal.answer(x)

    def _subscribed(self, atom: Atom, x: r.Subscribed) -> None:
        atom.subscribers[x.subscriber] = None

    def _unsubscribed(self, atom: Atom, x: r.Unsubscribed) -> None:
        atom.subscribers.pop(x.subscriber, None)

    def _stored(self, _: Atom, x: r.Stored) -> None:
        self.objects[x.name] = Object(x.body, x.expires, x.pins)
        self.object_bytes += len(x.body) + OBJECT_OVERHEAD
        self.alarms.set(x.expires, Cause.OBJECT, "", "", x.name.encode())

    def _pinned(self, _: Atom, x: r.Pinned) -> None:
        thing = self.objects[x.name]
        thing.pins, thing.expires = x.pins, x.expires
        self.alarms.set(x.expires, Cause.OBJECT, "", "", x.name.encode())

    def _collected(self, _: Atom, x: r.Collected) -> None:
        self.object_bytes -= len(self.objects.pop(x.name).body) + OBJECT_OVERHEAD

    def _died(self, _: Atom, x: r.Died) -> None:
        before = self.dead.get(x.delivery.id, x)
        self.dead_bytes += _weight(x.delivery) - (_weight(before.delivery) if before is not x else 0)
        self.dead[x.delivery.id] = x

    def _died_gone(self, _: Atom, x: r.DiedGone) -> None:
        self.dead_bytes -= _weight(self.dead.pop(x.id).delivery)

    def _seen(self, _: Atom, x: r.Seen) -> None:
        self.seen[x.key] = Once(x.expires)
        self.alarms.set(x.expires, Cause.SEEN, "", "", x.key.encode())

    def _settled(self, _: Atom, x: r.Settled) -> None:
        self.seen[x.key].answer = (x.code, x.metadata, x.body)

    def _seen_gone(self, _: Atom, x: r.SeenGone) -> None:
        del self.seen[x.key]

    def _left(self, _: Atom, x: r.Left) -> None:
        outbox = self.outboxes.setdefault(x.domain, Outbox())
        if x.number != outbox.last + 1:
            raise LookupError("a crossing that does not follow the one before it")
        outbox.crossings.append(x.crossing)
        self.mail_bytes += MAIL_OVERHEAD + len(x.crossing)

    def _left_gone(self, _: Atom, x: r.LeftGone) -> None:
        outbox = self.outboxes.setdefault(x.domain, Outbox())
        while outbox.crossings and outbox.gone < x.number:
            self.mail_bytes -= MAIL_OVERHEAD + len(outbox.crossings.popleft())
            outbox.gone += 1
        outbox.gone = max(outbox.gone, x.number)  # in a snapshot the ones before are not there any more

    def _arrived(self, _: Atom, x: r.Arrived) -> None:
        self.heard[x.domain] = x.number


_APPLY: dict[type, Callable[[Image, Atom, Any], None]] = {
    r.Step: Image._step, r.Setup: Image._setup, r.Deployed: Image._deployed, r.Born: Image._born,
    r.Ended: Image._ended, r.Put: Image._put, r.Delete: Image._delete, r.Delivered: Image._delivered,
    r.Consumed: Image._consumed, r.Attempted: Image._attempted, r.Retried: Image._retried,
    r.TimerSet: Image._timer_set, r.TimerGone: Image._timer_gone, r.Postponed: Image._postponed,
    r.PostponedGone: Image._postponed_gone, r.Kept: Image._kept, r.KeptGone: Image._kept_gone,
    r.Asked: Image._asked, r.AskedGone: Image._asked_gone, r.Watched: Image._watched,
    r.WatchedGone: Image._watched_gone, r.ChildEnded: Image._child_ended, r.ChildGone: Image._child_gone,
    r.Suspended: Image._suspended, r.Called: Image._called, r.Answered: Image._answered,
    r.Subscribed: Image._subscribed, r.Unsubscribed: Image._unsubscribed, r.Stored: Image._stored,
    r.Pinned: Image._pinned, r.Collected: Image._collected, r.Died: Image._died, r.DiedGone: Image._died_gone,
    r.Seen: Image._seen, r.Settled: Image._settled, r.SeenGone: Image._seen_gone,
    r.Left: Image._left, r.LeftGone: Image._left_gone, r.Arrived: Image._arrived,
}  # fmt: skip


def _deadline(atom: Atom, asked: r.Asked) -> Alarm:
    return Alarm(asked.deadline, Cause.ASKED, atom.kind, atom.key, asked.id)


def _weight(delivery: Delivery) -> int:
    return MAIL_OVERHEAD + len(delivery.body)


def _records_of(atom: Atom) -> Iterator[Any]:
    if atom.life:
        yield r.Born(atom.life, atom.parent)
    yield from atom.entries()
    for token, due in sorted(atom.timers.items()):
        yield r.TimerSet(token, due)
    for token, message in sorted(atom.kept.items()):
        yield r.Kept(token, message)
    for _, asked in sorted(atom.asked.items()):
        yield asked
    for watch in atom.watchers:
        yield r.Watched(*watch)
    for child, status in atom.children.items():
        yield r.ChildEnded(status, child)
    for subscriber in atom.subscribers:
        if subscriber.kind != LISTENER:
            yield r.Subscribed(subscriber)
    yield from atom.mailbox.records()
    journal = atom.journal
    if journal is not None and not atom.mailbox.find(journal.id).cast:
        yield r.Suspended(journal.id, journal.attempt, journal.step, journal.time)
        for call in journal.calls:
            yield call
            if call.request in journal.answers:
                yield journal.answers[call.request]
