"""One turn of one atom: its delivery, its overlay and its intents, until it commits or is undone.

The syscalls (`host/syscalls/`) read and write this; the domain carries the intents out if the guest says ok. Knows
no guest memory (that is `gate.py`) and no mailbox (that is `python_domain.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from radon.abi.delivery import NOWHERE, Address, Delivery, Form, Metadata
from radon.abi.errors import Exhausted, Invalid, TooLarge
from radon.host.atom import Atom
from radon.host.handles import Handles
from radon.host.kind import Kind
from radon.host.limits import KEPT_FUEL, KEY_BYTES, NAME_BYTES, SYSCALL_FUEL, TURN_BYTES
from radon.host.trap import Trap
from radon.host.wasi import Output

if TYPE_CHECKING:
    from radon.host.python_domain import PythonDomain

NEVER = 2**64 - 1
"""A deadline beyond all others, ns since 1970."""

LOG_LINES = 1000
"""Log lines that one turn may write; the rest are counted and dropped."""

SAMPLES = 10_000
"""Counts and observations of metrics that one turn may make; the rest are dropped, which a log line says."""

LOG_CHARACTERS = 16_384
"""The longest log line; the rest is cut off."""

_SEALED_BYTES = 8 + NAME_BYTES + 1 + KEY_BYTES + 16  # the longest
_ID = struct.Struct(">IQI")


class Message:
    """A received message as a guest holds it: a delivery, and whether the duty to answer is still here."""

    __slots__ = ("delivery", "open")

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.open = delivery.reply is not NOWHERE


class Turn:
    """Made at the start of a turn or of its replay; lives until commit or undo."""

    def __init__(self, domain: PythonDomain, atom: Atom, kind: Kind, delivery: Delivery, step: int, time: int) -> None:
        self.domain = domain
        self.atom = atom
        self.kind = kind
        self.delivery = delivery
        self.step = step
        self.now = time  # moves only when an awaited answer comes
        self.deadline = delivery.deadline
        self.message = Message(delivery)
        self.answer_metadata = delivery.metadata if delivery.form is Form.REPLIED else ()
        self.handles: Handles  # of the instance that it is in
        self.intents: list[tuple[Callable[..., None], tuple[Any, ...]]] = []  # carried out in order, at the commit
        self.held = {self.message: None}  # whose duty, if still here at the end, is answered with closed
        self.kept: dict[int, Message | None] = {}  # by token, over atom.kept; None: taken
        self.kept_messages = 0  # of these: that are not taken
        self.timers: dict[int, int | None] = {}  # by token, over atom.timers; None: cancelled
        self.more_timers = 0  # set by this turn, less those that it cancelled
        self.objects: dict[str, bytes] = {}  # put in this turn
        self.object_bytes = 0
        self.pins: dict[str, int] = {}  # by name, over the object's own count
        self.sent = 0
        self.asked = 0  # with `request`
        self.spawned = 0
        self.calls = 0  # suspending syscalls so far
        self.exit_status: int | None = None
        self.open = True  # until it commits or is undone
        self.fuel = kind.limits.fuel
        self.spent = 0  # of the fuel for syscalls and for the bytes they moved
        self.kept_bytes = 0  # that stay with the host
        self.lines = 0  # logged
        self.samples = 0  # of metrics
        self.output = Output(self.log)  # of a guest with WASI
        self._ordinal = 0
        self._random = b""
        self._blocks = 0

    def new_id(self) -> bytes:
        """The next identity of this turn: of a message, a request, a spawned atom."""
        self._ordinal += 1
        return _ID.pack(self.domain.image.domain, self.step, self._ordinal)

    def random(self, length: int) -> bytes:
        """The next bytes of this turn's stream: SHA-256 of seed, step and a counter (rule 1: the seed is input)."""
        stream, have = [self._random], len(self._random)
        self.spend(SYSCALL_FUEL * (max(0, length - have + 31) // 32))
        while have < length:
            self.domain.ledger.numbered = True
            block = self.domain.image.seed + struct.pack("<QQ", self.step, self._blocks)
            stream.append(hashlib.sha256(block).digest())
            self._blocks += 1
            have += 32
        drawn = b"".join(stream)
        self._random = drawn[length:]
        return drawn[:length]

    def intend(self, action: Callable[..., None], *args: Any) -> None:
        """`action(turn, *args)` is carried out when the turn commits, after the intents before it."""
        self.intents.append((action, args))

    def spend(self, fuel: int) -> None:
        """Charge work of the host to the turn. Raises Trap when the turn's limit is used up."""
        self.spent += fuel
        if self.spent > self.fuel:
            raise Trap("out-of-fuel", "the turn's syscalls used up limits.turn")

    def keep(self, size: int) -> None:
        """Charge `size` bytes that stay with the host. Raises Trap when the turn leaves too many."""
        self.kept_bytes += size
        if self.kept_bytes > TURN_BYTES:
            raise Trap("out-of-fuel", f"the turn leaves more than {TURN_BYTES} bytes behind")
        self.spend(KEPT_FUEL * size)

    def log(self, level: int, text: str) -> None:
        """One line for whoever reads the logs; from the 1,001st on they are dropped, which the last one says."""
        self.lines += 1
        if self.lines < LOG_LINES:
            self.domain.log(self, level, text[:LOG_CHARACTERS])
        elif self.lines == LOG_LINES:
            self.domain.log(self, 2, "further log lines of this turn are dropped")

    def sample(self, name: str) -> bool:
        """Whether one more sample of this metric is taken. Raises TooLarge."""
        if len(name.encode()) > NAME_BYTES:
            raise TooLarge(f"a metric's name of more than {NAME_BYTES} bytes")
        self.samples += 1
        if self.samples == SAMPLES + 1:
            self.domain.log(self, 2, "further metrics of this turn are dropped")
        return self.samples <= SAMPLES

    # ---- checks that several syscalls share ----

    def check_body(self, body: bytes) -> None:
        """Raises TooLarge."""
        if len(body) > self.kind.limits.message:
            raise TooLarge(f"{len(body)} bytes; limits.message is {self.kind.limits.message}")

    def count_sent(self) -> None:
        """One more message out. Raises Exhausted."""
        if self.sent >= self.kind.limits.outbox:
            raise Exhausted(f"the turn has sent {self.sent} messages (limits.outbox)")
        if self.domain.image.mail_bytes > self.domain.settings.mail:
            raise Exhausted("too much is under way in this domain")
        self.sent += 1

    def has_ended(self, address: Address) -> bool:
        """Is this a life that is known to be over? One that this turn spawned has not begun yet; from another domain
        nothing is known.
        """
        routes = self.domain.routes
        if not address.life or address.life == self.step or address.kind not in routes.kinds:
            return False
        return routes.living(address) is None and routes.elsewhere(address) is None

    def is_recorded(self) -> bool:
        """Did this turn, before it ran again, come to the suspending syscall that it is at now?"""
        journal = self.atom.journal
        return journal is not None and self.calls < len(journal.calls)

    def check_born(self, address: Address) -> None:
        """To await an atom that this very turn spawned would be to wait for the own commit. Raises Invalid."""
        if address.life == self.step and self.domain.routes.living(address) is None:
            raise Invalid(f"{address.text} begins when this turn commits; await it in a later turn")

    def deadline_of(self, timeout: int) -> int:
        """When a request of this turn ends: its own timeout, or the turn's deadline where that is earlier."""
        own = min(self.now + timeout, NEVER)
        return min(own, self.deadline) if self.deadline else own

    @cached_property  # there may be a hundred thousand pairs, and ten thousand messages
    def metadata(self) -> Metadata:
        """What the messages of this turn inherit (rule 10): a trace's name, unless it is longer than any can be."""
        pairs = self.delivery.metadata
        return tuple(pair for pair in pairs if pair[0] == "traceparent" and len(pair[1]) <= NAME_BYTES)

    def outgoing(self, body: bytes, **fields: Any) -> Delivery:
        """A message of this turn: named, signed with its sender, with what it inherits."""
        self.keep(len(body))
        fields.setdefault("deadline", self.deadline)
        return Delivery(
            self.new_id(), Form.MESSAGE, body=body, sender=self.atom.address, metadata=self.metadata, **fields
        )

    # ---- sealed addresses ----

    def seal(self, address: Address) -> bytes:
        """An address as bytes that only this application can make: the address, then 16 bytes of HMAC-SHA-256."""
        plain = struct.pack("<Q", address.life) + address.text.encode()
        return plain + hmac.digest(self.domain.image.secret, plain, "sha256")[:16]

    def unseal(self, sealed: bytes) -> Address:
        """Raises Invalid."""
        if len(sealed) > _SEALED_BYTES:
            raise Invalid(f"{len(sealed)} bytes are no sealed address")
        plain, tag = sealed[:-16], sealed[-16:]
        if len(plain) < 8 or not hmac.compare_digest(hmac.digest(self.domain.image.secret, plain, "sha256")[:16], tag):
            raise Invalid("these bytes are no sealed address of this application")
        (life,) = struct.unpack_from("<Q", plain)
        return Address.parse(plain[8:].decode())._replace(life=life)
