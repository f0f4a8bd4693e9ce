"""The witness, compiled once; and one whose atoms share an instance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from radon.atoms.build import build_c
from radon.host.kind import Kind
from radon.testing.domains import each_domain
from radon.testing.harness import kind

__all__ = ["each_domain"]  # a fixture, found here by its name


def _witness(folder: Path, source: str, **fields: Any) -> Kind:
    build_c([Path(__file__).with_name(source)], out := folder / "witness.wasm")
    return kind("witness", out, ["spawn:witness"], **fields)


@pytest.fixture(scope="session")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Kind:
    return _witness(tmp_path_factory.mktemp("witness"), "witness.c")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Kind:
    return _witness(tmp_path_factory.mktemp("witness"), "witness_direct.c", shared=True)
