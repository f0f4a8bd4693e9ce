"""`radon ps`: a running deployment and its kinds. Counts are since its process started."""

from __future__ import annotations

import time
from typing import Any

from radon.cli.deployments import find_running
from radon.cli.options import Data, Json
from radon.cli.printing import address_text, duration_text, print_json, print_lines, print_table, size_text

EXAMPLE = "radon ps --json"

WINDOW = 0.5
"""Seconds over which rates are measured."""


def verb(data: Data = None, as_json: Json = False) -> None:
    """Show a deployment: its kinds, atoms, rates, queues and memory."""
    from radon.cli.client import Client

    with Client(find_running(data)) as client:
        facts, before = client.facts(), client.stats()
        time.sleep(WINDOW)
        stats = client.stats()
    elapsed = max(stats["uptime"] - before["uptime"], 1e-9)
    kinds = [
        {"kind": name, **kind, "turns_per_second": _rate(kind, before["kinds"].get(name), elapsed)}
        for name, kind in stats["kinds"].items()
    ]
    if as_json:
        print_json({**facts, **stats, "kinds": kinds})
    else:
        _print(facts, stats, kinds)


def _rate(kind: dict[str, Any], before: dict[str, Any] | None, elapsed: float) -> float:
    turns: int = kind["turns"] - (before["turns"] if before else 0)
    return round(turns / elapsed, 1)


def _print(facts: dict[str, Any], stats: dict[str, Any], kinds: list[dict[str, Any]]) -> None:
    print_lines([
        f"{facts['application']} in {facts['data']}, process {facts['pid']}, up {duration_text(stats['uptime'])}",
        f"memory {size_text(stats['memory'])}, log {size_text(stats['log_bytes'])} of {stats['commits']} commits",
        f"{stats['dead_letters']} dead letters, {facts['domains']} domain{'s' * (facts['domains'] != 1)}",
        *map(address_text, facts["addresses"]),
        "",
    ])  # fmt: skip
    columns = ("kind", "atoms", "live", "turns", "turns/s", "failed", "queued", "suspended", "state")
    print_table(columns, (
        (
            kind["kind"], kind["atoms"], kind["instances"], kind["turns"], kind["turns_per_second"], kind["failed"],
            kind["queued"], kind["suspended"], size_text(kind["state_bytes"]),
        )
        for kind in kinds
    ))  # fmt: skip
