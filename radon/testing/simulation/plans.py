"""Fault plans and rates as people write them. Knows how they are spelled, and of the kinds only what `faults.py` says.

    [[fault]]
    at = "5s"
    partition = [["h1"], ["h2", "h3"]]
    for = "2s"

or the same on one line, `fault = [{at = "5s", partition = [["h1"], ["h2", "h3"]], for = "2s"}]`, as `plan_text` has it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from radon.abi.errors import Invalid, ManifestError
from radon.atoms.tables import Place, check_keys, suggest
from radon.atoms.units import format_duration, parse_duration
from radon.backends.simulation.faults import DEFAULT, KINDS, Fault
from radon.backends.simulation.world import SECOND

SERVICES = ("log", "registry")
"""Nodes beside the hosts that a cut may part from others."""

USUAL = SECOND
"""ns for which a fault goes on if nothing is said."""

_KEYS = ("at", "for", "strength", *KINDS)


def parse_rates(text: str) -> dict[str, float]:
    """The rates that "crash=0.01,partition=0.005" gives: no other kind happens, unless one item is "default".

    "none": no faults. Raises Invalid.
    """
    rates: dict[str, float] = {}
    if text == "none":
        return rates
    items = [item.strip() for item in text.split(",")]
    if "default" in items:
        rates.update(DEFAULT)
        items.remove("default")
    given: set[str] = set()
    for item in items:
        name, equals, number = item.partition("=")
        if not equals:
            raise Invalid(f"{item!r} is no rate; write KIND=RATE, as in crash=0.01, or default, or none")
        if name not in KINDS:
            raise Invalid(f"unknown fault {name!r}; known: {', '.join(KINDS)}")
        if name in given:
            raise Invalid(f"{name} is given twice")
        given.add(name)
        rates[name] = _rate(name, number)
    return rates


def _rate(name: str, text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise Invalid(f"{name}={text}: a rate is a number from 0 to 1: how probable the fault is in a second") from None
    if not 0 <= rate <= 1:
        raise Invalid(f"{name}={text}: a rate is between 0 and 1: how probable the fault is in a second")
    return rate


def read_plan(path: Path, hosts: Collection[str], longest: int) -> list[Fault]:
    """A plan from a file, for these hosts and so many ns at most. Raises ManifestError naming the place, OSError."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: {error}") from None
    place = Place(str(path))
    check_keys(tables, ("fault",), place)
    return plan_of(tables.get("fault", []), place.at("fault"), hosts, longest)


def plan_of(value: object, place: Place, hosts: Collection[str], longest: int) -> list[Fault]:
    """A plan from a list of tables, the first of which messages call 1. Raises ManifestError."""
    if not isinstance(value, list):
        raise place.wrong(value, "must be a list of tables: [[fault]]")
    plan = [_fault(table, place.at(str(number)), hosts, longest) for number, table in enumerate(value, 1)]
    return sorted(plan, key=lambda fault: fault.at)


def _fault(table: object, place: Place, hosts: Collection[str], longest: int) -> Fault:
    if not isinstance(table, Mapping):
        raise place.wrong(table, 'must be a table, as in {at = "5s", crash = "h1", for = "2s"}')
    check_keys(table, _KEYS, place)
    kinds = [name for name in table if name in KINDS]
    if len(kinds) != 1:
        raise place.error(f"needs one of the keys {', '.join(KINDS)}, and has {', '.join(kinds) or 'none'}")
    if "at" not in table:
        raise place.error("needs the key 'at'")
    (kind,) = kinds
    at = _duration(table["at"], place.at("at"))
    if at >= longest:
        raise place.at("at").wrong(table["at"], f"a seed is over after {format_duration(longest)} at most")
    duration = _duration(table["for"], place.at("for")) if "for" in table else USUAL
    groups = _groups(kind, table[kind], place.at(kind), hosts)
    return Fault(kind, at, duration, groups, _strength(kind, table.get("strength"), place.at("strength")))


def _duration(value: object, place: Place) -> int:
    if not isinstance(value, str):
        raise place.wrong(value, 'must be a string with a unit, as in "1500ms"')
    with place.reading(value):
        return parse_duration(value)


def _strength(kind: str, value: object, place: Place) -> float:
    if value is None:
        return 1.0
    if not KINDS[kind].is_graded:
        raise place.wrong(value, f"a fault of kind {kind} has no strength")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise place.wrong(value, "must be a number from 0 to 1")
    return float(value)


def _groups(kind: str, value: Any, place: Place, hosts: Collection[str]) -> tuple[tuple[str, ...], ...]:
    """Whom it befalls."""
    if KINDS[kind].of == "sides":
        return _sides(value, place, (*hosts, *SERVICES))
    if KINDS[kind].of == "host":
        return ((_name(value, place, hosts),),)
    if value is not True:
        raise place.wrong(value, "must be true: there is nothing to choose")
    return (("log" if KINDS[kind].of == "log" else "",),)


def _sides(value: Any, place: Place, nodes: Collection[str]) -> tuple[tuple[str, ...], ...]:
    is_two = isinstance(value, list) and len(value) == 2
    if not is_two or not all(isinstance(side, list) and side for side in value):
        raise place.wrong(value, 'must be two lists of nodes, as in [["h1"], ["h2", "log"]]')
    sides = tuple(tuple(_name(name, place, nodes) for name in side) for side in value)
    both = sorted({*sides[0]} & {*sides[1]})
    if both:
        raise place.wrong(value, f"{both[0]} is on both sides")
    return sides


def _name(value: object, place: Place, known: Collection[str]) -> str:
    if not isinstance(value, str):
        raise place.wrong(value, f"must be the name of a node; known: {', '.join(known)}")
    if value not in known:
        raise place.wrong(value, f"there is no node {value!r}; {suggest(value, known)}")
    return value


def plan_text(plan: Iterable[Fault]) -> str:
    """A plan in TOML, a line for each fault: `plan_of` reads it back."""
    return "".join(["fault = [\n", *(f"  {fault_text(fault)},\n" for fault in plan), "]\n"])


def fault_text(fault: Fault) -> str:
    """One fault as an inline table."""
    return f"{{{', '.join(f'{key} = {json.dumps(value)}' for key, value in fault_table(fault).items())}}}"


def fault_table(fault: Fault) -> dict[str, Any]:
    """One fault as `plan_of` takes it."""
    kind = KINDS[fault.kind]
    whom: Any = fault.groups if kind.of == "sides" else fault.groups[0][0] if kind.of == "host" else True
    table = {"at": format_duration(fault.at), fault.kind: whom, "for": format_duration(fault.duration)}
    return {**table, "strength": fault.strength} if kind.is_graded else table
