"""What a member wants done, and the timing that all members of a cluster must agree on.

Each action names the method of `Member` that is told what came of it. Any action may fail silently: whatever is still
wanted will be wanted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

MILLISECOND = 10**6


@dataclass(frozen=True, slots=True)
class Timing:
    """In ns. The registry ends a lease `lease` after it was renewed, by its own clock."""

    lease: int = 3000 * MILLISECOND
    margin: int = 300 * MILLISECOND  # a lease is given up so long before its end: clocks drift, and a step takes time
    renewal: int = 1000 * MILLISECOND
    patience: int = 400 * MILLISECOND  # without an answer, until something is said or asked again; then twice that
    longest: int = 3000 * MILLISECOND  # but never more
    tick: int = 100 * MILLISECOND  # between two calls of `wake`


def host_of(name: str) -> str:
    """Of a member, or of a process: HOST/..., where the host's name may have slashes of its own."""
    return name.rpartition("/")[0]


class Alive(NamedTuple):
    """A member that has a lease."""

    member: str  # HOST/..., another one for each lease
    leaving: bool  # it has domains that it wants to hand over, and takes none

    @property
    def host(self) -> str:
        return host_of(self.member)


class Renew(NamedTuple):
    """Begin or renew the lease of this member -> `renewed`; one that has ended is not renewed -> `lapsed`."""

    member: str
    leaving: bool


class Release(NamedTuple):
    """End the lease of this member."""

    member: str


class Say(NamedTuple):
    """Send a record (peers.py) to a host -> its `heard`."""

    host: str
    message: Any


class Look(NamedTuple):
    """Ask the log of a domain for its newest epoch, and for who opened it -> `found`."""

    domain: int


class Open(NamedTuple):
    """Open the domain as `member` in the epoch that follows `after`, restore it, and run it -> `opened`, `failed`."""

    domain: int
    after: int
    member: str


class Close(NamedTuple):
    """Stop running the domain between two turns, make durable what it did, let that leave -> `left`, then `closed`."""

    domain: int


class Drop(NamedTuple):
    """Stop running the domain, at once; nothing more leaves."""

    domain: int


class Input(NamedTuple):
    """An input (exchange.py) for a domain that is open."""

    domain: int
    record: Any


class Tell(NamedTuple):
    """To whoever waits under `token`: a Reply or Accepted; None: nobody knows whether the message was handled."""

    token: int
    output: Any


class Outside(NamedTuple):
    """A domain lets this leave, and it is for none of the members: for a gateway, the log, or metrics."""

    domain: int
    output: Any


Action = Renew | Release | Say | Look | Open | Close | Drop | Input | Tell | Outside
