"""What a failure says and which exit code it has: one line on stderr, never a traceback.

Every verb runs inside `guarded`. Knows no verb.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

import typer

from radon.abi.errors import BuildError, RadonError
from radon.cli.printing import say, shown, shown_lines
from radon.gateways.faults import DEFECT, INPUTS, label_of, text_of

FAILED = 1
"""The line begins with an error-code of the standard."""

WRONG = 2
"""The usage, the manifest or a module is."""

ABSENT = 3
"""There is no such deployment, or it does not run."""

INTERRUPTED = 130
"""By Ctrl-C (128 + SIGINT, as shells count)."""

_UsageError = cast("type[Exception]", typer.BadParameter.__base__)
"""What typer raises for arguments that it cannot parse; it has no public name."""


class Usage(RadonError):
    """The command line asks for what makes no sense."""


class Absent(RadonError):
    """There is no such deployment, or it does not run."""


class Told(RadonError):
    """Another process of ours has failed: its exit code, and the line that it would have printed."""

    def __init__(self, code: int, line: str) -> None:
        super().__init__(line)
        self.code, self.line = code, line


@contextmanager
def as_usage(kind: type[RadonError], before: str = "") -> Iterator[None]:
    """Such an error is the command line's fault; `before` says which part of it."""
    try:
        yield
    except kind as error:
        raise Usage(f"{before}{error}") from None


def outcome(error: BaseException) -> tuple[int, str]:
    """The exit code for an error, and the line for stderr; only a compiler's words may follow on further lines."""
    if isinstance(error, Told):
        return error.code, error.line
    if isinstance(error, Usage | Absent):
        return (WRONG if isinstance(error, Usage) else ABSENT), _one_line(str(error))
    if isinstance(error, UnicodeEncodeError):  # the shell hands over bytes, of which addresses and paths are UTF-8
        return WRONG, f"{shown(error.object)} is not UTF-8"
    label = label_of(error)
    if label in INPUTS:
        return WRONG, shown_lines(str(error)) if isinstance(error, BuildError) else _one_line(str(error))
    if label == DEFECT:
        text = _one_line(f"{type(error).__name__}: {error}")
        return FAILED, f"{DEFECT}: {text}; this is a mistake in Radon, and RADON_DEBUG=1 shows where"
    return FAILED, f"{label}: {_one_line(text_of(error))}"


def guarded(command: Any, arguments: Sequence[str]) -> int:
    """Run a command of typer's; its exit code. Errors are told on stderr."""
    return told(lambda: command.main(list(arguments), prog_name="radon", standalone_mode=False))


def told(work: Callable[[], Any], tell: Callable[[int, str], None] | None = None) -> int:
    """Run `work`; the exit code that it returns (None: 0) or ends with. `tell` hears of an error beside stderr."""
    try:
        code = work()
        sys.stdout.flush()
        return code or 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone, and needs no explanation
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python flushes at its end
        return FAILED
    except _UsageError as error:
        return _tell(WRONG, _usage(error), tell)
    except Exception as error:
        if os.environ.get("RADON_DEBUG") == "1":
            say(traceback.format_exc())
        return _tell(*outcome(error), tell)


def _tell(code: int, line: str, tell: Callable[[int, str], None] | None) -> int:
    with suppress(OSError):
        say(line)
    if tell is not None:
        tell(code, line)
    return code


def _usage(error: Any) -> str:
    """ "radon call: missing argument 'BODY'; see `radon call --help`"."""
    path = error.ctx.command_path if error.ctx is not None else "radon"
    text = _one_line(error.format_message()).replace("Value error, ", "").rstrip(".")
    return f"{path}: {text[:1].lower()}{text[1:]}; see `{path} --help`"


def _one_line(text: str) -> str:
    return "; ".join(filter(None, (shown(line.strip()) for line in text.splitlines())))
