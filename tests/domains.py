"""Domains that are not quite as they should be, for several tests."""

from __future__ import annotations

from radon.testing.around import Around


class AnotherSecret(Around):
    """Of another application than the one whose secret it is given."""

    def setup(self, number: int, seed: bytes, secret: bytes, domains: int = 1) -> None:
        self.inner.setup(number, seed, secret[::-1], domains)
