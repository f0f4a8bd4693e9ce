"""What the native domain is told of a deployment and asked about itself, as records: bytes in, bytes out.

The rows of a deployment are sent as one body: `Serve` for each kind, each followed by its grants, links and config, and
by the parts of a component; then the endpoints. What the domain answers when it is looked at are `Used` rows. These
never reach a store.
"""

from __future__ import annotations

from typing import NamedTuple

from radon.abi.records import record

RIGHTS = ("open", "spawn", "stop", "publish", "subscribe", "http")
"""The rights of `MayOpen`, by number."""


@record(192, "IIQQQQQQQIQQIBBBBB", "s")
class Serve(NamedTuple):
    """A kind. `module` is the address of the compiled module, which lives as long as the deployment; 0: a component."""

    spread: int  # 0 keyed, 1 sharded, 2 stateless, 3 every-host
    shards: int
    memory: int  # limits, as limits.Limits has them
    fuel: int
    outbox: int
    state: int
    message: int
    handles: int
    spawned: int
    attempts: int
    backoff: int  # ns
    module: int
    pages: int  # of memory that it begins with
    handlers: int  # bit n: exports the handler of `Form` n
    suspends: int
    starts: int  # has a start section
    shared: int  # one instance for all of its atoms
    replicas: int
    name: str


@record(193, "B", "ss")
class MayOpen(NamedTuple):
    """A grant of the kind before it."""

    right: int
    name: str
    glob: str


@record(194, "", "ss")
class Linked(NamedTuple):
    name: str
    target: str


@record(195, "", "ss")
class Configured(NamedTuple):
    name: str
    value: str


@record(196, "", "s")
class Endpoint(NamedTuple):
    """An outgoing endpoint, "http:NAME"."""

    name: str


@record(197, "QQQQQQQQQQQBBB", "s")
class Chosen(NamedTuple):
    """domain.Settings, and what the process has room for."""

    instances: int
    suspended: int
    slots: int  # instances, suspended ones too
    memory: int
    objects: int
    mail: int
    dead: int
    watchers: int
    run: int
    retention: int
    idempotency: int
    forgetful: int
    elide: int
    durable: int
    host: str


@record(202, "Q", "")
class Part(NamedTuple):
    """A core instance of a component; then its imports in their order, each `Supplied` or `Offered`."""

    module: int


@record(203, "I", "s")
class Supplied(NamedTuple):
    """An export of an earlier part."""

    part: int
    name: str


@record(204, "I", "sssss")
class Offered(NamedTuple):
    """A function of the host: see assembly.Offer."""

    realloc: int
    interface: str
    field: str
    params: str  # "iIF": i32, i64, f64; f: f32
    results: str
    words: str


ENTRIES = ("handler", "post", "realloc", "memory")
"""What `Entry` can be, by number."""


@record(205, "BII", "s")
class Entry(NamedTuple):
    """Where a part exports what the host needs; after all parts."""

    what: int
    number: int  # of a handler or its post: the `Form`; of a realloc: which
    part: int
    name: str


@record(200, "QQQQQQQQ", "s")
class Used(NamedTuple):
    """domain.KindUsage of one kind, and how many instances are live."""

    atoms: int
    holding: int
    instances: int
    queued: int
    suspended: int
    turns: int
    failed: int
    state_bytes: int
    kind: str


@record(201, "QQQQ", "")
class UsedInAll(NamedTuple):
    """The rest of domain.Usage."""

    dead_letters: int
    mail_bytes: int
    dead_bytes: int
    object_bytes: int
