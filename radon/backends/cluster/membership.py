"""Who is alive, and for how long this member is: its lease, and what the registry said last."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from radon.backends.cluster.events import Alive, Timing


class Lease:
    """This member's, by the monotonic clock of its host. Times in ns."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._until = 0
        self.asked_at = -timing.lease
        self._is_answered = False

    def holds(self, now: int) -> bool:
        """May this member speak for its domains?"""
        return now < self._until

    def is_due(self, now: int) -> bool:
        """Is it time to ask for it again?"""
        return now - self.asked_at >= (self._timing.renewal if self._is_answered else self._timing.patience)

    def ask(self, now: int) -> None:
        self.asked_at, self._is_answered = now, False

    def renewed(self, asked_at: int) -> None:
        """It was given after `asked_at`, for so long at least from then on."""
        self._is_answered |= asked_at == self.asked_at
        self._until = max(self._until, asked_at + self._timing.lease - self._timing.margin)

    def end(self) -> None:
        self._until = 0


class View:
    """The members that were alive at some moment after `asked_at`."""

    def __init__(self) -> None:
        self.asked_at = -1
        self.members: dict[str, Alive] = {}
        self._hosts: list[str] = []  # that take domains
        self._homes: dict[int, str | None] = {}  # that were asked for since

    def update(self, asked_at: int, alive: Iterable[Alive]) -> None:
        if asked_at > self.asked_at:
            self.asked_at = asked_at
            self.members = {one.member: one for one in alive}
            self._hosts = sorted({one.host for one in self.members.values() if not one.leaving})
            self._homes = {}

    def ended_before(self, member: str, moment: int) -> bool:
        """Had its lease ended, when the registry was asked after this moment?"""
        return self.asked_at > moment and member not in self.members

    def home(self, domain: int) -> str | None:
        """The host that is to have the domain: the one for which `weight` is greatest."""
        if domain not in self._homes:
            self._homes[domain] = max(self._hosts, key=lambda host: weight(domain, host), default=None)
        return self._homes[domain]


def weight(domain: int, host: str) -> bytes:
    """Of a host for a domain. Highest random weight (Thaler and Ravishankar, 1998): who comes or goes moves only what
    it gets or had.
    """
    return blake2b(b"%d %b" % (domain, host.encode()), digest_size=16).digest()
