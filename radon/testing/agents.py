"""Agents: atoms that do what messages tell them (agent.c), and a running application of them. For conformance suites.

Knows the guest's commands and the embedding API; tests nothing itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest

from radon.atoms.application import Application
from radon.atoms.build import build_c
from radon.atoms.manifest import Manifest
from radon.backends.deployment import Deployment, Stats

FULL: Mapping[str, Any] = {
    "module": "agent.wasm",
    "grants": ["agent/*", "other/*", "spawn:agent", "stop:agent/*", "publish:*", "subscribe:*"],
    "retry": {"attempts": 3, "backoff": "10ms"},
}
"""The entry of a kind of agents that may do everything."""

POOR: Mapping[str, Any] = {"module": "agent.wasm"}
"""And of one that was granted nothing."""


class App(Protocol):
    """What the suite uses of `radon.Runtime`."""

    @property
    def deployment(self) -> Deployment: ...

    async def call(
        self, address: str, body: bytes = b"", *, timeout: float | None = 5.0, once: str = "",
        metadata: Mapping[str, bytes] = {},
    ) -> bytes: ...  # fmt: skip

    async def send(self, address: str, body: bytes = b"") -> None: ...

    async def spawn(self, kind: str, args: bytes = b"") -> str: ...

    def subscription(self, topic: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...

    async def stats(self) -> Stats: ...

    async def dead_letters(self) -> list[Any]: ...

    async def revive(self, id: str, *, again: bool = True) -> None: ...


OpenApp = Callable[[Application], AbstractAsyncContextManager[App]]
"""Runs an application on the data of the test, again and again; the one before it must have been left."""

Make = Callable[..., Application]
"""Makes an application of agents; see `AgentSuite.make`."""


async def tell(app: App, key: str, *lines: str, **options: Any) -> str:
    """Call agent/KEY with these commands."""
    return (await app.call(f"agent/{key}", "".join(f"{line}\n" for line in lines).encode(), **options)).decode()


def keeps(app: App) -> bool:
    """Does anything outlive a restart?"""
    return app.deployment.guarantees.durability != "none"


class AgentSuite:
    """What suites of agents inherit."""

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Where the guest of the suite is: agent.wasm, from the agent.c beside this file."""
        folder = tmp_path_factory.mktemp("agent")
        build_c([Path(__file__).with_name("agent.c")], folder / "agent.wasm")
        return folder

    @pytest.fixture
    def make(self, folder: Path) -> Make:
        """`make(tables, **kinds)`: the application "suite", with these kinds beside `agent` and `other`."""

        def make(tables: Mapping[str, Any] | None = None, **kinds: Mapping[str, Any]) -> Application:
            given = {"application": {"name": "suite"}, "kinds": {"agent": FULL, "other": POOR, **kinds}}
            return Application.load(Manifest.of({**given, **(tables or {})}, base=folder))

        return make
