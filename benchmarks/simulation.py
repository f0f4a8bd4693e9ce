"""How much faster than real time does a simulated cluster go?

Three hosts run the bank for twenty clients, each with one transfer or look a second, and all goes wrong that does by
default. Seconds of the world in a second of the processor; the floor is the same world where nobody asks anything:
hosts, leases and what goes wrong, and no turn of any atom.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from _measure import choose_domain, compare, report

from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.backends.program import Program
from radon.backends.simulation.world import SECOND
from radon.host.domain import Settings
from radon.testing.simulation import Client, Options, Simulation, Workload
from radon.testing.simulation.workload import load_workload

BANK = Path(__file__).parent.parent / "examples" / "bank"
SEEDS = range(5)


class Nobody(Workload):
    """Clients that do nothing."""

    clients = 20

    async def client(self, client: Client) -> None:
        await client.sleep(3600.0)


def speed(program: Program, workload: type[Workload], span: int) -> float:
    """Seconds of the world in one of the processor."""
    options = replace(Options(), span=span * SECOND, operations=0)
    begin = time.process_time()
    results = [Simulation(seed, program, workload, options).run() for seed in SEEDS]
    assert not any(result.violation for result in results)
    return sum(result.simulated for result in results) / (time.process_time() - begin)


def main() -> None:
    span = 20 if choose_domain() else 5
    with TemporaryDirectory() as folder:
        copytree(BANK, bank := Path(folder, "bank"))
        subprocess.run([Path(sys.executable).parent / "radon", "build", bank], check=True, capture_output=True)
        application = Application.load(Manifest.load(bank / "radon.toml"))
        program = Program(application.digest, application.kinds(), (), Settings())
        workload = type("Twenty", (load_workload(bank / "workload.py"),), {"clients": 20})
        found, floor = compare(lambda: speed(program, workload, span), lambda: speed(program, Nobody, span), runs=5)
    report(
        "simulated seconds of a three-host bank, twenty clients at one operation a second, in one of the processor",
        found, floor, native=50.0, unit="1/s", at_least=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
