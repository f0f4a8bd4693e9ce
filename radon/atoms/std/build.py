"""Makes the modules of the standard atoms from their sources: `python -m radon.atoms.std.build`.

They are committed and shipped, so that an application that uses them needs no compiler. The same compiler makes the
same bytes of the same sources; with `--check` stale ones are named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from radon.atoms.build import build_c
from radon.atoms.std import STANDARDS, Standard


def built(standard: Standard) -> bytes:
    """What the module has to be. Raises BuildError."""
    with TemporaryDirectory(prefix="radon-std-") as folder:
        result = build_c(standard.sources, Path(folder, standard.path.name))
        if result.warnings:
            print(result.warnings, file=sys.stderr)
        return result.path.read_bytes()


def main(argv: Sequence[str] | None = None) -> int:
    """Write the modules, or with `--check` name the stale ones and answer 1."""
    parser = argparse.ArgumentParser(prog="python -m radon.atoms.std.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a module is stale")
    check = parser.parse_args(argv).check
    status = 0
    for standard in STANDARDS.values():
        module = built(standard)
        if standard.path.is_file() and standard.path.read_bytes() == module:
            continue
        if check:
            print(f"{standard.path.name} is stale; run `python -m radon.atoms.std.build`", file=sys.stderr)
            status = 1
        else:
            standard.path.write_bytes(module)
            print(f"wrote {standard.path.name}, {len(module)} bytes")
    return status


if __name__ == "__main__":
    sys.exit(main())
