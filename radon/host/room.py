"""How many guests this process has room for: so many slots, each for the memory and the stack of one.

What bounds them is the kernel's limit of memory maps. Beyond it nothing can be mapped any more, not even for the host,
so Radon stops well before: a domain that has filled the slots passivates an instance for each that it makes, and a turn
that would wait in the last of them is answered with exhausted. Who wants more suspended turns than that says so in the
environment, and gets slots without guards, which need no maps.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from radon.abi.errors import Invalid
from radon.host.limits import GIB, KIB, MIB

VARIABLE = "RADON_SUSPENDED"
"""The environment variable that says how many turns of a domain may be suspended at once."""

SUSPENDED = 10_000
"""Where it does not."""

MOST_SUSPENDED = 200_000

MAPS_OF_A_MEMORY = 4
MAPS_OF_A_STACK = 2
MAPS_OF_A_THREAD = 4
MAPS_OF_A_SLOT = MAPS_OF_A_MEMORY + MAPS_OF_A_STACK
"""Measured: what lies before a memory's image, the image, what lies behind it, its guard; a stack and its guard; both
stacks of a thread, of which one is for signals, with their guards."""

HEADROOM = 4096
"""Maps that are left to the rest of the process, beside those that it has already."""

MOST = 16_384
"""Slots with guards, however many maps there may be: each reserves 4 GiB of addresses; a process has 128 TiB."""

RESERVED = (5 * GIB, 64 * MIB, 4 * MIB)
"""Bytes of addresses that a slot has, somewhat more than it needs, of each of three mappings: its memory with the guard
behind it, its tables, its stack."""

_MAP_NORESERVE = 0x4000  # Linux's; Python has it from 3.13 on
_WRITABLE = mmap.PROT_READ | mmap.PROT_WRITE

LIMIT = Path("/proc/sys/vm/max_map_count")
OWN = Path("/proc/self/maps")


class Room(NamedTuple):
    """Of one process, for all of its domains."""

    slots: int  # instances that may live at once
    suspended: int  # of them: what turns may hold that wait; the others are there to answer them

    def can_be_reserved(self) -> bool:
        """With guards. Try it: the engine ends the process where it cannot reserve what it is told to."""
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
        with ExitStack() as mapped:
            try:
                for size, access in zip(RESERVED, (0, _WRITABLE, _WRITABLE), strict=True):
                    mapped.enter_context(mmap.mmap(-1, self.slots * size, flags=flags, prot=access))
            except (OSError, ValueError):
                return False
        return True


class Plan(NamedTuple):
    """What a process does with the maps that it may have."""

    guards: bool
    room: Room
    for_threads: Room  # for a domain whose suspended turns are threads


def guarded(maps: int | None, *, native: bool) -> Plan:
    """With guards; 64 slots at least, without which nothing could be done.

    `native`: the slots have stacks, for domains whose suspended turns are no threads; those of the others are idle.
    """
    slots = MOST if maps is None else max(64, min(maps // MAPS_OF_A_SLOT, MOST))
    threads = Room(slots * 3 // 4, slots // 4) if native else Room(slots, slots // 2)
    return Plan(True, Room(slots, slots - slots // 64), threads)


def plan(environment: Mapping[str, str], maps: int | None, *, native: bool) -> Plan:
    """Guards, unless the environment asks for more suspended turns than they allow. Raises Invalid."""
    with_guards, wanted = guarded(maps, native=native), asked(environment)
    if not native or wanted is None or wanted <= with_guards.room.suspended:
        return with_guards
    slots = wanted + SUSPENDED
    threads = wanted if maps is None else min(wanted, maps // MAPS_OF_A_THREAD)
    return Plan(False, Room(slots, wanted), Room(slots, threads))


def asked(environment: Mapping[str, str]) -> int | None:
    """How many suspended turns the environment asks for. Raises Invalid."""
    text = environment.get(VARIABLE, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= MOST_SUSPENDED:
        raise Invalid(f"{VARIABLE}={text}: it is a number of turns, from 1 to {MOST_SUSPENDED:,}")
    return int(text)


def memory(suspended: int) -> int:
    """Bytes of linear memory for the instances of a domain with so many suspended turns."""
    return max(4 * GIB, suspended * 400 * KIB)


def maps_left() -> int | None:
    """Maps that this process may have for guests, as it is now; None: the kernel has no such limit."""
    try:
        limit = int(LIMIT.read_text(encoding="ascii"))
        with OWN.open("rb") as maps:
            return limit - sum(1 for _ in maps) - HEADROOM
    except OSError:
        return None
