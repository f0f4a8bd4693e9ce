"""More guests than a process has slots for: instances make room, turns that would wait are told, nobody ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from radon.host.domains import available

BEGIN = """
from radon.abi.errors import LoadError
from radon.abi.exchange import Barrier
from radon.host import engine, room
if {slots}:
    engine.maps_left = lambda: room.MAPS_OF_A_SLOT * {slots}
from radon.host.domain import Settings
from radon.testing.harness import Harness
from tests.hostile.conftest import hostile
from tests.hostile.puppet import DIRECT, PUPPET, Script
from tests.hostile.wat import module

def open(**settings):
    kinds = {{"puppet": hostile("puppet", PUPPET), "direct": hostile("direct", DIRECT)}}
    return Harness(kinds, settings=Settings(**settings))

def waiting(h):
    return sum(atom.journal is not None for atom in h.image().atoms.values())

sleep = Script()
sleep.call("clock.sleep", 10**9)
"""


def program(text: str, slots: int = 64, **environment: str) -> list[str]:
    """What it prints, in a process with so many slots and no more; 0: as many as there are."""
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", BEGIN.format(slots=slots) + text],
        cwd=root, env=os.environ | environment, capture_output=True, text=True,
    )  # fmt: skip
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
    print(16 <= held <= 63, len(h.logs()) == 100 - held)
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
with open(run=10**12) as h:
    for number in range(10_050):
        h.send(f"puppet/{number}", sleep.body())
    held = waiting(h)
    room = engine.capacity(threads=os.environ["RADON_DOMAIN"] == "python")
    print(held == min(10_000, room.suspended), len(h.logs()) == 10_050 - held)
    h.advance("1s")
    print(waiting(h))
"""
    assert program(text, slots=0) == ["True True", "0"]


# ---- without guards ----

DENSE = {"RADON_SUSPENDED": "20000"}

needs_native = pytest.mark.skipif("native" not in available(), reason="there are no slots without guards")


@needs_native
def test_without_guards_a_guest_finds_nothing_of_those_that_were_there_before_it() -> None:
    text = """
assert engine.layout() is engine.Layout.DENSE
receive = '''(drop (memory.grow (i32.const 3)))
  (i64.store (i32.const 64) (i64.or (i64.load (i32.const 2000)) (i64.load (i32.const 262000))))
  (i64.store (i32.const 2000) (i64.const -1))
  (i64.store (i32.const 262000) (i64.const -1))
  (call $messaging.message.reply (local.get 0) (i32.const 64) (i32.const 8) (i32.const 128))'''
with Harness({"guest": module(["messaging.message.reply"], receive=receive)}) as h:
    found = set()
    for number in range(50):
        found.add(h.call(f"guest/{number}"))
        if number % 10 == 9:
            h.forget()
    print(found == {bytes(8)})
"""
    assert program(text, **DENSE) == ["True"]


@needs_native
def test_without_guards_no_guest_reaches_another() -> None:
    text = """
def guests(access):
    for where in (65533, 65536, 131072, 268435452, -4):
        for offset in (0, 65536, 2**28, 2**32 - 8):
            receive = access.format(f"offset={offset} (i32.const {where})")
            yield module(memory='(memory (export "memory") 1)', receive=receive)

for access in (
    "(drop (i32.load {}))", "(drop (i64.load8_u {}))", "(i32.store {} (i32.const -1))", "(i64.store8 {} (i64.const -1))"
):
    kinds = {f"k{number}": hostile(f"k{number}", guest) for number, guest in enumerate(guests(access))}
    with Harness(kinds) as h:
        for kind in kinds:
            for number in range(3):
                h.send(f"{kind}/{number}")
        causes = [letter.cause for letter in h.dead()]
        print(set(causes), len(causes) - 3 * len(kinds))
"""
    wide, narrow = "{'trap: out-of-bounds'} 0", "{'trap: out-of-bounds'} -3"  # a byte at 65533 is in the page
    assert program(text, **DENSE) == [wide, narrow, wide, narrow]


@needs_native
def test_without_guards_a_kind_may_not_have_more_memory_than_its_slot() -> None:
    text = """
from radon.host.limits import MIB, Limits
kind = lambda size: {"puppet": hostile("puppet", PUPPET, limits=Limits(memory=size * MIB))}
Harness(kind(256)).close()
try:
    Harness(kind(257))
except LoadError as error:
    print(error)
"""
    (told,) = program(text, **DENSE)
    assert told.startswith("kind 'puppet': limits.memory is 269484032 bytes; it is at most 268435456 where RADON_")


@needs_native
@pytest.mark.slow
def test_without_guards_more_turns_wait_than_there_are_maps_for(each_domain: str) -> None:
    if each_domain == "python":
        pytest.skip("its suspended turns are threads, which take maps all the same")
    text = """
with open(run=10**12, suspended=20_000) as h:
    for number in range(20_050):
        h.send(f"puppet/{number}", sleep.body())
    print(waiting(h), len(h.logs()))
    h.now += 10**9
    h.submit()
    h.run(30_000)
    print(waiting(h))
"""
    assert program(text, slots=0, **DENSE) == ["20000 50", "0"]
