"""docs/manifest.md tells every key with its default, and all that it shows works."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from radon.atoms import manifest as m
from radon.atoms.grants import GRAMMAR
from radon.atoms.secrets import SecretRef
from radon.atoms.tables import Entry, Place, read

PAGE = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text()

SECTIONS: dict[str, type[Entry]] = {
    "[application]": m.ApplicationEntry,
    "[kinds.NAME]": m.KindEntry,
    "[kinds.NAME.retry]": m.RetryEntry,
    "[kinds.NAME.limits]": m.LimitsEntry,
    "[require]": m.Require,
    "[ingress]": m.Ingress,
    "[ingress.http]": m.HttpIngress,
    "[ingress.http.tls]": m.Tls,
    "[egress]": m.Egress,
    "[egress.http.NAME]": m.HttpEgress,
    "Secrets": SecretRef,
}

LEAST: dict[type[Entry], dict[str, Any]] = {
    m.ApplicationEntry: {"name": "a"},
    m.KindEntry: {"module": "a.wasm"},
    m.Tls: {"certificate": "c", "key": "k"},
    m.HttpEgress: {"url": "http://a/"},
    SecretRef: {"env": "A"},
}
"""What each table must have."""


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.split(f"\n## {title}\n", 1)[1], flags=re.MULTILINE)[0]


def documented(title: str) -> dict[str, str]:
    """Key -> default, from the table of a section."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", section(title), flags=re.MULTILINE)
    return dict(rows)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_every_table_of_the_manifest_has_a_section() -> None:
    entries = {value for value in vars(m).values() if isinstance(value, type) and issubclass(value, Entry)}
    assert entries - {Entry, m.Manifest} == set(SECTIONS.values())


@pytest.mark.parametrize("title", SECTIONS)
def test_every_key_is_documented_and_no_other(title: str) -> None:
    assert tuple(documented(title)) == SECTIONS[title].__struct_fields__


@pytest.mark.parametrize("title", SECTIONS)
def test_the_documented_defaults_are_those_of_the_structs(title: str) -> None:
    cls = SECTIONS[title]
    given = LEAST.get(cls, {})
    least = read(cls, given, Place("page", ("table",)))
    for key, default in documented(title).items():
        if default == "required":
            assert key in given
        elif key not in given:
            spelled = {} if default == "none" else {key: tomllib.loads(f"x = {default.strip('`')}")["x"]}
            assert getattr(read(cls, given | spelled, Place("page", ("table",))), key) == getattr(least, key)
            assert default != "none" or getattr(least, key) is None


@pytest.mark.parametrize("text", blocks("toml"))
def test_every_example_is_read(text: str) -> None:
    tables = tomllib.loads(text)
    tables.setdefault("application", {"name": "example"})
    for kind in tables.setdefault("kinds", {"example": {"module": "example.wasm"}}).values():
        if "source" not in kind:
            kind.setdefault("module", "example.wasm")
    m.Manifest.of(tables)


def test_every_section_has_an_example_that_uses_all_its_keys() -> None:
    for title, cls in SECTIONS.items():
        if cls not in (m.Ingress, m.Egress):
            examples = "".join(re.findall(r"```toml\n(.*?)```", section(title), flags=re.DOTALL))
            unused = [key for key in cls.__struct_fields__ if not re.search(rf"\b{key}\b( =|\])", examples)]
            assert unused == ([] if cls is not SecretRef else ["env"]), title


def test_the_grammar_of_grants_is_that_of_the_messages() -> None:
    rows = re.findall(r'^\| `("[^`]+")` \|', section("[kinds.NAME]"), flags=re.MULTILINE)
    assert rows == re.split(r", | or ", GRAMMAR)


def test_the_python_on_the_page_runs() -> None:
    for text in blocks("python"):
        exec(compile(text, "docs/manifest.md", "exec"), {})
