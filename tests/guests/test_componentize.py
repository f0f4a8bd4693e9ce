"""Every C guest of this repository is also a component, and the same atom as that: SDK and standard cannot drift."""

from __future__ import annotations

from pathlib import Path

import pytest

from radon.atoms.build import build_c, componentize
from radon.host.loader import load_file

ROOT = Path(__file__).parents[2]
GUESTS = sorted(
    path
    for folder in ("guest-sdk", "examples", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*.c")
    if "RADON_RECEIVE" in path.read_text()
    and path.name not in ("libc.c", "joins.c")  # libc's own imports need an adapter, and joins.c other sources
)


@pytest.mark.parametrize("source", GUESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_c_guest_is_the_same_atom_as_a_component(source: Path, tmp_path: Path) -> None:
    core, component = tmp_path / "core.wasm", tmp_path / "component.wasm"
    build_c([source], core)
    componentize(core, component)
    one, other = load_file(core), load_file(component)
    assert one.handlers == other.handlers
    assert one.imports == other.imports
