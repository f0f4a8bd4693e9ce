"""The mailbox of one atom: what may be handled next, and who waits behind a retry (rule 7).

Knows nothing of turns or time: it is told when a delivery was consumed, failed, or may be tried again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from copy import copy

from radon.abi.delivery import NOWHERE, Delivery, Form
from radon.abi.records import Attempted, Delivered, Retried

Pair = tuple[str, str]
_TIMERS: Pair = ("@timer", "")
_START: Pair = ("@start", "")


def pair_of(delivery: Delivery) -> Pair:
    """Deliveries of one pair are handled in order; a message from outside without a pair is alone in its own."""
    if delivery.pair:
        return ("@pair", delivery.pair)
    if delivery.sender is not NOWHERE:
        return delivery.sender[:2]
    if delivery.form is Form.FIRED:
        return _TIMERS
    if delivery.form is Form.START:
        return _START
    return ("@alone", delivery.id.hex())


class Mailbox:
    """Deliveries in order of arrival; per pair none overtakes one that waits for its retry.

    `due` has the deliveries that wait: id -> ns since 1970. A `start` that waits holds back everything.
    """

    __slots__ = ("_held", "_ready", "due")

    def __init__(self) -> None:
        self._ready: deque[Delivery] = deque()
        self._held: dict[Pair, deque[Delivery]] = {}  # pairs with a failed delivery; the rest of each, in order
        self.due: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._ready) + sum(map(len, self._held.values()))

    def __iter__(self) -> Iterator[Delivery]:
        yield from self._ready
        for queue in self._held.values():
            yield from queue

    def append(self, delivery: Delivery) -> None:
        """A new delivery arrives."""
        held = self._held.get(pair_of(delivery)) if self._held else None
        (self._ready if held is None else held).append(delivery)

    def next(self) -> Delivery | None:
        """The delivery whose turn it is; it stays until consumed or attempted. None: nothing may be handled now."""
        if not self._ready or (self._held and self._start_waits()):
            return None
        return self._ready[0]

    def find(self, id: bytes) -> Delivery:
        """Raises KeyError."""
        for delivery in self:
            if delivery.id == id:
                return delivery
        raise KeyError(id)

    def consumed(self, id: bytes) -> Delivery:
        """The delivery is done with; those of its pair that waited behind it follow. Raises KeyError."""
        delivery = self._take(id)
        if self._held:
            pair = pair_of(delivery)
            held = self._held.get(pair)
            if held is not None and not (held and held[0].id in self.due):  # else it waited behind another one
                self._ready.extend(held)
                del self._held[pair]
        return delivery

    def attempted(self, id: bytes, attempt: int, due: int) -> None:
        """The delivery failed for the `attempt`th time and waits until `due`. Raises KeyError."""
        delivery = copy(self._take(id))  # the commit in the making still holds the old one, and says how that came
        delivery.attempt = attempt
        pair = pair_of(delivery)
        held = self._held.get(pair)
        if held is None:
            behind = [other for other in self._ready if pair_of(other) == pair]
            if behind:
                self._ready = deque(other for other in self._ready if pair_of(other) != pair)
            held = self._held[pair] = deque(behind)
        held.appendleft(delivery)
        self.due[id] = due

    def retried(self, id: bytes) -> None:
        """The wait is over; its pair still waits behind it. Raises KeyError."""
        del self.due[id]
        for held in self._held.values():
            if held and held[0].id == id:
                delivery = held.popleft()
                if delivery.form is Form.START:
                    self._ready.appendleft(delivery)
                else:
                    self._ready.append(delivery)
                return
        raise KeyError(id)

    def records(self) -> Iterator[Delivered | Attempted | Retried]:
        """What makes an equal mailbox, but for casts; the same for equal mailboxes."""
        for delivery in self._ready:
            if not delivery.cast:
                yield Delivered(delivery)
                if pair_of(delivery) in self._held:
                    yield Attempted(delivery.id, delivery.attempt, 0)
                    yield Retried(delivery.id)
        queues = [[d for d in queue if not d.cast] for queue in self._held.values()]
        for queue in sorted(filter(None, queues), key=lambda queue: queue[0].id):
            for delivery in queue:
                yield Delivered(delivery)
                if delivery.id in self.due:
                    yield Attempted(delivery.id, delivery.attempt, self.due[delivery.id])

    def _start_waits(self) -> bool:
        held = self._held.get(_START)
        return bool(held) and held[0].id in self.due  # type: ignore[index]

    def _take(self, id: bytes) -> Delivery:
        ready = self._ready
        if ready and ready[0].id == id:
            return ready.popleft()
        for queue in (ready, *self._held.values()):
            for delivery in queue:
                if delivery.id == id:
                    queue.remove(delivery)
                    self.due.pop(id, None)
                    return delivery
        raise KeyError(id)
