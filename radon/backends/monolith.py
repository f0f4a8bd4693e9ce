"""The monolith: one process, its domains, and a store that is memory or LMDB.

Brings an application and what a store holds together, at the start and when another one is deployed. Turns and commits
are the runner's, who waits outside the switchboard's, bytes on disk the store's.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from radon.abi.delivery import NOWHERE, Address, Metadata
from radon.abi.errors import Invalid, ManifestError, RadonError, StoreError, Unavailable
from radon.abi.exchange import Post, Published, Sent, Spawn
from radon.atoms.application import Application
from radon.atoms.bounds import MOST_DOMAINS
from radon.atoms.guarantees import unmet
from radon.atoms.plan import plan
from radon.backends.deployment import Answer, KindStats, Outside, Sieve, Stats
from radon.backends.driver import Guarantees, Store, StoreDamaged
from radon.backends.observed import Observations
from radon.backends.program import Program
from radon.backends.recording import Recorder
from radon.backends.runners import Runners
from radon.backends.switchboard import Switchboard
from radon.host import room
from radon.host.domain import Domain, KindUsage, Make, Settings
from radon.host.domains import default

T = TypeVar("T")
log = logging.getLogger(__name__)


class Monolith:
    """A Deployment. `Monolith.open` makes one and starts it; it owns the store from then on."""

    def __init__(
        self, application: Application, store: Store, domains: int, *, forgetful: bool, recorder: Recorder | None,
        failed: Callable[[RadonError], None],
    ) -> None:  # fmt: skip
        self.application = application
        self.store = store
        self.guarantees = guarantees_of(store)
        self.observations = Observations()
        self._forgetful = forgetful
        self._failed = failed
        self._outside = Switchboard(self.observations)
        self._started = time.monotonic()
        self._changing = threading.Lock()
        self.domains = domains
        self._recorder = recorder
        self._runners = Runners(
            domains, store, _secret(store), self._outside, lost=self._lost, died=self._died, make=self._recorded
        )

    @classmethod
    def open(
        cls,
        application: Application | None,
        store: Store,
        *,
        domains: int | None = None,
        forgetful: bool = False,
        record: Path | None = None,
        drop: frozenset[str] = frozenset(),
        failed: Callable[[RadonError], None] = lambda error: None,
    ) -> Monolith:
        """Deploy `application` (None: what was deployed there last) onto what the store holds, and start it.

        `domains`: over how many the atoms are spread; None: as many as they were, and one where nothing was. `drop`
        names kinds that were deployed, that the new application no longer has, and whose atoms end. `record` is the
        directory of a recording, new or to be added to. `failed` is called, from any thread, when the deployment cannot
        go on. Raises ManifestError for what it cannot honour, StoreError. The old application runs no turn any more;
        the new one is stored before its first.
        """
        stored = store.read("application")
        old = _unbundled(stored, application)
        new = application or old
        if new is None:
            raise StoreError("nothing was ever deployed here; run `radon deploy MANIFEST` first")
        _check_guarantees(new, store)
        _check_plan(old, new)
        if old is not None or stored is None:  # else nobody knows which kinds there are
            _check_drop(drop, old, new)
        count = _domains(store if stored is not None else None, domains)
        bundle = new.bundle()
        recorder = Recorder(record, new.name) if record is not None else None

        def accept(domain: Domain) -> None:
            if old is None or old.digest != new.digest:  # else it was accepted when it was stored
                _check_removed(domain, new, drop)

        def keep() -> None:
            if bundle != stored:  # its digest may be the same: the manifest has moved to another folder, say
                store.write("domains", b"%d" % count)  # means nothing without an application
                store.write("application", bundle)

        try:
            self = cls(new, store, count, forgetful=forgetful, recorder=recorder, failed=failed)
            self._record(new)
            self._runners.start(self._program(new), accept, keep)
        except BaseException:
            if recorder is not None:
                recorder.close()
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
            self._runners.submit(question)
        except RadonError:
            self._outside.forget(question.token)
            raise

    def forget(self, token: int) -> None:
        self._outside.forget(token)

    def submit(self, *inputs: Any) -> None:
        self._runners.submit(*inputs)

    def attach(self, kind: str, outside: Outside) -> None:
        self._outside.attach(kind, outside)

    def attach_sieve(self, kinds: Iterable[str], sieve: Sieve) -> None:
        self._outside.attach_sieve(kinds, sieve)

    def submit_encoded(self, records: bytes, domain: int, *, at_once: bool = False) -> None:
        self._runners.submit_encoded(records, domain, at_once=at_once)

    def detach(self, kind: str) -> None:
        self._outside.detach(kind)

    def resend(self, unfinished: Iterable[Sent]) -> None:
        self._outside.release(unfinished)

    def listen(self, topic: str, hear: Callable[[Published], None]) -> int:
        listen = self._outside.listen(topic, hear)
        try:
            self._runners.submit(listen)
        except RadonError:
            self._outside.unlisten(listen.listener)
            raise
        return listen.listener

    def unlisten(self, listener: int) -> None:
        unlisten = self._outside.unlisten(listener)
        if unlisten is not None:
            with suppress(Unavailable):  # then the domain has forgotten it, or will
                self._runners.submit(unlisten)

    def lend(self) -> None:
        """See `Deployment.lend`."""
        self._runners.lend()

    # ---- looking and changing ----

    def perform(self, function: Callable[[Domain], T], at: Address = NOWHERE) -> Future[T]:
        return self._runners.perform(function, at)

    def perform_all(self, function: Callable[[Domain], T], *, at_once: bool = False) -> Future[list[T]]:
        return self._runners.perform_all(function, at_once=at_once)

    def stats(self) -> Stats:
        looks = self.perform_all(lambda domain: (domain.usage(), domain.instances())).result()
        kinds: dict[str, KindStats] = {}
        for name in sorted({name for usage, _ in looks for name in usage.kinds if not _is_system(name)}):
            rows = (_row(of, instances.get(name, 0)) for usage, instances in looks if (of := usage.kinds.get(name)))
            kinds[name] = KindStats(*map(sum, zip(*rows, strict=True)))
        letters = sum(usage.dead_letters for usage, _ in looks)
        uptime = time.monotonic() - self._started
        return Stats(kinds, letters, self._runners.commits, self._runners.log_bytes, uptime, _resident())

    def deploy(self, application: Application, *, drop: frozenset[str] = frozenset()) -> None:
        """See `Deployment.deploy`."""
        with self._changing:
            _check_guarantees(application, self.store)
            _check_plan(self.application, application)
            _check_drop(drop, self.application, application)
            bundle = application.bundle()
            self._record(application)
            self._runners.deploy(
                self._program(application),
                lambda domain: _check_removed(domain, application, drop),
                lambda: self.store.write("application", bundle),
            )
            self.application = application

    def snapshot(self) -> None:
        """Write a snapshot now; returns when it is durable. Raises StoreError."""
        self._runners.snapshot()

    def backup(self, directory: Path) -> None:
        """A copy of the data as of some moment during the call, while everything goes on. Raises StoreError."""
        self.store.backup(directory)

    def stop(self) -> None:
        self._runners.stop()
        self._outside.fail_callers(Unavailable("the deployment has stopped"))
        self._outside.lose_connections()
        if self._recorder is not None:
            self._recorder.close()
        self.store.close()

    def _program(self, application: Application) -> Program:
        manifest = application.manifest
        suspended = room.asked(os.environ) or room.SUSPENDED
        settings = Settings(
            sharing=self.domains, suspended=suspended, memory=room.memory(suspended), forgetful=self._forgetful,
            retention=manifest.objects, idempotency=manifest.idempotency,
            durable=self.store.keeps or self._recorder is not None,
        )  # fmt: skip
        return Program(application.digest, application.kinds(), tuple(manifest.egress.http), settings)

    # ---- recording ----

    def _recorded(self, number: int) -> Make | None:
        return self._recorder.domains(number, default()) if self._recorder is not None else None

    def _record(self, application: Application) -> None:
        if self._recorder is not None:
            self._recorder.keep(application)

    # ---- from the runner's threads ----

    def _lost(self, reason: RadonError) -> None:
        """The domain goes on from its last durable commit: nobody who waits will be answered."""
        self._outside.fail_callers(Unavailable(f"{reason}; the message may or may not have been handled"))
        self._outside.lose_connections()

    def _died(self, error: RadonError) -> None:
        self._outside.fail_callers(Unavailable(str(error)))
        self._outside.lose_connections()
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


def _check_drop(drop: frozenset[str], old: Application | None, new: Application) -> None:
    """Whoever drops a kind that is not there, or that stays, has meant another. Raises ManifestError."""
    there = old.manifest.kinds if old is not None else {}
    for kind in sorted(drop):
        if kind not in there:
            known = f"it has: {', '.join(sorted(there))}" if there else "nothing was ever deployed here"
            raise ManifestError(f"--drop {kind}: the deployment has no kind {kind!r}; {known}")
        if kind in new.manifest.kinds:
            raise ManifestError(f"--drop {kind}: the manifest has this kind, which stays; take it out there first")


def domains_of(store: Store) -> int | None:
    """Over how many the atoms in this store are spread; None: nothing was ever deployed there. Raises StoreDamaged."""
    stored = store.read("domains")
    if stored is None:
        return None
    if not stored.isdigit() or not 1 <= int(stored) <= MOST_DOMAINS:
        raise StoreDamaged(f"the number of domains is stored as {stored!r}; go back to a backup")
    return int(stored)


def _domains(store: Store | None, wanted: int | None) -> int:
    """Their number is decided at the first deployment (rule 13). No store: this is that."""
    if wanted is not None and not 1 <= wanted <= MOST_DOMAINS:
        raise Invalid(f"{wanted} domains; a deployment has 1 to {MOST_DOMAINS}")
    stored = domains_of(store) if store is not None else None
    count = stored or wanted or 1
    if wanted not in (None, count):
        raise Invalid(
            f"{wanted} domains are asked for, and the number of this data is {count}: it stays as it was at first; "
            "export the state, or deploy into a new directory"
        )
    return count


def _secret(store: Store) -> bytes:
    """The application's, the same in all of its domains."""
    secret = store.read("secret")
    if secret is None:
        secret = secrets.token_bytes(32)
        store.write("secret", secret)
    return secret


def _row(of: KindUsage, instances: int) -> tuple[int, ...]:
    """The fields of a KindStats."""
    return of.atoms, instances, of.queued, of.suspended, of.turns, of.failed, of.state_bytes


def _check_removed(domain: Domain, application: Application, drop: frozenset[str]) -> None:
    """Atoms of removed kinds will be ended: only where that loses nothing, or was asked for. Raises ManifestError."""
    kept = application.manifest.kinds
    for kind, of in sorted(domain.usage().kinds.items()):
        if of.holding and kind not in kept and kind not in drop and not _is_system(kind):
            raise ManifestError(
                f"kind {kind!r} is gone from the manifest, but {of.holding} of its atoms hold state or mail; "
                f"keep the kind, or delete them with `radon deploy --drop {kind}`"
            )


def _is_system(kind: str) -> bool:
    """A topic, or the queue of an endpoint."""
    return kind.startswith(("@", "http:"))


def _resident() -> int:
    """Bytes of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")
