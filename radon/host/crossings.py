"""What comes from other domains, and what it does here (rule 12). What goes there the routes and the ledger see to.

Between two domains everything comes in order: what has come is counted, so that nothing is taken twice, however often
and in whatever pieces it is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from radon.abi import crossing as c
from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import Address, Delivery
from radon.abi.frames import FrameError, decode_all
from radon.host.ledger import SYSTEM
from radon.host.routes import Routes
from radon.host.syscalls.topics import UNSUBSCRIBE

if TYPE_CHECKING:
    from radon.host.python_domain import PythonDomain


def check(crossings: bytes) -> None:
    """Raises FrameError unless all are crossings."""
    for record in decode_all(crossings):
        if type(record) not in _ARRIVED:
            raise FrameError(f"frame: a {type(record).__name__} is no crossing")


def arrived(domain: PythonDomain, record: x.Crossed) -> None:
    """Take what is new. The other domain hears how far this one has come, also when nothing was: it may not know."""
    image, ledger = domain.image, domain.ledger
    heard = image.heard.get(record.domain, 0)
    crossings = decode_all(record.crossings)
    if record.first > heard + 1:
        return  # something before it is missing, and comes again with this
    if record.first:
        crossings = crossings[heard + 1 - record.first :]
        heard += len(crossings)
    begun = False
    for crossing in crossings:
        if not begun and (record.first or not isinstance(crossing, c.Fetch | c.Fetched)):  # they change nothing durable
            begun = True
            ledger.step(ledger.next_step())
        _ARRIVED[type(crossing)](domain.routes, crossing)
    if begun and record.first:
        ledger.emit(SYSTEM, r.Arrived(record.domain, heard))
    if record.first:
        ledger.leave(x.Heard(record.domain, heard))


def acknowledged(domain: PythonDomain, record: x.Acknowledged) -> None:
    """What was acknowledged before may be once more."""
    outbox = domain.image.outboxes.get(record.domain)
    if outbox is not None and outbox.gone < record.number <= outbox.last:
        domain.ledger.step(domain.ledger.next_step())
        domain.ledger.emit(SYSTEM, r.LeftGone(record.domain, record.number))


def resend(domain: PythonDomain, record: x.Resend) -> None:
    """Something was lost on the way, or with a domain that it went by."""
    domain.ledger.cross_again(record.domain)
    domain.routes.fetches.ask_again()


# ---- what each crossing does ----


def _mail(routes: Routes, crossing: c.Mail) -> None:
    """A cast leaves before its turn is durable, so that its id may be given again, to something that is not lost."""
    if crossing.delivery.cast:
        crossing.delivery.id = routes.ledger.new_id()
    routes.post(crossing.to, crossing.delivery)


def _handed(routes: Routes, crossing: c.Handed) -> None:
    to, delivery = crossing
    if routes.living(to) is not None:
        routes.post(to, delivery)
    else:
        gone = Delivery(routes.ledger.new_id(), token=UNSUBSCRIBE, sender=to)
        routes.post(Address("@topic", delivery.topic), gone)


def _answer(routes: Routes, crossing: c.Answer) -> None:
    routes.tell(crossing.to, crossing.request, crossing.code, crossing.metadata, crossing.body, crossing.answerer)


def _begin(routes: Routes, crossing: c.Begin) -> None:
    routes.spawn(crossing.child, crossing.parent, crossing.id, crossing.args)


def _stop(routes: Routes, crossing: c.Stop) -> None:
    routes.stop(crossing.target)


def _watch(routes: Routes, crossing: c.Watch) -> None:
    routes.watch(crossing.target, crossing.watcher, crossing.token, crossing.request)


def _unwatch(routes: Routes, crossing: c.Unwatch) -> None:
    routes.unwatch(crossing.target, crossing.watcher, crossing.request)


def _told(routes: Routes, crossing: c.Told) -> None:
    routes.ended(crossing.watcher, crossing.target, crossing.token, crossing.request, crossing.code, crossing.status)


def _exited(routes: Routes, crossing: c.Exited) -> None:
    routes.exited(crossing.parent, crossing.child, crossing.status)


def _fetch(routes: Routes, crossing: c.Fetch) -> None:
    routes.fetches.serve(crossing)


def _fetched(routes: Routes, crossing: c.Fetched) -> None:
    routes.fetches.came(crossing)


_ARRIVED: dict[type, Callable[[Routes, Any], None]] = {
    c.Mail: _mail, c.Handed: _handed, c.Answer: _answer, c.Begin: _begin, c.Stop: _stop, c.Watch: _watch,
    c.Unwatch: _unwatch, c.Told: _told, c.Exited: _exited, c.Fetch: _fetch, c.Fetched: _fetched,
}  # fmt: skip
