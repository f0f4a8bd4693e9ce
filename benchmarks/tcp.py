"""What does the TCP gateway cost? An atom that answers PING, beside Redis and beside a bare epoll loop in C.

The client is redis-benchmark, on a processor of its own where the machine has two; the server's time is what the kernel
counts for its process. Memory of idle connections is the growth of its resident set. `--domain python` measures the
gateway on asyncio as well. Needs redis-server and redis-benchmark; without them nothing is measured.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from _measure import HERE, choose_domain, guest, report

from radon.host.native.build import compiler

RUNS = 5
IDLE = 10_000
MANIFEST = """
[application]
name = "ping"

[kinds.ping]
module = "ping.wasm"
memory = "shared"
"""


class Server(NamedTuple):
    name: str
    port: int
    process: int

    def seconds(self) -> float:
        """Of the processor's time that it has used."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> int:
        return int(Path(f"/proc/{self.process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


class Load(NamedTuple):
    name: str
    clients: int
    pipelined: int
    commands: int


class Found(NamedTuple):
    throughput: float  # commands a second
    cpu: float  # seconds of the server for one
    p50: float  # seconds until the answer of one


def pinned(processor: int) -> list[str]:
    return ["taskset", "-c", str(processor)] if (os.cpu_count() or 1) > 1 else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(name: str, command: Callable[[int], list[str]]) -> Iterator[Server]:
    """It runs until the block ends, on the first processor."""
    port = free_port()
    process = subprocess.Popen([*pinned(0), *command(port)], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        until = time.monotonic() + 30
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if time.monotonic() > until or process.poll() is not None:
                raise SystemExit(f"{name} does not come up")
            time.sleep(0.05)
        yield Server(name, port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def measured(at: Server, load: Load) -> Found:
    command = ["redis-benchmark", "-p", str(at.port), "-c", str(load.clients), "-P", str(load.pipelined)]
    command += ["-n", str(load.commands), "-t", "ping_mbulk", "--csv"]
    begin = at.seconds()
    run = subprocess.run([*pinned(1), *command], capture_output=True, text=True, check=True)
    spent = at.seconds() - begin
    rate, _, _, p50 = (float(field.strip('"')) for field in run.stdout.strip().splitlines()[-1].split(",")[1:5])
    return Found(rate, spent / load.commands, p50 / 1000)


def idle(at: Server) -> float:
    """Bytes that one of many connections costs which say nothing after a first word."""
    with ExitStack() as stack:
        before = at.resident()
        for _ in range(IDLE):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", at.port), timeout=30))
            peer.sendall(b"PING\r\n")
            assert peer.recv(100) == b"+PONG\r\n"
        return (at.resident() - before) / IDLE


def compared(question: str, ours: list[float], theirs: list[float], target: float, unit: str, at_least: bool) -> None:
    """`target` is a ratio to Redis."""
    floor = statistics.median(theirs)
    report(question, ours, floor, native=target * floor, unit=unit, at_least=at_least)


def main() -> None:
    fast = choose_domain()
    if not shutil.which("redis-server") or not shutil.which("redis-benchmark"):
        print("no redis-server or redis-benchmark: TCP is not measured", file=sys.stderr)
        return
    scale = 1 if fast else 20
    loads = [
        Load("pipelined", 50, 16, 400_000 // scale),
        Load("fifty", 50, 1, 200_000 // scale),
        Load("one", 1, 1, 40_000 // scale),
    ]
    found: dict[tuple[str, str], list[Found]] = {}
    with TemporaryDirectory() as folder, ExitStack() as running:
        radon = [sys.executable, "-m", "radon", "run", folder, "--bind"]
        Path(folder, "ping.wasm").write_bytes(guest("ping"))
        Path(folder, "radon.toml").write_text(MANIFEST)
        bare = str(Path(folder, "bare"))
        subprocess.run([*compiler(), "-O2", "-D_GNU_SOURCE", HERE / "native" / "ping.c", "-o", bare], check=True)
        with server("radon", lambda port: [*radon, f"127.0.0.1:{port}=ping"]) as fresh:
            memory = idle(fresh)
        redis = ["redis-server", "--save", "", "--appendonly", "no", "--dir", folder, "--port"]
        servers = [
            running.enter_context(server(name, command))
            for name, command in {
                "radon": lambda port: [*radon, f"127.0.0.1:{port}=ping"],
                "redis": lambda port: [*redis, str(port)],
                "bare": lambda port: [bare, str(port)],
            }.items()
        ]
        for _ in range(RUNS):
            for at in servers:
                for load in loads:
                    found.setdefault((at.name, load.name), []).append(measured(at, load))

    def of(server: str, load: str, what: str) -> list[float]:
        return [getattr(one, what) for one in found[server, load]]

    cpu = of("radon", "pipelined", "cpu")
    report(
        "server CPU of a PING, 50 connections that pipeline 16, and a bare epoll loop's", cpu,
        statistics.median(of("bare", "pipelined", "cpu")), native=2.0e-6,
    )  # fmt: skip
    for load, ratio in (("pipelined", 0.6), ("fifty", 0.4)):
        ours, theirs = of("radon", load, "throughput"), of("redis", load, "throughput")
        compared(f"throughput, {load}, and Redis'", ours, theirs, ratio, "1/s", at_least=True)
        ours, theirs = of("radon", load, "cpu"), of("redis", load, "cpu")
        compared(f"server CPU of a PING, {load}, and Redis'", ours, theirs, 1 / ratio, "s", at_least=False)
    compared("p50 of one client, and Redis'", of("radon", "one", "p50"), of("redis", "one", "p50"), 2, "s", False)
    report(f"memory of one of {IDLE} idle connections", [memory], None, native=30e3, unit="bytes")


if __name__ == "__main__":
    main()
