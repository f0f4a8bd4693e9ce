"""The core types on which host and guest agree: of what the host calls. It is called without checks by the engine.

Owns how a function of a module is compared with what the table says of it, and how that reads when it differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import wasmtime

from radon.abi import syscalls
from radon.abi.errors import LoadError

Signature = tuple[Iterable[str], Iterable[str]]
"""Core types: parameters, results."""

REALLOC: Signature = (("i32",) * 4, ("i32",))

EXPORTS: Mapping[str, Signature] = {
    "cabi_realloc": REALLOC,
    "_initialize": ((), ()),
    **{row.export: (row.params, row.results) for row in syscalls.HANDLERS.values()},
    **{row.post: (row.results, ()) for row in syscalls.HANDLERS.values()},
}
"""The exports that the host calls."""


def of_function(found: object, what: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of what a module imports or exports. Raises LoadError if it is no function."""
    if not isinstance(found, wasmtime.FuncType):
        raise LoadError(f"{what} is no function")
    return tuple(map(str, found.params)), tuple(map(str, found.results))


def check(what: str, found: object, wanted: Signature) -> None:
    """Raises LoadError unless `found` is a function of these core types."""
    have = _text(of_function(found, what))
    if have != _text(wanted):
        raise LoadError(f"{what} is {have}; it must be {_text(wanted)}")


def _text(signature: Signature) -> str:
    params, results = signature
    return f"({' '.join(params)}) -> ({' '.join(results)})"
