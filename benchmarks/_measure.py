"""What every benchmark shares: which domain it is of, guests, medians of interleaved runs, one JSON line per result.

A result has: question, target (seconds, or operations a second, as `unit` says), median, p10, p90 of `n` runs, the
floor of the same run and the ratio to it, cpu_s, and what it ran on. Machines differ and are shared: compare ratios.
What one thread does is measured in the processor's time, which does not count what others did meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import radon
from radon.abi.exchange import Now
from radon.abi.frames import encode_all
from radon.atoms.build import build_c
from radon.host.domains import DOMAINS, VARIABLE, chosen

HERE = Path(__file__).parent
RUNS = 15


def choose_domain() -> bool:
    """What `--domain` says is the domain of this process; whether it is the native one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--domain", choices=list(DOMAINS), default=chosen(), help="the twin that is measured")
    os.environ[VARIABLE] = parser.parse_args().domain
    return chosen() == "native"


def guest(name: str) -> bytes:
    """The module of guests/NAME.c."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / f"{name}.wasm"
        build_c([HERE / "guests" / f"{name}.c"], out)
        return out.read_bytes()


def inputs(now: int, *records: object) -> bytes:
    """What `Domain.submit` takes."""
    return encode_all([Now(now), *records])


def timed(function: Callable[[], object]) -> float:
    """Seconds of the processor's time."""
    begin = time.process_time()
    function()
    return time.process_time() - begin


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
    floor: float | None,
    *,
    native: float | None = None,
    python: float | None = None,
    unit: str = "s",
    at_least: bool = False,
) -> None:
    """Print one JSON line. `native`, `python`: the target of each domain, None: there is none. `at_least`: more is
    better."""
    ordered = sorted(ours)
    median = statistics.median(ordered)
    target = native if chosen() == "native" else python
    print(
        json.dumps(
            {
                "question": question,
                "domain": chosen(),
                "unit": unit,
                "median": median,
                "p10": ordered[len(ordered) // 10],
                "p90": ordered[-1 - len(ordered) // 10],
                "n": len(ordered),
                "floor": floor,
                "ratio": median / floor if floor else None,
                "target": target,
                "met": None if target is None else median >= target if at_least else median <= target,
                "cpu_s": time.process_time(),
                "command": f"benchmarks/{Path(sys.argv[0]).name}",
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
