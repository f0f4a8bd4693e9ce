"""Two stores and their coordinators in a harness, on each domain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radon.testing.domains import each_domain
from tests.txkv.stores import World

__all__ = ["each_domain"]


@pytest.fixture(params=[1, 3], ids=["one domain", "three domains"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with World(domains=request.param) as world:
        yield world
