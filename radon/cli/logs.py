"""`radon logs`: what atoms logged."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from radon.cli.deployments import find_running
from radon.cli.options import Data, Json
from radon.cli.printing import print_json, print_lines, shown, time_text

EXAMPLE = "radon logs -f"


def verb(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show what atoms logged: the last 10,000 lines, oldest first."""
    from radon.cli.client import Client

    with Client(find_running(data)) as client:
        for line in client.logs(follow=follow):
            if as_json:
                print_json(line)
            else:
                print_lines([log_line(line)])


def log_line(line: dict[str, Any]) -> str:
    """A line of the log for people."""
    if "missed" in line:
        return f"... {line['missed']} lines are left out, because they came faster than they were read"
    again = f" (attempt {line['attempt'] + 1})" if line["attempt"] else ""
    return f"{time_text(line['time'])} {line['level']:5} {shown(line['atom'])}{again} {shown(line['text'])}"
