"""What is told of a cell: the document that programs read (docs/bench.md has its keys), and what it was measured on."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from radon import __version__
from radon.bench.campaign import LOADING, Cell, Plan
from radon.bench.histogram import PERCENTILES, Histogram
from radon.bench.processes import Pins


def spread(values: Sequence[float]) -> dict[str, float] | None:
    """The median of what was measured, and its spread; None where nothing was."""
    ordered = sorted(values)
    if not ordered:
        return None
    tenth = len(ordered) // 10
    return {"median": statistics.median(ordered), "p10": ordered[tenth], "p90": ordered[-1 - tenth]}


def latencies_of(cell: Cell) -> dict[str, Histogram]:
    """Of all runs together: of each kind of operation, and of "all"; empty where the client has no clock for it."""
    found: dict[str, Histogram] = {}
    for measured in cell.runs:
        for kind, latencies in measured.outcome.latencies.items():
            for name in ("all", kind):
                found.setdefault(name, Histogram()).add(latencies)
    return found


def per_operation(cell: Cell, which: str) -> dict[str, float] | None:
    """Microseconds of a processor for one operation, which are seconds for a million; of "server" or "client"."""
    costs = []
    for measured in cell.runs:
        spent = measured.server_cpu if which == "server" else measured.client_cpu
        if spent is not None and measured.outcome.operations:
            costs.append(1e6 * spent / measured.outcome.operations)
    return spread(costs)


def rates_of(cell: Cell) -> list[float]:
    """Operations a second, of each run."""
    outcomes = [measured.outcome for measured in cell.runs]
    return [outcome.operations / outcome.seconds for outcome in outcomes if outcome.seconds]


def document(cell: Cell, plan: Plan, pins: Pins) -> dict[str, Any]:
    outcomes = [measured.outcome for measured in cell.runs]
    loading = cell.workload is LOADING
    is_open = plan.rate > 0 and not loading
    return {
        "target": cell.target.name, "version": cell.target.version, "durable": cell.target.durable,
        "workload": cell.workload.name, "shares": dict(cell.workload.shares),
        "distribution": None if loading else str(cell.workload.distribution),
        "records": plan.records, "value_size": cell.size,
        "loop": "open" if is_open else "closed", "rate": plan.rate if is_open else None,
        "arrivals": plan.arrivals if is_open else None,
        "clients": plan.clients, "outstanding": plan.window, "seed": plan.seed,
        "pins": None if pins.server is None else {"server": sorted(pins.server), "client": sorted(pins.client or ())},
        "repeats": len(cell.runs), "seconds": sum(outcome.seconds for outcome in outcomes),
        "operations": sum(outcome.operations for outcome in outcomes),
        "throughput": spread(rates_of(cell)), "runs": rates_of(cell),
        "server_cpu": per_operation(cell, "server"), "client_cpu": per_operation(cell, "client"),
        "latency": {name: _latency(histogram) for name, histogram in latencies_of(cell).items()},
        "errors": sum(outcome.errors for outcome in outcomes), "wrong": sum(outcome.wrong for outcome in outcomes),
        "unfinished": sum(outcome.unfinished for outcome in outcomes),
        "why": next((outcome.why for outcome in outcomes if outcome.why), ""),
        "versions": {"radon": __version__, "wasmtime": version("wasmtime"), "python": platform.python_version()},
        "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "model": _model()},
    }  # fmt: skip


def _latency(histogram: Histogram) -> dict[str, Any]:
    """In microseconds."""
    found = {name: histogram.percentile(percent) / 1e3 for name, percent in PERCENTILES.items()}
    return {
        "count": histogram.total, **found, "max": histogram.highest / 1e3, "mean": histogram.mean / 1e3,
        "hdr": histogram.encode(),
    }  # fmt: skip


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
