"""`radon inspect`: what a module or component is and needs, or why Radon cannot serve it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from radon.cli.options import Json
from radon.cli.printing import print_json, print_lines, size_text

EXAMPLE = "radon inspect build/counter.wasm"


def verb(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A core module, a component, or WebAssembly text.")],
    as_json: Json = False,
) -> None:
    """Show what a module or component is, imports and needs."""
    from radon.abi.binary import MAGIC, is_component
    from radon.cli.modules import facts_of, warn_of_command
    from radon.host.loader import load_file

    facts = facts_of(load_file(file))
    warn_of_command(file)
    data = file.read_bytes()
    form = "component" if is_component(data) else "core module" if data.startswith(MAGIC) else "text"
    if as_json:
        print_json({"file": str(file), "form": form, **facts})
    else:
        print_lines(_lines(str(file), form, facts))


def _lines(file: str, form: str, facts: dict[str, Any]) -> list[str]:
    suspends = "yes: other atoms run while it waits" if facts["suspends"] else "no"
    fields = {
        "form": form,
        "size": f"{size_text(facts['size'])} ({facts['size']} bytes)",
        "digest": facts["digest"],
        "memory": f"{size_text(facts['memory'])} at the beginning",
        "handlers": ", ".join(facts["handlers"]),
        "suspends": suspends,
        "state": "yes" if facts["stateful"] else "no",
        "needs grants": ", ".join(facts["grants"]) or "none",
    }
    lines = [file, *(f"  {name:13} {value}" for name, value in fields.items()), "  imports"]
    groups = _grouped(facts["imports"])
    width = max([11, *map(len, groups)])
    lines += [f"    {group:{width}} {', '.join(names)}" for group, names in groups.items()]
    return lines if facts["imports"] else [*lines[:-1], "  imports       none"]


def _grouped(names: list[str]) -> dict[str, list[str]]:
    """ "state.bucket.add" under "state"."""
    groups: dict[str, list[str]] = {}
    for name in names:
        group, _, rest = name.partition(".")
        groups.setdefault(group, []).append(rest)
    return groups
