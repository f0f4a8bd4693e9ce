"""A network that may lose, double, delay and reorder everything, and be cut in two; or in one direction only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from radon.backends.simulation.story import Sent
from radon.backends.simulation.world import MILLISECOND, Node, World

FASTEST, USUAL = MILLISECOND // 10, MILLISECOND // 2
"""ns that a message takes: the least, and what is added to it on average."""

LATEST = 2000 * MILLISECOND
"""ns at most by which a late one is late."""


@dataclass
class Weather:
    """What befalls messages now, each with this probability."""

    loss: float = 0.0
    double: float = 0.0
    late: float = 0.0


class Network:
    """Between nodes, by name. A node that is down gets nothing; one that stands still gets it when it goes on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random
        self._cut: dict[tuple[str, str], list[str]] = {}  # from, to: the names of the cuts that part them
        self._slow: dict[str, int] = {}  # ns that everything to and from a node takes longer
        self.weather = Weather()

    def send(
        self, source: Node, target: Node, size: int, act: Callable[..., None], *arguments: Any, doubles: bool = True
    ) -> None:
        """Let `act` happen at the target; later, or never, or twice if it `doubles`. `size` in bytes."""
        delays: list[int] = []
        lost = self._lost(source, target)
        if not lost:
            delays = [self._delay(source, target, size) for _ in range(self._copies() if doubles else 1)]
            for delay in delays:
                self._world.after(delay, target.arrive, act, arguments)
        if self._world.has_story:
            arrivals = tuple([self._world.now + delay for delay in delays])
            self._world.tell(Sent(source.name, target.name, arguments, arrivals, lost))

    def cut(self, sources: Iterable[str], targets: Iterable[str], *, both: bool, name: str) -> Callable[[], None]:
        """Let nothing pass from these to those (`both`: nor back), until the function that it returns is called.

        `name`: the fault that is counted when it stops a message.
        """
        pairs = [(a, b) for a in sources for b in targets]
        if both:
            pairs += [(b, a) for a, b in pairs]
        for pair in pairs:
            self._cut.setdefault(pair, []).append(name)

        def heal() -> None:
            for pair in pairs:
                self._cut[pair].remove(name)
                if not self._cut[pair]:
                    del self._cut[pair]

        return heal

    def slow(self, name: str, delay: int) -> None:
        """What goes to or from this node takes so many ns more than usual."""
        self._slow[name] = delay

    def _lost(self, source: Node, target: Node) -> str:
        """The fault that stops a message; "": none does."""
        if self._cut and (cuts := self._cut.get((source.name, target.name))):
            self._world.fired.update(cuts)
            return cuts[0]
        if self.weather.loss and self._random.random() < self.weather.loss:
            self._world.fired["loss"] += 1
            return "loss"
        return ""

    def _copies(self) -> int:
        if self.weather.double and self._random.random() < self.weather.double:
            self._world.fired["double"] += 1
            return 2
        return 1

    def _delay(self, source: Node, target: Node, size: int) -> int:
        delay = FASTEST + int(self._random.expovariate(1.0) * USUAL) + size  # about a gigabyte a second
        if self._slow:
            delay += max(self._slow.get(source.name, 0), self._slow.get(target.name, 0))
        if self.weather.late and self._random.random() < self.weather.late:
            self._world.fired["late"] += 1
            delay += self._random.randrange(LATEST)
        return delay
