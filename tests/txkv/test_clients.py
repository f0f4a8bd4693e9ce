"""Transactions as programs that embed Radon write them."""

from __future__ import annotations

import asyncio
from itertools import combinations, permutations

import pytest

import radon
from radon.abi.errors import Invalid
from radon.kv import BlockingKv, BlockingTransaction, Conflict, Kv, Locked, Transaction, shard_of
from radon.kv.messages import Op, Status, items, parse, request
from tests.kv.stores import SHARDS, Calls
from tests.txkv.stores import World, put, tx_kind

ONE = b"transaction one."

MANIFEST = radon.Manifest.of({
    "application": {"name": "shop"},
    "kinds": {
        "kv": {"module": "std:kv", "spread": "sharded", "shards": 5},
        "tx": {"module": "std:txkv", "spread": "sharded", "shards": 2, "grants": ["kv/*"]},
    },
})  # fmt: skip


@pytest.fixture
def calls(world: World) -> Calls:
    return Calls(world.harness)


@pytest.fixture
def kv(calls: Calls) -> BlockingKv:
    return BlockingKv(calls, pause=lambda attempt: pytest.fail("somebody waits for nobody"))


def put_both(t: BlockingTransaction) -> None:
    """Which are of two shards."""
    t.put("a", b"1")
    t.put("b", b"1")


def locked(world: World, key: str) -> None:
    body = request(Op.PREPARE, ONE, items([put(key.encode(), b"9")]))
    at = f"kv/#{shard_of(key, SHARDS)}"
    assert parse(world.harness.call(at, body)).status is Status.OK


def end(world: World, key: str, op: Op) -> None:
    assert parse(world.harness.call(f"kv/#{shard_of(key, SHARDS)}", request(op, ONE))).status is Status.OK


def test_a_transaction_sees_what_it_wrote_and_nobody_else_does_before_its_end(world: World, kv: BlockingKv) -> None:
    kv.put_many({"a": b"1", "b": b"2", "gone": b"3"})
    with kv.transaction() as t:
        assert t.get_many(["a", "b", "none", "gone"]) == [b"1", b"2", None, b"3"]
        t.put("a", b"10")
        t.put("new", b"4", ttl=60)
        t.delete("gone")
        t.delete("none")
        assert t.get_many(["a", "new", "gone", "b"]) == [b"10", b"4", None, b"2"]
        assert kv.get_many(["a", "new", "gone"]) == [b"1", None, b"3"]
    assert kv.get_many(["a", "b", "new", "gone"]) == [b"10", b"2", b"4", None]
    found = kv.entry("new")
    assert found is not None
    assert found.expiry == world.harness.now + 60 * 10**9
    world.harness.advance("1m")
    assert kv.get("new") is None
    world.at_rest()


def test_an_exception_undoes_what_was_never_done(world: World, kv: BlockingKv) -> None:
    def work(t: BlockingTransaction) -> None:
        put_both(t)
        raise KeyError

    with pytest.raises(KeyError):
        kv.transact(work)
    assert kv.get_many(["a", "b"]) == [None, None]


def test_of_two_that_read_what_the_other_writes_one_conflicts(world: World, kv: BlockingKv) -> None:
    """Write skew: with locks on what is written alone both would go well."""
    kv.put_many({"a": b"1", "b": b"1"})
    with kv.transaction() as t:
        assert t.get("a") == b"1"
        t.put("b", b"2")
        with kv.transaction() as u:
            assert u.get("b") == b"1"
            u.put("a", b"2")
        world.harness.run()
        skewed = t._work
        t._work = kv._begin()
    with pytest.raises(Conflict):
        kv._commit(skewed, "")
    assert kv.get_many(["a", "b"]) == [b"2", b"1"]
    world.at_rest()


@pytest.mark.parametrize("change", ["put", "delete", "make"])
def test_whatever_changed_since_it_was_read_conflicts(kv: BlockingKv, change: str) -> None:
    if change != "make":
        kv.put("a", b"0")

    def work(t: BlockingTransaction) -> None:
        t.get("a")
        put_both(t)
        kv.delete("a") if change == "delete" else kv.put("a", b"1")

    with pytest.raises(Conflict):
        kv.transact(work, tries=1)
    assert kv.get("b") is None


def test_one_that_only_reads_conflicts_if_what_it_read_was_of_no_one_moment(kv: BlockingKv) -> None:
    kv.put_many({"a": b"1", "b": b"1"})
    with kv.transaction() as t:
        assert (t.get("a"), t.get("b")) == (b"1", b"1")

    def work(t: BlockingTransaction) -> None:
        t.get("a")
        kv.put("a", b"2")
        t.get("b")

    with pytest.raises(Conflict):
        kv.transact(work, tries=1)


def test_what_is_read_within_one_shard_needs_no_coordinator(world: World, kv: BlockingKv, calls: Calls) -> None:
    kv.put("a", b"1")
    before = calls.count
    with kv.transaction() as t:
        t.put("a", b"%d" % (int(t.get("a") or b"") + 1))
    assert calls.count == before + 2
    assert kv.get("a") == b"2"
    assert not any(world.harness.lives(f"tx/#{number}") for number in (0, 1))


def test_a_function_is_run_again_until_nobody_is_in_the_way(world: World, calls: Calls) -> None:
    pauses: list[int] = []
    kv = BlockingKv(calls, pause=pauses.append)
    kv.put_many({"a": b"0", "b": b"0"})
    runs = 0

    def work(t: BlockingTransaction) -> int:
        nonlocal runs
        runs += 1
        found = [int(value or b"") for value in t.get_many(["a", "b"])]
        if runs < 3:
            kv.add("a")
        t.put("a", b"%d" % (found[0] + 10))
        t.put("b", b"%d" % (found[1] + 10))
        return found[0]

    assert kv.transact(work) == 2
    assert pauses == [1, 2]
    assert kv.get_many(["a", "b"]) == [b"12", b"10"]
    runs = -100
    with pytest.raises(Conflict):
        kv.transact(work, tries=2)
    world.at_rest()


def test_a_read_waits_for_a_transaction_that_is_about_to_change_it(world: World, calls: Calls) -> None:
    def pause(attempt: int) -> None:
        if attempt == 3:
            end(world, "a", Op.COMMIT)

    kv = BlockingKv(calls, pause=pause)
    kv.put("a", b"1")
    locked(world, "a")
    with kv.transaction() as t:
        assert t.get("a") == b"9"
    locked(world, "a")
    assert kv.snapshot(["a", "b"]) == [b"9", None]
    locked(world, "a")
    never = BlockingKv(calls, pause=lambda attempt: None)
    with pytest.raises(Locked):
        never.snapshot(["a", "b"])
    with pytest.raises(Locked), never.transaction() as t:
        t.get("a")


def test_who_wants_to_write_what_is_locked_conflicts_at_once(world: World, kv: BlockingKv) -> None:
    locked(world, "a")
    with pytest.raises(Conflict):
        kv.transact(put_both, tries=1)
    assert kv.get("b") is None


def test_a_snapshot_is_of_one_moment(world: World, calls: Calls) -> None:
    """Whatever is written between two of its questions."""
    writer = BlockingKv(Calls(world.harness))
    keys = ["a", "b", "c"]
    writes = 0

    class Meanwhile(Calls):
        def call(self, *arguments: object, **fields: object) -> bytes:
            nonlocal writes
            if writes < 10:
                writes += 1
                with writer.transaction() as t:
                    for key in keys:
                        t.put(key, b"%d" % writes)
            return super().call(*arguments, **fields)  # type: ignore[arg-type]

    seen = BlockingKv(Meanwhile(world.harness), shards=SHARDS).snapshot([*keys, "a"])
    assert len(set(seen)) == 1
    assert seen[0] != b""
    assert BlockingKv(calls).snapshot([]) == []


def test_what_is_asked_again_under_its_name_happens_once(kv: BlockingKv) -> None:
    for _ in range(2):
        with kv.transaction(once="order 4711") as t:
            t.put("a", b"1")
            t.put("b", b"1")
        kv.put("a", b"2")
    assert kv.get_many(["a", "b"]) == [b"2", b"1"]


def test_what_is_not_there_is_named() -> None:
    with World(tx=tx_kind(grants=())) as world:
        kv = BlockingKv(Calls(world.harness), coordinators="kv")
        with pytest.raises(Invalid, match=r"^kv cannot do that; is it a std:txkv"):
            kv.transact(put_both)
        kv = BlockingKv(Calls(world.harness))
        with pytest.raises(Invalid, match=r'^tx cannot do that; .* the grant "kv/\*"'):
            kv.transact(put_both)
        assert kv.get_many(["a", "b"]) == [None, None]


async def test_coroutines_move_money_and_look_at_all_of_it() -> None:
    accounts = [f"account {number}" for number in range(6)]
    async with radon.Runtime(MANIFEST) as app:
        kv = Kv(app)
        await kv.put_many(dict.fromkeys(accounts, b"100"))

        async def move(source: str, target: str) -> None:
            async def work(t: Transaction) -> None:
                left, right = await t.get_many([source, target])
                t.put(source, b"%d" % (int(left or b"") - 7))
                t.put(target, b"%d" % (int(right or b"") + 7))

            await kv.transact(work)

        async def audit() -> None:
            for _ in range(10):
                values = await kv.snapshot(accounts)
                assert sum(int(value or b"") for value in values) == 600

        await asyncio.gather(*(move(*pair) for pair in permutations(accounts, 2)), audit(), audit())
        for source, target in combinations(accounts, 2):
            async with kv.transaction() as t:
                assert await t.get(source) == await t.get(target) == b"100"


async def test_leaving_a_block_of_a_coroutine_by_an_exception_changes_nothing() -> None:
    async with radon.Runtime(MANIFEST) as app:
        kv = Kv(app)

        async def work(t: Transaction) -> None:
            t.put("a", b"1")
            t.delete("b")
            raise KeyError

        with pytest.raises(KeyError):
            await kv.transact(work)
        assert await kv.get("a") is None
