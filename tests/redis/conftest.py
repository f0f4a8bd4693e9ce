"""The standard keyspace in a harness, on each domain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radon.testing.domains import each_domain
from radon.testing.harness import Harness
from tests.redis.keyspaces import Client, keyspace
from tests.redis.server import Server

__all__ = ["each_domain"]


@pytest.fixture
def harness() -> Iterator[Harness]:
    with keyspace() as harness:
        yield harness


@pytest.fixture
def client(harness: Harness) -> Client:
    return Client(harness)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def both(request: pytest.FixtureRequest, client: Client, server: Server) -> tuple[Client, Server]:
    """A keyspace and a Redis that speak the same protocol, both empty."""
    server.raw("FLUSHALL")
    server.raw("HELLO", request.param)
    client.protocol = request.param
    return client, server
