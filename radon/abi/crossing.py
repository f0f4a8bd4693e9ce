"""The records that travel from one domain to another (tags from 224): what happens to an atom that lives elsewhere,
and the objects that a turn wants from there.

The sender keeps each, encoded, in its outbox (`records.Left`) until the other domain has it durably. Casts travel
likewise, unnumbered and kept by nobody.
"""

from __future__ import annotations

from typing import NamedTuple

from radon.abi.delivery import Address, Delivery, Metadata
from radon.abi.records import record


@record(224, "", "ad")
class Mail(NamedTuple):
    """A message for an atom or a topic."""

    to: Address
    delivery: Delivery


@record(225, "", "ad")
class Handed(NamedTuple):
    """A topic's copy for a subscriber; one that has ended is no subscriber any more."""

    to: Address
    delivery: Delivery


@record(226, "16sI", "amba")
class Answer(NamedTuple):
    """To the question `request` of `to`: `code` 0, or an error-code + 1."""

    request: bytes
    code: int
    to: Address
    metadata: Metadata
    body: bytes
    answerer: Address


@record(227, "16s", "aab")
class Begin(NamedTuple):
    """An atom was spawned; `id` is that of its `start`."""

    id: bytes
    child: Address
    parent: Address
    args: bytes


@record(228, "", "a")
class Stop(NamedTuple):
    target: Address


@record(229, "Q16s", "aa")
class Watch(NamedTuple):
    """`watcher` wants to hear of the target's end: as `records.Watched`."""

    token: int
    request: bytes
    target: Address
    watcher: Address


@record(230, "16s", "aa")
class Unwatch(NamedTuple):
    request: bytes
    target: Address
    watcher: Address


@record(231, "Q16sII", "aa")
class Told(NamedTuple):
    """The end of what was watched: its status; or (`code`: an error-code + 1) that it does not live."""

    token: int
    request: bytes
    code: int
    status: int
    target: Address
    watcher: Address


@record(232, "I", "aa")
class Exited(NamedTuple):
    """A child of `parent` has ended."""

    status: int
    child: Address
    parent: Address


@record(233, "16sIQ", "s")
class Fetch(NamedTuple):
    """A turn in the domain that `request` names wants an object, from this offset on. It goes round from `first`.

    Unnumbered as a cast, and so is the answer: who asked asks again.
    """

    request: bytes
    first: int
    offset: int
    name: str


@record(234, "16sIIQQ", "b")
class Fetched(NamedTuple):
    """What `holder` has, from this offset on, of an object of so many bytes; or (`code`: an error-code + 1) why not."""

    request: bytes
    code: int
    holder: int
    offset: int
    size: int
    piece: bytes
