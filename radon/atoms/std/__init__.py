"""The standard atoms: what `module = "std:NAME"` in a manifest stands for. Each has a folder, with sources and module.

Owns where they are and what a manifest must say of them. `build.py` makes the modules; their clients are elsewhere
(`radon/kv`, `guest-sdk/c/kv.h` and `txkv.h`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PREFIX = "std:"

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Standard:
    """One standard atom."""

    name: str
    spread: str  # the only one that it works with
    shared: tuple[str, ...] = ()  # sources that it is made of too, which lie with others
    memory: str = "private"  # how it has to have it

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def path(self) -> Path:
        """The module."""
        return self.folder / f"{self.name}.wasm"

    @property
    def sources(self) -> list[Path]:
        return sorted([*self.folder.glob("*.c"), *(FOLDER / source for source in self.shared)])


KV = ("kv/kv.c", "kv/requests.c", "kv/batches.c", "kv/entries.c")

STANDARDS = {
    standard.name: standard
    for standard in (
        Standard("kv", "sharded"),
        Standard("keyspace", "sharded", KV),
        Standard("txkv", "sharded"),
        Standard("resp", "keyed", memory="shared"),
    )
}
