"""docs/cli.md names every verb, option, exit code and key that there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from radon.cli import VERBS, app, failures

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def test_every_verb_is_on_the_page() -> None:
    listed = re.findall(r"^\| `radon ([a-z]+)", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)
    assert len(COMMANDS) == len(VERBS) + 1


@pytest.mark.parametrize("verb", ["run", "dev", "deploy"])
def test_every_option_of_a_start_is_on_the_page(verb: str) -> None:
    table = PAGE.partition("## Starting and ending")[2].partition("\n## ")[0]
    options = {name for parameter in COMMANDS[verb].params for name in parameter.opts if name.startswith("--")}
    listed = {
        option
        for option, verbs in re.findall(r"^\| `(--[a-z]+)[^|]*(?:\\\|[^|]*)*\| ([a-z, ]+) \|", table, re.MULTILINE)
        if verb in verbs.split(", ")
    }
    assert options - {"--json", "--help", "--detach"} == listed


def test_every_exit_code_is_on_the_page() -> None:
    table = PAGE.partition("## Exit codes")[2].partition("\n## ")[0]
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert codes == {0, failures.FAILED, failures.WRONG, failures.ABSENT, failures.INTERRUPTED}


def keys_of(section: str) -> set[str]:
    """The keys that the page explains under a heading."""
    text = PAGE.partition(f"### {section}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z_]+)`", text, re.MULTILINE))
