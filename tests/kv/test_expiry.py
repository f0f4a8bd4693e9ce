"""Entries that end by themselves: at their very time, whatever was lost, and none is left behind."""

from __future__ import annotations

import pytest

from radon.kv import BlockingKv
from radon.kv.messages import Flag, Op, Status, parse, request
from radon.testing.harness import Harness
from tests.kv.stores import Calls, store


def buckets(harness: Harness, shard: int = 0) -> dict[str, dict[bytes, bytes]]:
    return {name: found for name, found in harness.state(f"kv/#{shard}").items() if name != "shard"}


@pytest.mark.parametrize("loss", ["none", "instance", "process", "snapshot"])
def test_an_entry_is_there_until_its_time_and_then_gone(harness: Harness, kv: BlockingKv, loss: str) -> None:
    kv.put("a", b"1", ttl=10)
    harness.advance("9s")
    if loss == "instance":
        harness.forget()
    elif loss != "none":
        harness.restart(snapshot=loss == "snapshot")
    harness.advance(999_999_999)
    assert kv.get("a") == b"1"
    harness.advance(1)
    assert kv.get("a") is None
    assert all(buckets(harness, shard) == {} for shard in range(4) if harness.lives(f"kv/#{shard}"))


def test_what_has_expired_is_not_there_before_the_timer_rang() -> None:
    """A time that has passed already, when it is put: the timer rings with the next input of time."""
    with store(1) as harness:
        kv = BlockingKv(Calls(harness))
        harness.call("kv/#0", request(Op.PUT, b"a", b"1", expiry=harness.now))
        assert (kv.get("a"), kv.exists("a"), list(kv.scan())) == (None, False, [])
        assert kv.delete("a") is False
        harness.call("kv/#0", request(Op.PUT, b"a", b"1", expiry=harness.now))
        assert kv.add("a") == 1
        entry = kv.entry("a")
        assert entry is not None
        assert entry.expiry == 0
        harness.advance("1s")
        assert kv.get("a") == b"1"


def test_expiry_can_be_moved_and_taken_away(harness: Harness, kv: BlockingKv) -> None:
    kv.put("a", b"1", ttl=10)
    assert kv.expire("a", 20) is True
    harness.advance("15s")
    assert kv.get("a") == b"1"
    assert kv.expire("a", 1) is True
    harness.advance("1s")
    assert kv.get("a") is None
    assert kv.expire("a", 1) is False
    kv.put("a", b"1", ttl=1)
    assert kv.expire("a", None) is True
    kv.put("b", b"1", ttl=1)
    kv.put("b", b"2")
    harness.advance("1h")
    assert (kv.get("a"), kv.get("b")) == (b"1", b"2")


def test_what_changes_a_part_of_an_entry_keeps_its_expiry(harness: Harness, kv: BlockingKv) -> None:
    for key in ("put", "append", "write"):
        kv.put(key, b"1", ttl=10)
    kv.put("put", b"2", keep_ttl=True)
    kv.append("append", b"2")
    kv.write("write", 0, b"2")
    assert kv.add("add", ttl=10) == 1
    harness.advance("9s")
    assert kv.add("add", ttl=10) == 2
    assert kv.get_many(["put", "append", "write", "add"]) == [b"2", b"12", b"2", b"2"]
    harness.advance("1s")
    assert kv.get_many(["put", "append", "write", "add"]) == [None] * 4


def test_many_that_expire_at_once_are_removed_in_several_turns() -> None:
    with store(1) as harness:
        kv = BlockingKv(Calls(harness))
        kv.put_many({f"{number:05}": b"" for number in range(3500)}, ttl=1)
        kv.put("stays", b"", ttl=2)
        harness.advance("1s")
        assert [key for key, _ in kv.scan()] == [b"stays"]
        harness.advance(1)
        assert list(buckets(harness)["values"]) == [b"stays"]
        harness.advance("1s")
        assert buckets(harness) == {}
        assert not harness.dead()


def test_there_is_one_timer_whatever_was_put(harness: Harness, kv: BlockingKv) -> None:
    for number in range(300):
        kv.put("same", b"%d" % number, ttl=1 + number % 7)
    atoms = [atom for atom in harness.image().atoms.values() if atom.timers]
    assert [len(atom.timers) for atom in atoms] == [1]


def test_a_time_beyond_all_times_is_one_that_never_comes() -> None:
    with store(1) as harness:
        body = request(Op.PUT, b"a", b"1", flags=Flag.RELATIVE, expiry=2**64 - 1)
        found = parse(harness.call("kv/#0", body))
        assert (found.status, found.expiry) == (Status.OK, 2**64 - 1)
        harness.advance("36500d")
        assert BlockingKv(Calls(harness)).get("a") == b"1"


def test_relative_and_absolute_times_are_of_the_shards_clock(harness: Harness, kv: BlockingKv) -> None:
    kv.put("a", b"1", ttl=2.5)
    entry = kv.entry("a")
    assert entry is not None
    assert entry.expiry == harness.now + 2_500_000_000
