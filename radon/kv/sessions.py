"""Sessions with a replicated store (docs/kvr.md): what a client has seen, so that it never sees less again.

Pure, as `operations.py`: turns what an operation asks of shards into what is asked of their replicas.
"""

from __future__ import annotations

import struct

from radon.abi.errors import Invalid, RadonError
from radon.kv.messages import HEAD, NO_FLAGS, WAIT, Answer, ReplicaOp, Status, parse, request
from radon.kv.operations import Ask, Steps, T


class Behind(RadonError):
    """No replica has seen yet what this session has. Try again."""


class Session:
    """One client's. It asks replica `near` of each shard, and the others if that one has not seen enough yet."""

    def __init__(self, replicas: int, near: int = 0) -> None:
        self._replicas = replicas
        self.move(near)
        self._seen: dict[int, tuple[int, ...]] = {}  # by shard: of each replica the newest change

    def move(self, near: int) -> None:
        """Ask another replica from now on."""
        if not 0 <= near < self._replicas:
            raise Invalid(f"there is no replica {near}: they are 0 to {self._replicas - 1}")
        self._near = near

    def steps(self, steps: Steps[T]) -> Steps[T]:
        """The same operation, within this session. Raises Behind."""
        try:
            asks = next(steps)
            while True:
                asks = steps.send((yield from self._asked(asks)))
        except StopIteration as end:
            value: T = end.value
            return value

    def _asked(self, asks: list[Ask]) -> Steps[list[Answer]]:
        answers: dict[int, Answer] = {}
        for again in range(self._replicas + 1):
            left = [number for number in range(len(asks)) if number not in answers]
            given = yield [self._wrapped(asks[number], again) for number in left]
            for number, answer in zip(left, given, strict=True):
                if answer.status is not Status.BEHIND:
                    answers[number] = self._unwrapped(asks[number].shard, answer)
            if len(answers) == len(asks):
                return [answers[number] for number in range(len(asks))]
        raise Behind("no replica has seen yet what this session has; try again")

    def _wrapped(self, ask: Ask, again: int) -> Ask:
        """The last time the replica may wait until it has seen enough."""
        seen = self._seen.get(ask.shard, (0,) * self._replicas)
        token = struct.pack(f"<{self._replicas}Q", *seen) + ask.context
        flags = WAIT if again == self._replicas else NO_FLAGS
        body = request(ReplicaOp.SESSION, token, ask.body, flags=flags)
        return Ask(ask.shard, body, replica=(self._near + again) % self._replicas, again=again)

    def _unwrapped(self, shard: int, answer: Answer) -> Answer:
        if answer.status is not Status.OK:
            return answer
        size = 8 * self._replicas
        if len(answer.value) < size + HEAD:
            raise Invalid("no answer to a session; is this address a kvr?")
        seen = struct.unpack_from(f"<{self._replicas}Q", answer.value)
        self._seen[shard] = tuple(map(max, self._seen.get(shard, seen), seen))
        return parse(answer.value[size:])
