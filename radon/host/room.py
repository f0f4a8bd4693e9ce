"""How many guests this process has room for: so many slots, each for the memory and the stack of one.

What bounds them is the kernel's limit of memory maps. Beyond it nothing can be mapped any more, not even for the host,
so Radon stops well before: a domain that has filled the slots passivates an instance for each that it makes, and a turn
that would wait in the last of them is answered with exhausted.
"""

from __future__ import annotations

import mmap
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

MAPS_OF_A_SLOT = 6
"""Measured: what lies before a memory's image, the image, what lies behind it, its guard; a stack and its guard."""

HEADROOM = 4096
"""Maps that are left to the rest of the process, beside those that it has already."""

MOST = 16_384
"""Slots, however many maps there may be: each reserves 4 GiB of addresses, of which a process has 128 TiB."""

RESERVED = (5 << 30, 64 << 20, 4 << 20)
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
        """Try it: the engine ends the process where it cannot reserve what it is told to."""
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
        with ExitStack() as mapped:
            try:
                for size, access in zip(RESERVED, (0, _WRITABLE, _WRITABLE), strict=True):
                    mapped.enter_context(mmap.mmap(-1, self.slots * size, flags=flags, prot=access))
            except (OSError, ValueError):
                return False
        return True


def room() -> Room:
    """As it is now. Where the kernel has no such limit, there is room for MOST."""
    try:
        limit = int(LIMIT.read_text(encoding="ascii"))
        with OWN.open("rb") as maps:
            taken = sum(1 for _ in maps)
    except OSError:
        return of(MOST)
    return of((limit - taken - HEADROOM) // MAPS_OF_A_SLOT)


def beside_stacks(found: Room) -> Room:
    """Where each suspended turn has a thread, whose stack takes maps beside those of its slot."""
    return Room(found.slots * 3 // 4, found.slots // 2)


def of(slots: int) -> Room:
    """With so many slots; at least 64, without which nothing could be done."""
    slots = max(64, min(slots, MOST))
    return Room(slots, slots - slots // 64)
