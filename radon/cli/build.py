"""`radon build`: C sources to modules, and what those need."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radon.cli.options import MANIFEST, Json
from radon.cli.printing import print_json, print_table, say, size_text

if TYPE_CHECKING:
    from radon.cli.building import Built

EXAMPLE = "radon build examples/bank"


def verb(
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST", help="A radon.toml, its folder, or a single .c file.")
    ] = MANIFEST,
    force: Annotated[bool, typer.Option("--force", help="Build what has not changed, too.")] = False,
    as_json: Json = False,
) -> None:
    """Build an application's modules from C, and show what they need."""
    rows = _build_file(manifest) if manifest.suffix == ".c" else _build_application(manifest, force)
    if as_json:
        print_json(rows)
        return
    columns = ("kind", "module", "how", "size", "imports", "needs grants", "has grants")
    print_table(columns, (
        (
            row["kind"], row["file"], row["how"], size_text(row["size"]), _list(_interfaces(row["imports"])),
            _list(row["grants"]), _list(row["granted"]),
        )
        for row in rows
    ))  # fmt: skip


def _build_application(path: Path, force: bool) -> list[dict[str, Any]]:
    from radon.atoms.application import Application
    from radon.cli.building import build_kinds
    from radon.cli.launching import load_manifest

    manifest = load_manifest(path, None)
    built = build_kinds(manifest, force=force)
    Application.load(manifest)  # what does not fit together is told now, not when it is run
    return [_row(kind, found, [*manifest.kinds[kind].grants]) for kind, found in built.items()]


def _build_file(source: Path) -> list[dict[str, Any]]:
    from radon.atoms.build import build_c
    from radon.cli.building import Built

    result = build_c([source], source.with_suffix(".wasm"))
    return [_row(source.stem, Built(result.path, "built", result.warnings), [])]


def _row(kind: str, built: Built, granted: list[str]) -> dict[str, Any]:
    from radon.cli.modules import facts_of
    from radon.host.loader import load_file

    if built.warnings:
        say(built.warnings)
    return {
        "kind": kind,
        "file": str(built.path),
        "how": built.how,
        "granted": granted,
        **facts_of(load_file(built.path)),
    }


def _interfaces(names: list[str]) -> list[str]:
    return list(dict.fromkeys(name.partition(".")[0] for name in names))


def _list(words: list[str]) -> str:
    return " ".join(words) or "-"
