"""The journal of a turn that suspended: where it runs again from, what it asked, what it was told (rule 8).

Knows neither the turn nor whom it asked; a record that does not fit what is before it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from radon.abi.records import Answered, Called


@dataclass(slots=True)
class Journal:
    """One question after another: the last one alone may be without an answer."""

    id: bytes  # of the delivery
    attempt: int
    step: int
    time: int
    calls: list[Called] = field(default_factory=list)
    answers: dict[bytes, Answered] = field(default_factory=dict)  # by request

    def awaited(self) -> Called | None:
        """The call whose answer is still out."""
        last = self.calls[-1] if self.calls else None
        return last if last is not None and last.request not in self.answers else None

    def ask(self, call: Called) -> None:
        """Raises LookupError while another answer is out."""
        if self.awaited() is not None:
            raise LookupError("a call while the one before it awaits its answer")
        self.calls.append(call)

    def answer(self, answer: Answered) -> None:
        """Raises LookupError for what is not awaited."""
        awaited = self.awaited()
        if awaited is None or awaited.request != answer.request:
            raise LookupError("an answer that no call awaits")
        self.answers[answer.request] = answer
