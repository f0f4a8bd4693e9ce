"""Writes inputs that a fuzz target begins with, made by Radon's own encoders: they follow when a record changes.

usage: seeds.py TARGET FOLDER, or seeds.py guests FOLDER for a header with the guests of lowering.c
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import wasmtime
from wasmtime import _ffi

from radon.abi import binary, frames
from radon.abi import crossing as c
from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address, Delivery, Form
from radon.abi.records import LAYOUTS
from radon.abi.signature import Syscall
from radon.abi.syscalls import SYSCALLS

sys.path.insert(0, str(Path(__file__).parents[2]))
from radon.host.native.tables import core_types
from tests.hostile.puppet import DIRECT, NUMBER, PUPPET, text
from tests.hostile.wat import WASI2, WASI2_VERSION

SOMEBODY = Address("kind", "key", 7)
METADATA = (("name", b"value"), ("", b""))
VALUES: dict[str, Any] = {
    "s": "text",
    "b": b"bytes",
    "a": SOMEBODY,
    "d": Delivery(bytes(16), Form.MESSAGE, body=b"body", sender=SOMEBODY, topic="topic", metadata=METADATA),
    "m": METADATA,
}


ID, OTHER = bytes(15) + b"\1", bytes(15) + b"\2"
LIFE: list[Any] = [
    r.Setup(1, 3, bytes(32), bytes(32)), r.Step(9, 100), r.At("kind", "key"), r.Born(7, NOWHERE),
    r.Put("bucket", b"key", b"value"), r.TimerSet(7, 200), r.Kept(8, VALUES["d"]), r.Asked(ID, 1, 300, SOMEBODY),
    r.Watched(3, bytes(16), SOMEBODY), r.ChildEnded(1, SOMEBODY), r.Delivered(Delivery(ID, body=b"one")),
    r.Delivered(Delivery(OTHER, sender=SOMEBODY)), r.Attempted(OTHER, 1, 200), r.Suspended(ID, 0, 8, 100),
    r.Called(OTHER, 400, r.CALL, b"digest"), r.Answered(OTHER, 101, 0, 0, METADATA, b"body"),
    r.At("@topic", "news"), r.Subscribed(SOMEBODY), r.Postponed(200, SOMEBODY, Delivery(ID)),
    r.Stored(300, 0, "name", b"body"), r.Seen(300, "once"), r.Died(1, "err", SOMEBODY, Delivery(ID)),
    r.Left(0, 1, b"crossing"), r.Left(0, 2, b"crossing"), r.LeftGone(0, 1), r.Arrived(2, 1),
]  # fmt: skip
"""A log that fits together."""

THIRD = Address("kind", "key", 9)
CROSSINGS = frames.encode_all([
    c.Mail(Address("@topic", "news"), Delivery(ID, token=1, sender=SOMEBODY)),
    c.Mail(SOMEBODY, Delivery(ID, cast=True)),
    c.Handed(SOMEBODY, Delivery(OTHER, topic="news")), c.Handed(THIRD, Delivery(OTHER, topic="weather")),
    c.Answer(ID, 0, SOMEBODY, METADATA, b"body", THIRD),
    c.Answer(ID, 6, Address("@once", "again", 1), (), b"", NOWHERE),
    c.Begin(ID, THIRD, SOMEBODY, b"args"), c.Watch(1, bytes(16), SOMEBODY, THIRD), c.Watch(0, ID, THIRD, SOMEBODY),
    c.Unwatch(ID, SOMEBODY, THIRD), c.Told(1, bytes(16), 0, 3, THIRD, SOMEBODY), c.Exited(4, THIRD, SOMEBODY),
    c.Fetch(ID, 1, 0, "0" * 64), c.Fetched(ID, 0, 1, 0, 4, b"body"), c.Fetched(ID, 2, 1, 0, 0, b""),
    c.Stop(SOMEBODY),
])  # fmt: skip

INPUTS = [
    x.Now(150), x.Post(1, 0, 1, Address("@topic", "news"), NOWHERE, "", "again", METADATA, b"body"),
    x.Listen(1, "news"), x.Post(2, 0, 1, Address("kind", "key"), NOWHERE, "pair", "", (), b""), x.Revive(ID, 1),
    x.Now(1000), x.Unlisten(1, "news"), x.Crossed(2, 1, CROSSINGS), x.Crossed(0, 0, CROSSINGS), x.Acknowledged(0, 2),
    x.Resend(0),
]  # fmt: skip


def bodies() -> Iterator[tuple[str, bytes]]:
    """(name, input) as frames.c takes it apart: one of each record with zeros for its fixed fields, and a life."""
    for cls, layout in LAYOUTS.items():
        fixed = struct.unpack(f"<{layout.fixed}", bytes(struct.calcsize(f"<{layout.fixed}")))
        record = frames.encode(cls(*fixed, *(VALUES[letter] for letter in layout.variable)))
        yield cls.__name__, _parts(record, b"", b"")
        yield f"input-{cls.__name__}", _parts(b"", b"", record)
    half = len(LIFE) // 2
    yield "life", _parts(*map(frames.encode_all, (LIFE[:half], LIFE[half:], INPUTS)))


def _parts(snapshot: bytes, log: bytes, inputs: bytes) -> bytes:
    return struct.pack("<HH", len(snapshot), len(log)) + snapshot + log + inputs


HANDLES = {"message": 1, "address": 2, "bucket": 3, "object": 4, "output-stream": 2, "input-stream": 3, "pollable": 4}
"""Which the steps of `BEFORE` make; and those before a function of WASI."""

BEFORE = ("messaging.self", "state.open", "objects.put")
RUN, COMMIT, LATER = b"\x0a", b"\x0b", b"\xf8"
"""What lowering.c takes these for: all turns, and the commit; the commit; 2^15 ns pass."""


def histories() -> Iterator[tuple[str, bytes]]:
    """(name, input) as lowering.c takes it apart: each syscall once, with arguments that mean something."""
    rows = {row.name: number for number, row in enumerate(SYSCALLS)}
    for name, number in rows.items():
        for flags, to in ((0, 0), (0, 2), (12, 1)):  # with a fiber and without; in one of several domains
            steps = [_step(rows[before]) for before in BEFORE] + 2 * [_step(number)]
            message = bytes((0, to, 4, len(steps))) + b"".join(steps) + bytes(range(32))
            yield f"{name}-{to}", bytes((flags,)) + message + RUN + message + LATER + RUN + b"\x0c" + message + RUN
    for row in WASI2:
        steps = [bytes((NUMBER[name],)) for name in ("stdout.get-stdout", "stdin.get-stdin")]
        steps += [bytes((NUMBER["monotonic-clock.subscribe-instant"], 1)), _step(NUMBER[row.name], row)]
        message = bytes((0, 6, 4, len(steps))) + b"".join(steps) + bytes(range(32))
        yield f"{row.name}-joined", b"\0" + message + RUN + message + RUN


def _step(number: int, row: Syscall | None = None) -> bytes:
    row = row or SYSCALLS[number]
    taken = b"".join(_argument(taken) for taken in row.takes)
    area = b"" if not row.gives or row.results else bytes((130,))
    return bytes((number,)) + taken + area


def _argument(taken: str) -> bytes:
    """As put_argument takes it."""
    if taken.startswith("borrow<"):
        return bytes((HANDLES[taken[7:-1]],))
    if taken.startswith("option<"):
        return b"\1" + _argument(taken[7:-1])
    if taken in ("string", "list<u8>"):
        return bytes((192 + 10,))
    return b"\4\0" if taken.startswith("list<") else b"\1"


def lives() -> Iterator[tuple[str, bytes]]:
    """(name, input) as tcp.c takes it apart, and any output of a domain."""
    begin, write, read, half, close, _, answer, fail, say, end, lose, serve, sweep, drain, cut, raw = range(16)
    first = [begin, serve, write, serve, answer, serve, read]
    for name, steps in {
        "half": [*first, half, serve, end], "closed": [*first, write, serve, close, serve, answer],
        "failed": [*first, write, serve, fail], "unread": [*first, *[say] * 4, serve, sweep, read, serve, end],
        "lost": [*first, lose, serve], "stopped": [*first, write, drain, answer, end, serve],
        "cut": [*first, write, serve, cut],
    }.items():  # fmt: skip
        yield name, bytes(byte for step in steps for byte in (step, 8))
    peer = Address("@tcp", "p-1")
    for output in (
        x.Sent(0, peer, VALUES["d"]),
        x.Hangup(Address("kind", "p-1")),
        x.Reply(1 << 63 | 1, 6, METADATA, b""),
    ):
        yield type(output).__name__, bytes((begin, 0, raw, 0)) + frames.encode(output)


TARGETS = {"frames": bodies, "lowering": histories, "tcp": lives}
"""A target that is not here begins with what stands in tests/fuzz/corpus, or with nothing."""


def guests() -> str:
    """A header with the puppets as modules, what the one of a component imports, and where wasmtime is."""
    lines = [f'#define WASMTIME "{_ffi.filename}"']
    joined = text(suspending=True, wasi2=WASI2)
    for name, guest in {"puppet": PUPPET, "direct": DIRECT, "joined": joined}.items():
        module = ", ".join(map(str, wasmtime.wat2wasm(guest)))
        lines.append(f"static const uint8_t {name}_wasm[] = {{{module}}};")
    rows = {(f"{row.interface}@{WASI2_VERSION}", row.field): row for row in WASI2}
    rows |= {(row.interface, row.field): row for row in SYSCALLS}
    lines.append("#define JOINED_IMPORTS(X) \\")
    for space, field, _ in binary.read_core(bytes(wasmtime.wat2wasm(joined))).imports:
        row = rows[space, field]
        types = f'"{core_types(row.params)}", "{core_types(row.results)}"'
        words = field.removeprefix("[resource-drop]")
        lines.append(f'    X("{row.interface}", "{field}", {types}, "{words}") \\')
    lines += ["", "#define JOINED_STEPS(X) \\"]
    lines += [f'    X("{core_types(row.params)}") \\' for row in WASI2]
    return "\n".join([*lines, ""])


def main(target: str, folder: str) -> None:
    if target == "guests":
        Path(folder, "guests.h").write_text(guests())
    for name, body in TARGETS[target]() if target in TARGETS else ():
        Path(folder, name).write_bytes(body)


if __name__ == "__main__":
    main(*sys.argv[1:])
