"""The native twin of the domain, as Python calls it: frames, kinds and errors here, bodies of records in C.

Owns the C domain behind it. What that does is specified by the readable twin (`python_domain.py`), record for record.
Every call releases the GIL; one thread at a time, as the contract says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from radon.abi import deployment as rows
from radon.abi.delivery import Address, Form
from radon.abi.errors import LoadError, RadonError
from radon.abi.frames import Commit, FrameError, FrameType, decode_all, encode_all, seal, unseal
from radon.abi.parts import Export
from radon.abi.records import Died, Put
from radon.abi.syscalls import HANDLERS
from radon.host import capi, native
from radon.host.assembly import Assembly
from radon.host.domain import Domain, KindUsage, Settings, Status, Usage
from radon.host.engine import capacity, check_memory, engine
from radon.host.kind import Kind, check_shared
from radon.host.lookup import resolve, select

_SPREADS = ("keyed", "sharded", "stateless", "every-host")
_HANDLERS = {
    "receive": Form.MESSAGE,
    "start": Form.START,
    "replied": Form.REPLIED,
    "fired": Form.FIRED,
    "down": Form.DOWN,
}
_LETTERS = {"i32": "i", "i64": "I", "f32": "f", "f64": "F"}


class NativeDomain(Domain):
    """See `Domain`. Raises RadonError where the machine has no native twin."""

    def __init__(self, settings: Settings = Settings()) -> None:  # noqa: B008
        try:
            module = native.module()
        except native.Unusable as why:
            raise RadonError(f"no native domain: {why}") from None
        self.threads = False  # a suspended turn has a stack of its own, and no thread
        self._ffi, self._lib = module.ffi, module.lib
        self._kinds: Mapping[str, Kind] = {}
        self._endpoints: frozenset[str] = frozenset()
        self._kept: tuple[object, ...] = (engine(),)  # the C domain holds their addresses, not references
        self._domain: Any = self._lib.radon_new(self._ffi.cast("void *", capi.address(engine())))
        self._parts = self._ffi.new("RadonBytes[3]")
        self._due = self._ffi.new("uint64_t *")
        self.settings = settings

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        s, room = settings, capacity()
        self._settings = settings
        chosen = rows.Chosen(
            s.instances, min(s.suspended, room.suspended // s.sharing),
            room.slots // s.sharing, s.memory, s.objects, s.mail, s.dead, s.watchers,
            s.run, s.retention, s.idempotency, int(s.forgetful), int(s.elide), int(s.durable), s.host,
        )  # fmt: skip
        self._call(self._lib.radon_settings, encode_all([chosen]))

    @property
    def digest(self) -> str:
        return self._taken(self._lib.radon_deployed(self._domain)).decode()

    # ---- life ----

    def setup(self, number: int, seed: bytes, secret: bytes, domains: int = 1) -> None:
        if (len(seed), len(secret)) != (32, 32):
            raise ValueError("seed and secret have 32 bytes each")
        self._lib.radon_setup(self._domain, number, domains, seed, secret)

    def restore(self, snapshot: bytes | None, tail: Iterable[bytes] = ()) -> None:
        if snapshot is not None:
            self._load(unseal(FrameType.SNAPSHOT, snapshot))
        for frame in tail:
            self._load(unseal(FrameType.LOG, frame))

    def _load(self, records: bytes) -> None:
        self._check(self._call(self._lib.radon_load, records), FrameError)

    def deploy(self, digest: str, kinds: Mapping[str, Kind], endpoints: Iterable[str] = ()) -> None:
        check_memory({name: kind.limits.memory for name, kind in kinds.items()})
        check_shared(kinds)
        names = frozenset(f"http:{name}" for name in endpoints)
        described = [row for kind in kinds.values() for row in _described(kind)]
        described += [rows.Endpoint(name) for name in sorted(names)]
        self._check(self._call(self._lib.radon_deploy, digest.encode(), encode_all(described)), LoadError)
        self._kinds, self._endpoints = dict(kinds), names
        self._kept = (engine(), *[kind.module for kind in kinds.values()])

    def end_kind(self, name: str) -> None:
        self._kinds = {other: kind for other, kind in self._kinds.items() if other != name}
        self._call(self._lib.radon_end_kind, name.encode())

    def close(self) -> None:
        domain, self._domain = self._domain, None
        if domain is not None:
            self._lib.radon_free(domain)

    def __del__(self) -> None:
        if getattr(self, "_domain", None) is not None:
            self.close()

    # ---- turns ----

    def submit(self, inputs: bytes) -> None:
        self._check(self._call(self._lib.radon_submit, inputs), FrameError)

    def run(self, max_turns: int) -> Status:
        return Status.BUSY if self._lib.radon_run(self._domain, max_turns) else Status.IDLE

    def take_commit(self) -> Commit:
        self._lib.radon_take(self._domain, self._parts)
        commit = Commit(*map(self._taken, self._parts))
        self._lib.radon_taken(self._domain)
        return commit

    def snapshot(self) -> bytes:
        return seal(FrameType.SNAPSHOT, self._taken(self._lib.radon_snapshot(self._domain)))

    def next_due(self) -> int | None:
        return int(self._due[0]) if self._lib.radon_next_due(self._domain, self._due) else None

    # ---- looking ----

    def instances(self) -> Mapping[str, int]:
        return {row.kind: row.instances for row in self._used() if isinstance(row, rows.Used) and row.instances}

    def usage(self) -> Usage:
        *kinds, in_all = self._used()
        return Usage(
            {
                row.kind: KindUsage(
                    row.atoms, row.holding, row.queued, row.suspended, row.state_bytes, row.turns, row.failed
                )
                for row in kinds
            },
            *in_all,
        )

    def _used(self) -> list[Any]:
        return decode_all(self._taken(self._lib.radon_usage(self._domain)))

    def dead_letters(self) -> list[Died]:
        return decode_all(self._taken(self._lib.radon_dead(self._domain)))

    def dead_letter(self, id: bytes) -> Died | None:
        found = decode_all(self._taken(self._lib.radon_dead_one(self._domain, id))) if len(id) == 16 else []
        return found[0] if found else None

    def resolve(self, address: Address) -> Address:
        return resolve(address, self._kinds, self._endpoints, self._settings.host)

    def entries(self, address: Address, bucket: str | None = None, key: bytes | None = None) -> list[Put]:
        kind, key_of_atom = address.kind.encode(), address.key.encode()
        lives = self._lib.radon_entries(self._domain, kind, len(kind), key_of_atom, len(key_of_atom), self._parts)
        return select(decode_all(self._taken(self._parts[0])) if lives else None, address, bucket, key)

    # ---- crossing ----

    def _call(self, function: Callable[..., Any], *given: bytes) -> Any:
        """With each of `given` as C takes bytes."""
        return function(self._domain, *[argument for data in given for argument in (data, len(data))])

    def _taken(self, there: Any) -> bytes:
        """A copy of what C gave."""
        return bytes(self._ffi.buffer(there.data, there.size)) if there.size else b""

    def _check(self, why: Any, error: type[RadonError]) -> None:
        if why:
            raise error(self._ffi.string(why).decode(errors="replace"))


def _described(kind: Kind) -> Iterable[Any]:
    """The rows of a kind, in the order in which deployment.py has them."""
    limits, module = kind.limits, kind.module
    compiled = module.compiled
    address = 0 if isinstance(compiled, Assembly) else capi.address(compiled)
    yield rows.Serve(
        _SPREADS.index(kind.spread), kind.shards, limits.memory, limits.fuel, limits.outbox, limits.state,
        limits.message, limits.handles, limits.spawned, kind.retry.attempts, kind.retry.backoff,
        address, module.memory_pages, sum(1 << _HANDLERS[name] for name in module.handlers),
        int(module.suspends), int(module.starts), int(kind.shared), kind.replicas, kind.name,
    )  # fmt: skip
    for right, name, glob in kind.grants.rows():
        yield rows.MayOpen(rows.RIGHTS.index(right), name, glob)
    for name, target in kind.links.items():
        yield rows.Linked(name, target)
    for name, value in kind.config.items():
        yield rows.Configured(name, value)
    if isinstance(compiled, Assembly):
        yield from _assembled(compiled)


def _assembled(assembly: Assembly) -> Iterable[Any]:
    """The rows of a component."""
    for part in assembly.parts:
        yield rows.Part(capi.address(part.compiled))
        for supply in part.supplies:
            if isinstance(supply, Export):
                yield rows.Supplied(supply.part, supply.name)
            else:
                params, results = ("".join(_LETTERS[core] for core in side) for side in (supply.params, supply.results))
                yield rows.Offered(supply.realloc, supply.interface, supply.field, params, results, supply.words)
    handler, post, realloc, memory = range(len(rows.ENTRIES))
    for row in HANDLERS.values():
        for what, name in ((handler, row.export), (post, row.post)):
            if name in assembly.entries:
                entry = assembly.entries[name]
                yield rows.Entry(what, _HANDLERS[row.name], entry.part, entry.name)
    for number, entry in enumerate(assembly.reallocs):
        yield rows.Entry(realloc, number, entry.part, entry.name)
    yield rows.Entry(memory, 0, assembly.memory.part, assembly.memory.name)
