"""The standard key-value store in a harness, on each domain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from radon.kv import BlockingKv
from radon.testing.domains import each_domain
from radon.testing.harness import Harness
from tests.kv.stores import Calls, store

__all__ = ["each_domain"]


@pytest.fixture
def harness() -> Iterator[Harness]:
    with store() as harness:
        yield harness


@pytest.fixture
def kv(harness: Harness) -> Any:
    return BlockingKv(Calls(harness))
