"""Applications of guests that do nothing: what a manifest says of them is what is tested."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from radon.atoms.application import Application
from radon.atoms.manifest import Manifest


def wat(imports: str = "", *, pages: int = 1, answer: int = 0) -> str:
    return f"""(module {imports}
      (memory (export "memory") {pages})
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
      (func (export "radon:atom/handler@0.1.0#receive") (param i32 i32 i32) (result i32) i32.const {answer}))"""


MODULES = {
    "plain": wat(),
    "other": wat(answer=2048),
    "stateful": wat('(import "radon:atom/state@0.1.0" "open" (func (param i32 i32 i32)))'),
    "waiting": wat('(import "radon:atom/clock@0.1.0" "sleep" (func (param i64)))'),
    "big": wat(pages=33),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where manifests find the modules above, as NAME.wat."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.wat").write_text(text)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Callable[[str], Application]:
    """Loads the application "bank" with these kinds and other tables."""

    def load(tables: str) -> Application:
        return Application.load(Manifest.parse(f'[application]\nname = "bank"\n{tables}', base=folder))

    return load


@pytest.fixture
def one(load: Callable[[str], Application]) -> Callable[..., Application]:
    """Loads the application "bank" with one kind, which has these lines and a module."""

    def one(lines: str = "", module: str = "plain.wat") -> Application:
        return load(f'[kinds.account]\nmodule = "{module}"\n{lines}')

    return one
