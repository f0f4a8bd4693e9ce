"""The sources of an application made into modules: in parallel, and only what changed. Prints nothing.

Owns the stamp beside each module, which says of what it was made. How C is compiled is `atoms/build.py`'s.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from radon.abi.errors import BuildError
from radon.atoms import build
from radon.atoms.manifest import Manifest
from radon.atoms.workplace import sweep

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*(?:include|embed)[ \t]*"([^"\n]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Built:
    """What became of one kind."""

    path: Path
    how: str  # "built", "unchanged", or "given": a module that the manifest names
    warnings: str = ""  # of the compiler; empty when it did not run


def build_kinds(manifest: Manifest, *, force: bool = False) -> dict[str, Built]:
    """Build the kinds of `manifest`, by name. Raises BuildError with all that does not compile."""
    sources = {kind: [manifest.base / name for name in entry.source] for kind, entry in manifest.kinds.items()}
    failures: list[str] = []
    built: dict[str, Built] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each thread waits for a compiler
        jobs = {
            kind: pool.submit(build_one, files, manifest.module_path(kind), force=force)
            for kind, files in sources.items()
            if files
        }
        for kind in manifest.kinds:
            try:
                built[kind] = jobs[kind].result() if kind in jobs else Built(manifest.module_path(kind), "given")
            except BuildError as error:
                failures.append(str(error))
    if failures:
        raise BuildError("\n".join(failures))
    return built


def build_one(sources: list[Path], out: Path, *, force: bool = False) -> Built:
    """Build a module from C sources, unless it is there and was made of the same. Raises BuildError."""
    stamp = out.with_name(f"{out.name}.stamp")
    inputs = _inputs(sources)
    if not force and _read(stamp) == _stamp(inputs, out):
        sweep(out.parent)
        return Built(out, "unchanged")
    result = build.build_c(sources, out)
    try:
        stamp.write_text(_stamp(inputs, out), encoding="ascii")
    except OSError as error:
        raise BuildError(f"{stamp} cannot be written: {error.strerror}") from error
    return Built(out, "built", result.warnings)


def files_of(sources: Iterable[Path]) -> set[Path]:
    """The sources, and what they include by a name in quotes, however deep."""
    found: set[Path] = set()
    waiting = list(sources)
    while waiting:
        path = waiting.pop()
        if path not in found and path.is_file():
            found.add(path)
            waiting += _included(path)
    return found


def _included(path: Path) -> Iterator[Path]:
    for name in _INCLUDE.findall(path.read_bytes()):
        yield Path(os.path.normpath(path.parent / os.fsdecode(name)))


def _inputs(sources: list[Path]) -> str:
    """A digest of all that a module is made of, the compiler included."""
    sdk = build.sdk_directory()
    files = [*map(os.path.abspath, sources), *sorted(map(os.path.abspath, files_of(sources)))]
    digest = hashlib.sha256(" ".join([_compiler(), *build.FREESTANDING, *build.FLAGS]).encode())
    for path in (*map(Path, files), *sorted(sdk.glob("*.[ch]"))):
        content = path.read_bytes() if path.is_file() else b""
        digest.update(b"%s\0%d\0%s" % (path.name.encode(), len(content), content))
    return digest.hexdigest()


def _compiler() -> str:
    try:
        return version("ziglang")
    except PackageNotFoundError:
        return "none"  # `build_c` says what to do


def _stamp(inputs: str, out: Path) -> str:
    made = hashlib.sha256(out.read_bytes()).hexdigest() if out.is_file() else "nothing"
    return f"{inputs} {made}\n"


def _read(stamp: Path) -> str:
    try:
        return stamp.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
