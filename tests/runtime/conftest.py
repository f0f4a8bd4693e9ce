"""Agents for the embedding API, as the tests of backends have them."""

from __future__ import annotations

from radon.testing.domains import each_domain
from tests.backends.conftest import agent_folder, make, nothing_is_left_running

__all__ = ["agent_folder", "each_domain", "make", "nothing_is_left_running"]
