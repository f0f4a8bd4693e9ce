"""The standard keyspace in a harness, on each domain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radon.testing.domains import each_domain
from radon.testing.harness import Harness
from tests.redis.keyspaces import Client, keyspace

__all__ = ["each_domain"]


@pytest.fixture
def harness() -> Iterator[Harness]:
    with keyspace() as harness:
        yield harness


@pytest.fixture
def client(harness: Harness) -> Client:
    return Client(harness)
