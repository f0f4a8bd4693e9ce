"""Who outside of a domain waits for what: callers by token, listeners by number, gateways by kind of address.

Owns these tables and hands out what leaves a domain. Knows no domain, no store and no protocol. Nothing here is
durable: it goes with the process, and what others gave it to call must neither block nor raise.
"""

from __future__ import annotations

import itertools
import logging
import secrets
import threading
from collections.abc import Callable, Iterable
from typing import Any

from radon.abi.delivery import NOWHERE
from radon.abi.errors import Exhausted, Invalid, RadonError
from radon.abi.exchange import Accepted, Hangup, Listen, Published, Reply, Sent, Unlisten
from radon.abi.frames import decode_all, encode
from radon.backends.deployment import Answer, Outside, Sieve
from radon.backends.observed import Observations

log = logging.getLogger(__name__)

WAITING = 10_000
"""Messages from outside that may be unanswered at once; more are refused with exhausted."""


class Switchboard:
    """Any thread."""

    def __init__(self, observations: Observations) -> None:
        # A message that was kept by an earlier process may still be answered: to a token that no caller has now.
        self._tokens = itertools.count(secrets.randbits(62))
        self._callers: dict[int, Callable[[Answer], None]] = {}
        self._listeners: dict[int, tuple[str, Callable[[Published], None]]] = {}
        self._gateways: dict[str, Outside] = {}
        self._sieved: dict[str, Sieve] = {}  # by kind, as gateways are
        self._sieves: tuple[Sieve, ...] = ()  # each of them once
        self._unheard: dict[str, dict[bytes, Sent]] = {}  # requests that left while no gateway was attached
        self._attaching = threading.Lock()  # guards these
        self._take: dict[type, Callable[[Any], object]] = {
            Reply: self._answer,
            Accepted: self._answer,
            Published: self._publish,
            Sent: self._hand_out,
            Hangup: self._hand_out,
        }
        self._observe = observations.take

    # ---- callers ----

    def expect(self, resolve: Callable[[Answer], None]) -> int:
        """A token, and who is to hear the answer to it. Raises Exhausted."""
        if len(self._callers) >= WAITING:
            raise Exhausted(f"{WAITING} messages from outside wait for an answer; try again later")
        token = next(self._tokens)
        self._callers[token] = resolve
        return token

    def forget(self, token: int) -> None:
        """Nobody waits for this answer any more."""
        self._callers.pop(token, None)

    def fail_callers(self, error: RadonError) -> None:
        """Whoever waits now is answered with `error`."""
        for token in list(self._callers):
            resolve = self._callers.pop(token, None)
            if resolve is not None:
                _call(resolve, error)

    # ---- listeners ----

    def listen(self, topic: str, hear: Callable[[Published], None]) -> Listen:
        """What the domain has to be told."""
        listener = next(self._tokens)
        self._listeners[listener] = (topic, hear)
        return Listen(listener, topic)

    def unlisten(self, listener: int) -> Unlisten | None:
        """Likewise; None if it listens no more."""
        known = self._listeners.pop(listener, None)
        return None if known is None else Unlisten(listener, known[0])

    def listening(self) -> list[Listen]:
        """All of them, for a domain that has forgotten them."""
        return [Listen(listener, topic) for listener, (topic, _) in list(self._listeners.items())]

    # ---- gateways ----

    def attach(self, kind: str, outside: Outside) -> None:
        """See `Deployment.attach`."""
        with self._attaching:
            self._check_free(kind)
            self._gateways[kind] = outside
            unheard = self._unheard.pop(kind, {})
        for sent in unheard.values():
            outside(sent)

    def attach_sieve(self, kinds: Iterable[str], sieve: Sieve) -> None:
        """See `Deployment.attach_sieve`."""
        with self._attaching:
            chosen = dict.fromkeys(kinds, sieve)
            for kind in chosen:
                self._check_free(kind)
            self._sieved |= chosen
            self._sieves = tuple(dict.fromkeys(self._sieved.values()))

    def _check_free(self, kind: str) -> None:
        if kind in self._gateways or kind in self._sieved:
            raise Invalid(f"another gateway serves {kind!r} for this deployment; stop that one first")

    def detach(self, kind: str) -> None:
        """See `Deployment.detach`."""
        with self._attaching:
            self._gateways.pop(kind, None)
            self._sieved.pop(kind, None)
            self._sieves = tuple(dict.fromkeys(self._sieved.values()))

    def lose_connections(self) -> None:
        """The domain forgot what had left it: connections are gone, and unanswered requests will leave again."""
        with self._attaching:
            self._unheard.clear()
            gateways = set(self._gateways.values())
        for outside in gateways:
            _call(outside, Hangup(NOWHERE))
        for sieve in self._sieves:
            _call(sieve, encode(Hangup(NOWHERE)))

    # ---- what left a domain ----

    def release(self, outputs: Iterable[Any]) -> None:
        """Hand each to whoever waits for it."""
        take, observe = self._take, self._observe
        for output in outputs:
            _call(take.get(type(output), observe), output)

    def release_encoded(self, records: bytes) -> None:
        """Likewise all of a body."""
        self.release(self.sift(records))

    def sift(self, records: bytes) -> list[Any]:
        """What no sieve takes out of a body."""
        for sieve in self._sieves:
            try:
                records = sieve(records)
            except Exception:
                log.exception("a sieve failed on %d bytes", len(records))
        return decode_all(records)

    def _answer(self, output: Reply | Accepted) -> None:
        resolve = self._callers.pop(output.token, None)
        if resolve is not None:
            resolve(output)

    def _publish(self, output: Published) -> None:
        known = self._listeners.get(output.listener)
        if known is not None:
            known[1](output)

    def _hand_out(self, output: Sent | Hangup) -> None:
        to = output.to if isinstance(output, Sent) else output.atom
        with self._attaching:
            outside = self._gateways.get(to.kind)
            if outside is None and isinstance(output, Sent) and output.wants:
                self._unheard.setdefault(to.kind, {})[output.delivery.id] = output
        if outside is not None:
            outside(output)


def _call(callback: Callable[[Any], object], argument: Any) -> None:
    """One that raises is a defect of its owner: others, and the domain, are none the worse."""
    try:
        callback(argument)
    except Exception:
        log.exception("a callback failed on %s", type(argument).__name__)
