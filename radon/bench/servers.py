"""Servers that speak the Redis protocol: one that runs already, a redis-server, or a deployment of Radon."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from radon import Manifest, __version__
from radon.abi.errors import Invalid, Unavailable
from radon.bench import tcp
from radon.bench.processes import PATIENCE, Pins, failed, free_port, line_of, pin, started
from radon.bench.targets import TcpTarget, is_here

HERE = "127.0.0.1"


def parse_address(text: str) -> tcp.Address:
    """ "127.0.0.1:6379", "[::1]:6379", ":6379". Raises Invalid."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise Invalid(f"no address {text!r}; it is HOST:PORT, as in 127.0.0.1:6379")
    return host.removeprefix("[").removesuffix("]") or HERE, int(port)


def attached(address: tcp.Address, pins: Pins) -> TcpTarget:
    """One that runs. What it holds stays, but for the keys of the load. Raises Unavailable."""
    facts = _facts(address)
    told = facts.get("process_id", "")
    pid = int(told) if told.isdecimal() and is_here(address, int(told)) else None
    if pid is not None:
        pin(pid, pins.server)
    return TcpTarget(tcp.text_of(address), address, None, facts.get("redis_version", ""), pid, pins)


def parse_deployment(text: str) -> tuple[Path, str]:
    """ "MANIFEST=KIND", or "MANIFEST" where only one kind listens for TCP. Raises ManifestError, Invalid."""
    name, _, kind = text.partition("=")
    path = Path(name)
    manifest = Manifest.load(path / "radon.toml" if path.is_dir() else path)
    if kind and kind not in manifest.kinds:
        raise Invalid(f"{path}: there is no kind {kind!r}; there are {', '.join(manifest.kinds)}")
    kinds = [kind] if kind else sorted(set(manifest.ingress.tcp.values()))
    if len(kinds) != 1:
        listed = f"several kinds listen for TCP: {', '.join(kinds)}" if kinds else "no kind listens for TCP"
        raise Invalid(f"{path}: {listed}; say which speaks the Redis protocol, as in --radon {path}=KIND")
    return path, kinds[0]


@contextmanager
def redis(*, durable: bool, pins: Pins, program: str = "redis-server") -> Iterator[TcpTarget]:
    """A redis-server of our own, empty, for as long as the block lasts."""
    found = shutil.which(program)
    if found is None:
        raise Unavailable(
            f"there is no {program}; apt-get install redis-server, or name a server with --redis HOST:PORT"
        )
    address = (HERE, free_port())
    with TemporaryDirectory(prefix="radon-bench-") as made:
        folder = Path(made)
        command = [
            found, "--bind", HERE, "--port", str(address[1]), "--dir", made, "--save", "", "--loglevel", "warning",
            "--appendonly", "yes" if durable else "no", "--appendfsync", "always",
        ]  # fmt: skip
        with started(command, "redis", pins, folder) as process:
            _await_answer(address, process, folder)
            version = _facts(address).get("redis_version", "")
            yield TcpTarget(named("redis", durable), address, durable, version, process.pid, pins)


@contextmanager
def radon(manifest: Path, kind: str, *, durable: bool, domains: int | None, pins: Pins) -> Iterator[TcpTarget]:
    """A deployment of `manifest`, empty, for as long as the block lasts.

    `kind`: whose atoms speak the protocol.
    """
    with TemporaryDirectory(prefix="radon-bench-") as made:
        folder = Path(made)
        command = [
            sys.executable,
            "-m",
            "radon",
            "run",
            str(manifest.absolute()),
            "--json",
            "--bind",
            f"{HERE}:0={kind}",
        ]
        command += ["--data", str(folder / "data")] if durable else []
        command += ["--domains", str(domains)] if domains is not None else []
        with started(command, "radon", pins, folder) as process:
            line = line_of(process, PATIENCE)
            if not line:
                raise failed("radon", folder, process, f"{manifest} does not start")
            addresses = json.loads(line)["addresses"]
            bound = next(each["address"] for each in addresses if each["protocol"] == "tcp" and each["kind"] == kind)
            address = parse_address(bound)
            _await_answer(address, process, folder)
            yield TcpTarget(named("radon", durable), address, durable, __version__, process.pid, pins)


def named(name: str, durable: bool) -> str:
    return f"{name}, durable" if durable else name


def _await_answer(address: tcp.Address, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            if tcp.command(address, "PING") == "+PONG":
                return
            raise failed("PING", folder, process, f"{tcp.text_of(address)} does not speak the Redis protocol")
        except Unavailable:
            if process.poll() is not None or time.monotonic() > until:
                raise failed("the server", folder, process, f"no answer at {tcp.text_of(address)}") from None
        time.sleep(0.02)


def _facts(address: tcp.Address) -> dict[str, str]:
    """What INFO tells of the server; empty where it knows no such command."""
    lines = tcp.command(address, "INFO", "server").splitlines()
    return {name: value for name, colon, value in (line.partition(":") for line in lines) if colon and name != "-ERR"}
