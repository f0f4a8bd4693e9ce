"""How the native twin is made, and what happens where it cannot be: always on a copy of the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from radon.host.native import build

ROOT = Path(__file__).parents[2]
NATIVE = Path("radon/host/native")
CLIENT = Path("radon/bench/native")
EDITABLE = "from hatchling.build import build_editable; print(build_editable('dist'))"

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What a wheel is made from, or enough of it, with nothing built."""
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore", "radon/_version.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "guest-sdk" / "c", tmp_path / "guest-sdk" / "c")
    made = shutil.ignore_patterns("_native.*", "_client.*", "missing.txt", ".*")
    for folder in (NATIVE, CLIENT):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=made)
    return tmp_path


@pytest.fixture
def python(tree: Path) -> Program:
    """Runs Python in the tree, with more variables."""

    def run(*arguments: str, cwd: Path = tree, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name != "CC" and not name.startswith("RADON_")}
        kept["RADON_NATIVE_CFLAGS"] = "-O0"  # the sooner it is built
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=cwd, env=kept | variables, capture_output=True, text=True)

    return run


@pytest.fixture
def make(python: Program) -> Program:
    """`make native`."""
    return lambda *arguments, **variables: python("-P", str(NATIVE / "build.py"), *arguments, **variables)


@pytest.fixture
def status(tree: Path, python: Program) -> Program:
    """`native.unusable()` of this checkout's Radon with the module that stands in the tree, asked twice."""
    ask = "from radon.host import native; native.unusable(); print(native.unusable())"
    return lambda: python("-W", "always", "-c", ask, cwd=ROOT, RADON_NATIVE_BUILD=str(tree / NATIVE))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_module_of_this_checkout_works(make: Program, status: Program) -> None:
    assert make().stderr == "built the native domain\n"
    run = status()
    assert (run.stdout, run.stderr) == ("None\n", "")


def test_a_linker_that_cannot_optimize_will_do(tmp_path: Path, make: Program, status: Program) -> None:
    plain = tmp_path / "plain-cc"
    plain.write_text('#!/bin/sh\ncase "$*" in *-flto*) echo "error: no plugin" >&2; exit 1;; esac\nexec cc "$@"\n')
    plain.chmod(0o755)
    assert make(CC=str(plain)).stderr == "built the native domain\n"
    assert status().stdout == "None\n"


@pytest.mark.slow
def test_it_is_built_again_only_when_something_changed(tree: Path, make: Program) -> None:
    make()
    module = tree / NATIVE / build.FILE
    before = module.stat().st_mtime_ns
    assert make().stderr == ""
    assert module.stat().st_mtime_ns == before
    change(tree / NATIVE / "native.h", "#pragma once", "#pragma once\n")
    assert make().stderr == "built the native domain\n"
    assert make(RADON_NATIVE_CFLAGS="-DANYTHING").stderr == "built the native domain\n"


@pytest.mark.slow
def test_a_source_that_does_not_compile_is_an_error_and_leaves_no_old_module(
    tree: Path, make: Program, status: Program
) -> None:
    make()
    (tree / NATIVE / "broken.c").write_text("int broken(void) { return missing; }\n")
    run = make()
    assert run.returncode == 1
    assert "missing" in run.stderr
    assert not (tree / NATIVE / build.FILE).exists()
    run = status()
    assert run.stdout.startswith("not built when it was installed: ")
    assert "'missing' undeclared" in run.stdout
    assert run.stderr == ""
    (tree / NATIVE / "broken.c").unlink()
    make()
    assert status().stdout == "None\n"


@pytest.mark.slow
def test_lint_refuses_what_an_installation_lets_pass(tree: Path, make: Program) -> None:
    assert make("lint").returncode == 0
    (tree / NATIVE / "warned.c").write_text("int warned(int unused) { return 0; }\n")
    assert make().returncode == 0
    run = make("lint")
    assert run.returncode == 1
    assert "unused" in run.stderr


@pytest.mark.parametrize("kind", ["wheel", "editable"])
@pytest.mark.parametrize(
    ("compiler", "reason"),
    [("no-such-cc", "no C compiler (no-such-cc): apt-get install gcc"), ("/bin/false", "/bin/false failed")],
)
def test_without_a_compiler_radon_installs_with_one_warning(
    kind: str, compiler: str, reason: str, tree: Path, python: Program, status: Program
) -> None:
    command = {
        "wheel": ["-m", "hatchling", "build", "--target", "wheel"],
        "editable": ["-c", f"import os; os.mkdir('dist'); {EDITABLE}"],
    }[kind]
    run = python(*command, CC=compiler)
    assert run.returncode == 0, run.stderr
    warning = "Radon is installed without its native domain, and uses the Python one, which is slower and does the same"
    assert (run.stdout + run.stderr).count(f"{warning}: {reason}\n") == 1
    (wheel,) = (tree / "dist").glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert (f"{NATIVE}/missing.txt" in names) is (kind == "wheel")
    assert status().stdout == f"not built when it was installed: {reason}\n"


def test_make_goes_on_without_a_compiler(make: Program) -> None:
    run = make(CC="no-such-cc")
    assert run.returncode == 0
    assert run.stderr == "the Python domain will be used: no C compiler (no-such-cc): apt-get install gcc\n"


def test_a_wheel_has_the_module_and_an_sdist_its_sources(tree: Path, python: Program) -> None:
    run = python("-m", "hatchling", "build", "--target", "sdist")
    assert run.returncode == 0, run.stderr
    (sdist,) = (tree / "dist").glob("*.tar.gz")
    shutil.unpack_archive(sdist, tree / "unpacked", filter="data")
    (unpacked,) = (tree / "unpacked").iterdir()
    assert {path.name for path in build.TWIN.sources} <= {path.name for path in (unpacked / NATIVE).iterdir()}

    run = python("-m", "hatchling", "build", "--target", "wheel", cwd=unpacked)
    assert run.returncode == 0, run.stderr
    (wheel,) = (unpacked / "dist").glob("*.whl")
    assert "-cp311-abi3-linux_" in wheel.name
    names = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith(f"{NATIVE}/")]
    assert sorted(names) == [f"{NATIVE}/__init__.py", f"{NATIVE}/{build.FILE}"]
    names = [path.name for path in map(Path, zipfile.ZipFile(wheel).namelist()) if path.parent == CLIENT]
    shared = ["api.h", "draw.h", "histogram.h", "records.h", "source.h"]  # with the guest
    assert sorted(names) == sorted(["__init__.py", f"_client{build.SUFFIX}", *shared])


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("wasmtime.h", '"50.0"', '"49.0"', "built for wasmtime 49.0, found 50.0."),
        (
            "wasmtime.h", "wasmtime_func_t funcref;", "wasmtime_func_t funcref; char too_large[64];",
            "built for another wasmtime: wasmtime_val_t is 72 bytes here and 32 there",
        ),
        (
            "wasmtime.h", "wasmtime_extern_kind_t kind;", "wasmtime_extern_kind_t kind; double after;",
            "built for another wasmtime: wasmtime_extern_t is 40 bytes here and 32 there",
        ),
        ("wasmtime.h", "wasmtime_, memory_grow", "wasmtime_, memory_burn", "lacks wasmtime_memory_burn"),
    ],
    ids=["release", "union", "structure", "function"],
)  # fmt: skip
def test_a_module_for_another_wasmtime_is_not_used_and_warns_once(
    file: str, old: str, new: str, reason: str, tree: Path, make: Program, status: Program
) -> None:
    change(tree / NATIVE / file, old, new)
    assert make().returncode == 0
    run = status()
    assert run.returncode == 0, run.stderr
    assert reason in run.stdout
    assert run.stderr.count(f"RuntimeWarning: Radon falls back to the Python domain: {run.stdout.strip()}") == 1


def test_a_module_that_cannot_be_imported_is_not_used_and_warns(tree: Path, status: Program) -> None:
    (tree / NATIVE / build.FILE).write_bytes(b"not a library")
    run = status()
    assert "cannot be imported" in run.stdout
    assert "RuntimeWarning: Radon falls back to the Python domain" in run.stderr


def test_the_header_is_read_by_cffi_without_what_only_a_compiler_knows() -> None:
    header = '#pragma once\n#include <stdint.h>\n#define SIZE 16\n#define NAME "x"\nint python_log(int);\nint f(void);'
    assert [*build.declarations(header)] == [
        "#define SIZE 16",
        'extern "Python+C" int python_log(int);',
        "int f(void);",
    ]
