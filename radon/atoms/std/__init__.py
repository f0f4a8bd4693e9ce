"""The standard atoms: what `module = "std:NAME"` in a manifest stands for. Each has a folder, with sources and module.

Owns where they are and what a manifest must say of them. `build.py` makes the modules; their clients are elsewhere
(`radon/kv`, `guest-sdk/c/kv.h` and `txkv.h`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PREFIX = "std:"

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Standard:
    """One standard atom."""

    name: str
    spread: str  # the only one that it works with
    shares: tuple[str, ...] = ()  # sources of other standard atoms that it is made of too
    replicated: bool = False  # it needs two replicas of each shard, or more
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # what its config has to say, one of these
    message: int = 0  # bytes that `limits.message` has to allow for each replica, and for one more
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
        return sorted([*self.folder.glob("*.c"), *(FOLDER / source for source in self.shares)])


KV = tuple(f"kv/{name}.c" for name in ("kv", "common", "messages", "requests", "batches", "entries", "locks"))

STANDARDS = {
    standard.name: standard
    for standard in (
        Standard("kv", "sharded"),
        Standard("txkv", "sharded", shares=("kv/common.c",)),
        Standard(
            "kvr",
            "sharded",
            shares=("kv/common.c", "kv/messages.c", "kv/untyped.c"),
            replicated=True,
            choices={"consistency": ("causal", "eventual")},
            message=192 << 10,
        ),
        Standard("keyspace", "sharded", shares=KV),
        Standard("resp", "keyed", memory="shared"),
    )
}
