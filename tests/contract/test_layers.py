"""The shape of the tree: imports go down only, files stay short, names say something.

It reads the sources and imports none of them, so it holds for a tree that does not even load.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Each layer may import those above it in this list and itself. Layers of one line do not know each other.
LAYERS = [
    {"_version"},
    {"abi"},
    {"host"},
    {"atoms"},
    {"kv"},
    {"backends"},
    {"gateways", "testing"},
    {"runtime"},
    {"__init__"},
    {"bench"},
    {"cli"},
    {"__main__"},
]
RANK = {layer: rank for rank, layers in enumerate(LAYERS) for layer in layers}

# What the host offers to the layers above it; its other modules are one twin's own.
OFFERED = {
    "cache", "capi", "domain", "domains", "hash", "image", "kind", "limits", "loader", "lookup", "placement", "room",
    "traced",
}  # fmt: skip

LONGEST = 400  # lines
EMPTY_WORDS = {"common", "core", "helper", "helpers", "manager", "misc", "util", "utils"}


def sources(*folders: str, suffixes: str = "py") -> list[Path]:
    found = (path for folder in folders for suffix in suffixes.split() for path in ROOT.glob(f"{folder}/**/*.{suffix}"))
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(ROOT).parts))


def imports(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """(line, absolute name) of whatever `tree`, a module of `package`, imports, wherever in it the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            start = ".".join([*parents, *filter(None, [node.module])])
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


def layer(module: str) -> str:
    """ "radon.host.domain" -> "host"; what `radon` itself offers is of the layer "__init__"."""
    second = module.partition(".")[2].partition(".")[0]
    return second if second in RANK else "__init__"


def upward_imports(source: str, module: str, package: str) -> list[str]:
    own = layer(module)
    wrong = []
    for line, name in imports(ast.parse(source), package):
        if name.split(".")[0] != "radon":
            continue
        other = layer(name)
        if own != other and RANK[own] <= RANK[other]:
            wrong.append(f"line {line}: {own} may not import {other} ({name})")
    return wrong


def module_and_package(path: Path) -> tuple[str, str]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts), ".".join(parts[:-1])


@pytest.mark.parametrize("path", sources("radon"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_layers_below(path: Path) -> None:
    module, package = module_and_package(path)
    assert module.split(".")[1] in RANK, f"{module} belongs to no layer: place it, or add it to LAYERS"
    assert upward_imports(path.read_text(), module, package) == []


@pytest.mark.parametrize(
    ("module", "statement", "wrong"),
    [
        ("radon.host.domain", "from radon.abi.errors import Denied", False),
        ("radon.host.domain", "from radon import host", False),
        ("radon.host.domain", "from radon.backends import driver", True),
        ("radon.host.domain", "from ..atoms import grants", True),
        ("radon.host.domain", "from . import limits", False),
        ("radon.host.domain", "import radon.cli", True),
        ("radon.host.domain", "def f():\n    import radon.runtime", True),
        ("radon.host.domain", "from radon import Runtime", True),
        ("radon.gateways.http", "from radon.testing import harness", True),
        ("radon.cli.run", "from radon import Runtime", False),
        ("radon.__init__", "from radon.runtime import Runtime", False),
        ("radon.__init__", "from radon.cli import main", True),
    ],
)
def test_the_rule_tells_up_from_down(module: str, statement: str, wrong: bool) -> None:
    assert bool(upward_imports(statement, module, module.rpartition(".")[0])) is wrong


def test_what_is_inside_of_a_domain_stays_inside_of_the_host() -> None:
    """There is more than one domain: whoever runs one knows its contract, and not the modules of a twin."""
    wrong = []
    for path in sources("radon"):
        module, package = module_and_package(path)
        for line, name in imports(ast.parse(path.read_text()), package):
            if layer(module) != "host" and name.startswith("radon.host.") and name.split(".")[2] not in OFFERED:
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {name}")
    assert wrong == []


def test_a_package_that_is_imported_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {name_of(requirement) for requirement in project["dependencies"]}
    for_tests = {name_of(requirement) for requirement in project["optional-dependencies"]["test"]}
    distributions = packages_distributions()
    undeclared = []
    for path in sources("radon"):
        module, package = module_and_package(path)
        allowed = declared | for_tests if layer(module) == "testing" else declared
        for line, name in imports(ast.parse(path.read_text()), package):
            top = name.split(".")[0]
            if top == "radon" or top in sys.stdlib_module_names:
                continue
            if not {name_of(distribution) for distribution in distributions.get(top, [top])} & allowed:
                undeclared.append(f"{path.relative_to(ROOT)}:{line}: {top}")
    assert undeclared == []


def name_of(requirement: str) -> str:
    """ "Foo_Bar>=1" -> "foo-bar"."""
    start = re.match(r"[\w.-]+", requirement)
    assert start, requirement
    return re.sub(r"[-_.]+", "-", start[0]).lower()


def test_no_file_is_long_unless_it_was_generated() -> None:
    long = []
    for path in sources("radon", "guest-sdk", "tests", "examples", "benchmarks", suffixes="py c h"):
        lines = path.read_text().splitlines()
        if len(lines) > LONGEST and "generated" not in lines[0].lower():
            long.append(f"{path.relative_to(ROOT)}: {len(lines)} lines; look for the second thing that hides in it")
    assert long == []


def test_a_module_is_named_for_what_it_owns() -> None:
    empty = [path for path in sources("radon", "tests") if EMPTY_WORDS & set(re.split(r"[_.]", path.stem))]
    empty += [path for path in (ROOT / "radon").rglob("*") if path.is_dir() and path.name in EMPTY_WORDS]
    assert empty == []
