"""The shape of the rows in `syscalls.py`: one imported function, one exported handler.

Owns the words of the table (effects, core types); the rows themselves come from radon.wit, never from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CoreType = Literal["i32", "i64", "f64"]

Effect = Literal["none", "reads", "writes", "sends", "suspends", "logs"]
"""What a syscall does to the turn.

none      answers from the turn's inputs or from a handle; changes at most the handle table
reads     sees this atom's durable state or objects
writes    joins the commit, and concerns this atom only
sends     joins the commit, and reaches another atom
suspends  ends the run of the turn until an answer or a time comes
logs      leaves at once, and stays when the turn is undone
"""


@dataclass(frozen=True, slots=True)
class Syscall:
    """One function that a core module may import, as the Canonical ABI lowers it; the drop of a resource is one too."""

    interface: str  # the import's module: "radon:atom/state@0.1.0"
    field: str  # the import's name in it: "[method]bucket.get"
    name: str  # as Radon's messages write it: "state.bucket.get"
    params: tuple[CoreType, ...]  # a result that does not fit one core value adds a last i32: where to write it
    results: tuple[CoreType, ...]
    effect: Effect
    fails: bool  # can answer an error-code
    takes: tuple[str, ...]  # the types of the parameters as the WIT writes them: "borrow<bucket>", "list<u8>"
    gives: str  # the type of the result; "": none
    handler: str = ""  # the `Handler.name` that an answer comes to in a later turn; "": none


@dataclass(frozen=True, slots=True)
class Handler:
    """One function that a core module may export. Each returns the address of a `result<_, string>`."""

    name: str  # "receive"
    interface: str  # "radon:atom/handler@0.1.0"
    export: str  # "radon:atom/handler@0.1.0#receive"
    post: str  # called with the returned address once the result is read; a guest may leave it out
    params: tuple[CoreType, ...]
    results: tuple[CoreType, ...]
    required: bool  # an atom without it is none
