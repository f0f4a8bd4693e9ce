"""What the command says of itself, and what it does not load for that."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from radon._version import __version__
from radon.cli import VERBS, command_of
from tests.cli.conftest import Radon

GROUPS = {"state": ("get", "export", "import"), "bench": ("kv",)}

HEAVY = ("asyncio", "httpx", "lmdb", "msgspec", "pydantic", "rich", "starlette", "uvicorn", "wasmtime", "watchfiles")


def test_the_version_is_that_of_the_package(radon: Radon) -> None:
    assert radon.ok("--version") == f"radon {__version__}\n"


def test_the_script_and_the_module_are_the_same_command() -> None:
    script = Path(sys.executable).with_name("radon")
    assert subprocess.run([script, "--version"], capture_output=True, text=True).stdout == f"radon {__version__}\n"


def test_help_names_every_verb_and_has_no_control_codes(radon: Radon) -> None:
    shown = radon.ok("--help")
    listed = [line.split()[0] for line in shown.partition("Commands:")[2].splitlines() if line.strip()]
    assert listed == [*VERBS]
    assert "..." not in shown.partition("Commands:")[2], "a summary is longer than a line"
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    "verb", [f"{verb} {word}".split() for verb in VERBS for word in GROUPS.get(verb, ("",))], ids=" ".join
)
def test_the_help_of_a_verb_has_an_example(verb: list[str]) -> None:
    from typer.testing import CliRunner

    shown = CliRunner().invoke(command_of(verb[:1]), [*verb, "--help"])
    assert shown.exit_code == 0
    assert f"Example: radon {' '.join(verb)}" in shown.stdout


@pytest.mark.parametrize("words", [[], *([group] for group in GROUPS)], ids=" ".join)
def test_without_a_verb_help_is_shown_as_an_error(radon: Radon, words: list[str]) -> None:
    done = radon(*words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Commands:" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cal"], "radon: no such command 'cal'. Did you mean 'call'?; see `radon --help`"),
        (["call", "a"], "radon call: missing argument 'BODY'; see `radon call --help`"),
        (["ps", "--jsn"], "radon ps: no such option: --jsn"),
        (
            ["ps", "--data", ""],
            "radon ps: invalid value for '--data': it is empty; give it a value, or leave it out;",
        ),
        (["state", "get", "--data=", "a"], "radon state get: invalid value for '--data': it is empty"),
        (["call", "a", "b", "--once", ""], "radon call: invalid value for '--once': it is empty"),
        (["run", "--bind", "", "--bind", "a=b"], "radon run: invalid value for '--bind': it is empty"),
        (["deploy", ""], "radon deploy: invalid value for 'MANIFEST': it is empty; give it a value, or leave it out;"),
        (["backup", ""], "radon backup: invalid value for 'DIR': it is empty; give it a value;"),
        (["state", "export", ""], "radon state export: invalid value for 'FILE': it is empty"),
        (["call", "", "b"], "radon call: invalid value for 'ADDRESS': it is empty"),
        (["deploy", "--store", "disk"], "radon deploy: invalid value for '--store': 'disk' is not one of"),
    ],
)
def test_a_wrong_command_line_is_answered_with_one_line(radon: Radon, arguments: list[str], said: str) -> None:
    assert radon.fails(2, *arguments).startswith(said)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["deploy", "--help"]], ids=" ".join)
def test_help_loads_no_engine_and_no_web_framework(arguments: list[str]) -> None:
    """So that it is there at once: 0.1 s of processor time, of which most is Python's own."""
    code = f"""
import sys
sys.argv = ["radon", *{arguments!r}]
from radon.cli import main
try:
    main()
finally:
    loaded = sorted({{name.partition('.')[0] for name in sys.modules}} & set({HEAVY!r}))
    print("loaded:", *loaded)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_completion_can_be_shown_and_completes_verbs(radon: Radon) -> None:
    radon.environment |= {"_RADON_COMPLETE": "complete_bash", "COMP_WORDS": "radon d", "COMP_CWORD": "1"}
    assert radon().stdout.decode().split() == ["dev", "deploy", "dead", "doctor"]


def test_the_doctor_knows_this_machine(radon: Radon) -> None:
    radon.environment["RADON_CACHE"] = str(radon.folder / "cache")
    findings = {finding["name"]: finding for finding in radon.json("doctor")}
    assert [*findings["wasmtime"]] == ["name", "value", "ok", "meaning"]
    assert [*findings] == [
        "radon", "python", "wasmtime", "domain", "cache", "compiler", "wasm-tools", "vm.max_map_count", "disk",
    ]  # fmt: skip
    assert findings["wasmtime"]["value"].startswith("50.0.")
    assert "suspended" in findings["vm.max_map_count"]["meaning"]
    assert findings["cache"]["value"] == str(radon.folder / "cache")


def test_the_doctor_says_what_is_missing_and_what_to_do(radon: Radon) -> None:
    radon.environment["RADON_CACHE"] = "/dev/null/cache"
    done = radon("doctor")
    assert done.returncode == 1
    assert done.stderr == b"unavailable: problems with: cache\n"
    line = next(line for line in done.stdout.decode().splitlines() if line.startswith("cache"))
    assert "PROBLEM" in line
    assert "RADON_CACHE" in line

    radon.environment["RADON_SUSPENDED"] = "many"
    failed = {each["name"]: each["value"] for each in json.loads(radon("doctor", "--json").stdout) if not each["ok"]}
    assert failed["vm.max_map_count"] == "none"
