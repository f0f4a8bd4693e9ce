"""Models: what a system does when it does one operation after the other. `linearizability` compares it with them.

Owns the contract and the usual models. An input is a tuple: the operation's name, the key where there are keys, then
the rest. Knows neither time nor clients.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import Enum
from math import inf
from typing import Any, NoReturn, Protocol

from radon.abi.errors import Invalid
from radon.testing.history import Operation, Outcome

Input = tuple[Any, ...]


class Model(Protocol):
    """A deterministic object. States are immutable and hashable, and equal states behave equally ever after.

    Every method is a pure function, and may be called many times with the same arguments.
    """

    def key(self, input: Input) -> Hashable:
        """Which part of the system this operation touches, or the same for all where there are no parts.

        Parts must be independent: the state of one matters to no operation on another. They are checked one by one,
        which is what makes long histories checkable; a history is linearizable if and only if all its parts are.
        """

    def initial(self, key: Hashable) -> Hashable:
        """The state of a part before all operations."""

    def apply(self, state: Any, input: Input) -> tuple[Any, Hashable]:
        """What the operation is answered in this state, and the state that follows."""


class Of(Enum):
    """What a trace says where it cannot name a state."""

    ANY = "one of several states"
    SAME = "whatever it found"


Trace = tuple[Hashable, Hashable]
"""The only state in which an operation could be answered as it was, or ANY; and the only one which it can bring about,
ANY, or SAME if it certainly changes nothing. Of an unknown operation the second is what it may bring about."""

NO_TRACE: Trace = (Of.ANY, Of.ANY)


class Traced(Model, Protocol):
    """A model whose operations tell of states. It need not, but it makes checks of busy parts much faster."""

    def trace(self, operation: Operation) -> Trace: ...


class Foreseeing(Model, Protocol):
    """A model that sees in advance where states lead. It need not either."""

    def hopeless(self, operations: Sequence[Operation]) -> Callable[[Any], bool]:
        """Given all operations of a part: whether from a state that one of them has brought about, whatever comes next,
        some operation cannot be answered as it was."""


def unknown(model: Model, input: Input, *known: str) -> NoReturn:
    raise Invalid(f"{type(model).__name__} knows no operation {input!r}; known: {', '.join(known)}")


def _found(operation: Operation, state: Hashable) -> Hashable:
    return state if operation.outcome is Outcome.OK else Of.ANY


def _traced_cas(operation: Operation, old: Hashable, new: Hashable) -> Trace:
    if operation.outcome is Outcome.OK and not operation.output:
        return Of.ANY, Of.SAME
    return _found(operation, old), new


class Register:
    """One value. ("read",) -> VALUE; ("write", VALUE) -> None; ("cas", OLD, NEW) -> whether it was OLD."""

    def __init__(self, initial: Hashable = None) -> None:
        self._initial = initial

    def key(self, input: Input) -> None:
        return None

    def initial(self, key: Hashable) -> Hashable:
        return self._initial

    def apply(self, state: Any, input: Input) -> tuple[Any, Hashable]:
        match input:
            case ("read",):
                return state, state
            case ("write", value):
                return None, value
            case ("cas", old, new):
                return (True, new) if state == old else (False, state)
        unknown(self, input, "read", "write VALUE", "cas OLD NEW")

    def trace(self, operation: Operation) -> Trace:
        match operation.input:
            case ("read",):
                return _found(operation, operation.output), Of.SAME
            case ("write", value):
                return Of.ANY, value
            case ("cas", old, new):
                return _traced_cas(operation, old, new)
        return NO_TRACE


class _Keyed:
    """What keeps each key for itself, by the second word of an input."""

    def key(self, input: Input) -> Hashable:
        if len(input) < 2:
            self._unknown(input)
        key: Hashable = input[1]
        return key

    def _unknown(self, input: Input) -> NoReturn:
        raise NotImplementedError


class KeyValue(_Keyed):
    """Values under keys, each key for itself.

    ("get", KEY) -> VALUE; ("put", KEY, VALUE) -> None; ("delete", KEY) -> whether there was one;
    ("cas", KEY, OLD, NEW) -> whether it was OLD; ("add", KEY, DELTA) -> SUM, from 0;
    ("append", KEY, MORE) -> None, text to text, bytes to bytes, tuple to tuple.
    """

    def __init__(self, missing: Hashable = None, number: Callable[[int], Hashable] = int) -> None:
        """`missing` is what stands for "no value". `number` is how `add` stores a sum, say as decimal digits."""
        self._missing = missing
        self._number = number

    def initial(self, key: Hashable) -> Hashable:
        return self._missing

    def apply(self, state: Any, input: Input) -> tuple[Any, Hashable]:
        match input:
            case ("get", _):
                return state, state
            case ("put", _, value):
                return None, value
            case ("delete", _):
                return state != self._missing, self._missing
            case ("cas", _, old, new):
                return (True, new) if state == old else (False, state)
            case ("add", _, delta):
                total = int(state or 0) + delta
                return total, self._number(total)
            case ("append", _, more):
                return None, more if state == self._missing else state + more
        self._unknown(input)

    def trace(self, operation: Operation) -> Trace:
        answered, output = operation.outcome is Outcome.OK, operation.output
        match operation.input:
            case ("get", _):
                return _found(operation, output), Of.SAME
            case ("put", _, value):
                return Of.ANY, value
            case ("cas", _, old, new):
                return _traced_cas(operation, old, new)
            case ("delete", _):
                return (self._missing, Of.SAME) if answered and not output else (Of.ANY, self._missing)
            case ("add", _, _) if answered and isinstance(output, int):
                return Of.ANY, self._number(output)
        return NO_TRACE

    def _unknown(self, input: Input) -> NoReturn:
        unknown(
            self, input, "get KEY", "put KEY VALUE", "delete KEY", "cas KEY OLD NEW", "add KEY DELTA", "append KEY MORE"
        )


class Queue(_Keyed):
    """First in, first out, each queue for itself. ("enqueue", QUEUE, VALUE) -> None; ("dequeue", QUEUE) -> VALUE,
    or None from an empty one."""

    def initial(self, key: Hashable) -> Hashable:
        return ()

    def apply(self, state: Any, input: Input) -> tuple[Any, Hashable]:
        match input:
            case ("enqueue", _, value):
                return None, (*state, value)
            case ("dequeue", _):
                return (state[0], state[1:]) if state else (None, state)
        self._unknown(input)

    def trace(self, operation: Operation) -> Trace:
        from_empty = operation.input[0] == "dequeue" and operation.outcome is Outcome.OK and operation.output is None
        return ((), Of.SAME) if from_empty else NO_TRACE

    def hopeless(self, operations: Sequence[Operation]) -> Callable[[Any], bool]:
        """Of two values the first leaves first. So the last one of a queue must not be dequeued before, by the clock,
        the dequeuing of another begins; nor if that other one stays for ever. Says nothing if values are not unique."""
        enqueued = [o.input[2] for o in operations if o.input[0] == "enqueue"]
        if len(set(enqueued)) < len(enqueued):
            return lambda state: False
        dequeues = [o for o in operations if o.input[0] == "dequeue"]
        never = -inf if any(o.outcome is Outcome.UNKNOWN for o in dequeues) else inf
        begins = {o.output: o.invoked for o in dequeues if o.outcome is Outcome.OK}
        ends = {o.output: o.returned for o in dequeues if o.outcome is Outcome.OK}

        def hopeless(state: tuple[Any, ...]) -> bool:
            if not state or (end := ends.get(state[-1])) is None:
                return False
            return any(begins.get(value, never) > end for value in state[:-1])

        return hopeless

    def _unknown(self, input: Input) -> NoReturn:
        unknown(self, input, "enqueue QUEUE VALUE", "dequeue QUEUE")


class Set:
    """Members of sets, each member of each set for itself. Every operation says whether it was a member before.

    ("add", SET, MEMBER), ("remove", SET, MEMBER), ("contains", SET, MEMBER) -> bool
    """

    def key(self, input: Input) -> Hashable:
        return input[1:]

    def initial(self, key: Hashable) -> bool:
        return False

    def apply(self, state: Any, input: Input) -> tuple[bool, bool]:
        match input:
            case ("add", _, _):
                return state, True
            case ("remove", _, _):
                return state, False
            case ("contains", _, _):
                return state, state
        unknown(self, input, "add SET MEMBER", "remove SET MEMBER", "contains SET MEMBER")

    def trace(self, operation: Operation) -> Trace:
        left = {"add": True, "remove": False}.get(operation.input[0], Of.SAME)
        found = _found(operation, operation.output)
        return found, Of.SAME if found == left else left


class Bank:
    """Accounts that no transfer overdraws; they are one part, because a transfer touches two.

    ("transfer", FROM, TO, AMOUNT) -> whether there was enough; ("balance", ACCOUNT) -> AMOUNT;
    ("balances",) -> the balances in the order of the accounts.
    """

    def __init__(self, accounts: Mapping[str, int]) -> None:
        """The accounts and what is on them at first."""
        self._place = {name: place for place, name in enumerate(accounts)}
        self._initial = tuple(accounts.values())

    def key(self, input: Input) -> None:
        return None

    def initial(self, key: Hashable) -> tuple[int, ...]:
        return self._initial

    def apply(self, state: Any, input: Input) -> tuple[Any, tuple[int, ...]]:
        match input:
            case ("transfer", source, target, amount):
                return self._transfer(state, self._place[source], self._place[target], amount)
            case ("balance", account):
                return state[self._place[account]], state
            case ("balances",):
                return state, state
        unknown(self, input, "transfer FROM TO AMOUNT", "balance ACCOUNT", "balances")

    def trace(self, operation: Operation) -> Trace:
        refused = operation.outcome is Outcome.OK and not operation.output
        return (Of.ANY, Of.SAME) if refused or operation.input[0] != "transfer" else NO_TRACE

    def _transfer(self, state: tuple[int, ...], source: int, target: int, amount: int) -> tuple[bool, tuple[int, ...]]:
        if state[source] < amount:
            return False, state
        balances = [*state]
        balances[source] -= amount
        balances[target] += amount
        return True, tuple(balances)
