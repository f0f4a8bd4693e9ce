"""docs/histories.md shows programs that work and print what it says, and names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from radon.atoms.build import build_c, sdk_directory
from radon.testing import models
from tests.testing.test_serializability import ANOMALIES

PAGE = (Path(__file__).parents[2] / "docs" / "histories.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("counter") / "counter.wasm"
    build_c([sdk_directory() / "counter.c"], out)
    return out


@pytest.mark.parametrize(("program", "text"), PROGRAMS)
def test_each_program_prints_what_the_page_says(
    program: str, text: str, counter: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(counter.parent)
    Path("radon.toml").write_text('[application]\nname = "demo"\n[kinds.counter]\nmodule = "counter.wasm"\n')
    exec(compile(program, "program", "exec"), {"__name__": "__main__"})
    promised = text.splitlines() or re.findall(r"print\(.*\)  # (.*)", program)
    assert capsys.readouterr().out.splitlines() == promised


def test_every_model_and_every_anomaly_is_on_the_page() -> None:
    for name, thing in vars(models).items():
        if isinstance(thing, type) and hasattr(thing, "apply") and not getattr(thing, "_is_protocol", False):
            assert f"`{name}(" in PAGE, name
    for name, *_ in ANOMALIES:
        assert f"`{name.removesuffix('-process').removesuffix('-realtime')}" in PAGE, name
