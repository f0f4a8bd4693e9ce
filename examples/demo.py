"""What `make demo` runs: the bank, killed with `kill -9` again and again while it transfers money. Not a cent is lost.

Uses what a user has: the `radon` command, and HTTP. It works in a temporary folder and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import httpx
from rich.console import Console
from rich.table import Table

EXAMPLES = Path(__file__).parent
RADON = Path(sys.executable).with_name("radon")

ACCOUNTS = [f"account-{number:02}" for number in range(20)]
OPENING = 1_000_00  # cents on each at the beginning
CLIENTS = 16  # transfers that are under way at once
KILLS = 3
PAUSE = 1.2  # seconds of load before, between and after

console = Console(highlight=False)


class Bank:
    """The bank as a process of its own, which can be killed and started again."""

    def __init__(self, folder: Path, port: int, radon: Sequence[str | Path] = (RADON,)) -> None:
        """Takes place in `folder`, listens on `port`, and is what the command `radon` makes of it."""
        self._radon = radon
        self.url = f"http://127.0.0.1:{port}"
        self.manifest = folder / "bank" / "radon.toml"
        self._data = folder / "data"
        self._log = folder / "bank.log"
        self._process: asyncio.subprocess.Process | None = None
        shutil.copytree(EXAMPLES / "bank", self.manifest.parent)
        self.manifest.write_text(self.manifest.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{port}"))

    async def build(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *self._radon, "build", self.manifest, stdout=asyncio.subprocess.DEVNULL
        )
        if await process.wait():
            raise SystemExit("`radon build` failed; see above")

    async def start(self) -> int:
        """The process id of a bank that answers."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._radon, "deploy", self.manifest, "--data", self._data, stdout=log, stderr=log
            )
        async with httpx.AsyncClient() as client:
            while not await _answers(client, f"{self.url}/healthz"):
                if self._process.returncode is not None:
                    raise SystemExit(f"the bank did not start:\n{self._log.read_text()}")
                await asyncio.sleep(0.02)
        return self._process.pid

    async def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is written any more."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx.TransportError:
        return False


class Load:
    """Clients that transfer random amounts between random accounts, and what they were told became of each order."""

    def __init__(self, url: str) -> None:
        self.outcomes: Counter[str] = Counter()
        self.expected = dict.fromkeys(ACCOUNTS, OPENING)  # by the answers alone
        self._client = httpx.AsyncClient(base_url=url, timeout=10, limits=httpx.Limits(max_connections=CLIENTS))
        self._numbers = iter(range(10**9))
        self._over = asyncio.Event()

    async def open_accounts(self) -> None:
        for name in ACCOUNTS:
            answer = await self._client.post(f"/accounts/{name}", json={"deposit": OPENING})
            answer.raise_for_status()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Transfers run inside the block; at its end each client sees its last order through."""
        async with asyncio.TaskGroup() as group:
            for seed in range(CLIENTS):
                group.create_task(self._be_a_client(random.Random(seed)))
            yield
            self._over.set()

    async def _be_a_client(self, rng: random.Random) -> None:
        while not self._over.is_set():
            giver, taker = rng.sample(ACCOUNTS, 2)
            cents = rng.randrange(1, 500_00)
            status = await self._order({"from": giver, "to": taker, "cents": cents}, f"order-{next(self._numbers)}")
            if status == 200:
                self.expected[giver] -= cents
                self.expected[taker] += cents
            self.outcomes["moved" if status == 200 else "refused"] += 1

    async def _order(self, order: dict[str, str | int], key: str) -> int:
        """The answer's status. Who hears nothing asks again with the same key, and so cannot order twice."""
        while True:
            try:
                answer = await self._client.post("/transfers", json=order, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code in (200, 409):
                return answer.status_code
            self.outcomes["asked again"] += 1
            await asyncio.sleep(0.2)  # more often, and all of them keep a processor from the bank that comes back

    async def balances(self) -> dict[str, int]:
        answers = {name: (await self._client.get(f"/accounts/{name}")).json() for name in ACCOUNTS}
        if any(answer["pending"] for answer in answers.values()):
            raise SystemExit("money is still on its way")
        return {name: answer["balance"] for name, answer in answers.items()}

    async def close(self) -> None:
        await self._client.aclose()


async def demo(bank: Bank) -> bool:
    """Whether the accounts hold what the answers said, to the cent."""
    began = perf_counter()
    await bank.build()
    console.print(f"built     the bank from C in {perf_counter() - began:.1f} s")
    pid = await bank.start()
    console.print(f"deployed  as process {pid}, on {bank.url}")
    load = Load(bank.url)
    await load.open_accounts()
    console.print(f"opened    {len(ACCOUNTS)} accounts with {_money(OPENING)} each; {CLIENTS} clients transfer money")
    async with load.running():
        await asyncio.sleep(PAUSE)
        for _ in range(KILLS):
            moved = load.outcomes["moved"]
            await bank.kill()
            began = perf_counter()
            console.print(f"[red]kill -9[/]   {pid} after {moved:,} transfers", end="; ")
            pid = await bank.start()
            console.print(f"process {pid} went on {perf_counter() - began:.1f} s later")
            await asyncio.sleep(PAUSE)
    found = await load.balances()
    await load.close()
    _report(load, found)
    return found == load.expected


def _report(load: Load, found: dict[str, int]) -> None:
    wrong = [name for name in ACCOUNTS if found[name] != load.expected[name]]
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_row("transfers", f"{load.outcomes['moved']:,}")
    table.add_row("refused for insufficient funds", f"{load.outcomes['refused']:,}")
    table.add_row("orders sent again after silence", f"{load.outcomes['asked again']:,}")
    table.add_row("money before", _money(OPENING * len(ACCOUNTS)))
    table.add_row("money after", _money(sum(found.values())))
    table.add_row("accounts that differ from the answers", f"{len(wrong)}")
    console.print()
    console.print(table)
    console.print()
    console.print("[red]Money is missing.[/]" if wrong else "[green]Not a cent is lost, and none was doubled.[/]")


def _money(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def main() -> int:
    with tempfile.TemporaryDirectory(prefix="radon-demo-") as folder:
        bank = Bank(Path(folder), free_port())
        try:
            return 0 if await demo(bank) else 1
        finally:
            await bank.kill()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
