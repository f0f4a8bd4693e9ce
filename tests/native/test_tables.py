"""What the C files say again is what the Python twin says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from radon.host import assembly, gate, guest, limits, routes, topic, turn
from radon.host.native import tables

HERE = Path(tables.__file__).parent
UNITS = {"KIB": limits.KIB, "MIB": limits.MIB, "GIB": limits.GIB}
DEFINED = dict(re.findall(r"^#define ([A-Z_]+) (.+)$", (HERE / "charges.h").read_text(), re.MULTILINE))
ELSEWHERE = {"ERR_BYTES": gate._ERR_BYTES, "KIB": limits.KIB, "MIB": limits.MIB, "GIB": limits.GIB, "NEVER": turn.NEVER}


@pytest.mark.parametrize(("file", "text"), [("records.h", tables.records()), ("syscalls.h", tables.calls())])
def test_a_generated_header_is_what_its_table_gives(file: str, text: str) -> None:
    assert (HERE / file).read_text() == text


def value(expression: str) -> int:
    """Of a C constant: numbers, units, `*` and `<<`."""
    plain = re.sub(r"\(uint64_t\)|(?<=\d)u\b", "", expression)
    plain = plain.replace("UINT64_MAX", str(2**64 - 1)).replace("UINT32_MAX", str(2**32 - 1))
    plain = re.sub("|".join(UNITS), lambda unit: str(UNITS[unit[0]]), plain)
    assert re.fullmatch(r"[\d\s*<()]+", plain), plain
    return int(eval(plain))


@pytest.mark.parametrize("name", DEFINED)
def test_a_charge_or_bound_is_that_of_the_python_twin(name: str) -> None:
    places = [getattr(place, name) for place in (limits, turn, routes, topic, guest, assembly) if hasattr(place, name)]
    expected = {ELSEWHERE[name]} if name in ELSEWHERE else set(places)
    assert expected == {value(DEFINED[name])}
