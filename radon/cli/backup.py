"""`radon backup`: a copy of a deployment's data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radon.cli.deployments import find_running
from radon.cli.options import Data

EXAMPLE = "radon backup /mnt/backups/monday"


def verb(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; absent or empty.")], data: Data = None
) -> None:
    """Copy the data of a deployment while it runs. The copy opens like the original: `radon deploy ... --data DIR`."""
    from radon.cli.client import Client

    with Client(find_running(data)) as client:
        client.backup(directory)
