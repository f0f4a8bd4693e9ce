"""Does the client of `radon bench` drive a Redis as hard as redis-benchmark does? The same requests, in turn.

The server on one processor, the client on another. The floor is redis-benchmark, which draws keys only, checks nothing
and keeps no histogram of each kind. Ours counts more than one per second where the ratio is above 1. Needs redis-server
and redis-benchmark.
"""

from __future__ import annotations

import os
import subprocess

from _measure import compare, report

from radon.bench import servers, tcp
from radon.bench.load import Load
from radon.bench.processes import Pins, pinned

RECORDS = 100_000
SECONDS = 1.0
SHAPES = ((1, 1), (50, 1), (50, 16))  # clients, pipelined
KINDS = {"get": "read", "set": "update"}


def theirs(address: tcp.Address, kind: str, clients: int, pipeline: int, requests: int) -> float:
    command = ["redis-benchmark", "-p", str(address[1]), "-t", kind, "-n", str(requests), "-c", str(clients)]
    command += ["-P", str(pipeline), "-d", "256", "-r", str(RECORDS), "--csv"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return float(lines[-1].split(",")[1].strip('"'))


def ours(address: tcp.Address, kind: str, clients: int, pipeline: int) -> float:
    load = Load(seed=1, records=RECORDS, seconds=SECONDS, shares={KINDS[kind]: 1}, window=pipeline)
    outcome = tcp.run(address, load, clients)
    if outcome.errors or outcome.wrong:
        raise SystemExit(f"{outcome.errors} errors and {outcome.wrong} wrong answers: {outcome.why}")
    return outcome.operations / outcome.seconds


def main() -> None:
    processors = sorted(os.sched_getaffinity(0))
    pins = Pins(frozenset(processors[:1]), frozenset(processors[-1:]))
    with servers.redis(durable=False, pins=pins) as target, pinned(pins.client):
        address = target.address
        tcp.run(address, Load(operations=RECORDS, shares={"insert": 1}, window=16), 16)
        theirs(address, "set", 50, 16, 10 * RECORDS)  # nearly all of its keys, which it draws; else gets find nothing
        for kind in KINDS:
            for clients, pipeline in SHAPES:
                requests = int(SECONDS * ours(address, kind, clients, pipeline))
                found, floor = compare(
                    lambda kind=kind, clients=clients, pipeline=pipeline: ours(address, kind, clients, pipeline),
                    lambda kind=kind, clients=clients, pipeline=pipeline, requests=requests: theirs(
                        address, kind, clients, pipeline, requests
                    ),
                    runs=5,
                )
                report(f"{kind}s a second, {clients} clients, {pipeline} pipelined", found, floor, unit="1/s")


if __name__ == "__main__":
    main()
