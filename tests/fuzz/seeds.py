"""Writes inputs that a fuzz target begins with, made by Radon's own encoders: they follow when a record changes.

usage: seeds.py TARGET FOLDER
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from radon.abi import exchange as x
from radon.abi import frames
from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address, Delivery, Form
from radon.abi.records import LAYOUTS

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
    r.Setup(7, bytes(32), bytes(32)), r.Step(9, 100), r.At("kind", "key"), r.Born(7, NOWHERE),
    r.Put("bucket", b"key", b"value"), r.TimerSet(7, 200), r.Kept(8, VALUES["d"]), r.Asked(ID, 1, 300, SOMEBODY),
    r.Watched(3, bytes(16), SOMEBODY), r.ChildEnded(1, SOMEBODY), r.Delivered(Delivery(ID, body=b"one")),
    r.Delivered(Delivery(OTHER, sender=SOMEBODY)), r.Attempted(OTHER, 1, 200), r.Suspended(ID, 0, 8, 100),
    r.Called(OTHER, 400, r.CALL, b"digest"), r.Answered(OTHER, 101, 0, 0, METADATA, b"body"),
    r.At("@topic", "news"), r.Subscribed(SOMEBODY), r.Postponed(200, SOMEBODY, Delivery(ID)),
    r.Stored(300, 0, "name", b"body"), r.Seen(300, "once"), r.Died(1, "err", SOMEBODY, Delivery(ID)),
]  # fmt: skip
"""A log that fits together."""

INPUTS = [
    x.Now(150), x.Post(1, 0, 1, Address("@topic", "news"), NOWHERE, "", "again", METADATA, b"body"),
    x.Listen(1, "news"), x.Post(2, 0, 1, Address("kind", "key"), NOWHERE, "pair", "", (), b""), x.Revive(ID, 1),
    x.Now(1000), x.Unlisten(1, "news"),
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


TARGETS = {"frames": bodies}
"""A target that is not here begins with what stands in tests/fuzz/corpus, or with nothing."""


def main(target: str, folder: str) -> None:
    for name, body in TARGETS[target]() if target in TARGETS else ():
        Path(folder, name).write_bytes(body)


if __name__ == "__main__":
    main(*sys.argv[1:])
