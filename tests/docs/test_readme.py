"""What README.md shows is run as a newcomer would run it: the tutorial's commands, and its Python."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
PORT = "8080"

pytestmark = pytest.mark.timeout(180)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def free_port() -> str:
    """One that nobody is given who asks for any: such a port might be taken before it is used here, or in between."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as listener, suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            return str(port)
    raise AssertionError("no port is free")


class Shell:
    """Runs one command after another in a folder, as the reader of the README would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(self, command: str) -> str:
        if command.startswith("cd "):
            self.folder = self.folder / command[3:]
            return ""
        done = subprocess.run(
            ["bash", "-c", command.replace(PORT, self.port)], cwd=self.folder, env=self.environment, text=True,
            capture_output=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        if command.startswith("radon new"):
            manifest = self.folder / command.split()[-1] / "radon.toml"
            manifest.write_text(manifest.read_text().replace(PORT, self.port))
        return done.stdout


def shown(expected: str) -> str:
    """As a pattern: three dots stand for anything."""
    return ".*".join(re.escape(part) for part in expected.split("..."))


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    subprocess.run(["radon", "stop"], cwd=shell.folder, env=shell.environment, capture_output=True)


@pytest.mark.debian("curl")
def test_the_tutorial_does_what_it_says_and_its_python_runs(shell: Shell) -> None:
    for block in blocks("console"):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = step.partition("\n")
            assert re.fullmatch(shown(expected.strip()), shell.run(command).strip(), re.DOTALL), command
    for number, program in enumerate(blocks("python")):
        path = shell.folder / f"program{number}.py"
        path.write_text(program)
        shell.run(f"{sys.executable} {path.name}")


def test_every_page_that_is_linked_exists() -> None:
    for page in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / page).exists(), f"README.md links to {page}"
