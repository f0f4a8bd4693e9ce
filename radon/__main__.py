"""The command `radon`, and `python -m radon` where its script is not on the path."""

import os
import sys
from io import TextIOWrapper


def main() -> None:
    """The entry point. An interrupt while it begins ends it as quietly as one later on (`cli/failures.py`)."""
    open_streams()
    try:
        from radon import cli

        cli.main()
    except KeyboardInterrupt:
        sys.exit(130)
    except RuntimeError as error:
        if not isinstance(error.__cause__, KeyboardInterrupt):  # which Python 3.11 wraps where a class is made
            raise
        sys.exit(130)


def open_streams() -> None:
    """Who has closed a standard stream (`>&-`) wants nothing of it. No file that is opened later gets its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, and so this one
            setattr(sys, name, open(number, "w" if number else "r"))  # noqa: SIM115  (until the end)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error is: what its encoding has not is shown


if __name__ == "__main__":
    main()
