"""Replicas that clients write to and read from: what they show at once, and what all of them show in the end."""

from __future__ import annotations

import pytest

from radon.kv import IF_ABSENT, NotANumber, Unsupported, if_version
from radon.kv.messages import BATCH_MAX, Op, Status, parse, parse_info, request
from radon.testing.harness import Harness
from tests.kvr.stores import REPLICAS, SHARDS, agree, client, clients

KEYS = ["", "a", "#1", "ключ", b"\xff\x00", "x" * 65_000]


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_what_one_replica_was_told_all_show_in_the_end(harness: Harness, key: str | bytes) -> None:
    one, two, three = clients(harness)
    assert one.put(key, b"1") > 0
    assert one.get(key) == b"1"
    assert (two.get(key), three.get(key)) == (None, None)
    harness.advance("1s")
    assert (one.get(key), two.get(key), three.get(key)) == (b"1", b"1", b"1")
    assert two.delete(key) is True
    assert (two.get(key), three.get(key)) == (None, b"1")
    harness.advance("1s")
    assert (one.get(key), two.get(key), three.get(key)) == (None, None, None)
    assert three.delete(key) is False


def test_the_last_put_wins(eventual: Harness) -> None:
    for near, each in enumerate(clients(eventual)):
        eventual.advance(1000)
        each.put("a", b"%d" % near)
    assert agree(eventual) == {b"a": b"2"}
    assert len(client(eventual).versions("a").entries) == 1


def test_of_puts_at_one_instant_that_of_the_highest_number_wins(eventual: Harness) -> None:
    for near in (1, 2, 0):
        client(eventual, near).put("a", b"%d" % near)
    assert agree(eventual) == {b"a": b"2"}


def test_a_deletion_wins_over_what_was_put_before_it_and_not_over_what_comes_after(eventual: Harness) -> None:
    one, two, three = clients(eventual)
    one.put("a", b"old")
    one.put("b", b"old")
    eventual.advance("1s")
    two.put("a", b"put")
    one.delete("b")
    eventual.advance(1000)
    three.delete("a")
    two.put("b", b"put")
    assert agree(eventual) == {b"b": b"put"}


def test_what_was_put_at_the_same_time_stays_side_by_side_until_somebody_replaces_it(causal: Harness) -> None:
    one, two, three = clients(causal)
    one.put("a", b"1")
    causal.advance(1000)
    two.put("a", b"2")
    assert agree(causal) == {b"a": b"2"}
    found = three.versions("a")
    assert [entry.value for entry in found.entries] == [b"2", b"1"]
    one.put("a", b"3", after=two.versions("a"))
    two.put("a", b"4", after=found)
    assert agree(causal) == {b"a": b"4"}
    assert [entry.value for entry in one.versions("a").entries] == [b"4", b"3"]
    one.put("a", b"5")
    assert agree(causal) == {b"a": b"5"}
    assert [entry.value for entry in three.versions("a").entries] == [b"5"]


def test_a_put_replaces_just_what_was_there_when_versions_were_read(causal: Harness) -> None:
    one, other = client(causal), client(causal)
    one.put("a", b"1")
    found = one.versions("a")
    other.put("a", b"2")
    one.put("a", b"3", after=found)
    assert [entry.value for entry in one.versions("a").entries] == [b"3", b"2"]
    assert agree(causal) == {b"a": b"3"}


def test_a_deletion_deletes_what_was_there_and_not_what_was_put_meanwhile(causal: Harness) -> None:
    one, two, three = clients(causal)
    one.put("a", b"1")
    causal.advance("1s")
    two.put("a", b"2")
    three.delete("a")
    assert agree(causal) == {b"a": b"2"}


def test_counters_add_up_what_all_replicas_counted(harness: Harness) -> None:
    one, two, three = clients(harness)
    assert (one.add("n"), one.add("n", 9), two.add("n", -4), three.add("n", 100)) == (1, 10, -4, 100)
    assert agree(harness) == {b"n": b"106"}
    assert two.add("n") == 107
    assert agree(harness) == {b"n": b"107"}


def test_a_number_that_was_put_is_counted_on_from(harness: Harness) -> None:
    one, two, _ = clients(harness)
    one.put("n", b"40")
    harness.advance("1s")
    assert (one.add("n"), two.add("n")) == (41, 41)
    assert agree(harness) == {b"n": b"42"}
    two.put("n", b"0")
    assert agree(harness) == {b"n": b"0"}
    one.delete("n")
    assert agree(harness) == {}
    assert two.add("n") == 1
    assert agree(harness) == {b"n": b"1"}


def test_a_counter_is_no_word_and_does_not_overflow(harness: Harness) -> None:
    one, two, _ = clients(harness)
    one.put("word", b"seven")
    with pytest.raises(NotANumber):
        one.add("word")
    one.add("most", 2**63 - 1)
    with pytest.raises(NotANumber):
        one.add("most")
    two.add("most", 5)
    assert agree(harness)[b"most"] == b"%d" % (2**63 - 1)
    with pytest.raises(Unsupported):
        one.add("brief", ttl=1)


def test_sets_have_what_any_replica_inserted(harness: Harness) -> None:
    one, two, three = clients(harness)
    assert one.insert("s", b"x")
    assert two.insert("s", b"y")
    assert three.insert("s", b"x")
    harness.advance("1s")
    assert [each.members("s") for each in (one, two, three)] == [[b"x", b"y"]] * 3
    assert one.remove("s", b"x")
    assert not one.remove("s", b"x")
    assert one.members("s") == [b"y"]
    agree(harness)
    assert three.members("s") == [b"y"]
    assert three.remove("s", b"y")
    agree(harness)
    assert (one.members("s"), one.get("s")) == ([], None)


def test_who_inserts_wins_over_who_removes_at_the_same_time(harness: Harness) -> None:
    one, two, three = clients(harness)
    one.insert("s", b"x")
    two.insert("s", b"x")
    harness.advance("1s")
    one.remove("s", b"x")
    three.insert("s", b"x")
    agree(harness)
    assert [each.members("s") for each in (one, two, three)] == [[b"x"]] * 3


def test_a_value_a_number_and_a_set_are_not_each_other(harness: Harness) -> None:
    one = client(harness)
    one.put("v", b"x")
    one.add("n")
    one.insert("s", b"x")
    for call in (lambda: one.insert("v", b"x"), lambda: one.insert("n", b"x"), lambda: one.add("s")):
        with pytest.raises(Exception, match="another tag"):
            call()
    one.put("s", b"x")
    assert one.get("s") == b"x"


def test_many_keys_at_once_and_in_order(harness: Harness) -> None:
    one, two, _ = clients(harness)
    values = {f"{number:03}": b"%d" % number for number in range(300)}
    one.put_many(values)
    one.delete_many(["007", "nothing"])
    harness.advance("1s")
    assert two.get_many(["000", "007", "299", "nothing"]) == [b"0", None, b"299", None]
    expected = [(key.encode(), value) for key, value in values.items() if key != "007"]
    assert [(key, entry.value) for key, entry in two.scan(page=7)] == expected
    assert [key for key, _ in two.scan("28", "29", values=False)] == [f"28{digit}".encode() for digit in range(10)]
    two.put_many({f"k{number}": b"" for number in range(BATCH_MAX + 1)})
    assert len(list(two.scan("k"))) == BATCH_MAX + 1


def test_parts_lengths_tags_and_times(harness: Harness) -> None:
    one = client(harness)
    one.put("a", b"hello", tag=7, ttl=10)
    assert (one.length("a"), one.part("a", 1, 3), one.exists("b")) == (5, b"ell", False)
    entry = one.entry("a")
    assert entry is not None
    assert (entry.tag, entry.expiry) == (7, harness.now + 10 * 10**9)
    one.put("a", b"hallo", keep_ttl=True)
    assert one.expire("b", 5) is False
    assert one.expire("a", 5) is True
    harness.advance("4s")
    assert agree(harness) == {}


@pytest.mark.parametrize("far", [False, True])
def test_what_expires_is_gone_everywhere_and_leaves_nothing(harness: Harness, far: bool) -> None:
    one, two, _ = clients(harness)
    one.put("a", b"1", ttl=10)
    harness.advance("9s" if far else "10ms")
    assert (two if far else one).get("a") == b"1"
    harness.advance("1m")
    assert agree(harness) == {}
    assert_nothing_is_left(harness)


def test_deletions_are_forgotten_when_all_have_heard_of_them(harness: Harness) -> None:
    one, two, three = clients(harness)
    for number in range(20):
        one.put(f"{number}", b"x")
        two.insert(f"s{number}", b"x")
    harness.advance("1s")
    for number in range(20):
        three.delete(f"{number}")
        one.remove(f"s{number}", b"x")
    harness.advance("1m")
    assert_nothing_is_left(harness)


def assert_nothing_is_left(harness: Harness) -> None:
    for shard in range(SHARDS):
        for suffix in ("", *(f"+{number}" for number in range(1, REPLICAS))):
            if harness.lives(f"kvr/#{shard}{suffix}"):
                left = harness.state(f"kvr/#{shard}{suffix}")
                assert {name: found for name, found in left.items() if found and name != "replica"} == {}
    assert not harness.dead()


def test_what_needs_one_owner_is_refused_with_a_way_out(harness: Harness) -> None:
    one = client(harness)
    one.put("a", b"1")
    for call in (
        lambda: one.put("a", b"2", when=IF_ABSENT), lambda: one.put("a", b"2", when=if_version(1)),
        lambda: one.compare_and_set("a", b"1", b"2"), lambda: one.append("a", b"2"), lambda: one.write("a", 0, b"2"),
        lambda: one.swap("a", b"2"), lambda: one.take("a"), lambda: one.delete("a", when=IF_ABSENT),
    ):  # fmt: skip
        with pytest.raises(Unsupported, match="use a kind of std:kv"):
            call()
    assert one.get("a") == b"1"


def test_a_client_learns_how_many_shards_and_replicas_there_are(harness: Harness) -> None:
    answer = parse(harness.call("kvr/#0", request(Op.INFO)))
    assert answer.status is Status.OK
    assert parse_info(answer)[1:] == (SHARDS, 65_520, 196_584, 16384, 4 << 20, REPLICAS)


def test_a_loss_of_instances_or_of_the_process_changes_nothing(harness: Harness) -> None:
    one, two, three = clients(harness)
    for number in range(30):
        (one, two, three)[number % 3].add("n")
        one.put(f"{number}", b"x")
        if number % 5 == 0:
            harness.forget()
        elif number % 5 == 3:
            harness.restart(snapshot=number % 2 == 0)
        elif number % 5 == 4:
            harness.advance("15ms")
    found = agree(harness)
    assert found.pop(b"n") == b"30"
    assert found == {b"%d" % number: b"x" for number in range(30)}
