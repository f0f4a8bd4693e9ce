"""How many turns make a batch, and whether they may be run in a thread that has other things to do.

What a turn will take nobody knows before it has ended. So the own thread of a domain has SLICE for a batch, one that
drives it has LENT, and whoever saw a turn take LONG leaves the following ones to the own thread.
"""

from __future__ import annotations

import time

from radon.host.domain import Domain, Status

BATCH = 4096
"""Turns between two looks at the inbox, and so at most in one commit."""

SLICE, LENT = 0.005, 0.001
"""Seconds that a batch should take, so that no input waits long behind turns that do: in the own thread, and in one
that drives. The last turn may take longer."""

LONG = 0.004
"""Seconds from which on a turn is too long for a thread that drives."""

SHARE = 100
"""After a long turn the own thread has the domain for so many times as long. So at most about this part of the time of
a thread that drives goes into long turns, however many there are."""

STREAK = 20
"""Batches in a row of a thread that drives; if there is more to do after them, the own thread does it."""


class Pace:
    """Of one domain; used by whoever has it."""

    def __init__(self) -> None:
        self._own_until = 0.0  # by time.monotonic()
        self._streak = 0

    def run(self, domain: Domain, seconds: float) -> Status:
        """A batch. Each run has as many turns as all before it, so the last one ends soon after `seconds`."""
        clock = time.process_time if domain.threads else time.thread_time
        begin, worked = time.perf_counter(), clock()
        before, turns = 0.0, 1
        status = domain.run(1)
        while True:
            took = time.perf_counter() - begin
            if took > LONG and took > 4 * before:  # if it was not for waiting for a processor, there was a long turn
                self._saw(min(took, clock() - worked))
            if status is Status.IDLE or turns >= BATCH or took >= seconds:
                return status
            before = took
            status = domain.run(turns)
            turns *= 2

    def may_drive(self) -> bool:
        """May a thread that has other things to do run the next batch?"""
        return time.monotonic() >= self._own_until

    def goes_on(self, status: Status) -> bool:
        """After a batch of a thread that drives: may it run another one soon? Told of each, it is true a few times."""
        self._streak = self._streak + 1 if status is Status.BUSY else 0
        return 0 < self._streak < STREAK

    def rest(self) -> None:
        """The own thread has had the domain."""
        self._streak = 0

    def _saw(self, seconds: float) -> None:
        if seconds > LONG:
            self._own_until = time.monotonic() + SHARE * seconds
