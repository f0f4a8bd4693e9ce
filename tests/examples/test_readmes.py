"""What the READMEs of the examples show is run, and comes out as they say; three dots stand for anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.conftest import Example
from tests.examples.programs import EXAMPLES, load_program

PORTS = {"bank": "8080", "kv": "8080", "pi": "8080", "redis": "7001"}
"""Which the READMEs name; the tests take one that is free."""

demo = load_program("demo.py")


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (EXAMPLES / name / "README.md").read_text(), re.DOTALL)


def steps(name: str) -> list[tuple[str, str]]:
    """Commands, and what each is to print."""
    lines = "".join(blocks(name, "console"))
    found = [step.partition("\n") for step in re.split(r"^\$ ", lines, flags=re.MULTILINE)[1:]]
    return [(command, expected.strip()) for command, _, expected in found]


@pytest.mark.debian("curl", "redis-tools")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", PORTS)
def test_the_commands_print_what_the_readme_says(name: str, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / name, tmp_path / "examples" / name, ignore=shutil.ignore_patterns("build"))
    manifest = tmp_path / "examples" / name / "radon.toml"
    port = re.compile(rf"\b{PORTS[name]}\b")
    here = str(demo.free_port())
    manifest.write_text(port.sub(here, manifest.read_text()))
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def shell(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", port.sub(here, command)], cwd=tmp_path, env=environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip

    try:
        for command, expected in steps(name):
            done = shell(command)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            pattern = ".*".join(re.escape(part) for part in expected.split("..."))
            assert re.fullmatch(pattern, done.stdout.strip(), re.DOTALL), f"{command}\n{done.stdout}"
    finally:
        shell("radon stop")


def test_the_python_program_in_the_readme_of_kv_prints_what_it_says(example: Example) -> None:
    (program,) = blocks("kv", "python")
    (printed,) = re.findall(r"# (\[.*\])", program)
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=example("kv").manifest.base, capture_output=True, text=True, check=False
    )
    assert (run.stdout.strip(), run.stderr) == (printed, "")


@pytest.mark.parametrize("name", PORTS)
def test_every_page_that_a_readme_links_exists(name: str) -> None:
    folder = EXAMPLES / name
    for page in re.findall(r"\]\(([^)#:]+)\)", (folder / "README.md").read_text()):
        assert (folder / page).exists(), page
