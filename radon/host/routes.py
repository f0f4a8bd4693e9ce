"""Where messages and answers go, and how lives begin and end. Emits to the ledger; runs no guest.

All of it happens inside a step of the domain, so ids and lives take the number of that step.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

from radon.abi import crossing as c
from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import NO_ID, NOWHERE, Address, Delivery, Form, Metadata
from radon.abi.errors import ErrorCode
from radon.host.atom import Atom
from radon.host.domain import Settings
from radon.host.fetches import Fetches
from radon.host.hash import domain_of
from radon.host.kind import Kind
from radon.host.ledger import SYSTEM, Ledger
from radon.host.lookup import resolve

STOPPED = 143
"""The exit status of an atom that another one stopped (128 + SIGTERM, as shells count)."""

FAILED = 134
"""The exit status of an atom whose `start` failed for good (128 + SIGABRT)."""

UNKNOWN = 2**32 - 1
"""The status in `down` when the target had ended before it was watched."""

CHILDREN = 10_000
"""Statuses of ended children that an atom keeps; the oldest go first."""


class Routes:
    """Routing of one domain. `on_end(atom)` is called just before an atom goes, to free what runs for it."""

    def __init__(self, ledger: Ledger, settings: Settings, on_end: Callable[[Atom], None]) -> None:
        self.ledger = ledger
        self.image = ledger.image
        self.kinds: Mapping[str, Kind] = {}
        self.endpoints: frozenset[str] = frozenset()  # "http:NAME"
        self.ready: OrderedDict[tuple[str, str], Atom] = OrderedDict()  # who has a turn to take, in order
        self.waiting: dict[str, list[int]] = {}  # dedup key -> tokens of those who await its answer
        self._settings = settings
        self._on_end = on_end
        self.fetches = Fetches(self, settings)

    # ---- addresses ----

    def resolve(self, address: Address) -> Address:
        """See `Domain.resolve`."""
        return resolve(address, self.kinds, self.endpoints, self._settings.host)

    def elsewhere(self, address: Address) -> int | None:
        """The domain of an atom, a topic or a dedup key, unless it is this one, or no domain's."""
        image = self.image
        if image.domains == 1:
            return None
        if address.kind == "@once":
            home = address.life
        elif address.kind in self.kinds or address.kind == "@topic":
            home = domain_of(address.kind, address.key, image.domains)
        else:
            return None
        return home if home != image.domain and home < image.domains else None

    def living(self, address: Address) -> Atom | None:
        """The atom, if it lives, and here, and this very life of it is meant."""
        atom = self.image.find(address.kind, address.key)
        return atom if atom is not None and atom.life and address.life in (0, atom.life) else None

    # ---- messages ----

    def post(self, to: Address, delivery: Delivery) -> None:
        """Deliver to an atom, a topic, a connection or an endpoint; what cannot be is refused.

        From here on nothing of `delivery` changes: records that have it may be in the commit under way.
        """
        delivery.life = to.life
        far = self.elsewhere(to)
        if far is not None:
            self.ledger.cross(far, c.Mail(to, delivery), cast=delivery.cast)
        elif to.kind in self.kinds:
            atom = self.living(to)
            if atom is None:
                if to.life:
                    return self.refuse(to, delivery, "closed")
                atom = self.begin(to)
            self.ledger.deliver(atom, delivery)
            self.wake(atom)
        elif to.kind == "@topic":
            atom = self.image.atom(to.kind, to.key)
            self.ledger.deliver(atom, delivery)
            self.wake(atom)
        elif to.kind in self.endpoints:
            if not delivery.cast:
                self.ledger.deliver(self.image.atom(to.kind, ""), delivery)
            (self.ledger.leave_at_once if delivery.cast else self.ledger.leave)(x.Sent(not delivery.cast, to, delivery))
        elif to.kind.startswith("@"):
            (self.ledger.leave_at_once if delivery.cast else self.ledger.leave)(x.Sent(0, to, delivery))
        else:
            self.refuse(to, delivery, "not-found")

    def refuse(self, to: Address, delivery: Delivery, cause: str) -> None:
        """Nobody will ever handle it: whoever waits hears closed, else it is a dead letter."""
        if delivery.reply is not NOWHERE:
            self.answer(delivery, ErrorCode.CLOSED)
        elif delivery.form is Form.MESSAGE and not delivery.cast:
            self.bury(to, delivery, cause)

    def bury(self, to: Address, delivery: Delivery, cause: str) -> None:
        """Keep it as a dead letter; the oldest make room, which a metric tells."""
        self.ledger.emit(SYSTEM, r.Died(self.image.time, cause, to, delivery))
        while self.image.dead_bytes > self._settings.dead:
            oldest, letter = self.image.dead.peekitem(0)
            self.ledger.emit(SYSTEM, r.DiedGone(oldest))
            self.ledger.leave_at_once(x.Counted(1, letter.to.kind, "radon.dead_letters_dropped"))

    def wake(self, atom: Atom) -> None:
        """Put the atom into the ready queue if it has a turn to take or to go on with."""
        journal = atom.journal
        if atom.fetching:
            return
        if journal.awaited() is None if journal is not None else atom.mailbox.next() is not None:
            self.ready[atom.kind, atom.key] = atom

    def take_ready(self) -> Atom | None:
        """The atom whose turn it is, out of the queue."""
        return self.ready.popitem(last=False)[1] if self.ready else None

    # ---- answers ----

    def answer(
        self, question: Delivery, code: ErrorCode | None, metadata: Metadata = (), body: bytes = b"",
        answerer: Address = NOWHERE,
    ) -> None:  # fmt: skip
        """Tell whoever asked."""
        if question.reply is not NOWHERE:
            self.tell(question.reply, question.request, 0 if code is None else code + 1, metadata, body, answerer)

    def tell(
        self, to: Address, request: bytes, number: int, metadata: Metadata, body: bytes, answerer: Address
    ) -> None:
        """The answer to a question of `to`: 0 or an error-code + 1. One who waits no longer is not told."""
        far = self.elsewhere(to)
        if to.kind == "@client":
            self.ledger.leave(x.Reply(int(to.key), number, metadata, body))
        elif far is not None:
            self.ledger.cross(far, c.Answer(request, number, to, metadata, body, answerer))
        elif to.kind == "@once":
            if to.key in self.image.seen:
                self.ledger.emit(SYSTEM, r.Settled(number, to.key, metadata, body))
            for token in self.waiting.pop(to.key, ()):
                self.ledger.leave(x.Reply(token, number, metadata, body))
        else:
            atom = self.living(to)
            if atom is not None and request in atom.asked:
                self.replied(atom, request, number, body, answerer, metadata)
            elif atom is not None:
                self.answered(atom, request, number, 0, body, metadata)

    def answer_failed(self, question: Delivery, cause: str) -> None:
        """Its turn failed for good. Who is outside is told the cause; how an atom fails is no other atom's matter."""
        outside = question.reply.kind in ("@client", "@once")
        self.answer(question, ErrorCode.CLOSED, ((x.CAUSE, cause.encode()),) if outside else ())

    def replied(
        self, atom: Atom, request: bytes, code: int, body: bytes, answerer: Address, metadata: Metadata = ()
    ) -> None:
        """The answer to a `request` of the atom becomes a delivery to it."""
        token = atom.asked[request].token
        self.ledger.answered(atom, request)
        self._tell(atom, Form.REPLIED, token=token, code=code, body=body, sender=answerer, metadata=metadata)

    def answered(self, atom: Atom, request: bytes, code: int, value: int, body: bytes, metadata: Metadata = ()) -> None:
        """The answer that the atom's suspended turn awaits, if this is it."""
        journal = atom.journal
        awaited = journal.awaited() if journal is not None else None
        if journal is None or awaited is None or awaited.request != request:
            return
        recorded = not atom.mailbox.find(journal.id).cast
        self.ledger.emit(atom, r.Answered(request, self.image.time, code, value, metadata, body), recorded=recorded)
        self.wake(atom)

    def fire(self, atom: Atom, token: int) -> None:
        """A timer of the atom fell due."""
        self.ledger.emit(atom, r.TimerGone(token))
        self._tell(atom, Form.FIRED, token=token)

    def down(self, atom: Atom, token: int, status: int, sender: Address = NOWHERE) -> None:
        self._tell(atom, Form.DOWN, token=token, code=status, sender=sender)

    def _tell(
        self, atom: Atom, form: Form, *, token: int = 0, code: int = 0, body: bytes = b"", sender: Address = NOWHERE,
        metadata: Metadata = (),
    ) -> None:  # fmt: skip
        delivery = Delivery(
            self.ledger.new_id(), form, token=token, code=code, body=body, sender=sender, life=atom.life,
            metadata=metadata,
        )  # fmt: skip
        self.ledger.deliver(atom, delivery)
        self.wake(atom)

    # ---- lives ----

    def spawn(self, child: Address, parent: Address, id: bytes, args: bytes) -> None:
        """A life with a name that nobody had, here or elsewhere."""
        far = self.elsewhere(child)
        if far is not None:
            self.ledger.cross(far, c.Begin(id, child, parent, args))
        elif child.kind in self.kinds:
            self.begin(child, parent, id, args)
        else:  # removed by a deployment while the news was under way
            self.exited(parent, child, FAILED)

    def begin(
        self, address: Address, parent: Address = NOWHERE, id: bytes = NO_ID, args: bytes = b"", volatile: bool = False
    ) -> Atom:
        """A new life; `start` comes first if the kind exports it.

        It is named by the address (one that is spawned, whose key is fresh) or by a step number that nothing else has:
        an atom may begin, end and begin again within one step.
        """
        atom = self.image.atom(address.kind, address.key)
        atom.volatile = volatile or self.kinds[address.kind].spread == "every-host"
        self.ledger.emit(atom, r.Born(address.life or self.ledger.next_step(), parent))
        if "start" in self.kinds[address.kind].module.handlers:
            self.ledger.deliver(atom, Delivery(self.ledger.new_id() if id == NO_ID else id, Form.START, body=args))
            self.wake(atom)
        return atom

    def end(self, atom: Atom, status: int, *, reborn: bool = True) -> None:
        """The atom and all that is its own are gone; everyone who should know is told (rule 16).

        Mail that is meant for any life of it begins the next one, unless `reborn` is false. The message whose turn was
        suspended has failed once more: else an atom that has itself stopped while it waits would begin for ever.
        """
        self._on_end(atom)
        self.fetches.forget(atom)
        suspended = atom.journal.id if atom.journal is not None else NO_ID
        address, parent, watchers = atom.address, atom.parent, list(atom.watchers)
        questions, mail = [message for _, message in sorted(atom.kept.items())], list(atom.mailbox)
        self.ledger.emit(atom, r.Ended())
        self.ready.pop((atom.kind, atom.key), None)
        if atom.volatile:
            self.ledger.leave(x.Hangup(address))
        for question in questions:
            self.answer(question, ErrorCode.CLOSED)
        self.exited(parent, address, status)
        for token, request, watcher in watchers:
            self.ended(watcher, address, token, request, 0, status)
        for delivery in mail:
            if delivery.form is Form.MESSAGE:
                bound = address._replace(life=delivery.life)
                if atom.volatile:
                    self.answer(delivery, ErrorCode.CLOSED)
                elif delivery.life or not reborn:
                    self.refuse(bound, delivery, "closed")
                elif delivery.id != suspended:
                    self.post(bound, delivery)  # the first message of a next life
                elif delivery.attempt + 1 < self._attempts(atom.kind):
                    self.post(bound, delivery.again())
                else:
                    self.refuse(bound, delivery, "stopped")

    def exited(self, parent: Address, child: Address, status: int) -> None:
        """Keep the child's status for its parent, if that lives."""
        far, living = self.elsewhere(parent), self.living(parent)
        if far is not None:
            self.ledger.cross(far, c.Exited(status, child, parent))
        elif living is not None:
            if len(living.children) >= CHILDREN:
                self.ledger.emit(living, r.ChildGone(next(iter(living.children))))
            self.ledger.emit(living, r.ChildEnded(status, child))

    def stop(self, target: Address) -> None:
        """End another atom, if it lives."""
        far, living = self.elsewhere(target), self.living(target)
        if far is not None:
            self.ledger.cross(far, c.Stop(target))
        elif living is not None:
            self.end(living, STOPPED)

    # ---- watching ----

    def watch(self, target: Address, watcher: Address, token: int, request: bytes) -> None:
        """`watcher` hears of the target's end: at once if it does not live, or has as many watchers as it may."""
        far, living = self.elsewhere(target), self.living(target)
        if far is not None:
            self.ledger.cross(far, c.Watch(token, request, target, watcher))
        elif living is not None and (self.elsewhere(watcher) is None or len(living.watchers) < self._settings.watchers):
            self.ledger.emit(living, r.Watched(token, request, watcher))
        else:
            code = ErrorCode.CLOSED if target.life else ErrorCode.NOT_FOUND
            self.ended(watcher, target, token, request, code + 1, UNKNOWN)

    def unwatch(self, target: Address, watcher: Address, request: bytes) -> None:
        """The wait was given up: nobody is to be told of the target's end."""
        far, living = self.elsewhere(target), self.living(target)
        if far is not None:
            self.ledger.cross(far, c.Unwatch(request, target, watcher))
        elif living is not None:
            self.ledger.emit(living, r.WatchedGone(0, request, watcher))

    def ended(self, watcher: Address, target: Address, token: int, request: bytes, code: int, status: int) -> None:
        """Tell a watcher that the target ended or (`code`: an error-code + 1) that it does not live.

        A child that does not live has ended: its parent, and nobody else, has the status.
        """
        far, living = self.elsewhere(watcher), self.living(watcher)
        if far is not None:
            self.ledger.cross(far, c.Told(token, request, code, status, target, watcher))
        elif living is not None:
            if code and target in living.children:
                code, status = 0, living.children[target]
            if request == NO_ID:
                self.down(living, token, status, target)
            else:
                self.answered(living, request, code, 0 if code else status, b"")

    def _attempts(self, kind: str) -> int:
        return self.kinds[kind].retry.attempts if kind in self.kinds else 0
