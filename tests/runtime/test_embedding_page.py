"""docs/embedding.md shows programs that work, and names what there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import radon
from radon.atoms.build import build_c, sdk_directory
from radon.runtime import heard, running

PAGE = (Path(__file__).parents[2] / "docs" / "embedding.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("counter") / "counter.wasm"
    build_c([sdk_directory() / "counter.c"], out)
    return out.read_bytes()


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_each_program_runs_as_it_stands(
    number: int, counter: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "counter.wasm").write_bytes(counter)
    (tmp_path / "radon.toml").write_text('[application]\nname = "demo"\n[kinds.counter]\nmodule = "counter.wasm"\n')
    exec(compile(PROGRAMS[number], f"program {number}", "exec"), {"__name__": "__main__"})
    told = capsys.readouterr().out
    promised = re.findall(r"print\(.*\)  # (.*)", PROGRAMS[number])
    assert told.splitlines()[: len(promised)] == promised


def test_every_argument_of_a_runtime_is_explained() -> None:
    parameters = list(inspect.signature(radon.Runtime).parameters)
    assert re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)[: len(parameters)] == parameters
    assert [*inspect.signature(radon.BlockingRuntime).parameters, "thread"] == parameters


def test_every_error_is_explained() -> None:
    for name in radon.__all__:
        found = getattr(radon, name)
        if isinstance(found, type) and issubclass(found, radon.RadonError) and found is not radon.Refused:
            assert f"`{name}`" in PAGE.replace("`radon.", "`"), name


def test_both_runtimes_have_the_methods_that_the_page_names() -> None:
    names = {"call", "request", "send", "spawn", "subscription", "subscribe", "stats", "dead_letters", "revive"}
    for name in names:
        assert name in PAGE
        first, second = getattr(radon.Runtime, name), getattr(radon.BlockingRuntime, name)
        assert list(inspect.signature(first).parameters) == list(inspect.signature(second).parameters)


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    assert f"{heard.SUBSCRIBED:,} messages behind" in PAGE
    assert running.FOR_EVER / 3600 / 24 / 365 > 30
