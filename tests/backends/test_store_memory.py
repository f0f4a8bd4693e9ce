"""The store `memory` against the conformance suite."""

from __future__ import annotations

import pytest

from radon.backends.stores.memory import MemoryStore
from radon.testing.stores import StoreFactory, StoreSuite


@pytest.fixture
def open_store() -> StoreFactory:
    return lambda directory: MemoryStore()


class TestMemoryStore(StoreSuite): ...
