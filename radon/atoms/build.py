"""Sources in, atom out: the C compiler, the names it leaves in a module, and the component form of a module.

Owns the flags that make a C guest, where the SDK lies, and the world that fits a guest. Knows nothing of manifests;
whether a module can be served is the loader's to say.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from radon.abi import binary, wit
from radon.abi.errors import BuildError
from radon.abi.syscalls import HANDLERS, PACKAGE, SYSCALLS
from radon.atoms.workplace import workplace
from radon.host import cache

SDK_SOURCES = ("radon.c", "radon_json.c")

FLAGS = (
    "-O2", "-flto", "-Wall", "-Wextra",
    "-gline-tables-only",  # without any -g the linker drops the names of functions, which traps are to show
    "-Wl,-z,stack-size=65536",  # else a guest starts with 17 pages, 16 of them stack
)  # fmt: skip

MODULE = "atom"
"""What the compiler's file is called: the name becomes the module's, which traps show before the function's."""

FREESTANDING = ("-target", "wasm32-freestanding", "-nostdlib", "-Wl,--no-entry", "-Wl,--export=radon_arena")
WITH_LIBC = ("-target", "wasm32-wasi", "-mexec-model=reactor")


@dataclass(frozen=True, slots=True)
class BuildResult:
    path: Path
    size: int  # bytes
    warnings: str  # the compiler's, for people; it says nothing of a file that it has in its cache


def sdk_directory() -> Path:
    """Where radon.h and its sources are: beside the installed package, or in the checkout that it runs from."""
    package = Path(__file__).parents[1]
    candidates = (package / "_sdk" / "c", package.parent / "guest-sdk" / "c")
    for candidate in candidates:
        if (candidate / "radon.h").is_file():
            return candidate
    raise BuildError(f"the C SDK is neither in {candidates[0]} nor in {candidates[1]}; reinstall radon-runtime")


def build_c(sources: Sequence[Path], out: Path, *, sdk: Path | None = None, libc: bool = False) -> BuildResult:
    """Compile C sources and the SDK to a core module at `out`, which is replaced at once or not at all.

    With `libc` the guest has wasi-libc and exports `_initialize`; at the first use the compiler builds that libc, which
    takes half a minute. Blocks for as long as the compiler runs. Raises BuildError with the compiler's words.
    """
    sdk = sdk or sdk_directory()
    for source in sources:
        if not source.is_file():
            raise BuildError(f"there is no {source}")
    if importlib.util.find_spec("ziglang") is None:
        raise BuildError("the C compiler is not installed; `pip install ziglang` brings it")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with workplace(out.parent) as folder:
            warnings = _compile(sources, folder, sdk, libc)
            stripped = folder / "stripped"
            _wasm_tools("strip", folder / MODULE, "-o", stripped)  # line tables and the like; the names stay
            size = stripped.stat().st_size
            stripped.replace(out)
    except OSError as error:
        raise BuildError(f"{out} cannot be written: {error.strerror}") from error
    return BuildResult(out, size, warnings)


def _compile(sources: Sequence[Path], folder: Path, sdk: Path, libc: bool) -> str:
    """Makes MODULE in `folder`; answers the warnings."""
    files = [*sources, *(sdk / name for name in SDK_SOURCES)]
    flags = (*(WITH_LIBC if libc else FREESTANDING), *FLAGS, f"-I{sdk}")
    command = [sys.executable, "-m", "ziglang", "cc", *flags, *map(str, files), "-o", str(folder / MODULE)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(folder / "cache"))
    if run.returncode:
        names = ", ".join(source.name for source in sources)
        raise BuildError(f"{names} did not compile\n{run.stderr.strip() or _silent(run.returncode)}")
    return run.stderr.strip()


def _silent(code: int) -> str:
    """What to look for when the compiler has no words, as on a full disk."""
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    return f"the compiler ended {how} and said nothing; it needs room on the disk, and memory"


def environment(spare: Path) -> dict[str, str]:
    """Of the compiler. It keeps what it built in the user's cache, so the second build takes a fraction of a second.

    `spare` is for that where the user's cache cannot be written.
    """
    home = cache.directory(os.environ)
    with suppress(OSError):  # made by the compiler it would be open to others, and so of no use for modules
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = home.is_dir() and os.access(home, os.W_OK | os.X_OK)
    return {"ZIG_GLOBAL_CACHE_DIR": str(home / "zig" if kept else spare), **os.environ}


def world_for(exports: Iterable[str], imports: Iterable[str]) -> str:
    """The WIT of the world `guest` with just the handlers and interfaces that a core module has.

    `exports` are names as in its export section, of which those outside the standard do not matter; `imports` are the
    modules of its import section. wasm-tools drops, without a word, a handler that the world does not name. Raises
    BuildError for what the standard has not.
    """
    handlers = {handler.export: handler.interface for handler in HANDLERS.values()}
    exported = sorted(name for name in exports if name.startswith(f"{PACKAGE}/"))
    imported = sorted(set(imports))
    known = {syscall.interface for syscall in SYSCALLS} | handlers.keys()
    foreign = [name for name in exported + imported if name not in known]
    if foreign:
        raise BuildError(f"no component can be made: {PACKAGE} has no {', '.join(foreign)}")
    lines = [f"  import {name};" for name in imported] + [f"  export {handlers[name]};" for name in exported]
    return "\n".join(["package radon:guest;", "", "world guest {", *lines, "}", ""])


def componentize(core: Path, out: Path) -> None:
    """Write a freestanding core module as a component.

    Raises BuildError with the reason where it cannot be one, LoadError where it is no core module.
    """
    module = binary.read_core(core.read_bytes())
    world = world_for(module.exports, (interface for interface, _, _ in module.imports))
    with tempfile.TemporaryDirectory(prefix="radon-component-") as folder:
        standard = Path(folder, "deps", "radon-atom", wit.WIT.name)
        standard.parent.mkdir(parents=True)
        standard.write_bytes(wit.WIT.read_bytes())
        Path(folder, "world.wit").write_text(world)
        embedded = Path(folder, "embedded.wasm")
        _wasm_tools("component", "embed", folder, "--world", "guest", core, "-o", embedded)
        _wasm_tools("component", "new", embedded, "-o", out)


def _wasm_tools(*arguments: str | Path) -> None:
    run = subprocess.run([wit.wasm_tools(), *arguments], capture_output=True, text=True, check=False)
    if run.returncode:
        raise BuildError(f"`wasm-tools {arguments[0]}` failed: {run.stderr.strip()}")
