"""Domains that are not quite as they should be, or are looked at, made from ones that are.

Knows the contract of a domain, and neither twin.
"""

from __future__ import annotations

from typing import Any

from radon.host.domain import Domain, Make, Settings


class Around:
    """Does all that the domain inside does; a subclass says what else."""

    def __init__(self, inner: Domain) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @property
    def settings(self) -> Settings:
        return self.inner.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.inner.settings = settings


def around(outer: type[Around], make: Make) -> Make:
    """Makes domains that `make` makes, inside of an `outer`."""
    return lambda settings: outer(make(settings))
