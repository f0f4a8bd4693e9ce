"""What a component comes down to when nothing but core modules is left of it: plain data, and how it is narrowed down.

Owns the words for that. How it is read out of a component's bytes is `component.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from radon.abi import binary

MAX_PARTS = 256
"""Instances of core modules that a component may come down to."""

MAX_SUPPLIES = 100_000
"""What these may import between them: all of it is handed in anew whenever the component is instantiated."""


class Export(NamedTuple):
    """What an earlier part exports under this name."""

    part: int
    name: str
    kind: str  # "func", "table", "memory", "global" or "tag"


NESTED = ""
"""The interface of what one component in another would have to offer to the next."""


class Imported(NamedTuple):
    """A function that the component imports, as a core function; the drop of a resource is "[resource-drop]NAME"."""

    interface: str  # "wasi:io/streams@0.2.3"; NESTED: it is no import
    name: str
    realloc: Export | None = None  # what makes room for its result

    @property
    def kind(self) -> str:
        return "func"


class Part(NamedTuple):
    """An instance of a core module. `supplies` are its imports, in the order of the module."""

    module: int
    supplies: tuple[Export | Imported, ...]


class Lifted(NamedTuple):
    """A core function as the component exports it."""

    function: Export
    memory: Export | None
    realloc: Export | None
    post: Export | None  # is called with what the function returned


@dataclass(slots=True)
class Flat:
    """A component, flattened: its parts in the order in which they are made, without those that no export needs."""

    modules: list[memoryview] = field(default_factory=list)
    read: list[binary.CoreModule] = field(default_factory=list)  # what each of the modules says of itself
    parts: list[Part] = field(default_factory=list)
    exports: dict[str, Lifted] = field(default_factory=dict)  # "radon:atom/handler@0.1.0#receive"

    def memories(self) -> list[binary.Memory]:
        """Those that the parts bring, one by one."""
        found: list[binary.Memory] = []
        for part in self.parts:
            module = self.read[part.module]
            found += module.memories[sum(kind == "memory" for _, _, kind in module.imports) :]
        return found


def narrow(flat: Flat) -> None:
    """Leave out all parts that no export is joined with."""
    _leave_out(flat, _joined(flat))


def _joined(flat: Flat) -> list[int]:
    """The parts that can be reached from those of the exports, in either direction."""
    neighbours: list[set[int]] = [set() for _ in flat.parts]
    for number, part in enumerate(flat.parts):
        for supply in part.supplies:
            other = supply if isinstance(supply, Export) else supply.realloc
            if other is not None:
                neighbours[number].add(other.part)
                neighbours[other.part].add(number)
    found: set[int] = set()
    left = [export.part for lifted in flat.exports.values() for export in lifted if export is not None]
    while left:
        number = left.pop()
        if number not in found:
            found.add(number)
            left += neighbours[number]
    return sorted(found)


def _leave_out(flat: Flat, kept: list[int]) -> None:
    """All parts but these."""
    numbers = {number: new for new, number in enumerate(kept)}

    def moved(item: Any) -> Any:
        if isinstance(item, Export):
            return item._replace(part=numbers[item.part])
        return item._replace(realloc=moved(item.realloc)) if isinstance(item, Imported) else item

    flat.parts = [
        Part(part.module, tuple(map(moved, part.supplies))) for part in (flat.parts[number] for number in kept)
    ]
    flat.exports = {name: Lifted(*map(moved, lifted)) for name, lifted in flat.exports.items()}


def shown(name: str) -> str:
    """On one line, whatever a component calls it."""
    return ascii(name)[1:-1][:120]
