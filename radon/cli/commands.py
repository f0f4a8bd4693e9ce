"""What all verbs have in common as commands of typer's. Knows no verb."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand

MAY_BE_EMPTY = ("body", "bucket", "key")
"""Names of arguments."""


class Command(TyperCommand):
    """Refuses what is given and empty: mostly the variable of a script that nobody has set."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given, _, _ = self.make_parser(ctx).parse_args([*args])
        param: Any
        for param in self.get_params(ctx):
            value = given.get(param.name)
            if (value == "" or (isinstance(value, list) and "" in value)) and param.name not in MAY_BE_EMPTY:
                way_out = "" if param.required else ", or leave it out"
                raise typer.BadParameter(f"it is empty; give it a value{way_out}", ctx=ctx, param=param)
        return super().parse_args(ctx, args)


def need_a_word(context: typer.Context) -> None:
    """Without a further word a command explains itself, which is not what was asked for."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)
