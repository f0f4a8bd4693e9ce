"""What was never so at one moment is never shown, even where a key came and went between two looks at it.

`x` is there whenever `b` is; nobody is to see `b` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from radon.kv import Conflict, shard_of
from radon.kv.messages import Answer, Op, Status, parse
from radon.kv.operations import Ask, Operations, Steps, T
from radon.kv.transactions import Snapshot, Work
from tests.kv.stores import SHARDS
from tests.txkv.stores import World

X, B = b"x", b"b"
AT_X, AT_B = shard_of(X, SHARDS), shard_of(B, SHARDS)

Turn = Callable[[World], None]


def both_come(world: World) -> None:
    for key, shard in ((X, AT_X), (B, AT_B)):
        world.ask(Op.PUT, key, b"1", at=f"kv/#{shard}")


def both_go(world: World) -> None:
    for key, shard in ((B, AT_B), (X, AT_X)):
        world.ask(Op.DELETE, key, at=f"kv/#{shard}")


def nothing_happens(world: World) -> None:
    pass


def drive(world: World, steps: Steps[T], rounds: Iterator[tuple[int, Turn]]) -> T:
    """Runs an operation whose questions to the two shards arrive one after the other. `rounds`: which shard is asked
    first in each round, and what happens before the other one is."""
    try:
        asks = next(steps)
        while True:
            first, meanwhile = next(rounds, (AT_X, nothing_happens))
            answers: dict[Ask, Answer] = {}
            for ask in sorted(asks, key=lambda ask: ask.shard != first):
                if ask.shard != first:
                    meanwhile(world)
                answers[ask] = parse(world.harness.call(f"kv/{ask.key}", ask.body))
            asks = steps.send([answers[ask] for ask in asks])
    except StopIteration as end:
        value: T = end.value
        return value


def test_the_keys_are_in_two_shards() -> None:
    assert AT_X != AT_B


def test_a_snapshot_is_of_one_moment(world: World) -> None:
    steps = Snapshot(Operations(SHARDS), [X, B]).take()
    assert drive(world, steps, iter([(AT_X, both_come), (AT_B, both_go)])) == [None, None]


def test_a_snapshot_looks_again_only_at_what_has_changed(world: World) -> None:
    def x_comes_and_goes(world: World) -> None:
        world.ask(Op.PUT, X, b"1", at=f"kv/#{AT_X}")
        world.ask(Op.DELETE, X, at=f"kv/#{AT_X}")

    asked: list[set[int]] = []

    def noted(steps: Steps[T]) -> Steps[T]:
        try:
            asks = next(steps)
            while True:
                asked.append({ask.shard for ask in asks})
                asks = steps.send((yield asks))
        except StopIteration as end:
            value: T = end.value
            return value

    steps = noted(Snapshot(Operations(SHARDS), [X, B]).take())
    assert drive(world, steps, iter([(AT_X, x_comes_and_goes)])) == [None, None]
    assert asked == [{AT_X, AT_B}, {AT_X, AT_B}, {AT_X}, {AT_X, AT_B}]


def test_a_transaction_that_only_reads_is_of_one_moment(world: World) -> None:
    work = Work(Operations(SHARDS), "kv", "tx")
    assert drive(world, work.get_many([X, B]), iter([(AT_X, both_come)])) == [None, b"1"]
    with pytest.raises(Conflict):
        drive(world, work.commit(1), iter([(AT_B, both_go)]))


def test_what_a_transaction_read_as_absent_may_be_written(world: World) -> None:
    work = Work(Operations(SHARDS), "kv", "tx")
    both_come(world)
    both_go(world)
    assert drive(world, work.get_many([X, B]), iter([])) == [None, None]
    work.put(X, b"2", None, False)
    work.delete(B)
    (ask,) = next(work.commit(1))
    assert parse(world.harness.call("tx/#0", ask.body)).status is Status.OK
    assert (world.value(X, f"kv/#{AT_X}"), world.value(B, f"kv/#{AT_B}")) == (b"2", None)
    world.at_rest()
