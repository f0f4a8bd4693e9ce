"""The command `radon`: its verbs on one screen, each in a file of its own.

A verb is a module with `verb`, the function behind it, and `EXAMPLE`. Modules here import what they need inside of
functions: help and completion must not wait for an engine. Owns no verb's work.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Annotated

import typer

from radon.cli import (
    backup,
    bench,
    build,
    call,
    dead,
    deploy,
    dev,
    doctor,
    inspect,
    logs,
    new,
    ps,
    replay,
    run,
    send,
    sim,
    state,
    stop,
)
from radon.cli.commands import Command
from radon.cli.failures import guarded

VERBS: tuple[ModuleType, ...] = (
    new, build, inspect, run, dev, deploy, ps, call, send, logs, dead, backup, stop, sim, replay, doctor,
)  # fmt: skip

app = typer.Typer(
    name="radon",
    help="Run WebAssembly atoms: isolated, stateful, message-driven programs.",
    rich_markup_mode=None,  # plain help, and no rich to load for it
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in VERBS:
    name = module.__name__.rpartition(".")[2]
    app.command(name, cls=Command, epilog=f"Example: {module.EXAMPLE}")(module.verb)
app.add_typer(state.app, name="state")
app.add_typer(bench.app, name="bench")


@app.callback(invoke_without_command=True)
def radon(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False
) -> None:
    if version:
        from radon._version import __version__

        typer.echo(f"radon {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


def main() -> None:
    """The entry point. Exit codes are those of `failures.py`."""
    sys.exit(guarded(typer.main.get_command(app), sys.argv[1:]))
