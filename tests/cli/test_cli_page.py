"""docs/cli.md names every verb, option and exit code that there is. Its keys are compared where they are printed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer

from radon.cli import command_of, failures
from tests.cli.conftest import PAGE

COMMANDS: dict[str, Any] = typer.main.get_command(command_of()).commands  # type: ignore[attr-defined]


def test_every_verb_is_on_the_page() -> None:
    listed = re.findall(r"^\| `radon ([a-z]+)", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


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
