"""The examples, built from their sources once for all tests, in a copy: nothing is written into the tree."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from radon.atoms.application import Application
from radon.atoms.build import build_c
from radon.atoms.manifest import Manifest
from tests.examples.programs import EXAMPLES

Example = Callable[[str], Application]


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """The application in examples/NAME, whose sources must not give a warning. Its manifest's `base` is the copy."""
    folder = tmp_path_factory.mktemp("examples")
    built: dict[str, Application] = {}

    def build(name: str) -> Application:
        if name not in built:
            copy = folder / name
            shutil.copytree(EXAMPLES / name, copy, ignore=shutil.ignore_patterns("build", "__pycache__", ".radon"))
            manifest = Manifest.load(copy / "radon.toml")
            for kind, entry in manifest.kinds.items():
                result = build_c([copy / source for source in entry.source], manifest.module_path(kind))
                assert result.warnings == "", result.warnings
            built[name] = Application.load(manifest)
        return built[name]

    return build
