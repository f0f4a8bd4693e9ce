"""examples/ is no package: its programs are read as a user's are, from their files."""

from __future__ import annotations

import asyncio
import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).parents[2] / "examples"
HERE = Path(__file__).parent

MARKED_RADON = (sys.executable, HERE / "marked_radon.py")
"""The command `radon`, with a mark in the file $COMMIT_MARK."""


async def kill_in_a_commit(pid: int, mark: Path, rng: random.Random, commits: range = range(5, 30)) -> None:
    """Some commits from now, at some moment of what is about as long as one takes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, HERE / "kill_in_commit.py", f"{pid}", mark, f"{rng.choice(commits)}", f"{rng.random() / 1000}"
    )
    assert await process.wait() == 0


def load_program(path: str) -> ModuleType:
    """The module in examples/PATH, by a name of its own."""
    name = "examples_" + path.removesuffix(".py").replace("/", "_")
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
