"""Is a history of transactions serializable: would some order of them, one after the other, have been answered so?

    with recorder.begin("c1", ("txn", ("append", "x", 1), ("read", "y"))) as call:
        call.ok([None, [3, 4]])
    report = check_serializable(recorder.history)
    assert report.ok, report.text

A transaction's input is "txn" and its parts; its output has an answer for each of them:

    ("append", KEY, VALUE) -> None        ("read", KEY) -> [VALUE, ...]                lists
    ("write", KEY, VALUE) -> VERSION      ("get", KEY) -> (VALUE, VERSION)             registers with version numbers

No value is written to a key twice. Versions are positive and increase; 0 is that of a register never written. What
`dependencies` finds becomes a graph in the terms of A. Adya, "Weak consistency" (MIT, 1999): ww from a writer to the
next, wr from a writer to its readers, rw from a reader to who wrote next. An anomaly is a cycle in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from radon.abi.errors import Invalid
from radon.testing.cycles import Cycle, Graph
from radon.testing.dependencies import Anomaly, Dependencies, Versions
from radon.testing.history import Operation, Outcome, Verdict, shown

Level = Literal["read-committed", "serializable", "session-serializable", "strict-serializable"]
"""Each forbids what those before it forbid.

read-committed: nobody reads what failed, or the half of a transaction; writes do not interleave.
session-serializable: in an order in which each client's transactions keep theirs.
strict-serializable: in an order that no clock contradicts.
"""

# From bad to less bad: the name of a cycle, an edge that it has, what its other edges may be.
CYCLES = [
    ("G0", "ww", ["ww"]),
    ("G1c", "wr", ["ww", "wr"]),
    ("G-single", "rw", ["ww", "wr"]),
    ("G2-item", "rw", ["ww", "wr", "rw"]),
]


@dataclass(frozen=True, slots=True)
class Serializability:
    """The report of a check."""

    level: Level
    anomalies: list[Anomaly]

    @property
    def verdict(self) -> Verdict:
        return Verdict.VIOLATION if self.anomalies else Verdict.OK

    @property
    def ok(self) -> bool:
        return not self.anomalies

    @property
    def text(self) -> str:
        if self.ok:
            return f"{self.level}: no anomaly"
        return "\n".join([f"not {self.level}", *map(_described, self.anomalies)])


def _described(anomaly: Anomaly) -> str:
    transactions = [f"    T{n} = {operation.text}" for n, operation in enumerate(anomaly.transactions, 1)]
    return "\n".join([f"{anomaly.name}: {anomaly.text}", *transactions])


def check_serializable(history: Iterable[Operation], level: Level = "strict-serializable") -> Serializability:
    """The anomalies in `history` that `level` forbids, the plainest first.

    Answered transactions count, failed ones must have left no trace, and an unknown one counts if a value of it has
    been seen. Of each set of transactions that depend on each other one cycle is shown, of the worst sort. Raises
    Invalid for what is no transaction, and for a value that is written twice.
    """
    if level not in get_args(Level):
        raise Invalid(f"unknown level {level!r}; known: {', '.join(get_args(Level))}")
    found = Dependencies(history)
    weak = level == "read-committed"
    graph = Graph()
    for versions in found.versions.values():
        _add_writes(graph, versions)
    for read in found.reads:
        _add_read(graph, found.versions[read.key], read.transaction, read.seen)
    cycles = list(_cycles(graph, CYCLES[:2] if weak else CYCLES))
    anomalies = [anomaly for anomaly in found.anomalies if not weak or anomaly.name != "lost-update"]
    if kind := {"session-serializable": "process", "strict-serializable": "realtime"}.get(level):
        _add_order(graph, found, kind)
        known = {node for _, cycle, _ in cycles for node in cycle}
        ordered = [(name, edge, [*kinds, kind]) for name, edge, kinds in CYCLES]
        cycles += [one for one in _cycles(graph, ordered) if not known & set(one[1])]
    anomalies += [_anomaly(graph, found, *one) for one in cycles]
    return Serializability(level, anomalies)


# ---- the graph ----


def _add_writes(graph: Graph, versions: Versions) -> None:
    order, writers = versions.order, versions.writers
    for one, other in pairwise(order):
        graph.add("ww", writers[one], writers[other], (versions.key, one))
    for number in versions.unseen if order and versions.lists else ():
        graph.add("ww", writers[order[-1]], number, (versions.key, order[-1]))


def _add_read(graph: Graph, versions: Versions, reader: int, seen: int) -> None:
    order, writers = versions.order, versions.writers
    if seen:
        graph.add("wr", writers[order[seen - 1]], reader, (versions.key, order[seen - 1]))
    if seen < len(order):
        graph.add("rw", reader, writers[order[seen]], (versions.key, order[seen]))
    if seen == (len(order) if versions.lists else 0):
        for number in versions.unseen:
            graph.add("rw", reader, number, (versions.key, versions.finals[number]))


def _add_order(graph: Graph, found: Dependencies, kind: str) -> None:
    """From each transaction to those that were invoked after it had returned, but for what follows from the others.

    Of the kind "realtime", or "process": between transactions of the same client.
    """
    events = []
    for number in sorted(found.nodes):
        operation = found.history[number]
        events.append((operation.invoked, 0, number))
        if operation.outcome is Outcome.OK and operation.returned is not None:
            events.append((operation.returned, 1, number))
    latest: dict[object, list[int]] = {}  # those that returned, but for those that precede another one of these
    for _, has_returned, number in sorted(events):
        operation = found.history[number]
        before = latest.setdefault(operation.client if kind == "process" else None, [])
        if has_returned:
            before[:] = [other for other in before if (found.history[other].returned or 0) >= operation.invoked]
            before.append(number)
        else:
            for other in before:
                graph.add(kind, other, number, None)


# ---- the anomalies ----


def _cycles(graph: Graph, sorts: list[tuple[str, str, list[str]]]) -> Iterator[tuple[str, Cycle, list[str]]]:
    """The name, the nodes and the kinds of edges, the first one's at the front, of a cycle in each component."""
    every = list(dict.fromkeys(kind for _, first, kinds in sorts for kind in (first, *kinds)))
    for component in graph.components(every):
        for name, first, kinds in sorts:
            cycle = graph.cycle(component, first, kinds)
            if cycle is not None:
                yield name, cycle, [first, *kinds]
                break


def _anomaly(graph: Graph, found: Dependencies, name: str, cycle: Cycle, kinds: list[str]) -> Anomaly:
    lines = ["each would have to come before the next, and so before itself"]
    for place, (number, following) in enumerate(zip(cycle, [*cycle[1:], cycle[0]], strict=True)):
        kind = next(kind for kind in (kinds[1:] if place else kinds) if graph.has(kind, number, following))
        name = f"{name}-{kind}" if kind in ("process", "realtime") and not name.endswith(kind) else name
        one, other = f"T{place + 1}", f"T{(place + 1) % len(cycle) + 1}"
        lines.append(f"    {one} before {other}: {_why(kind, one, other, graph.reason(kind, number, following))}")
    return Anomaly(name, tuple(found.history[number] for number in cycle), "\n".join(lines))


def _why(kind: str, one: str, other: str, reason: tuple[object, object] | None) -> str:
    if reason is None:
        return f"{one} had returned before {other} was invoked"
    key, value = map(shown, reason)
    return {
        "ww": f"{one} wrote {value} to {key}, and {other} wrote after it (ww)",
        "wr": f"{other} read {value} from {key}, which {one} wrote (wr)",
        "rw": f"{one} read {key} without {value}, which {other} wrote (rw)",
    }[kind]
