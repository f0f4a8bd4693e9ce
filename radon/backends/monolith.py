"""The monolith: one process, one domain, and a store that is memory or LMDB.

Maps messages from outside to tokens and back, and a deployment onto the data that is there. Turns and commits are the
runner's, bytes on disk the store's.
"""

from __future__ import annotations

import itertools
import resource
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from radon.abi.delivery import NOWHERE, Address, Metadata
from radon.abi.errors import Exhausted, Invalid, ManifestError, RadonError, StoreError, Unavailable
from radon.abi.exchange import Accepted, Connect, Hangup, Listen, Post, Published, Reply, Sent, Unlisten
from radon.atoms.application import Application
from radon.atoms.guarantees import unmet
from radon.atoms.plan import plan
from radon.backends.deployment import Answer, KindStats, Outside, Stats
from radon.backends.driver import Guarantees, Store
from radon.backends.observed import Observations
from radon.backends.runner import Program, Runner
from radon.host.domain import Domain, Settings

T = TypeVar("T")

DOMAIN = 0
"""The number of the one domain."""

WAITING = 10_000
"""Messages from outside that may be unanswered at once; more are refused with exhausted."""


class Monolith:
    """A Deployment. `Monolith.open` makes one and starts it; it owns the store from then on."""

    def __init__(
        self, application: Application, store: Store, settings: Settings, failed: Callable[[RadonError], None]
    ):
        self.application = application
        self.store = store
        self.guarantees = guarantees_of(store)
        self.observations = Observations()
        self._failed = failed
        self._tokens = itertools.count(1)
        self._waiting: dict[int, Callable[[Answer], None]] = {}
        self._outside: dict[str, Outside] = {}
        self._unheard: dict[str, dict[bytes, Sent]] = {}  # requests that left while no gateway was attached
        self._attaching = threading.Lock()  # guards both
        self._listeners: dict[int, tuple[str, Callable[[Published], None]]] = {}
        self._started = time.monotonic()
        self._changing = threading.Lock()
        self._runner = Runner(DOMAIN, store, settings, release=self._release, lost=self._lost, died=self._died)

    @classmethod
    def open(
        cls,
        application: Application | None,
        store: Store,
        *,
        forgetful: bool = False,
        drop: frozenset[str] = frozenset(),
        failed: Callable[[RadonError], None] = lambda error: None,
    ) -> Monolith:
        """Deploy `application` (None: what was deployed there last) onto what the store holds, and start it.

        `drop` names kinds that the new application no longer has and whose atoms end. `failed` is called, from any
        thread, when the deployment cannot go on. Raises ManifestError for what it cannot honour, StoreError.
        """
        stored = store.read("application")
        old = Application.unbundle(stored) if stored is not None else None
        if application is None and old is None:
            raise StoreError("nothing was ever deployed here; run `radon deploy MANIFEST` first")
        new = application or old
        assert new is not None
        _check_guarantees(new, store)
        domains = store.read("domains")
        if domains is not None and domains != b"1":
            raise StoreError(f"this data has {domains.decode()} domains; the monolith has 1")
        if domains is None:
            store.write("domains", b"1")
        settings = Settings(forgetful=forgetful, retention=new.manifest.objects, idempotency=new.manifest.idempotency)
        self = cls(old or new, store, settings, failed)
        self._runner.start(_program(self.application))
        try:
            if old is None:
                store.write("application", new.bundle())
            elif new.digest != old.digest:
                self.deploy(new, drop=drop)
        except BaseException:
            self.stop()
            raise
        return self

    # ---- messages from outside ----

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
        """See `Deployment.post`."""
        token = self.expect(resolve)
        try:
            self._runner.submit(Post(token, deadline, int(wants), to, sender, pair, once, metadata, body))
        except Unavailable:
            del self._waiting[token]
            raise
        return token

    def expect(self, resolve: Callable[[Answer], None]) -> int:
        """A token for an input that is answered by a Reply, and who is to hear it. Raises Exhausted."""
        if len(self._waiting) >= WAITING:
            raise Exhausted(f"{WAITING} messages from outside wait for an answer; try again later")
        token = next(self._tokens)
        self._waiting[token] = resolve
        return token

    def forget(self, token: int) -> None:
        self._waiting.pop(token, None)

    def submit(self, *inputs: Any) -> None:
        self._runner.submit(*inputs)

    def connect(self, atom: Address, args: bytes) -> None:
        """Begin the volatile atom of a connection."""
        self._runner.submit(Connect(atom, args))

    def attach(self, kind: str, outside: Outside) -> None:
        with self._attaching:
            if kind in self._outside:
                raise Invalid(f"another gateway serves {kind!r} for this deployment; stop that one first")
            self._outside[kind] = outside
            unheard = self._unheard.pop(kind, {})
        for sent in unheard.values():
            outside(sent)

    def detach(self, kind: str, unfinished: Iterable[Sent] = ()) -> None:
        with self._attaching:
            self._outside.pop(kind, None)
            self._unheard.setdefault(kind, {}).update({sent.delivery.id: sent for sent in unfinished})

    def listen(self, topic: str, hear: Callable[[Published], None]) -> int:
        listener = next(self._tokens)
        self._listeners[listener] = (topic, hear)
        self._runner.submit(Listen(listener, topic))
        return listener

    def unlisten(self, listener: int) -> None:
        known = self._listeners.pop(listener, None)
        if known is not None:
            self._runner.submit(Unlisten(listener, known[0]))

    # ---- looking and changing ----

    def perform(self, function: Callable[[Domain], T]) -> Future[T]:
        return self._runner.perform(function)

    def stats(self) -> Stats:
        return self.perform(self._stats).result()

    def _stats(self, domain: Domain) -> Stats:
        usage = {name: [0, 0, 0, 0] for name in domain.kinds}  # atoms, queued, suspended, state bytes
        for atom in domain.image.atoms.values():
            if atom.kind in usage:
                row = usage[atom.kind]
                row[0] += 1
                row[1] += len(atom.mailbox)
                row[2] += atom.journal is not None
                row[3] += atom.used
        instances = domain.instances()
        kinds = {
            name: KindStats(
                atoms, instances.get(name, 0), queued, suspended, domain.tallies[name].turns,
                domain.tallies[name].failed, used,
            )
            for name, (atoms, queued, suspended, used) in usage.items()
        }  # fmt: skip
        meter = self._runner.meter
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        uptime = time.monotonic() - self._started
        return Stats(kinds, len(domain.image.dead), meter.commits, meter.log_bytes, uptime, resident)

    def deploy(self, application: Application, *, drop: frozenset[str] = frozenset()) -> None:
        with self._changing:
            _check_guarantees(application, self.store)
            change = plan(self.application, application)
            if change.refused:
                raise ManifestError("; ".join(change.refused))
            self.perform(lambda domain: _remove(domain, frozenset(change.removed), drop)).result()
            self.store.write("application", application.bundle())
            self._runner.deploy(_program(application)).result()
            self.application = application

    def snapshot(self) -> None:
        """Write a snapshot now; returns when it is durable."""
        done = threading.Event()
        self.perform(lambda domain: self._runner.take_snapshot(domain, done)).result()
        done.wait()

    def backup(self, directory: Path) -> None:
        """A copy of the data as of some moment during the call, while everything goes on. Raises StoreError."""
        self.store.backup(directory)

    def stop(self) -> None:
        self._runner.stop()
        self._fail_all(Unavailable("the deployment has stopped"))
        self.store.close()

    # ---- from the runner's threads ----

    def _release(self, outputs: list[Any]) -> None:
        for output in outputs:
            if isinstance(output, Reply | Accepted):
                resolve = self._waiting.pop(output.token, None)
                if resolve is not None:
                    resolve(output)
            elif isinstance(output, Sent | Hangup):
                self._hand_out(output)
            elif isinstance(output, Published):
                known = self._listeners.get(output.listener)
                if known is not None:
                    known[1](output)
            else:
                self.observations.take(output)

    def _hand_out(self, output: Sent | Hangup) -> None:
        to = output.to if isinstance(output, Sent) else output.atom
        with self._attaching:
            outside = self._outside.get(to.kind)
            if outside is None and isinstance(output, Sent) and output.wants:
                self._unheard.setdefault(to.kind, {})[output.delivery.id] = output
        if outside is not None:
            outside(output)

    def _lost(self, reason: RadonError) -> None:
        """The domain goes on from its last durable commit: nobody who waits will be answered."""
        self._fail_all(Unavailable(f"{reason}; the message may or may not have been handled"))
        with self._attaching:
            self._unheard.clear()  # the domain sends them again
            gateways = set(self._outside.values())
        for outside in gateways:
            outside(Hangup(NOWHERE))
        for listener, (topic, _) in list(self._listeners.items()):
            self._runner.submit(Listen(listener, topic))

    def _died(self, error: RadonError) -> None:
        self._fail_all(Unavailable(str(error)))
        self._failed(error)

    def _fail_all(self, error: RadonError) -> None:
        waiting = list(self._waiting.items())
        for token, resolve in waiting:
            if self._waiting.pop(token, None) is not None:
                resolve(error)


def guarantees_of(store: Store) -> Guarantees:
    """What the monolith gives with this store."""
    return Guarantees(delivery="exactly-once", durability=store.durability, order="pair")


def _check_guarantees(application: Application, store: Store) -> None:
    reasons = unmet(application.manifest.require, guarantees_of(store), "the monolith with this store")
    if reasons:
        raise ManifestError("; ".join(reasons))


def _program(application: Application) -> Program:
    return Program(application.digest, application.kinds(), tuple(application.manifest.egress.http))


def _remove(domain: Domain, removed: frozenset[str], drop: frozenset[str]) -> None:
    """End the atoms of removed kinds, where that loses nothing or was asked for. Raises ManifestError."""
    for name in sorted(removed):
        holding = [a for a in domain.image.atoms.values() if a.kind == name and (a.used or len(a.mailbox) or a.kept)]
        if holding and name not in drop:
            raise ManifestError(
                f"kind {name!r} is gone from the manifest, but {len(holding)} of its atoms hold state or mail; "
                f"keep the kind, or say --drop {name} to delete them"
            )
    for name in sorted(removed):
        domain.end_kind(name)
