"""A domain: a deterministic state machine that takes inputs, runs turns and gives commits. The contract of its twins.

    submit(inputs) -> run() -> take_commit() -> to the store, then out

Same inputs, same commits, byte for byte, whichever twin takes them: the rules are in docs/semantics.md. Which twins
there are says `domains.py`; nothing outside of this layer knows more of a domain than stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

from radon.abi.delivery import Address
from radon.abi.frames import Commit
from radon.abi.records import Died, Put
from radon.host.kind import Kind
from radon.host.limits import GIB, MIB
from radon.host.room import SUSPENDED


class Status(Enum):
    IDLE = "idle"  # nothing to do until an input comes
    BUSY = "busy"  # stopped at `max_turns`, or because much is to be committed


@dataclass(frozen=True, slots=True)
class Settings:
    """What a deployment chooses for a domain; the same for its life or changed by a restart only."""

    host: str = "local"  # the key of the near atom of `every-host` kinds
    instances: int = 4096  # live at once, beside those of suspended turns; the least recently used are passivated
    sharing: int = 1  # domains of this process, this one included, that share its room for guests
    suspended: int = SUSPENDED  # turns at once; more are answered with exhausted
    memory: int = 4 * GIB  # bytes of linear memory of live instances; beyond it they are passivated likewise
    objects: int = 4 * GIB  # bytes of all objects
    mail: int = GIB  # bytes of all messages under way; beyond it whoever sends is answered with exhausted
    dead: int = 256 * MIB  # bytes of dead letters that are kept; beyond it the oldest make room
    watchers: int = 10_000  # of one atom; one more is answered with exhausted
    run: int = 10**9  # fuel for syscalls that the turns of one `run` may use; beyond it the run stops (rule 3.5)
    retention: int = 24 * 3600 * 10**9  # ns that an object lives without a pin
    idempotency: int = 3600 * 10**9  # ns that a dedup key is remembered
    forgetful: bool = False  # drop every instance after its turn
    elide: bool = True  # leave out of a commit what came and went within it
    durable: bool = True  # commits have a durable part; else nobody would keep it


class KindUsage(NamedTuple):
    """What the atoms of one kind hold at this moment, and what they have done since the domain was opened."""

    atoms: int
    holding: int  # of them: with state, timers, kept messages or mail
    queued: int  # deliveries in their mailboxes
    suspended: int
    state_bytes: int  # as limits.state counts them
    turns: int  # begun, replays after a loss included
    failed: int


class Usage(NamedTuple):
    """`kinds`: those that are deployed, and all others of which there are atoms, "@topic" and "http:NAME" included."""

    kinds: Mapping[str, KindUsage]
    dead_letters: int
    mail_bytes: int  # as Settings.mail limits them; dead_bytes and object_bytes likewise
    dead_bytes: int
    object_bytes: int


class Domain(Protocol):
    """Not thread-safe; one caller at a time. No method blocks on anything but the guest.

    A new one is empty: give it `setup` or `restore`, then `deploy`. What is asked of it shows the effects of all turns
    so far, whether their commit was taken or not; never those of a turn that is suspended.
    """

    settings: Settings
    """May be set before a `deploy`; All but `run`, `forgetful` and limits of what is kept stay those of the start."""

    threads: bool
    """Do guests run in threads of their own, whose time is not that of the thread that calls `run`?"""

    @property
    def digest(self) -> str:
        """Of what was deployed last, also before a restart; "" in a new domain."""

    # ---- life ----

    def setup(self, number: int, seed: bytes, secret: bytes, domains: int = 1) -> None:
        """Begin the new domain `number` of so many. `seed` and `secret` are 32 random bytes each; the secret is the
        application's.
        """

    def restore(self, snapshot: bytes | None, tail: Iterable[bytes] = ()) -> None:
        """Become what the snapshot and the log frames behind it say. Before `deploy`.

        Raises FrameError, also for records that contradict each other.
        """

    def deploy(self, digest: str, kinds: Mapping[str, Kind], endpoints: Iterable[str] = ()) -> None:
        """Run these kinds from the next turn on. State stays; instances and suspended turns begin anew.

        Raises LoadError, and then nothing has changed but that all instances are gone.
        """

    def end_kind(self, name: str) -> None:
        """Take a kind out and end its atoms, as if each had been stopped; their mail becomes dead letters."""

    def close(self) -> None:
        """Free instances and threads. The domain is of no use afterwards."""

    # ---- turns ----

    def submit(self, inputs: bytes) -> None:
        """A body of input records for the next `run`. Raises FrameError, and then takes none of them."""

    def run(self, max_turns: int) -> Status:
        """Take in what was submitted, then run turns until idle or `max_turns` have begun or gone on."""

    def take_commit(self) -> Commit:
        """All effects since the last one."""

    def snapshot(self) -> bytes:
        """A frame with the durable state, as of the last commit taken; call it right after `take_commit`."""

    def next_due(self) -> int | None:
        """When time next matters: ns since 1970, or None."""

    # ---- looking ----

    def instances(self) -> Mapping[str, int]:
        """How many are live, by kind; kinds without any may be missing."""

    def usage(self) -> Usage:
        """Looks at every atom: for `ps`, metrics and deployments, not for every turn."""

    def dead_letters(self) -> list[Died]:
        """In the order of their ids, which is about the order in which they were sent."""

    def dead_letter(self, id: bytes) -> Died | None:
        """The one with this id, if there is one."""

    def resolve(self, address: Address) -> Address:
        """The atom that a name means: shards and near representatives are chosen. Raises NotFound, TooLarge."""

    def entries(self, address: Address, bucket: str | None = None, key: bytes | None = None) -> list[Put]:
        """The committed state of an atom, or of one bucket of it, or one entry, in the order of bucket and key.

        `address` as `resolve` gives it. Raises NotFound where no such atom lives, and where it has no such bucket or
        key.
        """


Make = Callable[[Settings], Domain]
"""Gives an empty domain."""
