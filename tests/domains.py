"""Domains that are not quite as they should be, made from ones that are."""

from __future__ import annotations

from typing import Any

from radon.host.domain import Domain, Make


class Around:
    """Does all that the domain inside does; a subclass says what else."""

    def __init__(self, inner: Domain) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class AnotherSecret(Around):
    """Of another application than the one whose secret it is given."""

    def setup(self, number: int, seed: bytes, secret: bytes, domains: int = 1) -> None:
        self.inner.setup(number, seed, secret[::-1], domains)


def around(outer: type[Around], make: Make) -> Make:
    """Makes domains that `make` makes, inside of an `outer`."""
    return lambda settings: outer(make(settings))
