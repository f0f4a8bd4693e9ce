"""The graveyard: a file of seeds that failed once, each with the least plan of faults that brought it about.

TOML, so that it can be read, put under version control and compared. Graves are added and never taken away by Radon.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from radon.abi.errors import ManifestError
from radon.atoms.bounds import LONGEST, MOST_DOMAINS, MOST_HOSTS
from radon.atoms.tables import Count, Entry, Place, Text, Timeout, check_keys, read
from radon.atoms.units import format_duration
from radon.backends.simulation.world import SECOND
from radon.testing.simulation.plans import plan_of, plan_text
from radon.testing.simulation.seeds import Run
from radon.testing.simulation.simulate import LONGER, Options

VERSION = 1

_HEAD = f"""\
# Seeds that failed under `radon sim`, which replays them first. Keep this file with the workload.
version = {VERSION}
"""


class Grave(NamedTuple):
    """A run that failed."""

    application: str  # digest of the one that failed
    workload: str  # likewise
    run: Run  # with its plan
    violation: str


class _Entry(Entry, frozen=True, kw_only=True):
    """`[[grave]]`, without its plan."""

    seed: int
    violation: Text
    application: Text
    workload: Text
    hosts: Count
    domains: Count
    span: Timeout
    operations: int


def read_graveyard(path: Path) -> list[Grave]:
    """All graves; none if there is no such file. Raises ManifestError naming the place, OSError."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"{path}: is no graveyard, or damaged: {error}; mend it, or move it away") from None
    if tables.get("version") != VERSION:
        raise ManifestError(
            f"{path}: the graveyard is of version {tables.get('version')}, this Radon reads version {VERSION}; "
            "move it away, or use the Radon that wrote it"
        )
    place = Place(str(path))
    check_keys(tables, ("version", "grave"), place)
    graves = tables.get("grave", [])
    if not isinstance(graves, list):
        raise place.at("grave").wrong(graves, "must be a list of tables: [[grave]]")
    return [_grave(table, place.at("grave", str(number))) for number, table in enumerate(graves, 1)]


def _grave(table: Any, place: Place) -> Grave:
    if not isinstance(table, Mapping):
        raise place.wrong(table, "must be a table")
    entry = read(_Entry, {key: value for key, value in table.items() if key != "fault"}, place)
    for name, most in (("hosts", MOST_HOSTS), ("domains", MOST_DOMAINS), ("span", LONGEST * SECOND)):
        if not 1 <= getattr(entry, name) <= most:
            raise place.at(name).wrong(table[name], "is out of bounds")
    options = Options(hosts=entry.hosts, domains=entry.domains, span=entry.span, operations=entry.operations)
    plan = plan_of(table.get("fault", []), place.at("fault"), options.names, LONGER * options.span)
    return Grave(entry.application, entry.workload, Run(entry.seed, options, plan), entry.violation)


def bury(path: Path, grave: Grave) -> None:
    """Add a grave to the file, which is made if there is none. Raises OSError."""
    with path.open("a", encoding="utf-8") as file:
        if file.tell() == 0:
            file.write(_HEAD)
        file.write(_text(grave))


def _text(grave: Grave) -> str:
    options = grave.run.options
    fields = {
        "seed": grave.run.seed,
        "violation": _string(grave.violation),
        "application": _string(grave.application),
        "workload": _string(grave.workload),
        "hosts": options.hosts,
        "domains": options.domains,
        "span": _string(format_duration(options.span)),
        "operations": options.operations,
    }
    lines = [f"{name} = {value}\n" for name, value in fields.items()]
    return "".join(["\n[[grave]]\n", *lines, plan_text(grave.run.plan or ())])


def _string(text: str) -> str:
    """A basic string of TOML: as JSON has it, but for DEL and what is no character."""
    quoted = json.dumps(text.encode(errors="replace").decode(), ensure_ascii=False)
    return quoted.replace("\x7f", "\\u007f")
