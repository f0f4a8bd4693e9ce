"""Parents and children, for the tests of lives: a parent spawns, keeps the address, and tells the child when to end."""

from __future__ import annotations

from radon.testing.harness import Harness
from tests.scripts import run, word

HOLD = ("$s = bucket.get data child", "$c = messaging.unseal $s")
"""In a parent: the address of its last child, from where `spawn` put it."""


def spawn(h: Harness, parent: str, args: bytes = b"") -> str:
    """The parent spawns a child and keeps its address in its state; the child's name."""
    lines = (f"$c = lifecycle.spawn script {word(args)}", "$s = address.seal $c", "bucket.put data child $s")
    return run(h, parent, *lines, "address.text $c")[-1].removeprefix("ok ")


def end(h: Harness, atom: str, status: int = 0) -> None:
    run(h, atom, f"lifecycle.exit {status}")
