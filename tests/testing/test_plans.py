"""Fault plans and rates as text: read back as written, and refused where they make no sense."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from radon.abi.errors import Invalid, ManifestError
from radon.backends.simulation.faults import DEFAULT, KINDS, Fault, draw
from radon.backends.simulation.world import SECOND
from radon.testing.simulation.plans import parse_rates, plan_text, read_plan

HOSTS = ("h1", "h2", "h3")


def read(folder: Path, text: str) -> list[Fault]:
    file = folder / "plan.toml"
    file.write_text(text)
    return read_plan(file, HOSTS, 60 * SECOND)


def test_what_is_drawn_is_read_back_as_it_was(tmp_path: Path) -> None:
    plan = draw(Random(7), dict.fromkeys(KINDS, 0.2), HOSTS, 60 * SECOND)
    assert {fault.kind for fault in plan} == set(KINDS)
    assert read(tmp_path, plan_text(plan)) == plan


def test_a_plan_is_tables_or_a_list_and_comes_in_order_of_time(tmp_path: Path) -> None:
    text = """
        [[fault]]
        at = "5s"
        partition = [["h1"], ["h2", "h3"]]
        for = "2s"

        [[fault]]
        at = "1500ms"
        loss = true
    """
    plan = [
        Fault("loss", 1500 * 10**6, SECOND, (("",),), 1.0),
        Fault("partition", 5 * SECOND, 2 * SECOND, (("h1",), ("h2", "h3")), 1.0),
    ]
    assert read(tmp_path, text) == plan
    assert read(tmp_path, plan_text(plan)) == plan
    assert read(tmp_path, "") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fault = [", "plan.toml: "),
        ("fault = 3", "fault = 3: must be a list of tables: [[fault]]"),
        ("fault = [3]", "[fault] 1 = 3: must be a table, as in "),
        ("[[faults]]", "there is no table 'faults'; did you mean 'fault'?"),
        ('[[fault]]\nat = "1s"\ncrush = "h1"', "[fault.1] has no key 'crush'; did you mean 'crash'?"),
        ('[[fault]]\nat = "1s"', "[fault.1] needs one of the keys crash, pause, "),
        ('[[fault]]\nat = "1s"\ncrash = "h1"\npause = "h1"', "and has crash, pause"),
        ('[[fault]]\ncrash = "h1"', "[fault.1] needs the key 'at'"),
        ('[[fault]]\nat = 5\ncrash = "h1"', '[fault.1] at = 5: must be a string with a unit, as in "1500ms"'),
        ('[[fault]]\nat = "5 s"\ncrash = "h1"', "[fault.1] at = '5 s': a duration is a whole number and a unit"),
        ('[[fault]]\nat = "60s"\ncrash = "h1"', "[fault.1] at = '60s': a seed is over after 1m at most"),
        ('[[fault]]\nat = "1s"\nfor = "-1s"\ncrash = "h1"', "[fault.1] for = '-1s': a duration is"),
        ('[[fault]]\nat = "1s"\ncrash = "h4"', "[fault.1] crash = 'h4': there is no node 'h4'; known: h1, h2, h3"),
        ('[[fault]]\nat = "1s"\ncrash = true', "[fault.1] crash = true: must be the name of a node; known: h1, h2, h3"),
        ('[[fault]]\nat = "1s"\nloss = "h1"', "[fault.1] loss = 'h1': must be true: there is nothing to choose"),
        ('[[fault]]\nat = "1s"\npartition = ["h1", "h2"]', "must be two lists of nodes, as in "),
        ('[[fault]]\nat = "1s"\npartition = [["h1"], []]', "must be two lists of nodes, as in "),
        ('[[fault]]\nat = "1s"\npartition = [["h1"], ["h1", "log"]]', "h1 is on both sides"),
        ('[[fault]]\nat = "1s"\none-way = [["h1"], ["disk"]]', "no node 'disk'; known: h1, h2, h3, log, registry"),
        ('[[fault]]\nat = "1s"\nloss = true\nstrength = 2', "[fault.1] strength = 2: must be a number from 0 to 1"),
        ('[[fault]]\nat = "1s"\nfull = true\nstrength = 1', "strength = 1: a fault of kind full has no strength"),
    ],
)  # fmt: skip
def test_a_plan_that_makes_no_sense_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ManifestError) as refused:
        read(tmp_path, text)
    assert said in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "plan.toml"))


def test_rates_name_all_that_happens_unless_they_begin_with_the_default() -> None:
    assert parse_rates("crash=0.5, loss=1") == {"crash": 0.5, "loss": 1.0}
    assert parse_rates("none") == {}
    assert parse_rates("default") == DEFAULT
    assert parse_rates("crash=0,default") == {**DEFAULT, "crash": 0.0}


@pytest.mark.parametrize(
    "text", ["", "crash", "crash=", "crash=-0.1", "crash=2", "crash=inf", "x=1", "loss=1,loss=1", "none,crash=1"]
)
def test_rates_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_rates(text)
