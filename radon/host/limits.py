"""What an atom of a kind may use. Owns the numbers and their units; enforcing them is the gate's and the turn's work.

A limit answers with the error that radon.wit names for it, or ends the turn as a failed attempt; the host lives on.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

FUEL_PER_SECOND = 1_000_000_000
"""What one second of `turn` buys: about one simple WebAssembly instruction per unit. A constant and not a
measurement, so that a turn ends at the same instruction on every machine (rule 3)."""

MAX_WASM_STACK = 512 * KIB
"""Bytes of native stack that a guest may use; the same everywhere, because where it ends is observable (rule 2)."""

TABLES = 8
"""Tables that an instance may have."""

TABLE_ELEMENTS = 1 << 20
"""Elements that each of them may grow to; 8 bytes of host memory each."""

ENTRY_OVERHEAD = 32
"""Bytes that a state entry costs beside its key and value when the `state` quota is counted (rule 2)."""

OBJECT_OVERHEAD = 512
"""Bytes that an object costs beside its body when the room for objects is counted."""

OBJECT_PIECE = MIB
"""Bytes of an object that travel to another domain at once."""

FETCHES = 1024
"""Turns of a domain that may wait for objects of other domains at once, and so the pieces that are under way to it."""

MAIL_OVERHEAD = 512
"""Bytes that a message under way, or a dead letter, costs beside its body when the room for them is counted."""

SCAN_BYTES = 256 * KIB
"""A scan stops after so many bytes of keys and values (radon.wit: `bucket.scan`)."""

KEY_BYTES = 1024
"""The longest key of an atom's address, in bytes of UTF-8."""

STATE_KEY_BYTES = 64 * KIB
"""The longest key of a state entry."""

SYSCALL_FUEL = 1000
"""What a syscall costs beside the guest's own instructions, plus 1 for each byte that it moves, counted apart against
the same limit: a loop around a syscall ends as surely as one around nothing. The host's work in it costs as much
again for each unit: an element of a list, an entry deleted in a range, making room in the guest, 32 random bytes, a
line of output."""

KEPT_FUEL = 8
"""What each byte costs that stays with the host - in state, in a message, as an object - because it is copied into
the commit and written to the store as well. So what one turn can leave behind is bounded by `turn`: 125 MB in 1 s."""

TURN_BYTES = GIB
"""The most that a turn can leave behind, however long it may run, and the largest `message`: what is made of it fits
into the fields of records, which are shorter than 4 GiB."""

WRITE_FUEL = 4000
"""What an entry of state that is written or deleted costs beside its bytes: its old value is kept until the commit."""

NAME_FUEL = 100
"""What each byte of a name costs that is compared with grants and hashed to a shard."""

SHARED_HANDLES = 65_536
"""Handles that the atoms of a shared instance may hold between their turns, together; with more it is discarded."""

BUCKETS = 1024
"""Buckets with entries that an atom may have; `limits.state` counts only what is in them."""

NAME_BYTES = 256
"""The longest bucket, topic, metadata or metric name, in bytes of UTF-8."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one kind; each counts per atom of it."""

    memory: int = 64 * MIB  # bytes of linear memory
    turn: int = 1_000_000_000  # ns, bought as fuel
    outbox: int = 10_000  # messages that one turn may send
    state: int = GIB  # bytes, counted as key + value + ENTRY_OVERHEAD
    message: int = MIB  # bytes of a body, or of an answer
    handles: int = 1024  # live handles of all types, and kept messages
    spawned: int = 10_000  # atoms that one turn may spawn

    @property
    def fuel(self) -> int:
        """The fuel that `turn` buys; at least 1."""
        return max(1, self.turn * FUEL_PER_SECOND // 1_000_000_000)
