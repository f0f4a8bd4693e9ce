"""WASI 0.2 for components whose language insists on it: deterministic, and as little as a language's runtime needs.

Owns the table of its functions. Output goes to the log, clocks and random numbers come from the turn, arguments and
environment are empty, and time stands still: to wait for it fails the turn. What has no row here can be imported, and
fails the turn when it is called. It refuses to know files, sockets and the machine: no handle of one is ever given out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from radon.abi.signature import CoreType, Syscall
from radon.host.canonical import Err, Type, parse
from radon.host.handles import Violation
from radon.host.trap import Trap
from radon.host.wasi import MAX_WRITE, exited, put_out

if TYPE_CHECKING:
    from radon.host.turn import Turn

_VERSIONED = re.compile(r"(wasi:[a-z0-9-]+/[a-z0-9-]+)@0\.2\.\d+")
_NEVER = 2**64 - 1

# A stream is the number of its output, as `Output` has it; a pollable is the time when it is ready, ns since 1970.


def interface_of(name: str) -> str | None:
    """ "wasi:io/streams" of "wasi:io/streams@0.2.3"; None if it is no interface of WASI 0.2."""
    found = _VERSIONED.fullmatch(name)
    return found[1] if found else None


def _none(turn: Turn, *arguments: Any) -> None:
    return None


def _empty(turn: Turn) -> Sequence[Any]:
    return ()


def _closed(turn: Turn, *arguments: Any) -> Err:
    return Err(1)  # stream-error.closed


def _not_supported(turn: Turn, family: int) -> Err:
    return Err(2)  # error-code.not-supported, of sockets


def _exit(turn: Turn, status: int) -> NoReturn:
    raise exited(status)


# ---- output ----


def _stdout(turn: Turn) -> int:
    return 1


def _stderr(turn: Turn) -> int:
    return 2


def _check_write(turn: Turn, stream: int) -> int:
    return MAX_WRITE


def _write(turn: Turn, stream: int, data: bytes) -> None:
    _check_length(len(data))
    put_out(turn, stream, data)


def _write_zeroes(turn: Turn, stream: int, length: int) -> None:
    _check_length(length)
    turn.spend(length)
    put_out(turn, stream, bytes(length))


def _check_length(length: int) -> None:
    if length > MAX_WRITE:
        raise Violation(f"a write of {length} bytes to a stream that takes {MAX_WRITE} at once")


# ---- time ----


def _now(turn: Turn) -> int:
    return turn.now


def _datetime(turn: Turn) -> tuple[int, int]:
    return divmod(turn.now, 10**9)


def _resolution(turn: Turn) -> int:
    return 1


def _resolution_datetime(turn: Turn) -> tuple[int, int]:
    return 0, 1


def _at_once(turn: Turn, stream: int | None) -> int:
    return 0


def _at(turn: Turn, instant: int) -> int:
    return instant


def _after(turn: Turn, duration: int) -> int:
    return min(turn.now + duration, _NEVER)


def _ready(turn: Turn, due: int) -> bool:
    return due <= turn.now


def _poll(turn: Turn, dues: Sequence[int]) -> Sequence[int]:
    if not dues:
        raise Violation("a poll of nothing")
    ready = [index for index, due in enumerate(dues) if due <= turn.now]
    if not ready:
        raise Trap(
            "wasi", "the guest waits for time to pass, which stands still in a turn; clock.sleep and timers wait"
        )
    return ready


def _block(turn: Turn, due: int) -> None:
    _poll(turn, (due,))


# ---- random numbers ----


def _bytes(turn: Turn, length: int) -> bytes:
    if length > min(turn.kind.limits.memory, 2**32 - 1):
        raise Violation(f"{length} random bytes, more than the memory may hold")
    return turn.random(length)


def _number(turn: Turn) -> int:
    return int.from_bytes(turn.random(8), "little")


def _seed(turn: Turn) -> tuple[int, int]:
    return _number(turn), _number(turn)


# ---- the table ----

_IN, _OUT, _POLLABLE = "borrow<input-stream>", "borrow<output-stream>", "borrow<pollable>"
_DONE, _COUNT, _READ = "result<_, stream-error>", "result<u64, stream-error>", "result<list<u8>, stream-error>"

_TABLE: Mapping[str, Mapping[str, tuple[tuple[str, ...], str, Callable[..., Any]]]] = {
    "cli/environment": {
        "get-environment": ((), "list<tuple<string, string>>", _empty),
        "get-arguments": ((), "list<string>", _empty),
        "initial-cwd": ((), "option<string>", _none),
    },
    "cli/exit": {"exit": (("result",), "", _exit), "exit-with-code": (("u8",), "", _exit)},
    "cli/stdin": {"get-stdin": ((), "own<input-stream>", _none)},
    "cli/stdout": {"get-stdout": ((), "own<output-stream>", _stdout)},
    "cli/stderr": {"get-stderr": ((), "own<output-stream>", _stderr)},
    "cli/terminal-stdin": {"get-terminal-stdin": ((), "option<own<terminal-input>>", _none)},
    "cli/terminal-stdout": {"get-terminal-stdout": ((), "option<own<terminal-output>>", _none)},
    "cli/terminal-stderr": {"get-terminal-stderr": ((), "option<own<terminal-output>>", _none)},
    "clocks/monotonic-clock": {
        "now": ((), "u64", _now),
        "resolution": ((), "u64", _resolution),
        "subscribe-instant": (("u64",), "own<pollable>", _at),
        "subscribe-duration": (("u64",), "own<pollable>", _after),
    },
    "clocks/wall-clock": {
        "now": ((), "tuple<u64, u32>", _datetime),
        "resolution": ((), "tuple<u64, u32>", _resolution_datetime),
    },
    "filesystem/preopens": {"get-directories": ((), "list<tuple<own<descriptor>, string>>", _empty)},
    "io/poll": {
        "[method]pollable.ready": ((_POLLABLE,), "bool", _ready),
        "[method]pollable.block": ((_POLLABLE,), "", _block),
        "poll": ((f"list<{_POLLABLE}>",), "list<u32>", _poll),
    },
    "io/streams": {
        "[method]input-stream.read": ((_IN, "u64"), _READ, _closed),
        "[method]input-stream.blocking-read": ((_IN, "u64"), _READ, _closed),
        "[method]input-stream.skip": ((_IN, "u64"), _COUNT, _closed),
        "[method]input-stream.blocking-skip": ((_IN, "u64"), _COUNT, _closed),
        "[method]input-stream.subscribe": ((_IN,), "own<pollable>", _at_once),
        "[method]output-stream.check-write": ((_OUT,), _COUNT, _check_write),
        "[method]output-stream.write": ((_OUT, "list<u8>"), _DONE, _write),
        "[method]output-stream.blocking-write-and-flush": ((_OUT, "list<u8>"), _DONE, _write),
        "[method]output-stream.flush": ((_OUT,), _DONE, _none),
        "[method]output-stream.blocking-flush": ((_OUT,), _DONE, _none),
        "[method]output-stream.subscribe": ((_OUT,), "own<pollable>", _at_once),
        "[method]output-stream.write-zeroes": ((_OUT, "u64"), _DONE, _write_zeroes),
        "[method]output-stream.blocking-write-zeroes-and-flush": ((_OUT, "u64"), _DONE, _write_zeroes),
        "[method]output-stream.splice": ((_OUT, _IN, "u64"), _COUNT, _closed),
        "[method]output-stream.blocking-splice": ((_OUT, _IN, "u64"), _COUNT, _closed),
    },
    "random/random": {"get-random-bytes": (("u64",), "list<u8>", _bytes), "get-random-u64": ((), "u64", _number)},
    "random/insecure": {
        "get-insecure-random-bytes": (("u64",), "list<u8>", _bytes),
        "get-insecure-random-u64": ((), "u64", _number),
    },
    "random/insecure-seed": {"insecure-seed": ((), "tuple<u64, u64>", _seed)},
    "sockets/tcp-create-socket": {
        "create-tcp-socket": (("ip-address-family",), "result<own<tcp-socket>, network-error>", _not_supported),
    },
    "sockets/udp-create-socket": {
        "create-udp-socket": (("ip-address-family",), "result<own<udp-socket>, network-error>", _not_supported),
    },
}


def _core(t: Type) -> tuple[CoreType, ...]:
    """How a type is passed; of results with a value only that they are too long for one core value."""
    if t.head in ("u64", "s64"):
        return ("i64",)
    if t.head in ("string", "list") or (t.head == "result" and t.args):
        return ("i32", "i32")
    if t.head in ("tuple", "option"):
        more = tuple(core for part in t.args for core in _core(part))
        return more if t.head == "tuple" else ("i32", *more)
    return ("i32",)


def _row(interface: str, field: str, takes: tuple[str, ...], gives: str) -> Syscall:
    params = tuple(core for text in takes for core in _core(parse(text)))
    results = _core(parse(gives)) if gives else ()
    if len(results) > 1:
        params, results = (*params, "i32"), ()
    return Syscall(interface, field, f"{interface}.{field}", params, results, "none", False, takes, gives)


BY_IMPORT: Mapping[tuple[str, str], Syscall] = {
    (f"wasi:{interface}", field): _row(f"wasi:{interface}", field, takes, gives)
    for interface, fields in _TABLE.items()
    for field, (takes, gives, _) in fields.items()
}
"""Every function that does something, by interface (without its version) and field, as the gate has syscalls."""

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    f"wasi:{interface}.{field}": function
    for interface, fields in _TABLE.items()
    for field, (_, _, function) in fields.items()
}
"""What each does, by the name of its row; called as the syscalls are."""
