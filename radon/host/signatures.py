"""The core types on which host and guest agree: of what the host calls. It is called without checks by the engine.

Owns how a function of a module is compared with what the table says of it, what one part of a component exports with
what another one imports, and how that reads when it differs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import wasmtime

from radon.abi import syscalls
from radon.abi.errors import LoadError

Signature = tuple[Iterable[str], Iterable[str]]
"""Core types: parameters, results."""

REALLOC: Signature = (("i32",) * 4, ("i32",))

ARENA = "radon_arena"
"""The constant that a core module may export: the address of two words, where the free part of its memory begins and
where it ends. The host takes whole units of `ARENA_UNIT` bytes from its beginning (rule 2.3)."""

ARENA_UNIT = 16

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


def check_arena(found: object) -> None:
    """Raises LoadError unless it is a constant i32."""
    if (shape := _shape(found)) != _Shape("a constant i32"):
        raise LoadError(f"export {ARENA!r} is {shape}; it must be a constant i32")


def check_supply(what: str, wanted: object, given: object) -> None:
    """Raises LoadError unless an import of the type `wanted` can be an export of the type `given`."""
    takes, has = _shape(wanted), _shape(given)
    if takes.kind != has.kind or not (takes.least <= has.least and has.most <= takes.most):
        raise LoadError(f"{what} is {takes}, and is given {has}")


class _Shape(NamedTuple):
    """A type of the engine's, as far as it has to be the same, and between which bounds it may grow."""

    kind: str
    least: int = 0
    most: float = 0

    def __str__(self) -> str:
        if self.most == 0:
            return self.kind
        return f"{self.kind} of {self.least} {'or more' if self.most == math.inf else f'to {self.most}'}"


def _shape(type_: Any) -> _Shape:
    if isinstance(type_, wasmtime.FuncType):
        return _Shape(_text(of_function(type_, "")))
    if isinstance(type_, wasmtime.GlobalType):
        return _Shape(f"a {'mutable' if type_.mutable else 'constant'} {type_.content}")
    kind = f"a table of {type_.element}" if isinstance(type_, wasmtime.TableType) else "a memory"
    least, most = type_.limits.min, type_.limits.max
    return _Shape(kind, least, math.inf if most is None else most)


def _text(signature: Signature) -> str:
    params, results = signature
    return f"({' '.join(params)}) -> ({' '.join(results)})"
