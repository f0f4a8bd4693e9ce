"""The standard keyspace in a harness, on each domain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from radon.testing.domains import each_domain
from radon.testing.harness import Harness
from tests.redis.keyspaces import Client, keyspace
from tests.redis.reference import Reference, server

__all__ = ["each_domain"]


@pytest.fixture
def harness() -> Iterator[Harness]:
    with keyspace() as harness:
        yield harness


@pytest.fixture
def client(harness: Harness) -> Client:
    return Client(harness)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Path]:
    with server() as path:
        yield path


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def both(request: pytest.FixtureRequest, harness: Harness, redis_server: Path) -> Iterator[tuple[Client, Reference]]:
    """A keyspace and a Redis that speak the same protocol, both empty."""
    reference = Reference(redis_server, request.param)
    yield Client(harness, protocol=request.param), reference
    reference.close()
