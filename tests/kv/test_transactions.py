"""What a coordinator may rely on: locks and promises that outlive everything, and repetition that does no harm."""

from __future__ import annotations

from itertools import count
from random import Random

import pytest

from radon.kv.messages import BATCH_MAX, Answer, Flag, Op, Status, items, parse, request
from radon.testing.harness import Harness
from tests.kv.stores import store

ONE, TWO = b"transaction one.", b"transaction two."


def ask(harness: Harness, op: Op, key: bytes, *requests: bytes, payload: bytes = b"", shard: int = 0) -> Answer:
    return parse(harness.call(f"kv/#{shard}", request(op, key, payload or items(requests))))


def put(key: bytes, value: bytes) -> bytes:
    return request(Op.PUT, key, value)


def read(key: bytes, version: int) -> bytes:
    """That the transaction has read the key in this version."""
    return request(Op.GET, key, flags=Flag.IF_VERSION, version=version)


@pytest.mark.parametrize("loss", ["none", "instance", "process", "snapshot"])
@pytest.mark.parametrize(("end", "value"), [(Op.COMMIT, b"2"), (Op.ABORT, b"1")])
def test_what_was_prepared_outlives_a_loss_and_ends_once(harness: Harness, loss: str, end: Op, value: bytes) -> None:
    ask(harness, Op.PUT, b"a", payload=b"1")
    assert ask(harness, Op.PREPARE, ONE, put(b"a", b"2"), put(b"b", b"2")).status is Status.OK
    if loss == "instance":
        harness.forget()
    elif loss != "none":
        harness.restart(snapshot=loss == "snapshot")
    harness.advance("1d")
    locked = ask(harness, Op.GET, b"a")
    assert (locked.status, locked.value) == (Status.LOCKED, ONE)
    assert ask(harness, Op.PREPARE, ONE, put(b"a", b"2"), put(b"b", b"2")).status is Status.OK
    assert [ask(harness, end, ONE).status for _ in range(2)] == [Status.OK, Status.ABSENT]
    assert ask(harness, Op.GET, b"a").value == value
    assert set(harness.state("kv/#0")) == {"values", "shard"}


def test_others_hear_who_has_a_key_and_may_read_what_is_only_read(harness: Harness) -> None:
    version = ask(harness, Op.PUT, b"a", payload=b"1").version
    assert ask(harness, Op.PREPARE, ONE, read(b"a", version), put(b"b", b"2")).status is Status.OK
    assert ask(harness, Op.GET, b"a").value == b"1"
    assert ask(harness, Op.PUT, b"a", payload=b"3").status is Status.LOCKED
    assert ask(harness, Op.GET, b"b").status is Status.LOCKED
    refused = ask(harness, Op.PREPARE, TWO, put(b"c", b"3"), put(b"b", b"3"))
    assert (refused.status, refused.version, parse(refused.value).value) == (Status.LOCKED, 1, ONE)
    assert ask(harness, Op.PUT, b"c", payload=b"4").status is Status.OK  # what was not prepared locks nothing
    assert ask(harness, Op.COMMIT, ONE).status is Status.OK
    assert ask(harness, Op.PREPARE, TWO, put(b"c", b"3"), put(b"b", b"3")).status is Status.OK


def test_a_version_that_was_read_and_is_not_there_any_more_is_a_conflict(harness: Harness) -> None:
    version = ask(harness, Op.PUT, b"a", payload=b"1").version
    changed = ask(harness, Op.PUT, b"a", payload=b"1").version
    refused = ask(harness, Op.PREPARE, ONE, put(b"b", b"2"), read(b"a", version))
    assert (refused.status, refused.version, parse(refused.value).version) == (Status.CONFLICT, 1, changed)
    assert ask(harness, Op.PREPARE, ONE, put(b"b", b"2"), read(b"a", changed), read(b"c", 0)).status is Status.OK


def test_a_key_may_stand_in_it_more_than_once(harness: Harness) -> None:
    requests = [read(b"a", 0), put(b"a", b"1"), read(b"a", 0), put(b"a", b"2")]
    assert ask(harness, Op.PREPARE, ONE, *requests).status is Status.OK
    assert ask(harness, Op.GET, b"a").status is Status.LOCKED
    assert ask(harness, Op.COMMIT, ONE).status is Status.OK
    assert ask(harness, Op.GET, b"a").value == b"2"


def test_time_that_passes_over_what_was_prepared(harness: Harness) -> None:
    """An expiry from now counts from the commit; an entry that expires meanwhile is replaced all the same."""
    harness.call("kv/#0", request(Op.PUT, b"a", b"1", flags=Flag.RELATIVE, expiry=10))
    new = request(Op.PUT, b"a", b"2", flags=Flag.RELATIVE | Flag.IF_PRESENT, expiry=100)
    assert ask(harness, Op.PREPARE, ONE, new).status is Status.OK
    harness.advance(50)
    assert ask(harness, Op.COMMIT, ONE).status is Status.OK
    found = ask(harness, Op.GET, b"a")
    assert (found.value, found.expiry) == (b"2", harness.now + 100)
    harness.advance(100)
    assert ask(harness, Op.GET, b"a").status is Status.ABSENT


def test_several_may_end_in_one_message(harness: Harness) -> None:
    for name, key in ((ONE, b"a"), (TWO, b"b")):
        assert ask(harness, Op.PREPARE, name, put(key, b"1"), read(key, 0)).status is Status.OK
    unknown = b"transaction six."
    for bad in (b"", ONE[:-1], ONE + TWO[:-1]):
        assert ask(harness, Op.COMMIT, bad).status is Status.INVALID
    ended = ask(harness, Op.COMMIT, ONE + unknown + TWO + ONE)
    assert (ended.status, ended.version) == (Status.OK, 4)
    assert [ask(harness, Op.GET, key).value for key in (b"a", b"b")] == [b"1", b"1"]
    assert ask(harness, Op.ABORT, ONE + unknown).status is Status.ABSENT
    assert set(harness.state("kv/#0")) == {"values", "shard"}


def test_what_nobody_awaits_the_answer_of_is_not_prepared(harness: Harness) -> None:
    """Such as a dead letter that is revived when its transaction is long over."""
    harness.send("kv/#0", request(Op.PREPARE, ONE, items([put(b"a", b"1")])))
    assert ask(harness, Op.ABORT, ONE).status is Status.ABSENT
    harness.send("kv/#0", request(Op.PUT, b"a", b"1"))
    assert ask(harness, Op.GET, b"a").value == b"1"


def test_of_what_is_prepared_at_once_an_instance_finds_all_again(harness: Harness) -> None:
    """Up to 16 MiB, which is many pages."""
    names = [b"%016d" % number for number in range(20)]
    done = [ask(harness, Op.PREPARE, name, put(name, bytes(1_000_000))).status for name in names]
    assert done == [Status.OK] * 16 + [Status.LOCKED] * 4
    harness.forget()
    for name in names[:16]:
        locked = ask(harness, Op.PUT, name, payload=b"1")
        assert (locked.status, locked.value) == (Status.LOCKED, name)
    assert ask(harness, Op.PREPARE, names[16], put(names[16], bytes(1_000_000))).status is Status.LOCKED
    assert ask(harness, Op.COMMIT, names[0]).status is Status.OK
    assert ask(harness, Op.PREPARE, names[16], put(names[16], bytes(1_000_000))).status is Status.OK
    assert ask(harness, Op.ABORT, b"".join(names)).version == 16
    assert not harness.dead()


def test_more_keys_than_may_be_locked_at_once_wait_for_others(harness: Harness) -> None:
    parts = [[put(b"%d %d" % (number, part), b"") for number in range(BATCH_MAX)] for part in range(2)]
    assert ask(harness, Op.PREPARE, ONE, *parts[0]).status is Status.OK
    assert ask(harness, Op.PREPARE, TWO, *parts[1]).status is Status.LOCKED
    assert ask(harness, Op.GET, b"0 1").status is Status.ABSENT
    assert ask(harness, Op.PREPARE, TWO, *parts[1][:-1]).status is Status.OK
    assert ask(harness, Op.GET, b"0 1").status is Status.LOCKED
    assert ask(harness, Op.COMMIT, ONE + TWO).version == 2 * BATCH_MAX - 1
    assert ask(harness, Op.GET, b"%d 1" % (BATCH_MAX - 2)).status is Status.OK


@pytest.mark.parametrize("seed", range(5))
def test_two_phases_over_two_shards_move_money_and_lose_none(seed: int) -> None:
    """A coordinator in Python with many transfers under way, of which some conflict; sums are read when all is over."""
    random, names = Random(seed), count(1)
    with store(2) as harness:
        for shard in range(2):
            for account in range(3):
                ask(harness, Op.PUT, b"%d" % account, payload=b"100", shard=shard)
        under_way: list[bytes] = []
        for _ in range(100):
            name = b"%016d" % next(names)
            amount, accounts = random.randrange(1, 20), [b"%d" % random.randrange(3) for _ in range(2)]
            found = [ask(harness, Op.GET, account, shard=shard) for shard, account in enumerate(accounts)]
            if any(each.status is Status.LOCKED for each in found):
                continue
            new = [int(found[0].value) - amount, int(found[1].value) + amount]
            ready = True
            for shard, account in enumerate(accounts):
                part = [read(account, found[shard].version), put(account, b"%d" % new[shard])]
                ready = ready and ask(harness, Op.PREPARE, name, *part, shard=shard).status is Status.OK
            assert ready  # nobody came in between
            under_way.append(name)
            if random.random() < 0.2:
                harness.restart(snapshot=random.random() < 0.5)
            if len(under_way) > 1 or random.random() < 0.7:
                over = under_way.pop(random.randrange(len(under_way)))
                end = random.choice((Op.COMMIT, Op.COMMIT, Op.ABORT))
                for shard in (0, 1):
                    assert ask(harness, end, over, shard=shard).status is Status.OK
        for name in under_way:
            for shard in (0, 1):
                ask(harness, Op.COMMIT, name, shard=shard)
        total = sum(
            int(ask(harness, Op.GET, b"%d" % account, shard=shard).value) for shard in range(2) for account in range(3)
        )
        assert total == 600
