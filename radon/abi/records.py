"""The records of a commit: every change to a domain's durable state. Plain data.

How records become bytes is `frames.py`'s; what they mean to durable state is `host/image.py`'s. Each class gives its
tag, its fixed and its variable fields once; the codec, the documents and the native twin follow this order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from radon.abi.delivery import Address, Delivery, Metadata

T = TypeVar("T")

# `fixed` is a `struct` format of the leading fields, little-endian and unpadded; the rest are variable, named in
# order by `variable`: "s" text, "b" bytes, "a" address, "d" delivery, "m" metadata.


class Layout(NamedTuple):
    tag: int
    fixed: str
    variable: str


LAYOUTS: dict[type, Layout] = {}
"""Every record class and how it is laid out in bytes."""


def record(tag: int, fixed: str, variable: str) -> Callable[[type[T]], type[T]]:
    def register(cls: type[T]) -> type[T]:
        LAYOUTS[cls] = Layout(tag, fixed, variable)
        return cls

    return register


@record(1, "QQ", "")
class Step(NamedTuple):
    """Everything up to the next Step belongs to this one: a turn, or the taking in of an input."""

    number: int
    time: int  # ns since 1970


@record(2, "II", "bb")
class Setup(NamedTuple):
    """First record of a domain's life: who it is and where its random numbers and seals come from."""

    domain: int
    domains: int  # of the application, this one included; never changes
    seed: bytes  # 32 bytes
    secret: bytes  # 32 bytes, the same in all domains of an application


@record(3, "", "s")
class Deployed(NamedTuple):
    """From here on the turns run the modules of the application with this digest."""

    digest: str


@record(4, "", "ss")
class At(NamedTuple):
    """The records that follow are about this atom."""

    kind: str
    key: str


@record(5, "Q", "a")
class Born(NamedTuple):
    life: int
    parent: Address


@record(6, "", "")
class Ended(NamedTuple):
    """The atom is gone with its state, timers, mailbox and all."""


@record(7, "", "sbb")
class Put(NamedTuple):
    bucket: str
    key: bytes
    value: bytes


@record(8, "", "sb")
class Delete(NamedTuple):
    bucket: str
    key: bytes


@record(9, "", "d")
class Delivered(NamedTuple):
    """The delivery stands at the end of the atom's mailbox."""

    delivery: Delivery


@record(10, "16s", "")
class Consumed(NamedTuple):
    id: bytes


@record(11, "16sIQ", "")
class Attempted(NamedTuple):
    """A turn failed: its delivery waits until `due`, and those of its pair behind it (rule 7)."""

    id: bytes
    attempt: int
    due: int


@record(12, "16s", "")
class Retried(NamedTuple):
    """The wait is over: the delivery may be handled again."""

    id: bytes


@record(13, "QQ", "")
class TimerSet(NamedTuple):
    token: int
    due: int


@record(14, "Q", "")
class TimerGone(NamedTuple):
    token: int


@record(15, "Q", "ad")
class Postponed(NamedTuple):
    """`send-later`: leaves for `to` at `due`."""

    due: int
    to: Address
    delivery: Delivery


@record(16, "16s", "")
class PostponedGone(NamedTuple):
    id: bytes


@record(17, "Q", "d")
class Kept(NamedTuple):
    """The duty to answer, kept under `token`, with the whole message: it may be forwarded yet."""

    token: int
    message: Delivery


@record(18, "Q", "")
class KeptGone(NamedTuple):
    token: int


@record(19, "16sQQ", "a")
class Asked(NamedTuple):
    """A request of the atom awaits its answer."""

    id: bytes
    token: int
    deadline: int
    target: Address


@record(20, "16s", "")
class AskedGone(NamedTuple):
    id: bytes


@record(21, "Q16s", "a")
class Watched(NamedTuple):
    """`watcher` hears when the atom ends; `request` not NO_ID: a `wait` of the watcher's suspended turn."""

    token: int
    request: bytes
    watcher: Address


@record(22, "Q16s", "a")
class WatchedGone(NamedTuple):
    token: int
    request: bytes
    watcher: Address


@record(23, "I", "a")
class ChildEnded(NamedTuple):
    """An atom that this one spawned ended; the status is kept until waited for (rule 16)."""

    status: int
    child: Address


@record(24, "", "a")
class ChildGone(NamedTuple):
    child: Address


@record(25, "16sIQQ", "")
class Suspended(NamedTuple):
    """A turn suspended for the first time: where it runs again from after a loss (rule 8)."""

    id: bytes
    attempt: int
    step: int
    time: int


CALL, WAIT, SLEEP = 0, 1, 2
"""What a suspended turn does: `Called.what`."""


@record(26, "16sQB", "b")
class Called(NamedTuple):
    """The suspended turn awaits an answer under `request`; `digest` names what it asked of whom."""

    request: bytes
    deadline: int
    what: int
    digest: bytes


@record(27, "16sQIQ", "mb")
class Answered(NamedTuple):
    """What the suspended turn awaited: `code` 0, or an error-code + 1."""

    request: bytes
    time: int
    code: int
    value: int  # the status that a `wait` was for
    metadata: Metadata
    body: bytes


@record(28, "", "a")
class Subscribed(NamedTuple):
    subscriber: Address


@record(29, "", "a")
class Unsubscribed(NamedTuple):
    subscriber: Address


@record(30, "QI", "sb")
class Stored(NamedTuple):
    """An object exists, until `expires` unless pinned."""

    expires: int
    pins: int
    name: str
    body: bytes


@record(31, "QI", "s")
class Pinned(NamedTuple):
    expires: int
    pins: int
    name: str


@record(32, "", "s")
class Collected(NamedTuple):
    name: str


@record(33, "Q", "sad")
class Died(NamedTuple):
    """A dead letter: a delivery that failed for good."""

    time: int
    cause: str
    to: Address
    delivery: Delivery


@record(34, "16s", "")
class DiedGone(NamedTuple):
    id: bytes


@record(35, "Q", "s")
class Seen(NamedTuple):
    """A dedup key came in; a second message with it is not taken."""

    expires: int
    key: str


@record(36, "I", "smb")
class Settled(NamedTuple):
    """What the message with this dedup key was answered."""

    code: int
    key: str
    metadata: Metadata
    body: bytes


@record(37, "", "s")
class SeenGone(NamedTuple):
    key: str


@record(38, "IQ", "b")
class Left(NamedTuple):
    """The crossing with this number, from 1, stands in the outbox to `domain`."""

    domain: int
    number: int
    crossing: bytes


@record(39, "IQ", "")
class LeftGone(NamedTuple):
    """`domain` has all up to this number."""

    domain: int
    number: int


@record(40, "IQ", "")
class Arrived(NamedTuple):
    """All up to this number has come from `domain`."""

    domain: int
    number: int
