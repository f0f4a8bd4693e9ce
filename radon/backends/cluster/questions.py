"""What clients at this host have asked domains anywhere, until it is answered or nobody can know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from radon.backends.cluster.events import Timing


@dataclass(slots=True)
class Question:
    """A message from outside, and what became of it so far."""

    domain: int
    token: int
    post: bytes
    again: bool  # may it be taken twice? It has a dedup key
    epoch: int = 0  # of the owner who is to answer; 0: it may be said, for it has been taken nowhere
    said_in: int = 0  # the epoch, with the number, under which it may have been taken
    number: int = 0
    said_at: int = 0
    pause: int = 0


class Questions:
    """Of one host, by token."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._open: dict[int, Question] = {}
        self._numbers = 0

    def __iter__(self) -> Iterator[Question]:
        return iter(list(self._open.values()))

    def add(self, domain: int, token: int, post: bytes, *, again: bool) -> Question:
        question = self._open[token] = Question(domain, token, post, again)
        return question

    def forget(self, token: int) -> bool:
        """False: nobody waits for it (any more)."""
        return self._open.pop(token, None) is not None

    def say(self, question: Question, epoch: int, now: int) -> None:
        """It is said to the owner of this epoch; and what may be taken once only, as it was said first."""
        if question.again or not question.epoch:
            self._numbers += 1
            question.epoch = question.said_in = epoch
            question.number = self._numbers
        question.said_at = now
        question.pause = min(max(self._timing.patience, 2 * question.pause), self._timing.longest)

    def is_once(self, token: int) -> bool:
        """Is this waited for, and may not be taken twice?"""
        question = self._open.get(token)
        return question is not None and not question.again

    def not_taken(self, token: int, number: int) -> None:
        question = self._open.get(token)
        if question is not None and question.number == number:
            question.epoch = 0

    def is_due(self, question: Question, epoch: int, now: int) -> bool:
        """Is it to be said (again) to the owner of this epoch?"""
        if not question.epoch or now - question.said_at >= question.pause:
            return True
        return question.again and epoch != question.epoch

    def is_lost(self, question: Question, epoch: int, *, calm: bool) -> bool:
        """Was it said to an owner that lost the domain, and may not be said again?

        `calm`: this epoch's owner got the domain, and who waits, from the one before.
        """
        if not question.epoch or question.again or epoch <= question.epoch:
            return False
        if calm and epoch == question.epoch + 1:
            question.epoch = epoch
            return False
        return True
