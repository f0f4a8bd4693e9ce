"""A kind of atom as a domain sees it: a loaded module and what the manifest says of it. Plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

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
    limits: Limits = field(default_factory=Limits)
    retry: Retry = field(default_factory=Retry)
    links: Mapping[str, str] = field(default_factory=dict)  # link name -> "kind/key" or "http:NAME"
    config: Mapping[str, str] = field(default_factory=dict)
