"""What each input does when a domain takes it in, at the start of `run`. Each is a step of its own.

Bad inputs from outside (an unknown kind, a body over the limit) are answered, never raised.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address, Delivery, Form
from radon.abi.errors import Closed, ErrorCode, Exhausted, Refused, TooLarge
from radon.host import crossings
from radon.host.alarms import Alarm, Cause
from radon.host.atom import LISTENER
from radon.host.kind import Kind
from radon.host.ledger import SYSTEM
from radon.host.topic import forget

if TYPE_CHECKING:
    from radon.host.python_domain import PythonDomain


def take_in(domain: PythonDomain, record: Any) -> None:
    """Carry out one input record. Raises KeyError for a record that is no input."""
    _TAKE_IN[type(record)](domain, record)


# ---- time ----


def _now(domain: PythonDomain, record: x.Now) -> None:
    """Everything that fell due rings in one step, in the order of the alarms; all that ring are awaited."""
    image = domain.image
    image.time = max(image.time, record.now)
    alarm = image.alarms.pop(image.time)
    if alarm is None:
        return
    domain.ledger.step(domain.ledger.next_step())
    while alarm is not None:
        _RING[alarm.cause](domain, alarm)
        alarm = image.alarms.pop(image.time)


def _ring_timer(domain: PythonDomain, alarm: Alarm) -> None:
    domain.routes.fire(domain.image.atoms[alarm.kind, alarm.key], int.from_bytes(alarm.name, "big"))


def _ring_postponed(domain: PythonDomain, alarm: Alarm) -> None:
    later = domain.image.postponed[alarm.name]
    domain.ledger.emit(SYSTEM, r.PostponedGone(alarm.name))
    domain.routes.post(later.to, later.delivery)


def _ring_retry(domain: PythonDomain, alarm: Alarm) -> None:
    atom = domain.image.atoms[alarm.kind, alarm.key]
    domain.ledger.touch(atom, atom.mailbox.find(alarm.name), r.Retried(alarm.name))
    domain.routes.wake(atom)


def _ring_asked(domain: PythonDomain, alarm: Alarm) -> None:
    atom = domain.image.atoms[alarm.kind, alarm.key]
    domain.routes.replied(atom, alarm.name, ErrorCode.TIMEOUT + 1, b"", atom.asked[alarm.name].target)


def _ring_called(domain: PythonDomain, alarm: Alarm) -> None:
    atom = domain.image.atoms[alarm.kind, alarm.key]
    assert atom.journal is not None
    sleeps = atom.journal.calls[-1].what == r.SLEEP
    domain.routes.answered(atom, alarm.name, 0 if sleeps else ErrorCode.TIMEOUT + 1, 0, b"")


def _ring_seen(domain: PythonDomain, alarm: Alarm) -> None:
    domain.ledger.emit(SYSTEM, r.SeenGone(alarm.name.decode()))


def _ring_object(domain: PythonDomain, alarm: Alarm) -> None:
    domain.ledger.emit(SYSTEM, r.Collected(alarm.name.decode()))


_RING: dict[Cause, Callable[[PythonDomain, Alarm], None]] = {
    Cause.TIMER: _ring_timer,
    Cause.POSTPONED: _ring_postponed,
    Cause.RETRY: _ring_retry,
    Cause.ASKED: _ring_asked,
    Cause.CALLED: _ring_called,
    Cause.SEEN: _ring_seen,
    Cause.OBJECT: _ring_object,
}


# ---- messages from outside ----


def _post(domain: PythonDomain, record: x.Post) -> None:
    routes, image = domain.routes, domain.image
    if record.once and record.once in image.seen:
        return _seen_before(domain, record)
    try:
        to = record.to if record.to.kind == "@topic" else routes.resolve(record.to)
        kind = domain.kinds.get(to.kind)
        if kind is not None and len(record.body) > kind.limits.message:
            raise _too_large(record.body, to.text, kind)
        if record.sender.kind.startswith("@") and record.sender.key == to.key and routes.living(to) is None:
            raise Closed(f"{to.text} has ended with its connection")  # it begins no other life
        if image.mail_bytes > domain.settings.mail:
            raise Exhausted("too much is under way in this domain")
    except Refused as refused:
        return _refuse(domain, record.token, refused)
    domain.ledger.step(domain.ledger.next_step())
    reply = NOWHERE
    if record.once:
        domain.ledger.emit(SYSTEM, r.Seen(image.time + domain.settings.idempotency, record.once))
    if not record.wants:
        domain.ledger.leave(x.Accepted(record.token))
    elif record.once:
        reply = Address("@once", record.once, image.domain)
        routes.waiting.setdefault(record.once, []).append(record.token)  # some may wait from before it was forgotten
    else:
        reply = Address("@client", str(record.token))
    routes.post(
        to,
        Delivery(
            domain.ledger.new_id(), body=record.body, sender=record.sender if record.sender.kind else NOWHERE,
            reply=reply, deadline=record.deadline, pair=record.pair, metadata=record.metadata,
        ),
    )  # fmt: skip


def _too_large(body: bytes, to: str, kind: Kind) -> TooLarge:
    return TooLarge(f"{len(body)} bytes for {to}; limits.message is {kind.limits.message}")


def _refuse(domain: PythonDomain, token: int, refused: Refused) -> None:
    """Tell who is at the door, with the words."""
    domain.ledger.leave(x.Reply(token, refused.code + 1, (("radon.error", str(refused).encode()),), b""))


def _seen_before(domain: PythonDomain, record: x.Post) -> None:
    """A client tries again: it gets the first one's answer, now or when there is one."""
    answer = domain.image.seen[record.once].answer
    if not record.wants:
        domain.ledger.leave(x.Accepted(record.token))
    elif answer is not None:
        domain.ledger.leave(x.Reply(record.token, *answer))
    else:
        domain.routes.waiting.setdefault(record.once, []).append(record.token)


def _spawn(domain: PythonDomain, record: x.Spawn) -> None:
    kind = domain.kinds.get(record.kind)
    if kind is None or kind.spread not in ("keyed", "stateless"):
        code = ErrorCode.NOT_FOUND if kind is None else ErrorCode.INVALID
        name = f"'{record.kind}'"
        why = f"no kind {name}" if kind is None else f"{name} is {kind.spread}: address its atoms"
        return _refuse(domain, record.token, Refused.of(code, why))
    if len(record.args) > kind.limits.message:
        return _refuse(domain, record.token, _too_large(record.args, kind.name, kind))
    domain.ledger.step(domain.ledger.next_step())
    id = domain.ledger.new_id()
    child = Address(record.kind, hmac.digest(domain.image.secret, b"outside\0" + id, "sha256").hex()[:20])
    domain.routes.spawn(child, NOWHERE, id, record.args)
    domain.ledger.leave(x.Reply(record.token, 0, (), child.text.encode()))


def _outcome(domain: PythonDomain, record: x.Outcome) -> None:
    """An endpoint answered: the request leaves its queue, and whoever asked is told. A second answer is ignored."""
    queue = domain.image.find(record.endpoint.kind, "")
    question = next((d for d in queue.mailbox if d.id == record.id), None) if queue is not None else None
    if queue is not None and question is not None:
        domain.ledger.step(domain.ledger.next_step())
        domain.ledger.consume(queue, question)
        code = ErrorCode(record.code - 1) if record.code else None
        domain.routes.answer(question, code, record.metadata, record.body, record.endpoint)


def _revive(domain: PythonDomain, record: x.Revive) -> None:
    """A message goes to whichever life it was meant for; a `start` begins a new one, if none has begun since.

    One for a kind or an endpoint that is gone stays where it is, until that comes back.
    """
    letter, routes = domain.image.dead.get(record.id), domain.routes
    if letter is None or (record.again and letter.to.kind not in (*domain.kinds, *routes.endpoints, "@topic")):
        return
    domain.ledger.step(domain.ledger.next_step())
    domain.ledger.emit(SYSTEM, r.DiedGone(record.id))
    delivery = copy(letter.delivery)
    to = letter.to._replace(life=delivery.life)
    delivery.attempt, delivery.reply = 0, NOWHERE  # whoever asked has heard closed
    if record.again and delivery.form is not Form.START:
        routes.post(to, delivery)
    elif record.again and routes.living(to) is None:
        routes.begin(to, id=delivery.id, args=delivery.body)


# ---- connections and listeners ----


def _connect(domain: PythonDomain, record: x.Connect) -> None:
    """Hung up at once where there is no such kind, or an atom of that name lives: its state is not a connection's."""
    address = record.atom._replace(life=0)
    if address.kind not in domain.kinds or domain.routes.living(address) is not None:
        return domain.ledger.leave(x.Hangup(record.atom))
    domain.ledger.step(domain.ledger.next_step())
    domain.routes.begin(address, args=record.args, volatile=True)


def _disconnect(domain: PythonDomain, record: x.Disconnect) -> None:
    """A kind without `down` cannot be told, so it ends at once."""
    atom = domain.image.find(record.atom.kind, record.atom.key)
    if atom is not None and atom.volatile:
        domain.ledger.step(domain.ledger.next_step())
        kind = domain.kinds.get(atom.kind)
        if kind is not None and "down" in kind.module.handlers:
            domain.routes.down(atom, 0, 0)
        else:
            domain.routes.end(atom, 0)


def _listen(domain: PythonDomain, record: x.Listen) -> None:
    topic = domain.image.atom("@topic", record.topic)
    domain.ledger.emit(topic, r.Subscribed(Address(LISTENER, str(record.listener))), recorded=False)


def _unlisten(domain: PythonDomain, record: x.Unlisten) -> None:
    topic = domain.image.find("@topic", record.topic)
    if topic is not None:
        domain.ledger.step(domain.ledger.next_step())
        domain.ledger.emit(topic, r.Unsubscribed(Address(LISTENER, str(record.listener))), recorded=False)
        forget(domain.routes, topic)


# ---- instances and fates ----


def _passivate(domain: PythonDomain, record: x.Passivate) -> None:
    atom = domain.image.find(record.atom.kind, record.atom.key)
    if atom is not None:
        domain.drop_instance(atom)


def _barrier(domain: PythonDomain, _: x.Barrier) -> None:
    domain.drop_instances()


def _fate(domain: PythonDomain, record: x.Fate) -> None:
    domain.fates[record.step] = record.cause


_TAKE_IN: dict[type, Callable[[PythonDomain, Any], None]] = {
    x.Now: _now,
    x.Post: _post,
    x.Spawn: _spawn,
    x.Outcome: _outcome,
    x.Connect: _connect,
    x.Disconnect: _disconnect,
    x.Listen: _listen,
    x.Unlisten: _unlisten,
    x.Passivate: _passivate,
    x.Barrier: _barrier,
    x.Revive: _revive,
    x.Fate: _fate,
    x.Crossed: crossings.arrived,
    x.Acknowledged: crossings.acknowledged,
    x.Resend: crossings.resend,
}
