"""What the hosts of a cluster say to each other (tags from 240). Any of it may be lost, doubled, or come late."""

from __future__ import annotations

from typing import NamedTuple

from radon.abi.records import record


@record(240, "IQB", "s")
class Owned(NamedTuple):
    """`owner` has the domain under this epoch, as far as the speaker knows. `calm` 1: handed over, nobody lost it."""

    domain: int
    epoch: int
    calm: int
    owner: str


@record(241, "IIQ", "b")
class Carried(NamedTuple):
    """For domain `to`: an `exchange.Crossed` from `source`."""

    to: int
    source: int
    first: int
    crossings: bytes


@record(242, "IIQ", "")
class Confirmed(NamedTuple):
    """For domain `to`: an `exchange.Acknowledged` from `source`."""

    to: int
    source: int
    number: int


@record(243, "IQ", "b")
class HandedOver(NamedTuple):
    """The speaker had the domain under this epoch, and has put it down whole. `waiting`: Waiting records."""

    domain: int
    epoch: int
    waiting: bytes


@record(244, "Q", "s")
class Waiting(NamedTuple):
    """Who is to hear the answer to the Post with `token`."""

    token: int
    asker: str  # a process, HOST/...


@record(245, "IQQQ", "b")
class Posted(NamedTuple):
    """`post` for the domain, from someone outside who is at the speaker's. Taken under this epoch only, and once.

    `number` is another one each time that it may be taken once more, `token` is that of the post.
    """

    domain: int
    epoch: int
    number: int
    token: int
    post: bytes


@record(246, "QQ", "")
class NotTaken(NamedTuple):
    """What was Posted under this number was not taken, and never will be."""

    number: int
    token: int


@record(247, "Q", "b")
class Returned(NamedTuple):
    """`output`: a Reply or Accepted, for who waits for it under `token`. Empty: the answer is lost, or will be none."""

    token: int
    output: bytes
