"""The domain in Python, the readable twin: the measure of every other one.

Owns the order of turns and how a turn ends or suspends. Durable state is `image.py`'s, where messages go `routes.py`'s,
one turn's overlay `turn.py`'s, the guest `gate.py`'s. The rules are in docs/semantics.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address, Delivery, Form
from radon.abi.errors import ErrorCode
from radon.abi.frames import Commit, FrameType, decode_all, encode_all, seal
from radon.host import crossings, engine, topic
from radon.host.atom import Atom
from radon.host.domain import Settings, Status, Usage
from radon.host.fetches import Missing
from radon.host.fiber import Abandoned
from radon.host.gate import Failed, Function, Gate, plain
from radon.host.guest import uninterrupted
from radon.host.image import Image
from radon.host.inputs import take_in
from radon.host.kind import Kind, check_shared
from radon.host.ledger import SYSTEM, Ledger
from radon.host.limits import KEPT_FUEL
from radon.host.lookup import entries, load, usage
from radon.host.routes import FAILED, STOPPED, Routes
from radon.host.suspensions import Suspensions
from radon.host.turn import NEVER, Turn

ERROR_LEVEL = 3
"""`log.level.error`."""


class PythonDomain:
    """See `Domain`. A suspended turn is a thread here."""

    def __init__(
        self, settings: Settings, *, ledger: type[Ledger] = Ledger, around: Callable[[str, Function], Function] = plain
    ) -> None:
        """`ledger` and `around`, which see what happens, are for traced.py."""
        self.settings = settings
        self.threads = True  # those of fiber.py
        self.image = Image()
        self.ledger = ledger(self.image, elide=settings.elide, durable=settings.durable)
        self.routes = Routes(self.ledger, settings, self._on_end)
        self.kinds: Mapping[str, Kind] = {}
        self._turns, self._failed = Counter[str](), Counter[str]()  # since it was opened, by kind
        self.fates: dict[int, str] = {}  # turns that are not to be run, by step
        room = engine.capacity(threads=True)
        self._gate = Gate(settings.instances, room.slots // settings.sharing, settings.memory, around)
        self._inputs: list[object] = []
        suspended = min(settings.suspended, room.suspended // settings.sharing)
        self.suspensions = Suspensions(self.routes, self._gate, suspended, settings.memory)
        self._begun = False
        self._work = 0  # of the host for the turns of this run, as fuel

    @property
    def digest(self) -> str:
        return self.image.digest

    # ---- life ----

    def setup(self, number: int, seed: bytes, secret: bytes, domains: int = 1) -> None:
        self.ledger.emit(SYSTEM, r.Setup(number, domains, seed, secret))

    def restore(self, snapshot: bytes | None, tail: Iterable[bytes] = ()) -> None:
        load(self.image, snapshot, tail)

    def deploy(self, digest: str, kinds: Mapping[str, Kind], endpoints: Iterable[str] = ()) -> None:
        self.drop_instances()
        engine.check_memory({name: kind.limits.memory for name, kind in kinds.items()})
        check_shared(kinds)
        self._gate.link(kinds)
        self.kinds = self.routes.kinds = dict(kinds)
        self.routes.endpoints = frozenset(f"http:{name}" for name in endpoints)
        if digest != self.image.digest:
            self.ledger.emit(SYSTEM, r.Deployed(digest))
        if not self._begun:
            self._begun = True
            self._begin()

    def end_kind(self, name: str) -> None:
        self.kinds = self.routes.kinds = {other: kind for other, kind in self.kinds.items() if other != name}
        self.ledger.step(self.ledger.next_step())
        for _, atom in sorted((key, atom) for key, atom in self.image.atoms.items() if atom.kind == name):
            self.routes.end(atom, STOPPED)

    def close(self) -> None:
        self.suspensions.close()
        self._gate.drop_all()

    def _begin(self) -> None:
        """After a restore: the ready queue anew, oldest delivery first; what nobody has confirmed is sent again."""
        heads = []
        for _, atom in sorted(self.image.atoms.items()):
            if atom.kind in self.routes.endpoints:
                for delivery in sorted(atom.mailbox, key=lambda d: d.id):
                    self.ledger.leave(x.Sent(1, Address(atom.kind, ""), delivery))
            elif atom.journal is not None:
                heads.append((atom.journal.id, atom))
            elif (head := atom.mailbox.next()) is not None:
                heads.append((head.id, atom))
        for _, atom in sorted(heads, key=lambda pair: (pair[0], pair[1].kind, pair[1].key)):
            self.routes.wake(atom)
        for domain in self.image.outboxes:
            self.ledger.cross_again(domain)

    # ---- the interface ----

    def submit(self, inputs: bytes) -> None:
        records = decode_all(inputs)
        for record in records:
            if type(record) is x.Crossed:
                crossings.check(record.crossings)
        self._inputs += records

    def run(self, max_turns: int) -> Status:
        inputs, self._inputs = self._inputs, []
        with uninterrupted():
            for record in inputs:
                take_in(self, record)
            self._work = 0
            for _ in range(max_turns):
                atom = self.routes.take_ready()
                if atom is None:
                    return Status.IDLE
                self._take_turn(atom)
                if self._work > self.settings.run:
                    break
        return Status.BUSY if self.routes.ready else Status.IDLE

    def take_commit(self) -> Commit:
        return self.ledger.take()

    def snapshot(self) -> bytes:
        return seal(FrameType.SNAPSHOT, encode_all(self.image.records()))

    def next_due(self) -> int | None:
        return self.image.alarms.next_due()

    def instances(self) -> Mapping[str, int]:
        return self._gate.count()

    def usage(self) -> Usage:
        return usage(self.image, self.kinds, self._turns, self._failed)

    def dead_letters(self) -> list[r.Died]:
        return list(self.image.dead.values())

    def dead_letter(self, id: bytes) -> r.Died | None:
        return self.image.dead.get(id)

    def resolve(self, address: Address) -> Address:
        return self.routes.resolve(address)

    def entries(self, address: Address, bucket: str | None = None, key: bytes | None = None) -> list[r.Put]:
        return entries(self.image, address, bucket, key)

    # ---- turns ----

    def _take_turn(self, atom: Atom) -> None:
        if atom.kind == "@topic":
            self._work += topic.take_turn(self.routes, atom)
        elif self.suspensions.resume(atom):
            pass
        elif atom.kind in self.kinds:
            self._begin_turn(atom, self.kinds[atom.kind])
        else:  # its kind was removed by a deployment
            self.ledger.step(self.ledger.next_step())
            self._bury(atom, atom.mailbox.next(), "not-found")

    def _begin_turn(self, atom: Atom, kind: Kind) -> None:
        journal = atom.journal
        if journal is not None:
            turn = Turn(self, atom, kind, atom.mailbox.find(journal.id), journal.step, journal.time)
        else:
            delivery = atom.mailbox.next()
            assert delivery is not None
            turn = Turn(self, atom, kind, delivery, self.ledger.next_step(), self.image.time)
        turn.kept_bytes = self.routes.fetches.bytes_for(atom)
        turn.spent = KEPT_FUEL * turn.kept_bytes
        self._turns[kind.name] += 1
        cause = self.fates.pop(turn.step, None)
        if cause is not None:
            self._undo(turn, f"aborted: {cause}", f"the machine ended the turn: {cause}")
        elif _has_no_handler(turn):
            self._finish(turn)
        elif kind.module.suspends:
            self.suspensions.run(lambda: self._run_guest(turn))
        else:
            self._run_guest(turn)

    def _run_guest(self, turn: Turn) -> None:
        try:
            self._gate.enter(turn)
        except Failed as failed:
            self._undo(turn, failed.cause, failed.text)
        except Abandoned:
            turn.atom.roll_back()
            turn.open = False
        except Missing as missing:
            self._begin_again(turn, missing.name)
        else:
            self._finish(turn)

    # ---- how turns end ----

    def _begin_again(self, turn: Turn, missing: str) -> None:
        """The turn wants an object that may be in another domain. When that has answered it begins anew, as if nothing
        had been: it is no attempt."""
        turn.open = False
        self._work += turn.spent
        turn.atom.roll_back()
        self._gate.discard(turn.atom)
        self.routes.fetches.want(turn, missing)

    def _finish(self, turn: Turn) -> None:
        """The guest said ok: everything that the turn did happens now, in one step."""
        atom, ledger, routes = turn.atom, self.ledger, self.routes
        turn.open = False
        self._work += turn.spent
        routes.fetches.forget(atom)
        ledger.step(turn.step)
        ledger.consume(atom, turn.delivery)
        for (bucket, key), old in atom.undo.items():
            entries = atom.buckets.get(bucket)
            new = entries.get(key) if entries is not None else None
            if new != old:
                ledger.note(atom, r.Delete(bucket, key) if new is None else r.Put(bucket, key, new))
        atom.undo = {}
        if turn.timers:
            self._set_timers(atom, turn.timers)
        for token, message in turn.kept.items():
            if token in atom.kept:
                ledger.emit(atom, r.KeptGone(token))
            if message is not None:
                ledger.emit(atom, r.Kept(token, message.delivery))
        for action, args in turn.intents:
            action(turn, *args)
        for message in turn.held:
            if message.open:
                message.open = False  # the guest may keep the handle
                routes.answer(message.delivery, ErrorCode.CLOSED)
        if turn.exit_status is not None:
            routes.end(atom, turn.exit_status)
        elif _says_disconnected(atom, turn.delivery):
            routes.end(atom, 0)
        else:
            routes.wake(atom)
            if self.settings.forgetful:
                self._gate.discard(atom)

    def _set_timers(self, atom: Atom, timers: Mapping[int, int | None]) -> None:
        """Set, move or cancel; those that fell due and wait in the mailbox are taken back."""
        fired: dict[int, list[Delivery]] = {}
        for delivery in atom.mailbox:
            if delivery.form is Form.FIRED:
                fired.setdefault(delivery.token, []).append(delivery)
        for token, due in timers.items():
            for delivery in fired.get(token, ()):
                self.ledger.consume(atom, delivery)
            if due is not None:
                self.ledger.emit(atom, r.TimerSet(token, due))
            elif token in atom.timers:
                self.ledger.emit(atom, r.TimerGone(token))

    def _undo(self, turn: Turn, cause: str, text: str) -> None:
        """The turn failed: nothing of it happened. It is tried again, or its delivery is a dead letter (rule 6)."""
        atom, delivery, retry = turn.atom, turn.delivery, turn.kind.retry
        turn.open = False
        self._work += turn.spent
        atom.roll_back()
        self._gate.discard(atom)
        self.routes.fetches.forget(atom)
        self._failed[turn.kind.name] += 1
        attempt = delivery.attempt + 1
        self.log(turn, ERROR_LEVEL, f"{text} (attempt {attempt} of {retry.attempts})")
        self.ledger.step(turn.step)
        if attempt < retry.attempts:
            due = min(self.image.time + retry.backoff * 2 ** (attempt - 1), NEVER)
            self.ledger.touch(atom, delivery, r.Attempted(delivery.id, attempt, due))
            self.routes.wake(atom)
        else:
            self._bury(atom, delivery, cause)

    def _bury(self, atom: Atom, delivery: Delivery | None, cause: str) -> None:
        """The delivery failed for good; a `start` that did ends the atom."""
        assert delivery is not None
        if not delivery.cast and not atom.volatile:  # of neither is anything kept: not even that it was
            self.routes.bury(atom.address, delivery, cause)
        self.ledger.consume(atom, delivery)
        self.routes.answer_failed(delivery, cause)
        if delivery.form is Form.START:
            self.routes.end(atom, FAILED, reborn=False)  # a next life would fail as this one did, and so on forever
        elif _says_disconnected(atom, delivery):
            self.routes.end(atom, 0)
        else:
            self.routes.wake(atom)

    # ---- instances ----

    def drop_instance(self, atom: Atom) -> None:
        """Passivate: the next turn begins on a fresh instance; a suspended one runs again when its answer comes."""
        self.suspensions.abandon(atom)
        self._gate.drop(atom)

    def drop_instances(self) -> None:
        self.suspensions.abandon_all()
        self.routes.fetches.forget_all()
        self._gate.drop_all()

    def _on_end(self, atom: Atom) -> None:
        self.drop_instance(atom)

    # ---- what leaves at once ----

    def log(self, turn: Turn, level: int, text: str) -> None:
        address, attempt = turn.atom.address, turn.delivery.attempt
        self.ledger.leave_at_once(x.Logged(turn.step, turn.now, attempt, level, address, text))

    def count(self, turn: Turn, name: str, by: int) -> None:
        self.ledger.leave_at_once(x.Counted(by, turn.kind.name, name))

    def observe(self, turn: Turn, name: str, value: float) -> None:
        self.ledger.leave_at_once(x.Observed(value, turn.kind.name, name))


def _says_disconnected(atom: Atom, delivery: Delivery) -> bool:
    """Is this the last delivery of a volatile atom: its connection is gone? A watched atom's `down` has a sender."""
    return atom.volatile and delivery.form is Form.DOWN and delivery.sender is NOWHERE


def _has_no_handler(turn: Turn) -> bool:
    """A `down` of a child that its parent never asked to hear of, say: done as soon as it is begun."""
    return turn.delivery.form is Form.DOWN and "down" not in turn.kind.module.handlers
