"""How many durable puts does the standard key-value store do? Client atoms in the same domain, LMDB with fsync.

As in kv.py, one entry of 256 bytes in each question, every answer looked at. The turns go on while commits are written,
so what is counted ends when all is on the disk. The floor is LMDB's own put and commit with fsync, of as many bytes as
the commits had. Threads are at work here, so it is the clock that is read.
"""

from __future__ import annotations

import itertools
import statistics
import time
from concurrent.futures import Future
from pathlib import Path
from tempfile import TemporaryDirectory

from _measure import choose_domain, guest, report
from calls import raw_commits
from kv import CLIENTS, SHARDS, WINDOW

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.abi.frames import decode_all
from radon.atoms.std import STANDARDS
from radon.backends.program import Program
from radon.backends.runner import Runner
from radon.backends.stores.lmdb import LmdbStore
from radon.host.domain import Settings
from radon.testing.harness import kind

KEYS = 100_000
RUNS = 9


class Clients:
    """A domain with its threads and a store, without an event loop."""

    def __init__(self, folder: Path) -> None:
        self._answers: dict[int, Future[None]] = {}
        self._tokens, self._rows = itertools.count(1), itertools.count(1)
        self._store = LmdbStore(folder)
        self._runner = Runner(
            0, self._store, release=self._release, lost=self._fail, standing=lambda: (), died=self._fail
        )
        kinds = {
            "kv": kind("kv", STANDARDS["kv"].path, spread="sharded", shards=SHARDS),
            "client": kind("client", guest("kv_client"), ["kv/*"]),
        }
        self._runner.start(Program("bench", kinds, (), Settings()))

    def puts(self, times: int) -> tuple[float, float, float]:
        """A second; and by commit, and the bytes of one."""
        meter = self._runner.meter
        commits, size = meter.commits, meter.bytes
        begin = time.perf_counter()
        for client in range(CLIENTS):
            token, each = next(self._tokens), times // CLIENTS
            self._answers[token] = Future()
            body = b"put %d %d %d %d" % (each, KEYS, next(self._rows), WINDOW)
            self._runner.submit(Post(token, 0, 1, Address("client", str(client)), NOWHERE, "", "", (), body))
        for answer in list(self._answers.values()):
            answer.result(300)
        seconds, commits = time.perf_counter() - begin, meter.commits - commits
        self._answers.clear()
        return times / seconds, times / commits, (meter.bytes - size) / commits

    def close(self) -> None:
        self._runner.stop()
        self._store.close()

    def _release(self, records: bytes) -> None:
        for output in decode_all(records):
            if output.code:
                self._fail(RuntimeError(f"a client failed: {output}"))
            self._answers[output.token].set_result(None)

    def _fail(self, error: Exception) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)


def main() -> None:
    times = 200_000 if choose_domain() else 2_000
    with TemporaryDirectory() as name:
        folder = Path(name)
        clients = Clients(folder / "data")
        clients.puts(times)
        rates, floors = [], []
        for _ in range(RUNS):
            puts, batch, size = clients.puts(times)
            rates.append(puts)
            floors.append(raw_commits(folder / "raw", int(size), 10) * batch)
        clients.close()
        question = f"kv, durable puts a second, 16-byte keys, 256-byte values, {KEYS} of them"
        report(question, rates, statistics.median(floors), native=150e3, unit="1/s", at_least=True)


if __name__ == "__main__":
    main()
