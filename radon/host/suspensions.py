"""Turns that wait for an answer in the middle: their fibers, and what their journals record (rule 8).

Owns the threads of one domain's guests. What is asked and of whom the syscall says; when an answer is there the routes
know; that the turn goes on is the domain's to decide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from radon.abi import records as r
from radon.abi.errors import Exhausted
from radon.host.atom import Atom
from radon.host.fiber import Fiber
from radon.host.gate import Gate
from radon.host.handles import Violation
from radon.host.instance import Instance
from radon.host.journal import Journal
from radon.host.routes import Routes
from radon.host.turn import Turn


class _Waiting(NamedTuple):
    turn: Turn
    instance: Instance
    fiber: Fiber


class Suspensions:
    """At most `limit` turns wait at once; one more is answered with exhausted. Each holds a thread here."""

    def __init__(self, routes: Routes, gate: Gate, limit: int, memory: int) -> None:
        """Their instances may have `memory` bytes between them: they cannot be passivated."""
        self._routes, self._gate, self._limit, self._memory = routes, gate, limit, memory
        self._used = 0
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        self._idle: list[Fiber] = []
        self._fiber: Fiber | None = None  # that the running turn is in

    def run(self, function: Callable[[], None]) -> None:
        """Run a turn that may suspend; returns when it has ended or has suspended."""
        self._fiber = fiber = self._idle.pop() if self._idle else Fiber()
        fiber.start(function)
        self._left(fiber)

    def waits(self, atom: Atom) -> bool:
        """Does the atom's turn wait here?"""
        return (atom.kind, atom.key) in self._waiting

    def resume(self, atom: Atom) -> bool:
        """Go on with the atom's turn. False: it does not wait here, but has to run again from its journal."""
        waiting = self._waiting.pop((atom.kind, atom.key), None)
        if waiting is None:
            return False
        self._woken(waiting)
        self._fiber = waiting.fiber
        waiting.fiber.resume(None)
        self._left(waiting.fiber)
        return True

    def abandon(self, atom: Atom) -> None:
        """Unwind the atom's turn, if it waits here: its instance goes. The journal stays, the writes are undone."""
        waiting = self._waiting.pop((atom.kind, atom.key), None)
        if waiting is not None:
            self._woken(waiting)
            waiting.fiber.abandon()
            self._idle.append(waiting.fiber)

    def abandon_all(self) -> None:
        for waiting in list(self._waiting.values()):
            self.abandon(waiting.turn.atom)

    def close(self) -> None:
        """End the threads."""
        self.abandon_all()
        for fiber in self._idle:
            fiber.close()
        self._idle = []

    def suspend(
        self, turn: Turn, what: int, request: bytes, deadline: int, digest: bytes, leave: Callable[[], None]
    ) -> r.Answered:
        """Called by the guest's syscall: `leave` sends what is asked; returns when the answer is there.

        Raises Exhausted when this turn was suspended too often, or too many are (to the end of this one then, so that
        it can be no other when it runs again); Violation when a replayed turn asks something else, or cannot wait.
        """
        if self._gate.running is not None and self._gate.running.starting:
            raise Violation("a turn cannot wait here")
        atom = turn.atom
        journal, ordinal = atom.journal, turn.calls
        if ordinal >= turn.kind.limits.outbox:
            raise Exhausted(f"the turn was suspended {ordinal} times (limits.outbox)")
        turn.calls += 1
        if journal is not None and ordinal < len(journal.calls):
            call = journal.calls[ordinal]
            if (call.what, call.digest) != (what, digest):
                raise Violation("the turn ran again and asked for something else than before")
            request = call.request
        else:
            if len(self._waiting) >= self._limit or self._used > self._memory or not self._has_spare():
                raise Exhausted(f"{len(self._waiting)} turns are suspended, with {self._used} bytes of memory")
            journal = self._note(turn, r.Called(request, deadline, what, digest))
            leave()
            self._routes.ready.pop((atom.kind, atom.key), None)  # an answer that came at once woke the running atom
        if request not in journal.answers:
            self._switch(turn)
        answer = journal.answers[request]
        turn.keep(len(answer.body))
        turn.now = max(turn.now, answer.time)
        turn.answer_metadata = answer.metadata
        return answer

    def _has_spare(self) -> bool:
        """Is there a thread for the turns that are to come? Where the machine has no more, this many is the limit."""
        if not self._idle:
            try:
                self._idle.append(Fiber())
            except RuntimeError:
                self._limit = len(self._waiting)
                return False
        return True

    def _note(self, turn: Turn, call: r.Called) -> Journal:
        atom, delivery, ledger = turn.atom, turn.delivery, self._routes.ledger
        ledger.step(turn.step, turn.calls)
        if atom.journal is None:
            ledger.touch(atom, delivery, r.Suspended(delivery.id, delivery.attempt, turn.step, turn.now))
        ledger.emit(atom, call, recorded=not delivery.cast)
        assert atom.journal is not None
        return atom.journal

    def _switch(self, turn: Turn) -> None:
        instance, fiber = self._gate.running, self._fiber
        assert instance is not None
        assert fiber is not None
        self._waiting[turn.atom.kind, turn.atom.key] = _Waiting(turn, instance, fiber)
        self._used += self._gate.weigh(instance)
        self._gate.park(instance)
        self._gate.running = None
        fiber.suspend()

    def _woken(self, waiting: _Waiting) -> None:
        """It does not wait any more, and is entered next."""
        self._used -= waiting.instance.size
        self._gate.unpark(waiting.instance)
        self._gate.running = waiting.instance

    def _left(self, fiber: Fiber) -> None:
        """The running turn ended or suspended."""
        self._fiber = None
        if fiber.done:
            self._idle.append(fiber)
