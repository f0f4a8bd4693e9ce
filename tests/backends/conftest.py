"""What the tests of backends share: agents, stores that claim to be durable, and a look for what was left running."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from radon.atoms.application import Application
from radon.atoms.build import build_c
from radon.atoms.manifest import Manifest
from radon.backends import runner as runner_module
from radon.backends.driver import Store
from radon.host.kind import Kind
from radon.testing import agents
from radon.testing.faults import Stalled
from radon.testing.harness import kind
from tests.backends.desk import Desk, Driver, Open

pytest.register_assert_rewrite("radon.testing.atoms", "radon.testing.backends", "radon.testing.stores")

Make = Callable[..., Application]

GRANTS = ["agent/*", "spawn:agent", "stop:agent/*", "publish:*", "subscribe:*"]
LONE: Mapping[str, Any] = {**agents.FULL, "grants": GRANTS}
"""The entry of a kind of agents beside whom there is no other kind."""


@pytest.fixture(scope="session")
def agent_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where agent.wasm is."""
    folder = tmp_path_factory.mktemp("agent")
    build_c([Path(agents.__file__).with_name("agent.c")], folder / "agent.wasm")
    return folder


@pytest.fixture(scope="session")
def agent(agent_folder: Path) -> Kind:
    """A kind of agents that may do everything."""
    return kind("agent", agent_folder / "agent.wasm", GRANTS)


@pytest.fixture
def make(agent_folder: Path) -> Make:
    """`make(tables, **kinds)`: the application "suite", with these kinds, or with agents alone."""

    def make(tables: Mapping[str, Any] | None = None, **kinds: Mapping[str, Any]) -> Application:
        given = {"application": {"name": "suite"}, "kinds": kinds or {"agent": LONE}, **(tables or {})}
        return Application.load(Manifest.of(given, base=agent_folder))

    return make


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("radon-")]
    assert not left, left


@pytest.fixture(params=["own", "driven"])
def desk(request: pytest.FixtureRequest, agent: Kind) -> Iterator[Open]:
    """`desk(store)`: a running one, once in the runner's own thread alone and once driven by another one; stopped in
    the end, if it was not before.
    """
    opened: list[Desk] = []
    drivers: list[Driver] = []

    def open_one(store: Store, **options: Any) -> Desk:
        opened.append(Desk(store, agent, **options))
        if request.param == "driven":
            drivers.append(Driver(opened[-1].runner))
        return opened[-1]

    yield open_one
    for one in opened:
        inside: Store | None = one.store
        while inside is not None:  # a test that failed may have left it stalled
            if isinstance(inside, Stalled):
                inside.go()
            inside = getattr(inside, "inner", None)
        one.runner.stop()
    for driver in drivers:
        driver.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long waits for a store."""
    monkeypatch.setattr(runner_module, "RETRY_FIRST", 0.001)
    monkeypatch.setattr(runner_module, "RETRY_LAST", 0.01)
