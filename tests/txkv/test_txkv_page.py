"""docs/txkv.md, txkv.h and the Python client say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from radon.kv import messages as m

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "txkv.md").read_text()
HEADER = (ROOT / "guest-sdk" / "c" / "txkv.h").read_text()


@pytest.mark.parametrize("code", re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
def test_the_example_works(code: str) -> None:
    exec(compile(code, "docs/txkv.md", "exec"), {})


def test_the_numbers_are_the_same_everywhere() -> None:
    for name, number in (("RUN", m.RUN), ("PARTS", m.PARTS_MAX), ("FORMAT", m.FORMAT)):
        found = re.search(rf"#define TXKV_{name} (?:\(\(kv_op\))?(\d+)", HEADER)
        assert found
        assert int(found[1]) == number
    assert f"| `RUN` | {m.RUN} |" in PAGE
    assert f"1 to {m.PARTS_MAX:,} parts" in PAGE
