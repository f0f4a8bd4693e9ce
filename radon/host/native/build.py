"""Makes the native twin: `_native`, from the C files beside this one and the machine's C compiler.

A program of its own, which imports nothing of Radon: `pip install` runs it before Radon's dependencies are there
(hatch_build.py), `make` before everything else. cffi writes the glue between Python and `api.h`, and one call of the
compiler does the rest. Knows nothing of what the C files are about. Other C files with an `api.h` are made into modules
likewise (radon/bench/native/build.py).

RADON_NATIVE_CFLAGS appends flags. RADON_NATIVE_BUILD is another folder for the module, and where it is imported from.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent

# cffi keeps to Python's stable ABI wherever it can, so that one module serves every Python from 3.11 on.
STABLE = not (sysconfig.get_config_var("Py_DEBUG") or sysconfig.get_config_var("Py_GIL_DISABLED"))
SUFFIX = ".abi3.so" if STABLE else sysconfig.get_config_var("EXT_SUFFIX")
REASON = "missing.txt"
"""Stands where the module would stand, and says in one line why there is none."""


class Extension(NamedTuple):
    """A module to be made."""

    folders: tuple[Path, ...]  # its C files, and what Python calls in `*api.h`; it goes into the first
    name: str  # to import it by
    libraries: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        return self.name.rpartition(".")[2] + SUFFIX

    @property
    def sources(self) -> list[Path]:
        return self.files("*.c")

    @property
    def include(self) -> list[str]:
        return [f"-I{folder}" for folder in self.folders]

    def files(self, pattern: str) -> list[Path]:
        return [path for folder in self.folders for path in sorted(folder.glob(pattern))]


TWIN = Extension((HERE,), "radon.host.native._native", ("-ldl",))
FILE = TWIN.file

FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-g", "-fPIC", "-fvisibility=hidden"]
LINKED = ["-flto=auto", "-fno-plt"]
"""Inlines across files, worth a fifth of a message's time. Where the linker knows no such thing, it is done without."""

STRICT = ["-Wall", "-Wextra", "-Werror"]
"""For our sources and our eyes: what a compiler of tomorrow warns of must not keep a user from installing."""


class Unbuildable(Exception):
    """This machine lacks something that the build needs; one line, with the way out."""


class Broken(Exception):
    """The compiler refuses the sources. Its output."""


def build(folder: Path | None = None, extension: Extension = TWIN) -> bool:
    """Make the module in `folder` if it is not there or not made from these sources; whether that was so.

    When it raises, Unbuildable or Broken, no module is left there, not even an old one, and the reason is.
    """
    folder = folder or extension.folders[0]
    module = folder / extension.file
    digest = _digest(extension)
    if module.exists() and digest in module.read_bytes():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".build") as scratch:
            made = Path(scratch) / extension.file
            glue = _glue(Path(scratch), digest, extension)
            include = [*extension.include, f"-I{_headers()}"]
            command = [*compiler(), *FLAGS, *_extra(), "-shared", *include, "-o", str(made)]
            command += [*map(str, extension.sources), str(glue), *extension.libraries]
            try:
                _run([*command, *LINKED])
            except Broken:
                _run(command)
            made.replace(module)  # a process that runs keeps the module that it has
    except (Unbuildable, Broken) as error:
        module.unlink(missing_ok=True)
        (folder / REASON).write_text(f"{summary(error)}\n")
        raise
    (folder / REASON).unlink(missing_ok=True)
    return True


def lint(extension: Extension = TWIN) -> None:
    """Raises Broken when a strict compiler finds something in a C file. Optimized: some warnings need it."""
    with tempfile.TemporaryDirectory() as scratch:
        for source in extension.sources:
            made = str(Path(scratch) / "unused.o")
            _run([*compiler(), *FLAGS, *STRICT, *extension.include, "-c", str(source), "-o", made])


def compiler() -> list[str]:
    """The C compiler with the options that come with its name: what CC says, or what Python was built with, or `cc`."""
    built_with = shlex.split(sysconfig.get_config_var("CC") or "")
    asked = shlex.split(os.environ.get("CC", ""))
    for command in [asked] if asked else [built_with, ["cc"]]:
        if command and shutil.which(command[0]):
            return command
    raise Unbuildable(f"no C compiler ({' '.join(asked) or 'cc'}): apt-get install gcc")


def summary(error: Exception) -> str:
    """One line of a failed build: the first that says error, or else the first."""
    lines = str(error).strip().splitlines()
    return next((line for line in lines if "error:" in line), lines[0] if lines else "the compiler failed")


def _extra() -> list[str]:
    return shlex.split(os.environ.get("RADON_NATIVE_CFLAGS", ""))


def _headers() -> str:
    """Where Python.h is."""
    folder = sysconfig.get_path("include")
    if not Path(folder, "Python.h").exists():
        raise Unbuildable(f"no Python.h in {folder}: apt-get install python3-dev")
    return folder


def _digest(extension: Extension) -> bytes:
    """What a module that needs no rebuild has in it. Times of files would miss one that is gone, and other flags."""
    digest = hashlib.sha256(repr((os.environ.get("CC"), _extra())).encode())
    for path in (Path(__file__), *extension.sources, *extension.files("*.h")):
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return b"radon-native " + digest.hexdigest().encode()


def _glue(scratch: Path, digest: bytes, extension: Extension) -> Path:
    """The C file that makes a Python module of what Python calls."""
    try:
        from cffi import FFI  # type: ignore[import-untyped]
    except ImportError:
        raise Unbuildable("no cffi: pip install 'cffi>=1.17'") from None
    ffi = FFI()
    headers = extension.files("*api.h")
    ffi.cdef("\n".join(line for header in headers for line in declarations(header.read_text())))
    mark = f'__attribute__((used)) static const char radon_digest[] = "{digest.decode()}";'
    ffi.set_source(extension.name, "\n".join([*(f'#include "{header.name}"' for header in headers), mark]))
    path = scratch / "glue.c"
    with contextlib.redirect_stdout(io.StringIO()):  # it says what it does, with no way to ask it not to
        ffi.emit_c_code(str(path))
    return path


def declarations(header: str) -> Iterator[str]:
    """The lines of a C header that cffi's parser takes: no directives but numbers, and its own words for `python_`."""
    for line in header.splitlines():
        if re.match(r"\w.*\bpython_\w+\(", line):
            yield f'extern "Python+C" {line}'
        elif not line.startswith("#") or re.match(r"#define \w+ +-?[0-9]", line):
            yield line


def _run(command: list[str]) -> None:
    english = os.environ | {"LC_ALL": "C"}  # `summary` looks for a word
    run = subprocess.run(command, env=english, capture_output=True, text=True, errors="replace")
    if run.returncode:
        raise Broken(run.stderr or f"{command[0]} failed")


def main() -> int:
    """`build.py`: build. `build.py lint`: look for warnings. Without a compiler there is one of ours, and no error."""
    try:
        if sys.argv[1:] == ["lint"]:
            lint()
        elif build(Path(os.environ.get("RADON_NATIVE_BUILD") or HERE)):
            print("built the native domain", file=sys.stderr)
    except Unbuildable as error:
        print(f"the Python domain will be used: {error}", file=sys.stderr)
    except Broken as error:
        print(f"{error}\nthe native domain could not be built", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
