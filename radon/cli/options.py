"""Arguments and options that several verbs have, so that they are called and explained alike. Knows no verb."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from radon.atoms.bounds import MOST_DOMAINS
from radon.cli.failures import Usage

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The deployment's directory.  [default: the only one under ./.radon]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON; docs/cli.md has the keys.")]
ManifestPath = Annotated[Path, typer.Argument(metavar="MANIFEST", help="A radon.toml, or the folder that it is in.")]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help='"KIND/KEY", or "KIND" for the empty key.')]
Body = Annotated[str, typer.Argument(metavar="BODY", help="Text, @FILE, or - for standard input.")]
Once = Annotated[
    str, typer.Option("--once", metavar="KEY", help="A message that was sent with this key before is not sent again.")
]

On = Annotated[str, typer.Option("--on", metavar="BACKEND", help="Where to run it.")]
Store = Literal["lmdb", "memory"]
StoreChoice = Annotated[Store | None, typer.Option("--store", help="Where commits go.  [default: lmdb]")]
StoreInFront = Annotated[
    Store | None, typer.Option("--store", help="Where commits go.  [default: memory; with --data lmdb]")
]
Durability = Literal["fsync", "async"]
DurabilityChoice = Annotated[
    Durability | None,
    typer.Option(
        "--durability", help="What is answered outlives a power cut (fsync, the default), or the process (async)."
    ),
]
NewData = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Its directory.  [default: .radon/APPLICATION]")
]
Bind = Annotated[
    list[str] | None,
    typer.Option("--bind", metavar="ADDRESS=KIND", help="Listen here for TCP instead; may be repeated."),
]
Domains = Annotated[
    int | None,
    typer.Option(
        "--domains", metavar="N", min=1, max=MOST_DOMAINS, show_default=False,
        help="Spread the atoms over so many domains, a thread for each; stays as it was first.  [default: 1]",
    ),
]  # fmt: skip
Forgetful = Annotated[
    bool, typer.Option("--forgetful", help="Drop each instance after its turn, to test what an atom forgets then.")
]
Record = Annotated[
    Path | None,
    typer.Option("--record", metavar="DIR", help="Keep all that comes in there, for `radon replay`."),
]
Drop = Annotated[
    list[str] | None,
    typer.Option("--drop", metavar="KIND", help="Delete the atoms of a kind that the manifest no longer has."),
]

MANIFEST = Path("radon.toml")


def manifest_file(path: Path) -> Path:
    """The manifest that a folder, or the file itself, stands for."""
    return path / MANIFEST if path.is_dir() else path


def read_body(body: str) -> bytes:
    """The bytes that a BODY argument means. Raises OSError."""
    if body == "-":
        import sys

        return sys.stdin.buffer.read()
    if body.startswith("@"):
        if body == "@":
            raise Usage("@ needs the name of a file behind it")
        return Path(body[1:]).read_bytes()
    return body.encode(errors="surrogateescape")  # as the shell gave it
