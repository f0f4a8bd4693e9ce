"""Writes inputs that a fuzz target begins with, made by Radon's own encoders: they follow when a record changes.

usage: seeds.py TARGET FOLDER
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from radon.abi import frames
from radon.abi.delivery import Address, Delivery, Form
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


def records() -> Iterator[tuple[str, bytes]]:
    """(name, body): one of each record, with zeros for its fixed fields, and all in one body."""
    bodies = []
    for cls, layout in LAYOUTS.items():
        fixed = struct.unpack(f"<{layout.fixed}", bytes(struct.calcsize(f"<{layout.fixed}")))
        bodies.append((cls.__name__, frames.encode(cls(*fixed, *(VALUES[letter] for letter in layout.variable)))))
    yield from bodies
    yield "all", b"".join(body for _, body in bodies)


TARGETS = {"frames": records}
"""A target that is not here begins with what stands in tests/fuzz/corpus, or with nothing."""


def main(target: str, folder: str) -> None:
    for name, body in TARGETS[target]() if target in TARGETS else ():
        Path(folder, name).write_bytes(body)


if __name__ == "__main__":
    main(*sys.argv[1:])
