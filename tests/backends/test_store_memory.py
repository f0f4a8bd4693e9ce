"""The store `memory` against the conformance suite."""

from __future__ import annotations

import pytest

from radon.backends.stores.memory import MemoryStore
from radon.testing.stores import StoreFactory, StoreSuite


@pytest.fixture
def open_store() -> StoreFactory:
    return lambda directory: MemoryStore()


class TestMemoryStore(StoreSuite): ...


def test_a_store_that_keeps_nothing_opens_a_domain_empty() -> None:
    store = MemoryStore(keeps=False)
    epoch = store.open(0).epoch
    store.commit(0, epoch, [b"frame"])
    store.write("name", b"kept")
    assert store.open(0)[1:] == (None, [])
    assert store.read("name") == b"kept"
