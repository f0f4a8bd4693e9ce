"""A running application, whatever runs it: what gateways, the embedding API and the CLI use. A Protocol.

Messages go in with `post`; answers and everything else that leaves come back through callbacks, which may be called
from any thread, must not block, and must not raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from radon.abi.delivery import NOWHERE, Address, Metadata
from radon.abi.errors import RadonError
from radon.abi.exchange import Accepted, Hangup, Published, Reply, Sent
from radon.atoms.application import Application
from radon.backends.driver import Guarantees
from radon.backends.observed import Observations
from radon.host.domain import Domain

T = TypeVar("T")

Answer = Reply | Accepted | RadonError
"""What becomes of a posted message; a RadonError when the deployment lost it or stopped."""

Outside = Callable[[Sent | Hangup], None]
"""Takes what atoms send to the addresses of a gateway."""


Sieve = Callable[[bytes], bytes]
"""Takes a body of output records, keeps those that are for a gateway, and gives back the others."""

SIEVED = 1 << 63
"""Tokens from here on are of inputs that a gateway with a sieve makes by itself, and no others."""


@dataclass(frozen=True, slots=True)
class KindStats:
    """One kind, as `ps` shows it; counts since the deployment was opened."""

    atoms: int
    instances: int
    queued: int
    suspended: int
    turns: int
    failed: int
    state_bytes: int


@dataclass(frozen=True, slots=True)
class Stats:
    kinds: Mapping[str, KindStats]
    dead_letters: int
    commits: int  # that were written: in memory none is
    log_bytes: int
    uptime: float  # seconds
    memory: int  # bytes resident, of this process


class Deployment(Protocol):
    """Started by its backend; used from any thread until `stop`."""

    application: Application
    domains: int  # over which its atoms are spread
    guarantees: Guarantees
    observations: Observations

    def post(
        self,
        to: Address,
        body: bytes,
        resolve: Callable[[Answer], None],
        *,
        wants: bool = True,
        deadline: int = 0,
        sender: Address = NOWHERE,
        pair: str = "",
        once: str = "",
        metadata: Metadata = (),
    ) -> int:
        """Send a message from outside. `resolve` is called once: with Reply if `wants`, with Accepted when the message
        is durably in its mailbox otherwise, or with an error. Returns the token for `forget`.

        `deadline` is in ns since 1970, 0 for none. `once` is a dedup key: a second message with it is not taken, its
        sender hears what the first one was answered. Raises Unavailable when it is stopping or its store fails,
        Exhausted when too many messages from outside wait, Invalid for what is no message.
        """

    def spawn(self, kind: str, args: bytes, resolve: Callable[[Answer], None]) -> int:
        """Begin a new atom of `kind` with a fresh key. `resolve` gets a Reply with its address; the rest as `post`."""

    def forget(self, token: int) -> None:
        """Nobody waits for this answer any more."""

    def submit(self, *inputs: Any) -> None:
        """Other input records: of connections, outcomes, dead letters. Raises Unavailable, Invalid."""

    def attach(self, kind: str, outside: Outside) -> None:
        """Let `outside` take what is sent to addresses of this kind: "@tcp", "http:api", or the kind of a volatile
        atom, whose Hangup it gets; Hangup(NOWHERE) means that all connections are lost.

        Requests that wait for an Outcome and left while nobody was attached come at once, from the caller's thread;
        any may come again after the domain was lost. Raises Invalid if another gateway is attached.
        """

    def attach_sieve(self, kinds: Iterable[str], sieve: Sieve) -> None:
        """Let `sieve` see all that leaves before it is made objects of: for a gateway with more messages than Python
        can look at. It takes out what is sent to addresses of these kinds, their Hangups, answers to its own tokens,
        and copies Hangup(NOWHERE). It never gets what left before. Raises Invalid as `attach`.
        """

    def submit_encoded(self, records: bytes, domain: int, *, at_once: bool = False) -> None:
        """A body of inputs, well-formed, for the domain with this number (`hash.domain_of` says which is an atom's).

        `at_once`: they are all that a gateway has, so that a domain which was lent to this loop may run them before
        this returns; not to be said in a callback. Raises Unavailable.
        """

    def detach(self, kind: str) -> None:
        """Call the `outside` of this kind no more; a call that has begun may still be under way."""

    def resend(self, unfinished: Iterable[Sent]) -> None:
        """Requests that a gateway took and will not finish: whoever attaches next, or has already, gets them."""

    def listen(self, topic: str, hear: Callable[[Published], None]) -> int:
        """Call `hear` with whatever is published to `topic` from now on, until `unlisten` of the number returned.

        What a failing store swallows is not heard. Raises Unavailable, Invalid.
        """

    def unlisten(self, listener: int) -> None:
        """Call it no more; a call that has begun may still be under way. Never raises."""

    def perform(self, function: Callable[[Domain], T], at: Address = NOWHERE) -> Future[T]:
        """Look at the domain of the atom that `at` names, or at one of them, between two turns, after all that was
        submitted to it before; `function` runs in its thread.
        """

    def perform_all(self, function: Callable[[Domain], T], *, at_once: bool = False) -> Future[list[T]]:
        """Look at every domain, likewise. `at_once`: while none of them goes on, so that what they show is of one
        moment.
        """

    def lend(self) -> None:
        """Let the running event loop run short turns, of what is posted and submitted in it, in its own thread.

        That spares each answer the way to another thread and back. Callbacks may be called in that thread then, from
        where the loop drives. To be called once; wait for no answer in a way that stops the loop.
        """

    def stats(self) -> Stats: ...

    def backup(self, directory: Path) -> None:
        """A copy of the data as of some moment during the call, while everything goes on. Blocks. Raises StoreError."""

    def deploy(self, application: Application, *, drop: frozenset[str] = frozenset()) -> None:
        """Replace modules and manifest between two turns; state stays. `drop` names removed kinds whose atoms end.

        Raises ManifestError for what cannot be done to existing data: shards changed, a kind with state removed, one
        dropped that was not there or stays.
        """

    def stop(self) -> None:
        """Take no more messages, come to rest, make everything durable. Blocks. Idempotent."""
