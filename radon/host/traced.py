"""The readable twin, telling what each turn was handed, asked of the host and did. For replays; not fast.

Owns nothing of what a domain does: whatever this adds only looks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address, Delivery
from radon.abi.errors import Refused
from radon.host.atom import Atom
from radon.host.domain import Make, Settings
from radon.host.gate import Function
from radon.host.ledger import SYSTEM, Ledger
from radon.host.python_domain import PythonDomain
from radon.host.turn import Turn

CALLS = 10_000
"""Syscalls of one part of a turn that are kept; the rest are counted."""

BEGINS, GOES_ON, RUNS_AGAIN = "begins", "goes on", "runs again"

_HOW_IT_IS_DONE = (r.Step, r.Left)
"""Records that say nothing of what a turn did."""


class Call(NamedTuple):
    name: str  # "state.bucket.get"
    arguments: tuple[Any, ...]
    result: Any  # a Refused if it was


class Change(NamedTuple):
    """A record, of a volatile atom and a cast too."""

    atom: Address  # that it is about; NOWHERE: the domain
    record: Any


@dataclass(slots=True)
class Part:
    """Of a turn: from where it begins or goes on until it ends or is suspended. Most turns have one."""

    step: int
    time: int  # of the domain
    atom: Address
    delivery: Delivery | None  # None: a topic's
    how: str  # BEGINS; GOES_ON: the answer that it awaited is there; RUNS_AGAIN: after a loss, to where it was
    calls: list[Call] = field(default_factory=list)
    more_calls: int = 0  # that were not kept
    changes: list[Change] = field(default_factory=list)
    left: list[Any] = field(default_factory=list)  # outputs, and crossings to other domains
    end: str = "suspended"  # or "ok", or the cause of its failure


class Trace(Protocol):
    """What it raises ends the domain, between two turns."""

    def begins(self, part: Part) -> None:
        """With nothing in it yet but what it is handed."""

    def ends(self, part: Part) -> None: ...


def traced(trace: Trace) -> Make:
    """Makes domains that tell `trace` of their turns."""
    return lambda settings: _TracedDomain(settings, trace)


class _TracedLedger(Ledger):
    """Keeps what goes through it in the part that is under way."""

    part: Part | None = None

    def emit(self, atom: Atom, record: Any, *, recorded: bool = True) -> None:
        super().emit(atom, record, recorded=recorded)
        self._see(atom, record)

    def note(self, atom: Atom, record: Any) -> None:
        super().note(atom, record)
        self._see(atom, record)

    def leave(self, output: Any) -> None:
        super().leave(output)
        self._see_leave(output)

    def leave_at_once(self, output: Any) -> None:
        super().leave_at_once(output)
        self._see_leave(output)

    def cross(self, domain: int, crossing: Any, *, cast: bool = False) -> None:
        super().cross(domain, crossing, cast=cast)
        self._see_leave(crossing)

    def _see(self, atom: Atom, record: Any) -> None:
        if self.part is not None and not isinstance(record, _HOW_IT_IS_DONE):
            self.part.changes.append(Change(NOWHERE if atom is SYSTEM else Address(atom.kind, atom.key), record))

    def _see_leave(self, output: Any) -> None:
        if self.part is not None:
            self.part.left.append(output)


class _TracedDomain(PythonDomain):
    ledger: _TracedLedger

    def __init__(self, settings: Settings, trace: Trace) -> None:
        super().__init__(settings, ledger=_TracedLedger, around=self._around)
        self._trace = trace

    def _take_turn(self, atom: Atom) -> None:
        part = self.ledger.part = self._part(atom)
        try:
            self._trace.begins(part)
            super()._take_turn(atom)
            self._trace.ends(part)
        finally:
            self.ledger.part = None

    def _part(self, atom: Atom) -> Part:
        address, time = Address(atom.kind, atom.key), self.image.time
        journal = atom.journal
        if journal is not None:
            how = GOES_ON if self.suspensions.waits(atom) else RUNS_AGAIN
            return Part(journal.step, time, address, atom.mailbox.find(journal.id), how)
        part = Part(self.ledger.coming_step(), time, address, atom.mailbox.next(), BEGINS)
        if atom.kind not in self.kinds:
            part.end = "ok" if atom.kind.startswith("@") else "not-found"
        return part

    def _finish(self, turn: Turn) -> None:
        self._end("ok")
        super()._finish(turn)

    def _undo(self, turn: Turn, cause: str, text: str) -> None:
        self._end(cause)
        super()._undo(turn, cause, text)

    def _end(self, how: str) -> None:
        if self.ledger.part is not None:
            self.ledger.part.end = how

    def _around(self, name: str, function: Function) -> Function:
        def traced(turn: Turn, *arguments: Any) -> Any:
            try:
                result = function(turn, *arguments)
            except Refused as refused:
                self._see(Call(name, arguments, refused.with_traceback(None)))
                raise
            self._see(Call(name, arguments, result))
            return result

        return traced

    def _see(self, call: Call) -> None:
        part = self.ledger.part
        if part is None:
            return
        if len(part.calls) < CALLS:
            part.calls.append(call)
        else:
            part.more_calls += 1
