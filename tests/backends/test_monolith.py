"""The monolith over each of its stores, with each domain: the conformance suite."""

from __future__ import annotations

from pathlib import Path

import pytest

import radon
from radon.testing.agents import OpenApp
from radon.testing.backends import BackendSuite
from radon.testing.domains import each_domain

__all__ = ["each_domain"]  # a fixture, found here by its name


@pytest.fixture(params=["memory", "fsync", "async"])
def open_app(request: pytest.FixtureRequest, tmp_path: Path) -> OpenApp:
    if request.param == "memory":
        return radon.Runtime
    return lambda application: radon.Runtime(application, data=tmp_path / "data", durability=request.param)


class TestMonolith(BackendSuite): ...
