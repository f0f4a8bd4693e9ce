"""Does a history keep what a replicated store promises each session: read-your-writes, monotonic reads, causal order?

    with recorder.begin("c1", ("put", "x", 1)) as call:
        call.ok(await store.put("x", 1))
    with recorder.begin("c2", ("get", "x")) as call:
        call.ok([1])
    report = check_sessions(recorder.history)
    assert report.ok, report.text

A client is a session, and does one thing after the other. No value is put under a key twice, and none is deleted. An
answer is all values that stand side by side; of a store that keeps one, that one, or none.

What a session has written or read is its past, and so is the past of whatever it has read. The answer to a `get` must
not be a value that another one of the past has replaced, by coming after it in somebody's session.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from radon.abi.errors import Invalid
from radon.testing.history import Client, Operation, Outcome, Verdict, shown

Key = Any


class Breach(NamedTuple):
    """A promise that was not kept."""

    name: str  # "read-your-writes", "monotonic-reads", "causal-order", "out-of-nowhere", "lost"
    read: Operation
    write: Operation | None  # that the answer does not know of

    @property
    def text(self) -> str:
        why = f"\n    does not know of {self.write.text}" if self.write is not None else ""
        return f"{self.name}: {self.read.text}{why}"


@dataclass(frozen=True, slots=True)
class Sessions:
    """The report of a check."""

    breaches: list[Breach]

    @property
    def verdict(self) -> Verdict:
        return Verdict.VIOLATION if self.breaches else Verdict.OK

    @property
    def ok(self) -> bool:
        return not self.breaches

    @property
    def text(self) -> str:
        return "\n".join(breach.text for breach in self.breaches) or "sessions: no breach"


def check_sessions(
    history: Iterable[Operation], *, keeps: bool = False, final: Mapping[Key, Iterable[Any]] | None = None
) -> Sessions:
    """What `history` does not keep.

    `keeps`: a value goes only when one that comes after it has been put, so that none of two concurrent ones is lost.
    `final`: what was there in the end, by key; it must know of all that was acknowledged. Raises Invalid.
    """
    checker = _Checker(keeps)
    events = []
    for operation in history:
        if operation.input[0] == "put":
            events.append((operation.invoked, 0, operation))
        if operation.outcome is Outcome.OK and operation.returned is not None:
            events.append((operation.returned, 1, operation))
    for _, returns, operation in sorted(events, key=lambda event: event[:2]):
        if not returns:
            checker.begin_put(operation)
        elif operation.input[0] == "put":
            checker.end_put(operation)
        elif operation.input[0] == "get":
            checker.get(operation)
        else:
            raise Invalid(f"an operation of a session is a put or a get, not {operation.text}")
    for key, values in (final or {}).items():
        checker.audit(key, tuple(values))
    return Sessions(checker.breaches)


@dataclass(slots=True)
class _Session:
    past: int = 0  # a bit for each write
    own: int = 0
    read: int = 0


@dataclass(slots=True)
class _Checker:
    keeps: bool
    breaches: list[Breach] = field(default_factory=list)
    writes: list[Operation] = field(default_factory=list)
    pasts: list[int] = field(default_factory=list)  # of each write
    numbers: dict[tuple[Key, Any], int] = field(default_factory=dict)
    of_key: dict[Key, int] = field(default_factory=dict)
    acknowledged: int = 0
    sessions: dict[Client, _Session] = field(default_factory=dict)

    def session(self, client: Client) -> _Session:
        return self.sessions.setdefault(client, _Session())

    def begin_put(self, operation: Operation) -> None:
        _, key, value = operation.input
        if (key, value) in self.numbers:
            raise Invalid(f"{shown(value)} is put twice under {shown(key)}")
        number = self.numbers[key, value] = len(self.writes)
        self.writes.append(operation)
        self.pasts.append(self.session(operation.client).past)
        self.of_key[key] = self.of_key.get(key, 0) | 1 << number

    def end_put(self, operation: Operation) -> None:
        _, key, value = operation.input
        bit = 1 << self.numbers[key, value]
        session = self.session(operation.client)
        session.past |= bit
        session.own |= bit
        self.acknowledged |= bit

    def get(self, operation: Operation) -> None:
        session, key = self.session(operation.client), operation.input[1]
        found = self._numbers(operation, operation.output)
        missed = self._missed(found, session.past & self.of_key.get(key, 0))
        if missed is not None:
            bit = 1 << missed
            name = (
                "read-your-writes" if session.own & bit else "monotonic-reads" if session.read & bit else "causal-order"
            )
            self.breaches.append(Breach(name, operation, self.writes[missed]))
        for number in found:
            session.past |= self.pasts[number] | 1 << number
            session.read |= 1 << number

    def audit(self, key: Key, values: tuple[Any, ...]) -> None:
        read = Operation("the end", ("get", key), values, 0, 0)
        missed = self._missed(self._numbers(read, values), self.acknowledged & self.of_key.get(key, 0))
        if missed is not None:
            self.breaches.append(Breach("lost", read, self.writes[missed]))

    def _numbers(self, read: Operation, values: Iterable[Any]) -> list[int]:
        """The writes whose values these are."""
        known = [self.numbers.get((read.input[1], value)) for value in values]
        if None in known:
            self.breaches.append(Breach("out-of-nowhere", read, None))
        return [number for number in known if number is not None]

    def _missed(self, found: list[int], past: int) -> int | None:
        """A write of the past that has replaced one that was found, or that nothing found has replaced."""
        seen = after = 0
        for number in found:
            seen |= 1 << number
            after |= self.pasts[number]
        rest = past & ~seen
        for number in _bits(rest):
            lost = not found or (self.keeps and not after >> number & 1)
            if lost or self.pasts[number] & seen:
                return number
        return None


def _bits(mask: int) -> Iterable[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
