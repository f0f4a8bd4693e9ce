"""The rules, on every domain there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from radon.host.domain import Make
from radon.host.domains import load
from radon.testing.domains import each_domain
from radon.testing.harness import Guest, Harness, kind
from tests.scripts import ECHO, MODULES, ScriptModule, script_kind, script_module

__all__ = ["each_domain", "script_module"]  # fixtures, found here by their names

Open = Callable[..., Harness]


@pytest.fixture(scope="module")
def make(each_domain: str) -> Make:
    """Makes an empty domain."""
    return load(each_domain)


@pytest.fixture(params=[pytest.param(1, id="one"), pytest.param(3, id="three")])
def domains(request: pytest.FixtureRequest) -> int:
    """How many the atoms of a test are spread over; the rules are the same."""
    count: int = request.param
    return count


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one domain run on one."""
    items[:] = [item for item in items if item.get_closest_marker("one_domain") is None or "three" not in item.name]


@pytest.fixture
def open_harness(make: Make, domains: int) -> Iterator[Open]:
    """`open_harness(kinds, **fields of Harness)`; all are closed at the end."""
    opened: list[Harness] = []

    def open_one(kinds: Mapping[str, Guest], **fields: Any) -> Harness:
        opened.append(Harness(kinds, **{"make": make, "domains": domains, **fields}))
        return opened[-1]

    yield open_one
    for h in opened:
        h.close()


@pytest.fixture(params=MODULES)
def module(request: pytest.FixtureRequest, script_module: ScriptModule) -> bytes:
    """The script guest, with and without the syscalls that suspend."""
    return script_module(request.param)


@pytest.fixture
def fiber(script_module: ScriptModule) -> bytes:
    """The script guest that can suspend."""
    return script_module("fiber")


@pytest.fixture
def h(open_harness: Open, module: bytes) -> Harness:
    """Atoms `script/KEY` that may do everything, `other/KEY` that were granted nothing, `echo/KEY` that answer."""
    return open_harness({"script": script_kind(module), "other": kind("other", module), "echo": kind("echo", ECHO)})


@pytest.fixture
def hf(open_harness: Open, fiber: bytes) -> Harness:
    """As `h`, for scripts that suspend."""
    return open_harness({"script": script_kind(fiber), "other": kind("other", fiber), "echo": kind("echo", ECHO)})
