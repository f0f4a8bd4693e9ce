"""One domain at one host: whether it has it, and while it has it, who waits for what the domain says."""

from __future__ import annotations

from enum import Enum

from radon.backends.cluster.events import Timing
from radon.backends.cluster.neighbours import Neighbours

REMEMBERED = 4096
"""Numbers of one speaker that are remembered one by one; what is older than all of them is not taken any more."""


class Stage(Enum):
    AWAY = "away"  # somebody else has it, or nobody
    LOOKING = "looking"  # the log was asked for its owner
    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"  # its last commit is being written
    PUT_DOWN = "put down"  # nobody has it, and whoever is told so may open it


class Holding:
    """The part of a host in one domain; most of it means something only while the domain is open."""

    def __init__(self, domain: int, timing: Timing) -> None:
        self.domain, self._timing = domain, timing
        self.stage = Stage.AWAY
        self.since = 0  # ns, when the stage began
        self.resent = 0  # ns, when it was last asked for what may have been lost on its way
        self.epoch = 0  # under which this host has it, or had it last
        self.is_borne = False  # the log may say, now or later, that this lease has it, and nobody else can take it
        self.found: tuple[int, str, int] | None = None  # epoch, owner and when the log was asked: by LOOKING
        self.tried = 0  # the epoch after which this host tried to open it last
        self.handed = 0  # the epoch in which it was handed over to this host
        self.inherited: dict[int, str] = {}  # with that: who waits
        self._taken: dict[str, Numbers] = {}  # in this epoch, and kept until the next
        self.forget()

    def forget(self) -> None:
        """What goes when the domain goes."""
        self.neighbours = Neighbours(self.domain, self._timing)
        self.waiting: dict[int, str] = {}  # token -> the process that asked, HOST/...

    def begin(self, epoch: int, now: int) -> None:
        """It is open, under this epoch."""
        self.forget()
        self.enter(Stage.OPEN, now)
        self.epoch, self._taken = epoch, {}
        self.waiting, self.inherited = self.inherited, {}

    def leave(self, now: int) -> None:
        """It is not here any more."""
        self.forget()
        self.enter(Stage.AWAY, now)

    def enter(self, stage: Stage, now: int) -> None:
        self.stage, self.since = stage, now

    def take(self, speaker: str, number: int) -> bool:
        """Once for each number of a speaker; never for one that is old."""
        return self._taken.setdefault(speaker, Numbers()).take(number)

    def has_taken(self, speaker: str, number: int) -> bool:
        """In the last epoch in which it was open here; an old number may have been. What was not never will be."""
        return speaker in self._taken and number in self._taken[speaker]


class Numbers:
    """Which of ever greater numbers have been seen, though they come in any order."""

    def __init__(self) -> None:
        self._floor = -1  # all up to here count as seen
        self._seen: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return number <= self._floor or number in self._seen

    def take(self, number: int) -> bool:
        if number in self:
            return False
        self._seen.add(number)
        if len(self._seen) > 2 * REMEMBERED:
            kept = sorted(self._seen)[REMEMBERED:]
            self._floor, self._seen = kept[0] - 1, set(kept)
        return True
