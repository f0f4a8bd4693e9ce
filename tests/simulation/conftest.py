"""The witness, compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from radon.atoms.build import build_c
from radon.host.kind import Kind
from radon.testing.domains import each_domain
from radon.testing.harness import kind

__all__ = ["each_domain"]  # a fixture, found here by its name


@pytest.fixture(scope="session")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Kind:
    out = tmp_path_factory.mktemp("witness") / "witness.wasm"
    build_c([Path(__file__).with_name("witness.c")], out)
    return kind("witness", out, ["spawn:witness"])
