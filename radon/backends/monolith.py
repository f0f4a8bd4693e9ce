"""The monolith: one process, one domain, and a store that is memory or LMDB.

Brings an application and what a store holds together, at the start and when another one is deployed. Turns and commits
are the runner's, who waits outside the switchboard's, bytes on disk the store's.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from radon.abi.delivery import NOWHERE, Address, Metadata
from radon.abi.errors import ManifestError, RadonError, StoreError, Unavailable
from radon.abi.exchange import Post, Published, Sent, Spawn
from radon.atoms.application import Application
from radon.atoms.guarantees import unmet
from radon.atoms.plan import plan
from radon.backends.deployment import Answer, KindStats, Outside, Stats
from radon.backends.driver import Guarantees, Store
from radon.backends.lending import Lending
from radon.backends.observed import Observations
from radon.backends.program import Program
from radon.backends.runner import Runner
from radon.backends.switchboard import Switchboard
from radon.host import room
from radon.host.domain import Domain, Settings

T = TypeVar("T")
log = logging.getLogger(__name__)

DOMAIN = 0
"""The number of the one domain."""


class Monolith:
    """A Deployment. `Monolith.open` makes one and starts it; it owns the store from then on."""

    def __init__(
        self, application: Application, store: Store, *, forgetful: bool, failed: Callable[[RadonError], None]
    ) -> None:
        self.application = application
        self.store = store
        self.guarantees = guarantees_of(store)
        self.observations = Observations()
        self._forgetful = forgetful
        self._failed = failed
        self._outside = Switchboard(self.observations)
        self._started = time.monotonic()
        self._changing = threading.Lock()
        self._runner = Runner(
            DOMAIN, store, release=self._outside.release, lost=self._lost, standing=self._outside.listening,
            died=self._died,
        )  # fmt: skip

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
        thread, when the deployment cannot go on. Raises ManifestError for what it cannot honour, StoreError. The old
        application runs no turn any more; the new one is stored before its first.
        """
        stored = store.read("application")
        old = _unbundled(stored, application)
        new = application or old
        if new is None:
            raise StoreError("nothing was ever deployed here; run `radon deploy MANIFEST` first")
        _check_guarantees(new, store)
        _check_plan(old, new)
        _check_domains(store)
        bundle = new.bundle()
        self = cls(new, store, forgetful=forgetful, failed=failed)

        def accept(domain: Domain) -> None:
            if old is None or old.digest != new.digest:  # else it was accepted when it was stored
                _check_removed(domain, new, drop)

        def keep() -> None:
            if bundle != stored:  # its digest may be the same: the manifest has moved to another folder, say
                store.write("application", bundle)

        self._runner.start(self._program(new), accept, keep)
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
        token = self._outside.expect(resolve)
        self._ask(Post(token, deadline, int(wants), to, sender, pair, once, metadata, body))
        return token

    def spawn(self, kind: str, args: bytes, resolve: Callable[[Answer], None]) -> int:
        """See `Deployment.spawn`."""
        token = self._outside.expect(resolve)
        self._ask(Spawn(token, kind, args))
        return token

    def _ask(self, question: Post | Spawn) -> None:
        try:
            self._runner.submit(question)
        except RadonError:
            self._outside.forget(question.token)
            raise

    def forget(self, token: int) -> None:
        self._outside.forget(token)

    def submit(self, *inputs: Any) -> None:
        self._runner.submit(*inputs)

    def attach(self, kind: str, outside: Outside) -> None:
        self._outside.attach(kind, outside)

    def detach(self, kind: str) -> None:
        self._outside.detach(kind)

    def resend(self, unfinished: Iterable[Sent]) -> None:
        self._outside.release(unfinished)

    def listen(self, topic: str, hear: Callable[[Published], None]) -> int:
        listen = self._outside.listen(topic, hear)
        try:
            self._runner.submit(listen)
        except RadonError:
            self._outside.unlisten(listen.listener)
            raise
        return listen.listener

    def unlisten(self, listener: int) -> None:
        unlisten = self._outside.unlisten(listener)
        if unlisten is not None:
            with suppress(Unavailable):  # then the domain has forgotten it, or will
                self._runner.submit(unlisten)

    def lend(self) -> None:
        """See `Deployment.lend`."""
        self._runner.lend(Lending(self._runner).borrow)

    # ---- looking and changing ----

    def perform(self, function: Callable[[Domain], T]) -> Future[T]:
        return self._runner.perform(function)

    def stats(self) -> Stats:
        return self.perform(self._stats).result()

    def _stats(self, domain: Domain) -> Stats:
        usage, instances = domain.usage(), domain.instances()
        kinds = {
            name: KindStats(
                of.atoms, instances.get(name, 0), of.queued, of.suspended, of.turns, of.failed, of.state_bytes
            )
            for name, of in sorted(usage.kinds.items())
            if not _is_system(name)
        }
        uptime = time.monotonic() - self._started
        commits, log_bytes = self._runner.meter.commits, self._runner.log_bytes
        return Stats(kinds, usage.dead_letters, commits, log_bytes, uptime, _resident())

    def deploy(self, application: Application, *, drop: frozenset[str] = frozenset()) -> None:
        """See `Deployment.deploy`."""
        with self._changing:
            _check_guarantees(application, self.store)
            _check_plan(self.application, application)
            bundle = application.bundle()
            self._runner.deploy(
                self._program(application),
                lambda domain: _check_removed(domain, application, drop),
                lambda: self.store.write("application", bundle),
            ).result()
            self.application = application

    def snapshot(self) -> None:
        """Write a snapshot now; returns when it is durable. Raises StoreError."""
        self._runner.snapshot()

    def backup(self, directory: Path) -> None:
        """A copy of the data as of some moment during the call, while everything goes on. Raises StoreError."""
        self.store.backup(directory)

    def stop(self) -> None:
        self._runner.stop()
        self._outside.fail_callers(Unavailable("the deployment has stopped"))
        self.store.close()

    def _program(self, application: Application) -> Program:
        manifest = application.manifest
        suspended = room.asked(os.environ) or room.SUSPENDED
        settings = Settings(
            suspended=suspended, memory=room.memory(suspended), forgetful=self._forgetful, retention=manifest.objects,
            idempotency=manifest.idempotency,
        )  # fmt: skip
        return Program(application.digest, application.kinds(), tuple(manifest.egress.http), settings)

    # ---- from the runner's threads ----

    def _lost(self, reason: RadonError) -> None:
        """The domain goes on from its last durable commit: nobody who waits will be answered."""
        self._outside.fail_callers(Unavailable(f"{reason}; the message may or may not have been handled"))
        self._outside.lose_connections()

    def _died(self, error: RadonError) -> None:
        self._outside.fail_callers(Unavailable(str(error)))
        self._failed(error)


def guarantees_of(store: Store) -> Guarantees:
    """What the monolith gives with this store."""
    return Guarantees(delivery="exactly-once", durability=store.durability, order="pair")


def _unbundled(stored: bytes | None, application: Application | None) -> Application | None:
    """What was deployed last. Where it cannot be read, `application`, if there is one, takes its place."""
    if stored is None:
        return None
    try:
        return Application.unbundle(stored)
    except StoreError as error:
        if application is None:
            raise StoreError(f"{error}; or deploy the application again, with its manifest") from None
        log.warning("%s is deployed without a comparison with what was: %s", application.name, error)
        return None


def _check_guarantees(application: Application, store: Store) -> None:
    reasons = unmet(application.manifest.require, guarantees_of(store), "the monolith with this store")
    if reasons:
        raise ManifestError("; ".join(reasons))


def _check_plan(old: Application | None, new: Application) -> None:
    if old is not None and (refused := plan(old, new).refused):
        raise ManifestError("; ".join(refused))


def _check_domains(store: Store) -> None:
    """Their number is decided at the first deployment (rule 13)."""
    domains = store.read("domains")
    if domains is None:
        store.write("domains", b"1")
    elif domains != b"1":
        raise StoreError(f"this data has {domains.decode(errors='replace')} domains; the monolith has 1")


def _check_removed(domain: Domain, application: Application, drop: frozenset[str]) -> None:
    """Atoms of removed kinds will be ended: only where that loses nothing, or was asked for. Raises ManifestError."""
    kept = application.manifest.kinds
    for kind, of in sorted(domain.usage().kinds.items()):
        if of.holding and kind not in kept and kind not in drop and not _is_system(kind):
            raise ManifestError(
                f"kind {kind!r} is gone from the manifest, but {of.holding} of its atoms hold state or mail; "
                f"keep the kind, or say --drop {kind} to delete them"
            )


def _is_system(kind: str) -> bool:
    """A topic, or the queue of an endpoint."""
    return kind.startswith(("@", "http:"))


def _resident() -> int:
    """Bytes of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")
