"""A kind of atom as a domain sees it: a loaded module and what the manifest says of it. Plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from radon.abi.errors import LoadError
from radon.abi.syscalls import BY_IMPORT, SUSPENDING
from radon.host.limits import Limits

if TYPE_CHECKING:
    from radon.host.loader import Module


class Grants(Protocol):
    """Who may open what (rule 20). Pure: the same question gets the same answer for the life of a deployment."""

    def open(self, kind: str, key: str) -> bool:
        """May it `messaging.open` the atom "kind/key"?"""

    def spawn(self, kind: str) -> bool: ...

    def stop(self, kind: str, key: str) -> bool: ...

    def publish(self, topic: str) -> bool: ...

    def subscribe(self, topic: str) -> bool: ...

    def http(self, name: str) -> bool: ...

    def rows(self) -> Iterable[tuple[str, str, str]]:
        """All of them as (right, name of the kind or endpoint, glob), for whoever answers by himself."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a failing delivery is tried, and how long between: `backoff` ns, doubled after each attempt."""

    attempts: int = 3
    backoff: int = 100_000_000  # ns


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the manifest's `[kinds]`, its module loaded."""

    name: str
    module: Module
    grants: Grants
    spread: str = "keyed"  # "keyed", "sharded", "stateless" or "every-host" (rule 17)
    shards: int = 0
    replicas: int = 1  # of each shard, in domains that follow each other
    shared: bool = False  # one instance for all of its atoms (rule 18)
    limits: Limits = field(default_factory=Limits)
    retry: Retry = field(default_factory=Retry)
    links: Mapping[str, str] = field(default_factory=dict)  # link name -> "kind/key" or "http:NAME"
    config: Mapping[str, str] = field(default_factory=dict)


def unshareable(module: Module) -> str:
    """Why atoms cannot share an instance of this module, and the way out; "" if they can."""
    waits = sorted(BY_IMPORT[place].name for place in module.imports & SUSPENDING)
    if not waits:
        return ""
    return (
        f"{module.name} imports {', '.join(waits)}, so that a turn may stop halfway in the memory that others are to "
        "run in; do without, or make the memory 'private'"
    )


def check_shared(kinds: Mapping[str, Kind]) -> None:
    """Raises LoadError for a kind whose module cannot be shared."""
    for name, kind in kinds.items():
        fault = unshareable(kind.module) if kind.shared else ""
        if fault:
            raise LoadError(f"kind {name!r}: its memory cannot be shared: {fault}")
