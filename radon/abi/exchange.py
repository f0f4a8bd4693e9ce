"""The records that enter a domain (inputs, tags from 64) and those that leave it (outputs, tags from 128).

Everything that is not a pure function of the atoms is one of these inputs (rule 1); nothing else reaches a commit.
"""

from __future__ import annotations

from typing import NamedTuple

from radon.abi.delivery import Address, Delivery, Metadata
from radon.abi.records import record

# ---- inputs: what enters a domain (rule 1) -------------------------------------------------------------------


@record(64, "Q", "")
class Now(NamedTuple):
    """Time moves to `now`, never back; what fell due fires."""

    now: int


@record(65, "QQB", "aassmb")
class Post(NamedTuple):
    """A message from outside. `wants` 1: answered by a Reply with `token`; else by Accepted with it."""

    token: int
    deadline: int
    wants: int
    to: Address
    sender: Address  # a gateway's address, or NOWHERE
    pair: str  # order is kept among messages of one pair; "": none
    once: str  # dedup key; "": none
    metadata: Metadata
    body: bytes


@record(66, "16sI", "amb")
class Outcome(NamedTuple):
    """The answer to an outgoing request that a gateway carried out: `code` 0, or an error-code + 1."""

    id: bytes
    code: int
    endpoint: Address
    metadata: Metadata
    body: bytes


CONNECTION = "@tcp"
"""The kind of the address that a connection has: of the other end of an atom that began by Connect."""

CHUNK = 64 * 1024
"""Bytes of a connection that one Post brings at most; less where limits.message is less."""


@record(67, "", "ab")
class Connect(NamedTuple):
    """A volatile atom begins: one connection of a gateway. Its `start` gets `args`."""

    atom: Address
    args: bytes


@record(68, "", "a")
class Disconnect(NamedTuple):
    """The connection of a volatile atom is gone: it gets `down` with token 0."""

    atom: Address


@record(69, "Q", "s")
class Listen(NamedTuple):
    """Someone outside subscribes to a topic; Published comes with `listener` until Unlisten."""

    listener: int
    topic: str


@record(70, "Q", "s")
class Unlisten(NamedTuple):
    listener: int
    topic: str


@record(71, "", "a")
class Passivate(NamedTuple):
    """Drop the atom's instance; its state stays."""

    atom: Address


@record(72, "", "")
class Barrier(NamedTuple):
    """Drop all instances (rule 4)."""


@record(73, "16sB", "")
class Revive(NamedTuple):
    """Deliver a dead letter again (`again` 1) or forget it (0)."""

    id: bytes
    again: int


@record(74, "Q", "s")
class Fate(NamedTuple):
    """Turn `step` was ended by the machine, not by the guest: it is not run, its attempt failed (rule 3)."""

    step: int
    cause: str


@record(75, "Q", "sb")
class Spawn(NamedTuple):
    """A new atom of `kind` with a fresh key, for someone outside: the Reply with `token` has its address as text."""

    token: int
    kind: str
    args: bytes


@record(76, "IQ", "b")
class Crossed(NamedTuple):
    """Crossings from `domain` (crossing.py), the first with this number; 0: casts, which have none.

    What is here already is not taken again; nor is what does not follow, for what is missing before it comes again.
    """

    domain: int
    first: int
    crossings: bytes


@record(77, "IQ", "")
class Acknowledged(NamedTuple):
    """`domain` has all up to this number durably: it may be forgotten here."""

    domain: int
    number: int


@record(78, "I", "")
class Resend(NamedTuple):
    """What `domain` has not acknowledged leaves again."""

    domain: int


# ---- outputs: what leaves a domain ---------------------------------------------------------------------------


@record(128, "QI", "mb")
class Reply(NamedTuple):
    """The answer to the Post with `token`: `code` 0, or an error-code + 1."""

    token: int
    code: int
    metadata: Metadata
    body: bytes


CAUSE = "radon.cause"
"""Metadata of a Reply that is `closed` because the turn failed for good: as in the dead letter."""


@record(129, "Q", "")
class Accepted(NamedTuple):
    """The Post with `token` is in its mailbox, as durably as the store makes it."""

    token: int


@record(130, "B", "ad")
class Sent(NamedTuple):
    """A message to an address outside: a connection, an HTTP endpoint."""

    wants: int  # 1: an Outcome is awaited
    to: Address
    delivery: Delivery


@record(131, "Q", "sb")
class Published(NamedTuple):
    listener: int
    topic: str
    body: bytes


@record(132, "", "a")
class Hangup(NamedTuple):
    """A volatile atom ended: its connection is to be closed."""

    atom: Address


@record(133, "QQIB", "as")
class Logged(NamedTuple):
    step: int
    time: int
    attempt: int
    level: int
    atom: Address
    text: str


@record(134, "Q", "ss")
class Counted(NamedTuple):
    by: int
    kind: str
    name: str


@record(135, "d", "ss")
class Observed(NamedTuple):
    value: float
    kind: str
    name: str


@record(136, "IQ", "b")
class Crossing(NamedTuple):
    """For another domain, which gets it as Crossed. Numbered ones leave again until they are acknowledged."""

    domain: int
    first: int
    crossings: bytes


@record(137, "IQ", "")
class Heard(NamedTuple):
    """All up to this number has come from `domain`, which gets this as Acknowledged."""

    domain: int
    number: int
