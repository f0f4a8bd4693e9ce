"""What goes wrong in a world, and when: a plan, drawn by rates or written down, and how each kind of fault is done.

A plan is a list, made before the world begins, so that a failing one can be made smaller by leaving faults out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from radon.abi.exchange import Barrier
from radon.backends.simulation.host import Host
from radon.backends.simulation.network import Network
from radon.backends.simulation.services import Log
from radon.backends.simulation.story import Befalls
from radon.backends.simulation.world import MILLISECOND, SECOND, World


class Fault(NamedTuple):
    """One thing that goes wrong. Times in ns of the world."""

    kind: str
    at: int
    duration: int
    groups: tuple[tuple[str, ...], ...]  # of nodes: the one that it befalls, or those that it parts
    strength: float  # from 0 to 1; what it means is the kind's


@dataclass(frozen=True)
class Machines:
    """All that can be befallen."""

    world: World
    network: Network
    hosts: Mapping[str, Host]
    log: Log

    def host(self, fault: Fault) -> Host:
        """The one that it befalls."""
        return self.hosts[fault.groups[0][0]]


Befall = Callable[[Machines, Fault], Callable[[], None]]
"""Lets a fault begin; the function that it returns ends it."""


class Kind(NamedTuple):
    rate: float  # by default: how probable it is in a second, for each node of its kind
    of: str  # whom it befalls: "host", "log", the whole "cluster", or the two "sides" of a cut
    longest: int  # ns
    befall: Befall
    says: str
    is_graded: bool = False  # whether `strength` means anything


def draw(random: Random, rates: Mapping[str, float], hosts: Iterable[str], span: int) -> list[Fault]:
    """A plan for `span` ns, in order of time. `rates`: of each kind, how probable it is in a second for each target."""
    hosts = list(hosts)
    plan = []
    for name, rate in sorted(rates.items()):
        kind = KINDS[name]
        targets = {"host": hosts, "log": ["log"]}.get(kind.of, [""])
        for target in targets:
            for second in range(span // SECOND):
                if random.random() < rate:
                    at = second * SECOND + _milliseconds(random, 0, SECOND)
                    duration = _milliseconds(random, kind.longest // 20, kind.longest)
                    groups = _split(random, hosts) if kind.of == "sides" else ((target,),)
                    strength = round(random.random(), 3) if kind.is_graded else 1.0
                    plan.append(Fault(name, at, duration, groups, strength))
    return sorted(plan, key=lambda fault: fault.at)


def _milliseconds(random: Random, least: int, end: int) -> int:
    """ns from `least` up to `end`; whole milliseconds, so that a plan is written down easily."""
    return max(MILLISECOND, random.randrange(least, end) // MILLISECOND * MILLISECOND)


def _split(random: Random, hosts: list[str]) -> tuple[tuple[str, ...], ...]:
    """Two sides of a cut; the log and the registry are on one of them, or each on another."""
    nodes = [*hosts, "log", "registry"]
    while True:
        left = tuple(node for node in nodes if random.random() < 0.5)
        right = tuple(node for node in nodes if node not in left)
        if left and right:
            return left, right


def schedule(machines: Machines, plan: Iterable[Fault]) -> Callable[[], None]:
    """Let these happen. The function that it returns ends all that goes on then, and lets no more begin."""
    going_on: dict[int, tuple[Fault, Callable[[], None]]] = {}
    is_over = False

    def begin(number: int, fault: Fault) -> None:
        if is_over:
            return
        machines.world.tell(Befalls(number, fault, ends=False))
        going_on[number] = fault, KINDS[fault.kind].befall(machines, fault)
        machines.world.after(fault.duration, end, number)

    def end(number: int) -> None:
        if number in going_on:
            fault, heal = going_on.pop(number)
            machines.world.tell(Befalls(number, fault, ends=True))
            heal()

    for number, fault in enumerate(plan):
        machines.world.after(fault.at - machines.world.now, begin, number, fault)

    def end_all() -> None:
        nonlocal is_over
        is_over = True
        for number in list(going_on):
            end(number)

    return end_all


def befallen(fault: Fault) -> tuple[tuple[str, ...], ...]:
    """The machines that it lies on, or the sides that it parts; none: it is the network's."""
    return fault.groups if KINDS[fault.kind].of != "cluster" else ()


def text(fault: Fault) -> str:
    """On one line, for people."""
    between = " → " if fault.kind == "one-way" else " | "
    groups = between.join(" ".join(group) for group in befallen(fault))
    duration = f"for {fault.duration / SECOND:.3f}s" if fault.duration > MILLISECOND else ""
    return " ".join(filter(None, (fault.kind, groups, duration)))


# ---- the kinds ----

DRIFT = 20_000
"""Millionths by which a clock goes wrong at most. Leases bear that two go wrong by a tenth against each other."""


def _crash(machines: Machines, fault: Fault) -> Callable[[], None]:
    host = machines.host(fault)
    if not host.is_up:
        return _nothing
    machines.world.fired["crash"] += 1
    host.crash()

    def restart() -> None:
        if not host.is_up:
            host.restart()

    return restart


def _pause(machines: Machines, fault: Fault) -> Callable[[], None]:
    host = machines.host(fault)
    if host.serves:
        machines.world.fired["pause"] += 1
        host.pause(fault.duration)
    return _nothing


def _leave(machines: Machines, fault: Fault) -> Callable[[], None]:
    host = machines.host(fault)
    if not host.serves or sum(other.serves for other in machines.hosts.values()) < 2:
        return _nothing
    machines.world.fired["leave"] += 1
    host.leave()

    def join() -> None:
        if host.is_up:
            host.crash()
            host.restart()

    return join


def _drop(machines: Machines, fault: Fault) -> Callable[[], None]:
    host = machines.host(fault)
    if host.running:
        machines.world.fired["drop"] += 1
        domains = sorted(host.running)
        host.running[domains[min(int(fault.strength * len(domains)), len(domains) - 1)]].submit(Barrier())
    return _nothing


def _skew(machines: Machines, fault: Fault) -> Callable[[], None]:
    """Both clocks go wrong in the same direction: one jumps, the other goes too fast or too slow meanwhile."""
    host = machines.host(fault)
    machines.world.fired["skew"] += 1
    wrong = 2 * fault.strength - 1
    host.skew = int(wrong * 10 * SECOND)
    host.drift(int(wrong * DRIFT))

    def back() -> None:
        host.skew = 0
        host.drift(0)

    return back


def _partition(machines: Machines, fault: Fault) -> Callable[[], None]:
    return machines.network.cut(*fault.groups, both=True, name=fault.kind)


def _one_way(machines: Machines, fault: Fault) -> Callable[[], None]:
    return machines.network.cut(*fault.groups, both=False, name=fault.kind)


def _slow(machines: Machines, fault: Fault) -> Callable[[], None]:
    name = fault.groups[0][0]
    machines.world.fired["slow"] += 1
    machines.network.slow(name, int(fault.strength * SECOND))
    return lambda: machines.network.slow(name, 0)


def _weather(field: str, most: float) -> Befall:
    def befall(machines: Machines, fault: Fault) -> Callable[[], None]:
        weather = machines.network.weather
        setattr(weather, field, fault.strength * most)
        return lambda: setattr(weather, field, 0.0)

    return befall


def _stall(machines: Machines, fault: Fault) -> Callable[[], None]:
    machines.world.fired["stall"] += 1
    machines.log.stall = int(fault.strength * SECOND)

    def go_on() -> None:
        machines.log.stall = 0

    return go_on


def _full(machines: Machines, fault: Fault) -> Callable[[], None]:
    machines.log.is_full = True

    def make_room() -> None:
        machines.log.is_full = False

    return make_room


def _log_crash(machines: Machines, fault: Fault) -> Callable[[], None]:
    """While something is being written, if that comes soon: what a crash can do harm to."""
    log, is_over = machines.log, False

    def strike(patience: int) -> None:
        if is_over or not log.is_up:
            return
        if log.is_writing or not patience:
            machines.world.fired["log-crash"] += 1
            log.crash()
        else:
            machines.world.after(MILLISECOND, strike, patience - 1)

    def restart() -> None:
        nonlocal is_over
        is_over = True
        if not log.is_up:
            log.restart()

    strike(100)
    return restart


def _nothing() -> None:
    """It ends by itself."""


KINDS: Mapping[str, Kind] = {
    "crash": Kind(0.02, "host", 4 * SECOND, _crash, "a host goes down, and starts again"),
    "pause": Kind(0.02, "host", 5 * SECOND, _pause, "a host stands still, and goes on as if nothing had been"),
    "leave": Kind(0.01, "host", 3 * SECOND, _leave, "a host hands over what it has and goes, and joins again"),
    "drop": Kind(0.1, "host", MILLISECOND, _drop, "all instances of a domain are dropped", True),
    "skew": Kind(0.02, "host", 5 * SECOND, _skew, "a host's clock jumps by ten seconds at most, and goes wrong", True),
    "slow": Kind(0.01, "host", 3 * SECOND, _slow, "all links of a host are slow, by a second at most", True),
    "partition": Kind(0.02, "sides", 4 * SECOND, _partition, "the network is cut in two"),
    "one-way": Kind(0.02, "sides", 4 * SECOND, _one_way, "the network is cut in two, in one direction"),
    "loss": Kind(0.04, "cluster", 3 * SECOND, _weather("loss", 0.5), "messages are lost", True),
    "double": Kind(0.04, "cluster", 3 * SECOND, _weather("double", 0.5), "messages come twice", True),
    "late": Kind(0.04, "cluster", 3 * SECOND, _weather("late", 0.5), "messages come late, and out of order", True),
    "stall": Kind(0.02, "log", 2 * SECOND, _stall, "the log's disk is slow, by a second a write at most", True),
    "full": Kind(0.015, "log", 2 * SECOND, _full, "the log's disk is full"),
    "log-crash": Kind(0.02, "log", 2 * SECOND, _log_crash, "the log goes down; what was being written is torn"),
}
"""Every kind of fault there is, by name."""

DEFAULT: Mapping[str, float] = {name: kind.rate for name, kind in KINDS.items()}
