"""The guests behind the gateways, compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from radon.atoms.build import build_c


@pytest.fixture(scope="session")
def guests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with desk.wasm and line.wasm."""
    folder = tmp_path_factory.mktemp("guests")
    for source in sorted(Path(__file__).parent.glob("*.c")):
        result = build_c([source], folder / f"{source.stem}.wasm")
        assert result.warnings == "", result.warnings
    return folder
