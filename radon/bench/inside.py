"""Radon without a network: the store `kv` and the atoms that put load on it, in one domain of a process of its own.

This module is both ends: `inside` in the process that measures, `main` in the one that it starts, which reads loads as
JSON lines and answers each with what came of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from radon import BlockingRuntime, Manifest, __version__
from radon.abi.errors import RadonError, Unavailable
from radon.atoms.build import build_c
from radon.bench.load import Load, parse_outcome
from radon.bench.processes import PATIENCE, Pins, failed, line_of, spent, started, used_by
from radon.bench.servers import named
from radon.bench.targets import Measured, Tick

GUEST = Path(__file__).parent / "guest" / "client.c"

ATOMS = 16
"""That put load on the store: more clients share these, which have as much under way together."""

LONGEST = 3600.0
"""Seconds that a run may take which has a number of operations and no time."""


@dataclass(frozen=True)
class Inside:
    """A Target. Server and client are one process, so what it takes is the server's."""

    name: str
    durable: bool
    shards: int
    process: subprocess.Popen[bytes]
    folder: Path
    version: str = __version__

    def run(self, load: Load, clients: int, tick: Tick) -> Measured:
        atoms = min(clients, ATOMS)
        whole = replace(load, shards=self.shards, window=-(-clients * load.window // atoms))
        parts = [part.pack() for part in whole.split(atoms)]
        seconds = (load.seconds + load.patience if load.seconds else LONGEST) + PATIENCE
        before = used_by(self.process.pid)
        answer = self._ask({"loads": [b64encode(part).decode() for part in parts], "timeout": seconds}, seconds)
        took = spent(before, used_by(self.process.pid))
        outcomes = [parse_outcome(b64decode(each)) for each in answer["outcomes"]]
        for other in outcomes[1:]:
            outcomes[0].add(other)
        outcomes[0].inserted *= atoms  # each has inserted into a stripe of its own
        if not load.rate:  # the time of turns stands still while a batch of them runs
            outcomes[0].latencies.clear()
        tick(outcomes[0].operations)
        return Measured(outcomes[0], took, None)

    def _ask(self, what: dict[str, Any], seconds: float) -> dict[str, Any]:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(what).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise failed(self.name, self.folder, self.process, "the process is gone") from None
        line = line_of(self.process, seconds + PATIENCE)
        if not line:
            raise failed(self.name, self.folder, self.process, "no answer")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Unavailable(f"{self.name}: {answer['error']}")
        return answer


@contextmanager
def inside(*, durable: bool, shards: int, domains: int | None, pins: Pins) -> Iterator[Inside]:
    """A store of our own, empty, for as long as the block lasts."""
    name = named("in process", durable)
    with TemporaryDirectory(prefix="radon-bench-") as made:
        folder = Path(made)
        guest = build_c([GUEST], folder / "client.wasm").path
        command = [sys.executable, "-m", "radon.bench.inside", str(guest), str(shards), str(domains or 1)]
        with started([*command, *([made] if durable else [])], name, pins, folder) as process:
            if line_of(process, PATIENCE) != b"ready\n":
                raise failed(name, folder, process, "it does not start")
            yield Inside(name, durable, shards, process, folder)


def manifest(guest: Path, shards: int) -> Manifest:
    kv = {
        "module": "std:kv", "spread": "sharded", "shards": shards, "limits": {"state": "1TiB", "message": "16MiB"},
    }  # fmt: skip
    client = {
        "module": str(guest), "grants": ["kv/*"], "retry": {"attempts": 1},
        "limits": {"message": "16MiB", "outbox": 1_000_000},
    }  # fmt: skip
    return Manifest.of({"application": {"name": "bench"}, "kinds": {"kv": kv, "client": client}})


def main(arguments: Sequence[str]) -> None:
    """`python -m radon.bench.inside GUEST SHARDS DOMAINS [FOLDER]`; in FOLDER it is durable."""
    guest, shards, domains, *folder = arguments
    options: dict[str, Any] = {"store": "lmdb", "data": Path(folder[0]) / "data"} if folder else {"store": "memory"}
    with BlockingRuntime(manifest(Path(guest), int(shards)), domains=int(domains), **options) as app:
        _say(b"ready")
        for line in sys.stdin.buffer:
            what = json.loads(line)
            try:
                answers = _called(app, [b64decode(load) for load in what["loads"]], what["timeout"])
                _say(json.dumps({"outcomes": [b64encode(answer).decode() for answer in answers]}).encode())
            except RadonError as error:
                _say(json.dumps({"error": str(error)}).encode())


def _called(app: BlockingRuntime, loads: Sequence[bytes], timeout: float) -> list[bytes]:
    with ThreadPoolExecutor(len(loads)) as pool:
        asked = [pool.submit(app.call, f"client/{number}", load, timeout=timeout) for number, load in enumerate(loads)]
        return [each.result() for each in asked]


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
