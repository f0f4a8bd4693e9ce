"""What a backend is made of: the words in which it declares itself, and how stores fail."""

from __future__ import annotations

import pytest

from radon.abi.errors import StoreError
from radon.atoms.guarantees import unmet
from radon.atoms.manifest import Require
from radon.backends.driver import Fenced, Guarantees, StoreBusy, StoreDamaged, StoreFull, StoreVersion


def test_a_backend_that_declares_nothing_meets_only_an_application_that_requires_nothing() -> None:
    assert unmet(Require(), Guarantees(), "it") == []
    strict = Require(delivery="exactly-once", durability="machine", order="pair")
    assert len(unmet(strict, Guarantees(), "it")) == 3


@pytest.mark.parametrize("error", [Fenced, StoreBusy, StoreDamaged, StoreFull, StoreVersion])
def test_every_failure_of_a_store_is_a_store_error(error: type[StoreError]) -> None:
    assert issubclass(error, StoreError)
