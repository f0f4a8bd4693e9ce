"""One run of a client: what it is to do, and what came of it, in the form that both clients, in C, have them.

Owns the layouts of `load_mix` and `load_tally` (native/api.h; a test compares).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from radon.bench.histogram import Histogram
from radon.bench.workloads import KINDS, SHAPES, UNIFORM, Distribution

ARRIVALS = ("poisson", "fixed")

WINDOW = 65_536
"""Operations that a client may have under way."""

_MIX = struct.Struct("<8Qdd12I")
TALLY = struct.Struct("<11Q")
_BUCKETS, _BUCKET = struct.Struct("<I"), struct.Struct("<IQ")

_BITS = 1 << 31


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a client does. Times in seconds; 0 operations or seconds: no bound."""

    seed: int = 0
    records: int = 0  # that are there: ids from 0
    fresh: int = 0  # inserts are of ids from here on
    stripe: int = 0  # of which this client takes one in `stride`, from here on
    stride: int = 1
    operations: int = 0
    seconds: float = 0
    patience: float = 5
    rate: float = 0  # arrivals a second; 0: closed loop
    arrivals: str = "poisson"
    shares: Mapping[str, float] = field(default_factory=lambda: {"read": 1.0})
    distribution: Distribution = UNIFORM
    value_size: int = 256
    longest_scan: int = 100
    indexed: bool = False
    window: int = 1
    shards: int = 0

    def pack(self) -> bytes:
        """A `load_mix`."""
        below, sum_so_far = [], 0.0
        for kind in KINDS:
            sum_so_far += self.shares.get(kind, 0)
            below.append(round(min(sum_so_far, 1) * _BITS))
        return _MIX.pack(
            self.seed & (1 << 64) - 1, self.records, self.fresh, self.stripe, self.stride, self.operations,
            round(self.seconds * 1e9), round(self.patience * 1e9), self.rate, self.distribution.theta, *below,
            SHAPES.index(self.distribution.shape), ARRIVALS.index(self.arrivals), self.value_size, self.longest_scan,
            self.indexed, self.window, self.shards,
        )  # fmt: skip

    def split(self, clients: int) -> list[Load]:
        """The same load, shared by so many clients."""
        return [
            replace(
                self, seed=self.seed + (n << 32), stripe=n, stride=clients, rate=self.rate / clients,
                operations=(self.operations + clients - 1 - n) // clients,
            )
            for n in range(clients)
        ]  # fmt: skip


@dataclass
class Outcome:
    """What came of it. `done`, of each kind: answered, wrongly and with errors too."""

    done: dict[str, int]
    errors: int = 0
    wrong: int = 0
    unfinished: int = 0
    inserted: int = 0
    begun: int = 0  # ns by the client's clock
    ended: int = 0
    latencies: dict[str, Histogram] = field(default_factory=dict)
    why: str = ""  # what was wrong first

    @property
    def operations(self) -> int:
        return sum(self.done.values())

    @property
    def seconds(self) -> float:
        return (self.ended - self.begun) / 1e9

    def add(self, other: Outcome) -> None:
        """What another client did at the same time."""
        self.done = {kind: self.done[kind] + other.done[kind] for kind in KINDS}
        self.errors += other.errors
        self.wrong += other.wrong
        self.unfinished += other.unfinished
        self.inserted = max(self.inserted, other.inserted)
        self.begun, self.ended = min(self.begun, other.begun), max(self.ended, other.ended)
        for kind, latencies in other.latencies.items():
            self.latencies.setdefault(kind, Histogram()).add(latencies)
        self.why = self.why or other.why


def outcome_of(tally: bytes) -> Outcome:
    """From a `load_tally`; without latencies."""
    *done, errors, wrong, unfinished, inserted, begun, ended = TALLY.unpack_from(tally)
    return Outcome(dict(zip(KINDS, done, strict=True)), errors, wrong, unfinished, inserted, begun, ended)


def parse_outcome(answer: bytes) -> Outcome:
    """What guest/client.c answers."""
    outcome, at = outcome_of(answer), TALLY.size
    for kind in KINDS:
        (used,) = _BUCKETS.unpack_from(answer, at)
        end = at + _BUCKETS.size + used * _BUCKET.size
        if used:
            outcome.latencies[kind] = Histogram(_BUCKET.iter_unpack(answer[at + _BUCKETS.size : end]))
        at = end
    outcome.why = answer[at:].decode(errors="replace")
    return outcome
