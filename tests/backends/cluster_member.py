"""A member of a cluster for tests: a clock, and what it wants."""

from __future__ import annotations

from typing import Any

from radon.abi import exchange as x
from radon.abi import peers as p
from radon.abi.delivery import NOWHERE, Address
from radon.abi.frames import encode, encode_all
from radon.backends.cluster import events as e
from radon.backends.cluster.member import Member
from radon.backends.cluster.membership import View

TIMING = e.Timing()
SECOND = 1000 * e.MILLISECOND
REPLY = x.Reply(7, 0, (), b"yes")
POST = encode(x.Post(7, 0, 1, Address("a", "1"), NOWHERE, "", "", (), b"?"))


def alive(*hosts: str, leaving: tuple[str, ...] = ()) -> list[e.Alive]:
    return [e.Alive(f"{host}/1.0", host in leaving) for host in hosts]


def mail(size: int = 10) -> bytes:
    return encode_all([x.Now(0)] * (size // 9 + 1))


class At:
    """A member, its clock, and what it wants."""

    def __init__(self, host: str = "h1", domains: int = 1) -> None:
        self.now = SECOND
        self.member = Member(host, "1", domains, TIMING)

    def wants(self, kind: type[Any] | None = None) -> list[Any]:
        return [action for action in self.member.take_actions() if kind is None or isinstance(action, kind)]

    def after(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)
        self.member.wake(self.now)

    def renewed(self, *members: e.Alive) -> None:
        self.now += 10
        self.member.renewed(self.now, self.member.member, self.now - 5, members)

    def opened(self, epoch: int = 1) -> At:
        """It has domain 0."""
        self.renewed(*alive(self.member.host))
        self.member.found(self.now, 0, epoch - 1, self.member.member)
        self.member.opened(self.now, 0, epoch, self.member.member)
        self.member.take_actions()
        assert self.member.owned == [0]
        return self


def other_home(host: str = "h1") -> str:
    """A host to which domain 0 would move."""
    return next(name for name in (f"x{n}" for n in range(100)) if home(host, name) == name)


def home(*hosts: str) -> str | None:
    view = View()
    view.update(1, alive(*hosts))
    return view.home(0)


def handing_over(to: str) -> At:
    at = At().opened()
    at.member.heard(at.now, "h2/1", p.Posted(0, 1, 1, 7, POST))
    at.wants()
    at.renewed(*alive("h1", to))
    assert at.wants(e.Close) == [e.Close(0)]
    return at
