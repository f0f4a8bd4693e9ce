"""The replicated key-value store in a harness: on each domain, one or three of them, with either consistency."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radon.testing.domains import each_domain
from radon.testing.harness import Harness
from tests.kvr.stores import open_store

__all__ = ["each_domain"]


@pytest.fixture(params=[1, 3], ids=["one", "three"])
def domains(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(params=["causal", "eventual"])
def harness(request: pytest.FixtureRequest, domains: int) -> Iterator[Harness]:
    with open_store(request.param, domains=domains) as harness:
        yield harness


@pytest.fixture
def causal(domains: int) -> Iterator[Harness]:
    with open_store("causal", domains=domains) as harness:
        yield harness


@pytest.fixture
def eventual(domains: int) -> Iterator[Harness]:
    with open_store("eventual", domains=domains) as harness:
        yield harness
