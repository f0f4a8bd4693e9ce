"""Which domain an input belongs to, in an application that has several.

For whoever stands in front of the domains: a backend, a harness. Within a domain `routes.py` places what it sends, by
the same hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from radon.abi import exchange as x
from radon.abi.delivery import Address
from radon.abi.errors import Refused
from radon.host.hash import domain_of

Resolve = Callable[[Address], Address]
"""As `Domain.resolve`."""


def place(address: Address, resolve: Resolve, domains: int) -> int:
    """The domain of an atom or a topic; for what is neither, one that can say why."""
    if domains == 1:
        return 0
    try:
        to = address if address.kind == "@topic" else resolve(address)
    except Refused:
        return 0
    return domain_of(to.kind, to.key, domains)


def place_input(record: Any, resolve: Resolve, domains: int) -> int | None:
    """The domain that takes this input; None: each takes it, and one at most has to do something for it."""
    match record:
        case x.Post(once=key) if key:  # it is known there whatever atom it goes to
            return domain_of("@once", key, domains)
        case x.Post(to=address) | x.Connect(atom=address) | x.Disconnect(atom=address) | x.Passivate(atom=address):
            return place(address, resolve, domains)
        case x.Listen(topic=topic) | x.Unlisten(topic=topic):
            return place(Address("@topic", topic), resolve, domains)
        case x.Spawn():
            return 0
        case x.Outcome(id=id):
            return int.from_bytes(id[:4], "big")  # whoever gave the request its name has it in its queue
        case x.Fate(step=step):
            return step % domains
    return None


def spread(inputs: Iterable[Any], resolve: Resolve, domains: int) -> list[list[Any]]:
    """What each domain takes of these, in their order."""
    taken: list[list[Any]] = [[] for _ in range(domains)]
    for record in inputs:
        home = place_input(record, resolve, domains)
        for own in taken if home is None else [taken[home]]:
            own.append(record)
    return taken
