"""What a domain runs, and how it is brought to run another one. Owns no domain."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from radon.host.domain import Domain, Settings
from radon.host.kind import Kind


@dataclass(frozen=True, slots=True)
class Program:
    """What a domain runs, and how. `digest` names it."""

    digest: str
    kinds: Mapping[str, Kind]
    endpoints: tuple[str, ...]
    settings: Settings


def alone(domain: Domain) -> None:
    """Make a new domain the only one of its application."""
    domain.setup(0, secrets.token_bytes(32), secrets.token_bytes(32))


def link(domain: Domain, program: Program) -> None:
    """Run `program` from the next turn on. Raises LoadError."""
    domain.settings = program.settings
    domain.deploy(program.digest, program.kinds, program.endpoints)


def end_removed(domain: Domain, program: Program) -> None:
    """End the atoms of kinds that the program does not have, and requests to endpoints that it does not have."""
    present = {*program.kinds, *(f"http:{name}" for name in program.endpoints)}
    for kind in sorted(domain.usage().kinds.keys() - present):
        if not kind.startswith("@"):
            domain.end_kind(kind)
