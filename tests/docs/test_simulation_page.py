"""docs/simulation.md names every option and fault, and what it shows works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from radon.atoms.application import Application
from radon.atoms.build import build_c, sdk_directory
from radon.atoms.manifest import Manifest
from radon.backends.simulation.faults import KINDS
from radon.backends.simulation.world import SECOND
from radon.cli import command_of
from radon.testing.simulation import Options
from radon.testing.simulation.plans import fault_text, read_plan
from radon.testing.simulation.seeds import Laboratory, Run, Subject
from tests.simulation.test_connections import LINE

PAGE = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text()
MANIFEST = """[application]\nname = "hello"\n[kinds.counter]\nmodule = "counter.wasm"\n"""
LINES = """[application]\nname = "lines"\n[kinds.line]\nmodule = "line.wasm"\ngrants = ["publish:lives"]\n"""

COMMANDS: dict[str, Any] = typer.main.get_command(command_of(["sim"])).commands  # type: ignore[attr-defined]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_every_option_is_on_the_page() -> None:
    options = {name for parameter in COMMANDS["sim"].params for name in parameter.opts if name.startswith("--")}
    rows = re.findall(r"^\| (`--[^|]*)", PAGE, re.MULTILINE)
    assert options - {"--help"} == {name for row in rows for name in re.findall(r"--[a-z]+", row)}


def test_every_fault_is_on_the_page_with_its_rate_and_whether_it_has_a_strength() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([0-9.]+) \| [^|]+ \| ([^|]*)\|$", PAGE, re.MULTILINE)
    assert {name: (float(rate), bool(strength.strip())) for name, rate, strength in rows} == {
        name: (kind.rate, kind.is_graded) for name, kind in KINDS.items()
    }


def test_the_plan_on_the_page_is_one(tmp_path: Path) -> None:
    (plan,) = blocks("toml")
    (tmp_path / "plan.toml").write_text(plan)
    first, *_ = read_plan(tmp_path / "plan.toml", Options().names, 60 * SECOND)
    assert f"`fault = [{fault_text(first)}]`" in PAGE


@pytest.mark.parametrize("seed", range(3))
def test_the_workload_on_the_page_finds_nothing_wrong_with_the_counter(seed: int, tmp_path: Path) -> None:
    build_c([sdk_directory() / "counter.c"], tmp_path / "counter.wasm")
    counting, _ = blocks("python")
    assert calls(tmp_path, MANIFEST, counting, seed) >= 40


@pytest.mark.parametrize("seed", range(3))
def test_the_clients_on_the_page_hear_the_echo_of_what_they_say(seed: int, tmp_path: Path) -> None:
    build_c([LINE], tmp_path / "line.wasm")
    _, lines = blocks("python")
    assert calls(tmp_path, LINES, lines, seed) >= 40


def calls(folder: Path, manifest: str, workload: str, seed: int) -> int:
    """That were answered in a run in which nothing is wrong."""
    (folder / "radon.toml").write_text(manifest)
    (folder / "workload.py").write_text(workload)
    application = Application.load(Manifest.load(folder / "radon.toml"))
    laboratory = Laboratory(Subject(application.bundle(), folder / "workload.py"))
    result = laboratory.run(Run(seed, Options(span=10 * SECOND, operations=40)))
    assert result.violation == ""
    return result.calls
