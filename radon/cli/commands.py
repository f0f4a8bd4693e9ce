"""What all verbs have in common as commands of typer's. Knows no verb."""

from __future__ import annotations

from itertools import pairwise, takewhile
from typing import Any

import typer
from typer.core import TyperCommand


class Command(TyperCommand):
    """Refuses an option that is given and empty: mostly the variable of a script that nobody has set."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = [*takewhile(lambda word: word != "--", args)]
        empty = {name for name, value in pairwise(words) if not value} | {w[:-1] for w in words if w.endswith("=")}
        param: Any
        for param in self.get_params(ctx):
            if empty.intersection(param.opts) and not getattr(param, "is_flag", False):
                raise typer.BadParameter("it is empty; give it one, or leave the option out", ctx=ctx, param=param)
        return super().parse_args(ctx, args)
