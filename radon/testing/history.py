"""A history: what clients asked of a system and were answered, and when, for a checker to judge.

    recorder = Recorder(clock)
    with recorder.begin("client 1", ("put", "x", 1)) as call:
        call.ok(await store.put("x", 1))

Owns the data model, the recorder and the text form in which a failing history is kept. Knows no model and reads no
clock but the one it is given.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import count
from types import TracebackType
from typing import Any, NamedTuple

from radon.abi.errors import Invalid

Client = str | int


class Outcome(StrEnum):
    """What the client knows of its operation."""

    OK = "ok"  # it took effect between its two times, and was answered
    FAILED = "failed"  # it certainly took no effect, then or later
    UNKNOWN = "unknown"  # no answer came: it took effect at any time after it was invoked, or will, or never does


class Verdict(StrEnum):
    """What a checker says of a history."""

    OK = "ok"
    VIOLATION = "violation"
    UNKNOWN = "unknown"  # it ran out of steps


class Operation(NamedTuple):
    """One operation of one client. `input` is a tuple that begins with the operation's name: ("put", "x", 1).

    Values - a client's input and output - are None, bool, int, float, str, bytes and tuples of values. Times are in ns
    since anything. `output` means something, and `returned` is not None, only where the outcome is OK.
    """

    client: Client
    input: tuple[Any, ...]
    output: Any
    invoked: int
    returned: int | None
    outcome: Outcome = Outcome.OK

    @property
    def text(self) -> str:
        """On one line, for people: "c1: put x 1 -> ok"."""
        answer = shown(self.output) if self.outcome is Outcome.OK else self.outcome
        return f"{self.client}: {' '.join(map(_word, self.input))} -> {answer}"


def shown(value: Any) -> str:
    """A value as people read it in a message, shortened in its middle when it is long."""
    text = "[" + ", ".join(map(shown, value)) + "]" if isinstance(value, tuple) else repr(value)
    return text if len(text) <= 120 else f"{text[:60]} ... {text[-55:]}"


def _word(value: Any) -> str:
    return value if isinstance(value, str) and value and " " not in value else shown(value)


def frozen(value: Any) -> Any:
    """`value` with its lists made tuples. Raises TypeError for what no history can hold."""
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    if isinstance(value, list | tuple):
        return tuple(map(frozen, value))
    raise TypeError(f"a history cannot hold {value!r}: it takes None, numbers, text, bytes and sequences of these")


# ---- recording ----


class Call:
    """An operation under way. Ends by `ok`, `failed` or `unknown`, once.

    As a context manager it ends by itself: as unknown, unless it was told otherwise inside. Exceptions pass through.
    """

    __slots__ = ("operation", "_recorder")

    def __init__(self, recorder: Recorder, operation: Operation) -> None:
        self.operation = operation
        self._recorder = recorder

    def ok(self, output: Any = None) -> None:
        """It took effect, and this was the answer."""
        self._end(Outcome.OK, frozen(output))

    def failed(self) -> None:
        """It certainly took no effect."""
        self._end(Outcome.FAILED)

    def unknown(self) -> None:
        """Nobody can tell: a timeout, a broken connection, a crash."""
        self._end(Outcome.UNKNOWN)

    def _end(self, outcome: Outcome, output: Any = None) -> None:
        self._recorder.end(self, outcome, output)

    def __enter__(self) -> Call:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._recorder.under_way(self):
            self.unknown()


class Recorder:
    """Takes down what clients do, from any thread.

    Each event gets a time of its own, at least 1 ns later than the one before. So two events of one instant of virtual
    time, or of a clock that was set back, keep the order in which they were recorded: it is what the checkers go by.
    """

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        """`clock` gives ns, virtual or real; None: events are numbered."""
        self._clock = clock or count(1).__next__
        self._lock = threading.Lock()
        self._last: int | None = None
        self._calls: list[Call] = []
        self._under_way: set[Call] = set()

    def begin(self, client: Client, input: Iterable[Any]) -> Call:
        """To be called before the operation is sent."""
        given = frozen(tuple(input))
        with self._lock:
            call = Call(self, Operation(client, given, None, self._now(), None, Outcome.UNKNOWN))
            self._calls.append(call)
            self._under_way.add(call)
        return call

    def end(self, call: Call, outcome: Outcome, output: Any) -> None:
        with self._lock:
            if call not in self._under_way:
                raise Invalid(f"this operation has ended before: {call.operation.text}")
            self._under_way.remove(call)
            now = self._now()
            call.operation = call.operation._replace(
                output=output, returned=None if outcome is Outcome.UNKNOWN else now, outcome=outcome
            )

    def under_way(self, call: Call) -> bool:
        return call in self._under_way

    @property
    def history(self) -> list[Operation]:
        """All operations so far, in the order of their beginning. Those that are under way are unknown."""
        with self._lock:
            return [call.operation for call in self._calls]

    def _now(self) -> int:
        now = self._clock()
        self._last = now if self._last is None or now > self._last else self._last + 1
        return self._last


# ---- as text ----


def to_lines(history: Iterable[Operation]) -> Iterator[str]:
    """One line of JSON for each operation, without line ends. Bytes become {"bytes": TEXT}, a character each."""
    for operation in history:
        yield json.dumps(operation._asdict() | {"input": _plain(operation.input), "output": _plain(operation.output)})


def from_lines(lines: Iterable[str]) -> list[Operation]:
    """What `to_lines` made; empty lines are passed over. Raises Invalid, which names the line and what is wrong."""
    return [_operation(line, number) for number, line in enumerate(lines, 1) if line.strip()]


def _operation(line: str, number: int) -> Operation:
    try:
        operation = Operation(**_fields(json.loads(line)))
        _check(operation)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"line {number} of the history is no operation: {error}") from None
    return operation


def _fields(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict) or set(given) != set(Operation._fields):
        raise ValueError(f"it must be an object of {', '.join(Operation._fields)}")
    given["outcome"] = Outcome(given["outcome"])
    given["input"], given["output"] = _value(given["input"]), _value(given["output"])
    return given


def _check(operation: Operation) -> None:
    client, input, _, invoked, returned, outcome = operation
    if type(client) not in (str, int):
        raise ValueError("`client` is text or a number")
    if type(input) is not tuple or not input:
        raise ValueError("`input` is a sequence that begins with the operation's name")
    if type(invoked) is not int or type(returned) is not (type(None) if outcome is Outcome.UNKNOWN else int):
        raise ValueError("`invoked` is a number, and so is `returned`, unless the outcome is unknown: then it is null")
    if returned is not None and returned < invoked:
        raise ValueError("it returned before it was invoked")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    return [*map(_plain, value)] if isinstance(value, tuple) else value


def _value(plain: Any) -> Any:
    if isinstance(plain, dict):
        if set(plain) != {"bytes"} or not isinstance(plain["bytes"], str):
            raise ValueError('an object in a value is {"bytes": TEXT}')
        return plain["bytes"].encode("latin-1")
    return tuple(map(_value, plain)) if isinstance(plain, list) else plain
