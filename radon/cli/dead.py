"""`radon dead`: the dead letters, which are deliveries that failed for good."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from radon.cli.deployments import find_running
from radon.cli.failures import Usage
from radon.cli.options import Data, Json
from radon.cli.printing import print_json, print_lines, print_table, shown_bytes, time_text

EXAMPLE = "radon dead --retry all"

ALL = "all"
SHOWN = 60
"""Characters of a body in the table."""


def verb(
    retry: Annotated[str, typer.Option(metavar="ID|all", help="Deliver it again.")] = "",
    drop: Annotated[str, typer.Option(metavar="ID|all", help="Forget it.")] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show the dead letters, deliver them again, or drop them."""
    from radon.cli.client import Client

    if retry and drop:
        raise Usage("radon dead: --retry and --drop exclude each other")
    with Client(find_running(data)) as client:
        if retry or drop:
            chosen = retry or drop
            count = client.revive(None if chosen == ALL else chosen.lower(), again=bool(retry))
            if as_json:
                print_json({"letters": count})
            else:
                print_lines([f"{count} {'delivered again' if retry else 'dropped'}"])
            return
        letters = client.dead()
    if as_json:
        print_json([_letter(letter) for letter in letters])
    elif letters:
        columns = ("id", "time", "to", "form", "attempts", "cause", "body")
        print_table(columns, (_row(letter) for letter in letters))


def _letter(letter: Any) -> dict[str, Any]:
    from radon.backends.record_json import bytes_to_json

    delivery = letter.delivery
    return {
        "id": delivery.id.hex(), "to": letter.to.text, "cause": letter.cause, "form": delivery.form.name.lower(),
        "attempts": delivery.attempt + 1, "time": letter.time, "sender": delivery.sender.text,
        "body": bytes_to_json(delivery.body),
    }  # fmt: skip


def _row(letter: Any) -> tuple[object, ...]:
    delivery = letter.delivery
    body = shown_bytes(delivery.body)
    return (
        delivery.id.hex(), time_text(letter.time), letter.to.text, delivery.form.name.lower(), delivery.attempt + 1,
        letter.cause, body if len(body) <= SHOWN else f"{body[: SHOWN - 3]}...",
    )  # fmt: skip
