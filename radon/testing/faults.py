"""Stores that misbehave as told: wrappers around any Store, which compose and are Stores themselves.

    store = Faulty(Latency(LmdbStore(path), 0.002), seed=7)

Owns no storage. A failure has one of three fates: none, before the effect, after the effect; the seed chooses. While a
wrapper is told nothing it changes nothing: it passes the conformance suite of stores.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Literal, TypeVar

from radon.abi.errors import StoreError
from radon.atoms.manifest import Durability
from radon.backends.driver import Image, Store, StoreFull, StoreSize

T = TypeVar("T")

Call = Literal["open", "commit", "snapshot", "write"]
"""The calls that change something, and so those that a fault may strike."""

CALLS: tuple[Call, ...] = ("open", "commit", "snapshot", "write")


class Around:
    """A Store that does as the one inside does. What changes something goes through `around`, to be overridden."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    def around(self, call: Call, act: Callable[[], T]) -> T:
        """Do `act`, the call of the store inside; once, or not at all and raise a StoreError."""
        return act()

    @property
    def durability(self) -> Durability:
        return self.inner.durability

    @property
    def keeps(self) -> bool:
        return self.inner.keeps

    def open(self, domain: int) -> Image:
        return self.around("open", lambda: self.inner.open(domain))

    def commit(self, domain: int, epoch: int, frames: Sequence[bytes]) -> None:
        self.around("commit", lambda: self.inner.commit(domain, epoch, frames))

    def snapshot(self, domain: int, epoch: int, covered: int, frame: bytes) -> None:
        self.around("snapshot", lambda: self.inner.snapshot(domain, epoch, covered, frame))

    def position(self, domain: int) -> int:
        return self.inner.position(domain)

    def read(self, name: str) -> bytes | None:
        return self.inner.read(name)

    def write(self, name: str, value: bytes | None) -> None:
        self.around("write", lambda: self.inner.write(name, value))

    def size(self) -> StoreSize:
        return self.inner.size()

    def backup(self, directory: Path) -> None:
        self.inner.backup(directory)

    def close(self) -> None:
        self.inner.close()


class Faulty(Around):
    """Fails a share `rate` of the calls, before or after their effect. Set `rate` to 0 for peace; `fates` counts."""

    def __init__(self, inner: Store, *, seed: int, rate: float = 0.1, calls: Sequence[Call] = CALLS) -> None:
        super().__init__(inner)
        self.rate = rate
        self.fates: Counter[tuple[Call, str]] = Counter()
        self._calls = calls
        self._random = Random(seed)
        self._turn = threading.Lock()

    def around(self, call: Call, act: Callable[[], T]) -> T:
        with self._turn:
            fate = "none"
            if call in self._calls and self._random.random() < self.rate:
                fate = self._random.choice(("before", "after"))
            self.fates[call, fate] += 1
        if fate == "before":
            raise StoreError(f"{call}: a fault that was asked for, before the effect")
        result = act()
        if fate == "after":
            raise StoreError(f"{call}: a fault that was asked for, after the effect")
        return result


class Latency(Around):
    """Each call takes `seconds` longer. `sleep` is what waits."""

    def __init__(self, inner: Store, seconds: float, *, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(inner)
        self._seconds, self._sleep = seconds, sleep

    def around(self, call: Call, act: Callable[[], T]) -> T:
        self._sleep(self._seconds)
        return act()


class Full(Around):
    """While `full`, commits and writes find no room, and with `reserve` false snapshots neither."""

    def __init__(self, inner: Store, *, full: bool = False, reserve: bool = True) -> None:
        super().__init__(inner)
        self.full = full
        self.reserve = reserve
        self.refused = 0

    def around(self, call: Call, act: Callable[[], T]) -> T:
        if self.full and (call in ("commit", "write") or (call == "snapshot" and not self.reserve)):
            self.refused += 1
            raise StoreFull(f"{call}: no room, as was asked for; make room")
        return act()


class Stalled(Around):
    """Between `stall` and `go` the `calls` wait, before their effect. `waits` is set while one does."""

    def __init__(self, inner: Store, *, calls: Sequence[Call] = ("commit",)) -> None:
        super().__init__(inner)
        self.waits = threading.Event()
        self._calls = calls
        self._open = threading.Event()
        self._open.set()

    def stall(self) -> None:
        """From the next call on."""
        self._open.clear()

    def go(self) -> None:
        """All of them."""
        self._open.set()

    def around(self, call: Call, act: Callable[[], T]) -> T:
        if call in self._calls and not self._open.is_set():
            self.waits.set()
            self._open.wait()
            self.waits.clear()
        return act()
