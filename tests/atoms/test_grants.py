"""The grammar of grants, their globs, and the answers that a gate gets (rule 20)."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.abi.errors import ManifestError
from radon.atoms.grants import GRAMMAR, Grant, GrantTable, Right, matches


@pytest.mark.parametrize(
    ("text", "grant"),
    [
        ("account/*", Grant(Right.OPEN, "account", "*")),
        ("account", Grant(Right.OPEN, "account", "")),
        ("kv/a:b/c", Grant(Right.OPEN, "kv", "a:b/c")),
        ("spawn:teller", Grant(Right.SPAWN, "teller", "")),
        ("stop:teller/t-?", Grant(Right.STOP, "teller", "t-?")),
        ("stop:printer", Grant(Right.STOP, "printer", "")),
        ("publish:orders/*", Grant(Right.PUBLISH, "", "orders/*")),
        ("subscribe:a:b", Grant(Right.SUBSCRIBE, "", "a:b")),
        ("http:api", Grant(Right.HTTP, "api", "")),
    ],
)
def test_a_grant_is_taken_apart(text: str, grant: Grant) -> None:
    assert Grant.parse(text) == grant


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the kind is missing"),
        ("/key", "the kind is missing"),
        ("spawn:", "the kind is missing"),
        ("stop:/x", "the kind is missing"),
        ("http:", "the endpoint is missing"),
        ("publish:", "the topic is missing"),
        (":kind", "no grant begins with ':'"),
        ("spwn:kind", "no grant begins with 'spwn:'"),
        ("open:kind/x", "no grant begins with 'open:'"),
        ("spawn:kind/key", "spawn: takes no key"),
        ("http:api/x", "http: takes no key"),
        ("*/x", "the name of the kind cannot be a glob"),
        ("spawn:a?", "the name of the kind cannot be a glob"),
        ("http:*", "the name of the endpoint cannot be a glob"),
        ("kv/a\nb", "unprintable characters"),
        ("publish:a\0", "unprintable characters"),
    ],
)
def test_bad_text_is_refused_with_the_grammar(text: str, fault: str) -> None:
    with pytest.raises(ManifestError) as refusal:
        Grant.parse(text)
    assert str(refusal.value) == f"{fault}; write {GRAMMAR}"


def test_an_atom_may_open_its_own_kind_and_nothing_else_unasked() -> None:
    table = GrantTable("account", [])
    assert table.open("account", "7")
    assert table.open("account", "")
    assert not table.open("log", "main")
    assert not table.spawn("account")
    assert not table.stop("account", "7")
    assert not table.publish("account")
    assert not table.subscribe("account")
    assert not table.http("account")


def test_each_right_is_its_own() -> None:
    everything = ["kv/*", "spawn:kv", "stop:kv/*", "publish:kv", "subscribe:kv", "http:kv"]

    def answers(table: GrantTable) -> list[bool]:
        return [
            table.open("kv", "a"), table.spawn("kv"), table.stop("kv", "a"), table.publish("kv"),
            table.subscribe("kv"), table.http("kv"),
        ]  # fmt: skip

    for position, grant in enumerate(everything):
        assert answers(GrantTable("other", [grant])) == [position == other for other in range(6)]
    assert answers(GrantTable("other", everything)) == [True] * 6


def test_one_of_several_grants_is_enough() -> None:
    table = GrantTable("desk", ["clerk/eu-*", "clerk/us-*", "clerk"])
    assert table.open("clerk", "eu-1")
    assert table.open("clerk", "us-")
    assert table.open("clerk", "")
    assert not table.open("clerk", "EU-1")
    assert not table.open("clerk", "neu-1")


def test_the_kind_alone_is_the_atom_with_the_empty_key() -> None:
    table = GrantTable("desk", ["clerk"])
    assert table.open("clerk", "")
    assert not table.open("clerk", "x")


def test_topics_are_globs() -> None:
    table = GrantTable("desk", ["publish:orders/*", "subscribe:price-?"])
    assert table.publish("orders/eu/7")
    assert not table.publish("orders")
    assert table.subscribe("price-a")
    assert not table.subscribe("price-ab")


def test_a_table_of_bad_grants_is_refused() -> None:
    with pytest.raises(ManifestError, match="no grant begins with"):
        GrantTable("desk", ["kv/*", "read:kv"])


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        ("*", "", True), ("*", "a/b", True), ("?", "", False), ("?", "é", True), ("", "", True), ("", "a", False),
        ("a*", "ba", False), ("*a", "ab", False), ("[ab]", "a", False), ("[ab]", "[ab]", True), ("a.c", "abc", False),
        ("*a*b*", "xxaxxbxx", True), ("*a*b*", "xxbxxaxx", False), ("**?", "", False), ("a\\*", "a*", False),
    ],
)  # fmt: skip
def test_a_glob_is_anchored_and_knows_two_signs(glob: str, text: str, fits: bool) -> None:
    assert matches(glob, text) is fits


def naive(glob: str, text: str) -> bool:
    """The definition, read aloud: what the first sign may take, and then the rest."""

    @cache
    def fits(g: int, t: int) -> bool:
        if g == len(glob):
            return t == len(text)
        if glob[g] == "*":
            return any(fits(g + 1, later) for later in range(t, len(text) + 1))
        return t < len(text) and glob[g] in ("?", text[t]) and fits(g + 1, t + 1)

    return fits(0, 0)


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=16))
def test_a_glob_fits_what_its_definition_says(glob: str, text: str) -> None:
    assert matches(glob, text) is naive(glob, text)


@given(st.lists(st.text("ab", max_size=4), min_size=1, max_size=5), st.lists(st.text("ab", max_size=6), max_size=4))
def test_whatever_stands_for_the_stars_fits(parts: list[str], fillings: list[str]) -> None:
    filled = "".join(part + (fillings[i] if i < len(fillings) else "") for i, part in enumerate(parts[:-1])) + parts[-1]
    assert matches("*".join(parts), filled)


def test_many_stars_take_no_more_steps_than_promised() -> None:
    glob, text = "*a" * 50 + "b", CountedText("a" * 2000)
    assert not matches(glob, text)
    assert text.looks <= len(glob) * len(text)


class CountedText(str):
    """A text that counts how often a character of it is looked at."""

    looks = 0

    def __getitem__(self, index: object) -> str:
        self.looks += 1
        return super().__getitem__(index)  # type: ignore[index]
