"""What load is put on: a store, how its clients reach it, and what a run cost it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from radon.bench import tcp
from radon.bench.load import Load, Outcome
from radon.bench.processes import Pins, pinned, spent, used_by

Tick = Callable[[int], None]


class Measured(NamedTuple):
    """Of one run. Processor time in seconds; None where it cannot be told."""

    outcome: Outcome
    server_cpu: float | None
    client_cpu: float | None


class Target(Protocol):
    """A store that runs. `run` raises Unavailable where it does not any more.

    An outcome without latencies is of a client that cannot tell them.
    """

    @property
    def name(self) -> str: ...

    @property
    def durable(self) -> bool | None:
        """Does what is answered outlive a power cut? None: its owner knows."""

    @property
    def version(self) -> str: ...

    def run(self, load: Load, clients: int, tick: Tick) -> Measured: ...


class TcpTarget(NamedTuple):
    """A server that speaks the Redis protocol. `pid`: of its process, if it is on this machine."""

    name: str
    address: tcp.Address
    durable: bool | None
    version: str
    pid: int | None
    pins: Pins

    def run(self, load: Load, clients: int, tick: Tick) -> Measured:
        before, began = used_by(self.pid) if self.pid else {}, time.process_time()
        with pinned(self.pins.client):
            outcome = tcp.run(self.address, load, clients, tick)
        after, ended = used_by(self.pid) if self.pid else {}, time.process_time()
        return Measured(outcome, spent(before, after), ended - began)


def is_here(address: tcp.Address, pid: int) -> bool:
    """May `pid`, which a server tells of itself, be a process of this machine?"""
    return address[0] in ("127.0.0.1", "::1", "localhost") and os.path.exists(f"/proc/{pid}")
