"""What travels between atoms: addresses and deliveries. Plain data; their bytes are `frames.py`'s."""

from __future__ import annotations

from copy import copy
from enum import IntEnum
from typing import NamedTuple

NO_ID = bytes(16)
"""The identity of no message."""


class Address(NamedTuple):
    """Names an atom: its kind, its key, and the life of it that is meant (rule 16)."""

    kind: str
    key: str
    life: int = 0  # the incarnation it is bound to; 0: whichever lives when the message arrives

    @property
    def text(self) -> str:
        """ "kind/key", or "kind" for the empty key."""
        return f"{self.kind}/{self.key}" if self.key else self.kind

    @staticmethod
    def parse(text: str) -> Address:
        """What `text` gives back; the first slash divides."""
        kind, _, key = text.partition("/")
        return Address(kind, key)


NOWHERE = Address("", "")
"""No address: the sender of a message from outside, the answer that nobody awaits."""


class Form(IntEnum):
    """What a delivery is, and so which of the guest's exports takes it."""

    MESSAGE = 0
    START = 1
    REPLIED = 2
    FIRED = 3
    DOWN = 4


Metadata = tuple[tuple[str, bytes], ...]


class Delivery:
    """One entry of a mailbox; handling it is a turn. Once it is delivered nothing of it changes."""

    __slots__ = (
        "attempt", "body", "cast", "code", "deadline", "form", "id", "life", "metadata", "pair", "reply", "request",
        "sender", "token", "topic",
    )  # fmt: skip

    def __init__(
        self,
        id: bytes,
        form: Form = Form.MESSAGE,
        *,
        body: bytes = b"",
        sender: Address = NOWHERE,
        reply: Address = NOWHERE,
        request: bytes = NO_ID,
        deadline: int = 0,
        token: int = 0,
        code: int = 0,
        life: int = 0,
        topic: str = "",
        pair: str = "",
        metadata: Metadata = (),
        cast: bool = False,
        attempt: int = 0,
    ) -> None:
        self.id = id  # 16 bytes: domain, step, ordinal; unique in the application
        self.form = form
        self.body = body
        self.sender = sender  # NOWHERE: from outside
        self.reply = reply  # who waits for an answer; NOWHERE: nobody
        self.request = request  # what the one who waits calls the question; survives `forward`
        self.deadline = deadline  # ns since 1970; 0: none
        self.token = token  # of REPLIED, FIRED and DOWN
        self.code = code  # REPLIED: 0, or an error-code + 1; DOWN: the status
        self.life = life  # the incarnation of the receiver that is meant; 0: any
        self.topic = topic  # "": was not published
        self.pair = pair  # keeps order with others of the same pair; "": with the same sender
        self.metadata = metadata
        self.cast = cast  # at most once: never recorded
        self.attempt = attempt  # attempts before this one

    def again(self) -> Delivery:
        """The same after one more attempt."""
        other = copy(self)
        other.attempt += 1
        return other
