"""What a module is and needs, for people and programs: what `build` and `inspect` show."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radon.abi import binary, syscalls
from radon.abi.errors import LoadError
from radon.cli.printing import say
from radon.host.limits import KIB

if TYPE_CHECKING:
    from radon.host.loader import Module

_NEEDS = {
    "messaging.open": "KIND/GLOB",
    "lifecycle.spawn": "spawn:KIND",
    "lifecycle.spawn-many": "spawn:KIND",
    "lifecycle.stop": "stop:KIND/GLOB",
    "topics.publish": "publish:GLOB",
    "topics.subscribe": "subscribe:GLOB",
}
"""Syscalls that are denied without a grant, and its form. `messaging.open` also opens links and its own kind."""


def facts_of(module: Module) -> dict[str, Any]:
    """The keys that docs/cli.md explains."""
    names = sorted(_name(space, field) for space, field in module.imports)
    return {
        "size": module.size,
        "digest": module.digest,
        "memory": module.memory_pages * 64 * KIB,
        "handlers": sorted(module.handlers),
        "imports": names,
        "suspends": module.suspends,
        "stateful": module.stateful,
        "wasi": module.wasi,
        "grants": sorted({_NEEDS[name] for name in names if name in _NEEDS}),
    }


def warn_of_command(file: Path) -> None:
    """Tell of a module that is served, but never begins. Loads no engine; what is wrong otherwise is the loader's."""
    with suppress(OSError, LoadError):
        if file.is_file() and binary.is_command(file.read_bytes()):
            say(
                f"warning: {file} was linked as a command: nobody calls its _start, so that its constructors never "
                "run; link it as a reactor, with -mexec-model=reactor"
            )


def _name(space: str, field: str) -> str:
    call = syscalls.BY_IMPORT.get((space, field))
    return call.name if call is not None else f"{space}.{field}"
