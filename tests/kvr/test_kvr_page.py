"""docs/kvr.md, kv.h and the Python client say the same, and the examples of the page work."""

from __future__ import annotations

import re
from pathlib import Path

import radon
from radon.kv.messages import WAIT, ReplicaOp

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "kvr.md").read_text()
HEADER = (ROOT / "guest-sdk" / "c" / "kv.h").read_text()


def test_operations_have_the_same_numbers_everywhere() -> None:
    rows = dict(re.findall(r"^\| `([A-Z]+)` \| (\d+) \|", PAGE, re.MULTILINE))
    assert {name: int(number) for name, number in rows.items()} == {
        **{op.name: op.value for op in ReplicaOp}, "GOSSIP": 48, "FILL": 49,
    }  # fmt: skip
    (names,) = re.findall(r"enum \{ KV_SESSION = 32, (.*?) \};", HEADER)
    assert names.split(", ") == [f"KV_{op.name}" for op in list(ReplicaOp)[1:]]
    assert f"enum {{ KV_WAIT = {int(WAIT)} }};" in HEADER


def test_the_manifest_of_the_page_can_be_read() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert radon.Manifest.parse(text).kinds["cart"].replicas == 3


def test_the_program_of_the_page_runs() -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(program, "docs/kvr.md", "exec"), {})
