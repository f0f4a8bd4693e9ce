"""A component as the host runs it: core modules, compiled, and where each of their imports comes from.

Made by the loader from what `abi/component.py` has read; the gate and the native domain make instances of it. Owns the
check that each function of the outside has the core type of its table, and each export that the host calls; and that
the parts fit each other, which the engine would find out when it joins them, in the first turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import wasmtime

from radon.abi import syscalls
from radon.abi.errors import LoadError
from radon.abi.parts import NESTED, Export, Flat, Imported, shown
from radon.abi.signature import Syscall
from radon.host import engine, signatures, wasi2

MAX_REALLOCS = 8
"""Functions of one component that make room for what the host hands in."""

DROP = "[resource-drop]"

_STANDARD = f"{syscalls.PACKAGE}/"
_DROPS = {row.field: row for row in syscalls.SYSCALLS if row.field.startswith(DROP)}


class Offer(NamedTuple):
    """A function of the host, as a part imports it."""

    interface: str  # of WASI without its version
    field: str
    params: tuple[str, ...]
    results: tuple[str, ...]
    realloc: int  # which of `Assembly.reallocs` makes room for its result

    @property
    def words(self) -> str:
        """Of a resource that it drops the name, else why it fails the turn if `row` is None: one line, not too long."""
        if self.field.startswith(DROP):
            return shown(self.field.removeprefix(DROP))
        if self.interface == NESTED:
            return f"{shown(self.field)} is of a component inside this one, which Radon does not join with others"
        return f"{shown(f'{self.interface} {self.field}')} is not offered: an atom has no files, sockets or the like"

    @property
    def row(self) -> Syscall | None:
        """What it does. None: it drops a resource of WASI, or only fails the turn."""
        place = self.interface, self.field
        return syscalls.BY_IMPORT.get(place) or wasi2.BY_IMPORT.get(place)


class Part(NamedTuple):
    """A core instance; `supplies` are its imports, in the order of the module."""

    compiled: wasmtime.Module
    supplies: tuple[Export | Offer, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Assembly:
    """Its parts are made in order, in one store. What an entry leads to is there once its part is made."""

    parts: tuple[Part, ...]
    entries: Mapping[str, Export]  # handlers and posts, named as the core module of an atom names them
    reallocs: tuple[Export, ...]  # the first one is for what the handlers are given
    memory: Export
    pages: int  # of the memory, at the beginning

    def offers(self) -> Iterator[Offer]:
        """All of the host's that is imported, some of it more than once."""
        for part in self.parts:
            for supply in part.supplies:
                if isinstance(supply, Offer):
                    yield supply


def assemble(flat: Flat) -> Assembly:
    """What a component was made of, compiled. Raises LoadError."""
    reallocs = _reallocs(flat)
    compiled = {number: engine.compile(bytes(flat.modules[number])) for number in {part.module for part in flat.parts}}
    parts = tuple(
        Part(compiled[part.module], tuple(_supplies(part.supplies, compiled[part.module], reallocs)))
        for part in flat.parts
    )
    _check_joints(parts)
    entries: dict[str, Export] = {}
    for row in syscalls.HANDLERS.values():
        lifted = flat.exports.get(row.export)
        if lifted is not None:
            entries[row.export] = lifted.function
            if lifted.post is not None:
                entries[row.post] = lifted.post
    lifted = flat.exports[syscalls.HANDLERS["receive"].export]
    assert lifted.memory is not None
    (memory,) = flat.memories()
    assembly = Assembly(parts, entries, reallocs, lifted.memory, memory.minimum)
    _check_entries(assembly)
    return assembly


def _reallocs(flat: Flat) -> tuple[Export, ...]:
    lifted = [flat.exports[row.export] for row in syscalls.HANDLERS.values() if row.export in flat.exports]
    found = {one.realloc: None for one in lifted if one.realloc is not None}
    if len(found) > 1:
        raise LoadError("the component's handlers have different `realloc`s; Radon calls one for all of them")
    found |= {
        supply.realloc: None
        for part in flat.parts
        for supply in part.supplies
        if isinstance(supply, Imported) and supply.realloc is not None
    }
    if len(found) > MAX_REALLOCS:
        raise LoadError(f"the component has {len(found)} `realloc`s; Radon tells {MAX_REALLOCS} apart")
    return tuple(found)


def _supplies(
    supplies: tuple[Export | Imported, ...], compiled: wasmtime.Module, reallocs: tuple[Export, ...]
) -> Iterator[Export | Offer]:
    for supply, wanted in zip(supplies, compiled.imports, strict=True):
        if isinstance(supply, Export):
            yield supply
            continue
        what = f"import {shown(supply.interface)}.{shown(supply.name)}"
        params, results = signatures.of_function(wanted.type, what)
        realloc = reallocs.index(supply.realloc) if supply.realloc is not None else 0
        offer = Offer(*_place(supply), params, results, realloc)
        row = offer.row
        if row is not None:
            signatures.check(what, wanted.type, (row.params, row.results))
        elif supply.name.startswith(DROP):
            signatures.check(what, wanted.type, (("i32",), ()))
        yield offer


def _check_joints(parts: tuple[Part, ...]) -> None:
    exports = {part.compiled: {export.name: export.type for export in part.compiled.exports} for part in parts}
    checked = set()
    for part in parts:
        for supply, wanted in zip(part.supplies, part.compiled.imports, strict=True):
            if isinstance(supply, Export):
                source = parts[supply.part].compiled
                joint = part.compiled, wanted.module, wanted.name, source, supply.name
                if joint not in checked:
                    checked.add(joint)
                    what = f"import {shown(wanted.module)}.{shown(wanted.name or '')} of a module inside the component"
                    signatures.check_supply(what, wanted.type, exports[source][supply.name])


def _place(imported: Imported) -> tuple[str, str]:
    """The interface and field that the tables have. A type may be used by way of another interface than its own."""
    if imported.name in _DROPS and imported.interface.startswith(_STANDARD):
        return _DROPS[imported.name].interface, imported.name
    return wasi2.interface_of(imported.interface) or imported.interface, imported.name


def _check_entries(assembly: Assembly) -> None:
    wanted = {entry: signatures.EXPORTS[name] for name, entry in assembly.entries.items()}
    wanted |= dict.fromkeys(assembly.reallocs, signatures.REALLOC)
    for number, part in enumerate(assembly.parts):
        names = {entry.name for entry in wanted if entry.part == number}
        found = {export.name: export.type for export in part.compiled.exports if export.name in names}
        for entry, signature in wanted.items():
            if entry.part == number:
                signatures.check(f"export {shown(entry.name)!r}", found[entry.name], signature)
