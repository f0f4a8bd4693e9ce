"""What every benchmark shares: guests built, floors taken, medians of interleaved runs, one JSON line per result.

A result has: question, target (seconds, or operations a second, as `unit` says), median, p10, p90 of `n` runs, the
floor of the same run and the ratio to it, cpu_s, and what it ran on. Machines differ and are shared: compare ratios.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import radon
from radon.atoms.build import build_c
from radon.host.engine import compile as compile_module
from radon.host.engine import engine
from radon.host.guest import Guest, Linked, callback

HERE = Path(__file__).parent
RUNS = 9


def bench_guest() -> bytes:
    """The module of guests/bench.c."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "bench.wasm"
        build_c([HERE / "guests" / "bench.c"], out)
        return out.read_bytes()


class Floor:
    """The bare crossings, without Radon's gate: what nothing above them can be faster than."""

    def __init__(self) -> None:
        import wasmtime

        core = bytes(wasmtime.wat2wasm((HERE / "guests" / "floor.wat").read_text()))

        def constant(raw: object) -> None:
            raw[0] = 7  # type: ignore[index]

        self.linked = Linked(
            compile_module(core), engine(), {("floor", "constant"): ((), ("i64",), callback(constant))},
            ["ask", "nothing"], starts=False,
        )  # fmt: skip
        self.guest = self.instance()

    def instance(self) -> Guest:
        guest = Guest(self.linked, 1 << 20)
        guest.set_fuel(1 << 60)
        guest.start()
        return guest

    def into_host(self, times: int) -> float:
        """Seconds for one call guest -> host."""
        entry = self.guest.entries["ask"]
        return timed(lambda: self.guest.call(entry, times)) / times

    def into_guest(self, times: int) -> float:
        """Seconds for one call host -> guest."""
        entry, call = self.guest.entries["nothing"], self.guest.call

        def loop() -> None:
            for _ in range(times):
                call(entry, 1)

        return timed(loop) / times

    def activation(self, times: int) -> float:
        """Seconds for a store and an instance of a compiled module."""

        def loop() -> None:
            for _ in range(times):
                self.instance().close()

        return timed(loop) / times


def timed(function: Callable[[], object]) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def compare(measure: Callable[[], float], floor: Callable[[], float], runs: int = RUNS) -> tuple[list[float], float]:
    """Both in turn, after one of each that does not count: what was measured, and the floor's median."""
    measure(), floor()
    ours, floors = [], []
    for _ in range(runs):
        floors.append(floor())
        ours.append(measure())
    return ours, statistics.median(floors)


def report(
    question: str,
    ours: list[float],
    floor: float,
    *,
    target: float,
    unit: str = "s",
    at_least: bool = False,
    cpu_s: float = 0,
) -> None:
    """Print one JSON line. `at_least`: more is better."""
    ordered = sorted(ours)
    median = statistics.median(ordered)
    print(
        json.dumps(
            {
                "question": question,
                "unit": unit,
                "median": median,
                "p10": ordered[len(ordered) // 10],
                "p90": ordered[-1 - len(ordered) // 10],
                "n": len(ordered),
                "floor": floor,
                "ratio": median / floor if floor else None,
                "target": target,
                "met": median >= target if at_least else median <= target,
                "cpu_s": cpu_s,
                "command": f"benchmarks/{Path(os.sys.argv[0]).name}",  # type: ignore[attr-defined]
                "commit": _commit(),
                "versions": {
                    "radon": radon.__version__,
                    "wasmtime": version("wasmtime"),
                    "python": platform.python_version(),
                },
                "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "model": _model()},
            }
        ),
        flush=True,
    )


def _commit() -> str:
    found = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"
