"""Dead letters, as a program that embeds Radon sees them. How they come about is the domain's."""

from __future__ import annotations

from dataclasses import dataclass

from radon.abi.errors import Invalid, NotFound
from radon.abi.records import Died
from radon.host.domain import Domain


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that failed for good."""

    id: str  # in hexadecimal
    to: str
    cause: str  # "err", "trap: CODE", "closed", "not-found", "aborted: CAUSE"
    form: str  # "message", "start", "replied", "fired" or "down"
    attempts: int
    time: int  # ns since 1970
    sender: str  # "" from outside
    body: bytes


def look(domain: Domain) -> list[DeadLetter]:
    """All of a domain, oldest first. In the domain's thread."""
    return [
        DeadLetter(
            delivery.id.hex(), to.text, cause, delivery.form.name.lower(), delivery.attempt + 1, time,
            delivery.sender.text, delivery.body,
        )
        for time, cause, to, delivery in domain.dead_letters()
    ]  # fmt: skip


def merge(looks: list[list[DeadLetter]]) -> list[DeadLetter]:
    """Those of all domains, oldest first."""
    return sorted((letter for letters in looks for letter in letters), key=lambda letter: (letter.time, letter.id))


def key(id: str) -> bytes:
    """The bytes of an id. Raises Invalid."""
    try:
        return bytes.fromhex(id)
    except ValueError:
        raise Invalid(f"{id!r} is no name of a dead letter") from None


def check_known(id: str, found: list[Died | None]) -> None:
    """`found`: in each domain. Raises NotFound."""
    if not any(found):
        raise NotFound(f"there is no dead letter {id!r}: it was revived or dropped, or never was")
