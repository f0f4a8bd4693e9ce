"""docs/kv.md, kv.h and the Python client say the same, and the examples of the page work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import radon
from radon.host.hash import stable_hash
from radon.kv import messages as m
from radon.kv.messages import Flag, Op, Status
from tests.kv.model import CONDITIONS, TAKES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "kv.md").read_text()
HEADER = (ROOT / "guest-sdk" / "c" / "kv.h").read_text()


def rows(title: str) -> list[list[str]]:
    """The cells of the table whose first heading this is."""
    table = re.search(rf"^\| {title} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert table, title
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]


def test_operations_and_what_they_take() -> None:
    found = {row[0].strip("`"): row[1:] for row in rows("operation")}
    assert {name: int(cells[0]) for name, cells in found.items()} == {op.name: op.value for op in Op}
    for name, (_, fields, flags) in found.items():
        words = re.findall(r"(?:^|, )(key|tag|version|expiry|payload)\b", fields)
        allowed = CONDITIONS if "conditions" in flags else m.NO_FLAGS
        for flag in re.findall(r"`(\w+)`", flags):
            allowed |= Flag[flag]
        assert (allowed, sorted(words)) == (TAKES[Op[name]][0], sorted(TAKES[Op[name]][1].split())), name


def test_flags_and_statuses() -> None:
    assert {row[0].strip("`"): int(row[1]) for row in rows("flag")} == {str(flag.name): flag.value for flag in Flag}
    assert {row[0].strip("`"): int(row[1]) for row in rows("status")} == {s.name: s.value for s in Status}


def test_hashes() -> None:
    keys = {"empty": b"", "bytes `ff 00`": b"\xff\x00"}
    for name, text in rows("key"):
        assert f"{stable_hash(keys.get(name, name.strip('`').encode())):016x}" == text.strip("`")


def test_limits() -> None:
    numbers = re.findall(r"^\| (key|value|requests|values) .*\| ([\d,]+)", PAGE, re.MULTILINE)
    assert [int(number.replace(",", "")) for name, number in numbers if number] == [
        m.KEY_MAX, m.VALUE_MAX, m.BATCH_MAX, m.BATCH_BYTES,
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [Op, Flag, Status])
def test_the_header_has_the_same_numbers(kind: type[Op | Flag | Status]) -> None:
    ends = {Op: "kv_op", Status: "kv_status", Flag: ""}
    body = re.search(rf"enum {{([^}}]*)}} ?{ends[kind]};", HEADER)
    assert body
    number, found = -1, {}
    for name, value in re.findall(r"^ +KV_(\w+)(?: = (\d+))?,", body[1], re.MULTILINE):
        number = int(value) if value else number + 1
        found[name] = number
    assert found == {str(each.name): each.value for each in kind}


def test_the_header_has_the_same_limits() -> None:
    names = {"FORMAT", "HEAD", "KEY_MAX", "VALUE_MAX", "BATCH_MAX", "BATCH_BYTES", "TRANSACTION"}
    for name in names:
        defined = re.search(rf"#define KV_{name} \(?(\d+)(?: << (\d+)\))?", HEADER)
        assert defined
        assert int(defined[1]) << int(defined[2] or 0) == getattr(m, name), name


def test_the_manifest_of_the_page_can_be_read() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert radon.Manifest.parse(text).kinds["kv"].module == "std:kv"


def test_the_program_of_the_page_runs() -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(program, "docs/kv.md", "exec"), {})
