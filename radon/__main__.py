"""The command `radon`, and `python -m radon` where its script is not on the path."""

import sys


def main() -> None:
    """The entry point. An interrupt while the modules load ends it as quietly as one later on (`cli/failures.py`)."""
    try:
        from radon import cli
    except KeyboardInterrupt:
        sys.exit(130)
    cli.main()


if __name__ == "__main__":
    main()
