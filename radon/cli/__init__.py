"""The command `radon`: its verbs on one screen, each in a file of its own.

A verb is a module with `verb`, the function behind it, and `EXAMPLE`, or with `app`, whose commands are further words.
Modules here import what they need inside of functions, and only the verb that is asked for is imported and prepared:
help and completion must not wait for an engine, nor a call for the options of all others. Owns no verb's work.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from radon.cli.commands import Command, need_a_word
from radon.cli.failures import guarded

VERBS = (
    "new", "build", "inspect", "run", "dev", "deploy", "ps", "call", "send", "logs", "dead", "backup", "stop", "sim",
    "replay", "doctor", "state", "bench",
)  # fmt: skip


def command_of(verbs: Sequence[str] = VERBS) -> typer.Typer:
    """The command, with these of its verbs."""
    app = typer.Typer(
        name="radon",
        help="Run WebAssembly atoms: isolated, stateful, message-driven programs.",
        rich_markup_mode=None,  # plain help, and no rich to load for it
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(radon)
    for name in verbs:
        module = import_module(f"{__name__}.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name, cls=Command, epilog=f"Example: {module.EXAMPLE}")(module.verb)
    return app


def radon(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False
) -> None:
    if version:
        from radon._version import __version__

        typer.echo(f"radon {__version__}")
        raise typer.Exit
    need_a_word(context)


def main() -> None:
    """The entry point. Exit codes are those of `failures.py`."""
    named = [word for word in sys.argv[1:2] if word in VERBS]  # else it is about all: help, completion, a wrong word
    sys.exit(guarded(typer.main.get_command(command_of(named or VERBS)), sys.argv[1:]))
