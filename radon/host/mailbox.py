"""The mailbox of one atom: what may be handled next, and who waits behind a retry (rule 7).

Knows nothing of turns or time: it is told when a delivery was consumed, failed, or may be tried again.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from copy import copy

from radon.abi.delivery import NOWHERE, Delivery, Form
from radon.abi.records import Attempted, Delivered, Retried

Pair = tuple[str, str]
Queue = OrderedDict[bytes, Delivery]
"""In order, by id: one in the middle is found as fast as the first, however many a flood has brought."""

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

    __slots__ = ("_held", "_pairs", "_ready", "_waiting", "due")

    def __init__(self) -> None:
        self._ready: Queue = OrderedDict()
        self._held: dict[Pair, Queue] = {}  # pairs with a failed delivery; the rest of each, in order
        self._pairs: Counter[Pair] = Counter()  # how many of each are ready; true only while any are held
        self._waiting: dict[bytes, Pair] = {}  # of those in `due`
        self.due: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._ready) + sum(map(len, self._held.values()))

    def __iter__(self) -> Iterator[Delivery]:
        yield from self._ready.values()
        for queue in self._held.values():
            yield from queue.values()

    def append(self, delivery: Delivery) -> None:
        """A new delivery arrives."""
        queue = self._ready
        if self._held:
            pair = pair_of(delivery)
            queue = self._held.get(pair, queue)
            self._pairs[pair] += queue is self._ready
        queue[delivery.id] = delivery

    def next(self) -> Delivery | None:
        """The delivery whose turn it is; it stays until consumed or attempted. None: nothing may be handled now."""
        if not self._ready or (self._held and self._start_waits()):
            return None
        return next(iter(self._ready.values()))

    def find(self, id: bytes) -> Delivery:
        """Raises KeyError."""
        return self._queue_of(id)[id]

    def consumed(self, id: bytes) -> Delivery:
        """The delivery is done with; those of its pair that waited behind it follow. Raises KeyError."""
        delivery = self._take(id)
        if self._held:
            pair = pair_of(delivery)
            held = self._held.get(pair)
            if held is not None and not (held and next(iter(held)) in self.due):  # else it waited behind another one
                self._ready.update(held)
                self._pairs[pair] += len(held)
                del self._held[pair]
        return delivery

    def attempted(self, id: bytes, attempt: int, due: int) -> None:
        """The delivery failed for the `attempt`th time and waits until `due`. Raises KeyError."""
        delivery = copy(self._take(id))  # the commit in the making still holds the old one, and says how that came
        delivery.attempt = attempt
        pair = pair_of(delivery)
        if not self._held:
            self._pairs = Counter(map(pair_of, self._ready.values()))
        held = self._held.get(pair)
        if held is None:
            held = self._held[pair] = self._behind(pair)
        held[id] = delivery
        held.move_to_end(id, last=False)
        self.due[id], self._waiting[id] = due, pair

    def _behind(self, pair: Pair) -> Queue:
        """The ready ones of a pair, out of the queue."""
        ids = []
        if self._pairs.pop(pair, 0):  # most have none, and a flood of failures would look through all for each
            ids = [id for id, delivery in self._ready.items() if pair_of(delivery) == pair]
        return OrderedDict((id, self._ready.pop(id)) for id in ids)

    def retried(self, id: bytes) -> None:
        """The wait is over; its pair still waits behind it. Raises KeyError."""
        del self.due[id]
        pair = self._waiting.pop(id)
        self._ready[id] = delivery = self._held[pair].pop(id)
        self._pairs[pair] += 1
        if delivery.form is Form.START:
            self._ready.move_to_end(id, last=False)

    def records(self) -> Iterator[Delivered | Attempted | Retried]:
        """What makes an equal mailbox, but for casts; the same for equal mailboxes.

        Those that waited behind a cast alone are ready in the other mailbox, so they come before those that wait.
        """
        retried: set[Pair] = set()
        for delivery in self._ready.values():
            if not delivery.cast:
                yield Delivered(delivery)
                if (pair := pair_of(delivery)) in self._held:
                    yield Attempted(delivery.id, delivery.attempt, 0)
                    yield Retried(delivery.id)
                    retried.add(pair)
        queues = []
        for pair, queue in self._held.items():
            left = [delivery for delivery in queue.values() if not delivery.cast]
            if left:
                queues.append((pair in retried or left[0].id in self.due, left[0].id, left))
        for _, _, left in sorted(queues):
            for delivery in left:
                yield Delivered(delivery)
                if delivery.id in self.due:
                    yield Attempted(delivery.id, delivery.attempt, self.due[delivery.id])

    def _start_waits(self) -> bool:
        held = self._held.get(_START)
        return bool(held) and next(iter(held)) in self.due  # type: ignore[arg-type]

    def _take(self, id: bytes) -> Delivery:
        queue = self._queue_of(id)
        delivery = queue.pop(id)
        if queue is not self._ready:
            self.due.pop(id, None)
            self._waiting.pop(id, None)
        elif self._held:
            self._pairs[pair_of(delivery)] -= 1
        return delivery

    def _queue_of(self, id: bytes) -> Queue:
        """The one that has the delivery. Raises KeyError."""
        if id in self._ready:
            return self._ready
        if id in self._waiting:
            return self._held[self._waiting[id]]
        for queue in self._held.values():
            if id in queue:
                return queue
        raise KeyError(id)
