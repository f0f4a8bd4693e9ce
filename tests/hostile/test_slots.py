"""More guests than a process has slots for: instances make room, turns that would wait are told, nobody ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BEGIN = """
from radon.abi.delivery import Address
from radon.abi.exchange import Barrier
from radon.host import engine, room
engine.room = lambda: room.of({slots})
from radon.host.domain import Settings
from radon.testing.harness import Harness
from tests.hostile.conftest import hostile
from tests.hostile.puppet import DIRECT, PUPPET, Script

def open(**settings):
    kinds = {{"puppet": hostile("puppet", PUPPET), "direct": hostile("direct", DIRECT)}}
    return Harness(kinds, settings=Settings(**settings))

def waiting(h):
    return sum(atom.journal is not None for atom in h.image().atoms.values())

sleep = Script()
sleep.call("clock.sleep", 10**9)
"""


def program(text: str, slots: int = 64) -> list[str]:
    """What it prints, in a process with so many slots and no more."""
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", BEGIN.format(slots=slots) + text], cwd=root, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_a_domain_passivates_what_the_slots_cannot_hold() -> None:
    text = """
with open() as h:
    for number in range(100):
        h.send(f"direct/{number}", Script().body())
    print(h.logs(), 48 <= h.domain.instances()["direct"] <= 64)
"""
    assert program(text) == ["[] True"]


def test_turns_that_would_wait_in_the_last_slots_are_told_and_the_others_go_on() -> None:
    text = """
with open() as h:
    for number in range(100):
        h.send(f"puppet/{number}", sleep.body())
    held = waiting(h)
    print(32 <= held <= 63, len(h.logs()) == 100 - held)
    h.send("direct/a", Script().body())
    h.advance("1s")
    print(waiting(h), len(h.logs()) == 100 - held)
    h.send("puppet/x", sleep.body())
    print(waiting(h))
"""
    assert program(text) == ["True True", "0 True", "1"]


def test_two_domains_have_the_slots_of_one_process() -> None:
    """One that finds none left cannot have one of the other's: the turn fails, as where the machine has no memory."""
    text = """
with open() as one, open() as other:
    for number in range(64):
        one.send(f"direct/{number}", Script().body())
    full = 64 - one.domain.instances()["direct"]
    for number in range(full + 1):
        other.send(f"direct/{number}", Script().body())
    print({letter.cause for letter in other.dead()} <= {"closed", "trap: host-memory"}, len(other.dead()) > 0)
    one.submit(Barrier())
    one.run()
    dead = len(other.dead())
    other.send("direct/x", Script().body())
    print(len(other.dead()) == dead)
"""
    assert program(text) == ["True True", "True"]


@pytest.mark.slow
def test_ten_thousand_turns_wait_and_end() -> None:
    """By default, unless the machine has room for fewer."""
    text = """
import os
from radon.host.room import room as measured
engine.room = measured
with open(run=10**12) as h:
    for number in range(10_050):
        h.send(f"puppet/{number}", sleep.body())
    held = waiting(h)
    room = engine.capacity(threads=os.environ["RADON_DOMAIN"] == "python")
    print(held == min(10_000, room.suspended), len(h.logs()) == 10_050 - held)
    h.advance("1s")
    print(waiting(h))
"""
    assert program(text) == ["True True", "0"]
