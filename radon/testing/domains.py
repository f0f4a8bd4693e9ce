"""Tests on every domain that can be had on this machine: one import in a test file, or in the conftest.py of a folder.

    from radon.testing.domains import each_domain

    __all__ = ["each_domain"]  # pytest finds it here, and runs all tests beside it on each domain

Whatever asks for the default domain - a Harness, a Runtime, a backend under test - gets the one whose turn it is. Needs
pytest, which Radon itself does not.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radon.host.domains import VARIABLE, available


@pytest.fixture(scope="module", params=available(), autouse=True)
def each_domain(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the domain on which this test runs, as `radon.host.domains.load` takes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, request.param)
        yield request.param
