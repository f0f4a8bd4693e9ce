"""docs/components.md lists the functions of WASI that there are."""

from __future__ import annotations

import re
from pathlib import Path

from radon.host.wasi2 import BY_IMPORT

PAGE = (Path(__file__).parents[2] / "docs" / "components.md").read_text()


def test_every_function_of_wasi_has_its_place_in_the_table() -> None:
    rows = re.findall(r"^\| `(wasi:[^`]+)` \| ([^|]+) \|", PAGE, re.MULTILINE)
    listed = [(interface, field) for interface, fields in rows for field in re.findall("`([^`]+)`", fields)]
    assert sorted(listed) == sorted(BY_IMPORT)
