"""Many entries and elements: scans, cursors, what is drawn at random, and lists that are cut in the middle."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.redis.keyspaces import Client, check_state
from tests.redis.resp import Error, Null


def scanned(client: Client, *words: str, at: int = 1) -> list[bytes]:
    """All that a scan shows until its cursor is 0."""
    found, cursor = [], b"0"
    for _ in range(1000):
        asked = [*words[:at], cursor, *words[at:]]
        cursor, page = client.run(*asked)
        found += page
        if cursor == b"0":
            return found
    raise AssertionError("the scan does not end")


def test_a_scan_shows_every_key_of_its_database_once(client: Client) -> None:
    for begin in range(0, 700, 100):
        client.run("MSET", *(word for n in range(begin, begin + 100) for word in (f"key:{n}", "v")))
    client.run("RPUSH", "list", "a")
    other = Client(client.harness, db=1)
    other.run("SET", "elsewhere", "1")
    keys = sorted([f"key:{n}".encode() for n in range(700)] + [b"list"])
    assert sorted(scanned(client, "SCAN")) == keys
    assert sorted(scanned(client, "SCAN", "COUNT", "33")) == keys
    assert scanned(client, "SCAN", "TYPE", "list", "COUNT", "100") == [b"list"]
    assert len(scanned(client, "SCAN", "MATCH", "key:1*")) == 111
    assert sorted(client.run("KEYS", "*")) == keys
    assert client.run("DBSIZE") == 701
    assert client.run("SCAN", "12345")[1] != []  # one that is not known begins anew
    drawn = {client.run("RANDOMKEY") for _ in range(50)}
    assert len(drawn) > 30
    assert drawn <= set(keys)


def test_a_random_key_of_very_many(client: Client) -> None:
    for begin in range(0, 3000, 500):
        client.run("MSET", *(word for n in range(begin, begin + 500) for word in (f"user:{n:06}", "v")))
    drawn = Counter(client.run("RANDOMKEY") for _ in range(200))
    assert len(drawn) > 50


def test_a_scan_of_a_large_hash(client: Client) -> None:
    fields = [f"field:{n}" for n in range(900)]
    client.run("HSET", "h", *(word for field in fields for word in (field, "v")))
    assert client.run("OBJECT", "ENCODING", "h") == b"hashtable"
    found = scanned(client, "HSCAN", "h", at=2)
    assert sorted(found[::2]) == sorted(field.encode() for field in fields)
    assert set(found[1::2]) == {b"v"}
    found = scanned(client, "HSCAN", "h", "MATCH", "*99", "COUNT", "100", at=2)
    assert sorted(found[::2]) == [b"field:%d" % n for n in (199, 299, 399, 499, 599, 699, 799, 899, 99)]


@pytest.mark.parametrize("protocol", [2, 3])
def test_fields_are_drawn_with_the_same_chance(client: Client, protocol: int) -> None:
    client.protocol = protocol
    client.run("HSET", "h", "a", "1", "b", "2", "c", "3", "d", "4")
    pairs = client.run("HRANDFIELD", "h", "3", "WITHVALUES")
    found = dict(pairs) if protocol == 3 else dict(zip(pairs[::2], pairs[1::2], strict=True))
    assert len(found) == 3
    assert found.items() <= {b"a": b"1", b"b": b"2", b"c": b"3", b"d": b"4"}.items()
    drawn = Counter(client.run("HRANDFIELD", "h", "-4000"))
    assert all(850 < drawn[field] < 1150 for field in (b"a", b"b", b"c", b"d"))
    singles = Counter(client.run("HRANDFIELD", "h") for _ in range(400))
    assert all(60 < singles[field] < 140 for field in (b"a", b"b", b"c", b"d"))


def test_a_dump_is_restored_and_anything_else_is_not(client: Client) -> None:
    client.run("RPUSH", "l", "a", "b", "a")
    client.run("HSET", "h", "f", "v")
    client.run("SET", "s", "text")
    for key in "lhs":
        dump = client.run("DUMP", key)
        assert client.run("RESTORE", key, "0", dump) == Error("BUSYKEY Target key name already exists.")
        assert client.run("RESTORE", f"{key}2", "100000", dump) == "OK"
        assert client.run("TYPE", f"{key}2") == client.run("TYPE", key)
        assert client.run("DUMP", f"{key}2") == dump
        assert client.run("PTTL", f"{key}2") == 100_000
        for at in range(len(dump)):
            broken = dump[:at] + bytes([dump[at] ^ 1]) + dump[at + 1 :]
            wrong = Error("ERR DUMP payload version or checksum are wrong")
            assert client.run("RESTORE", "x", "0", broken) == wrong
    assert isinstance(client.run("DUMP", "nothing"), Null)
    assert client.run("LRANGE", "l2", 0, -1) == [b"a", b"b", b"a"]
    check_state(client.harness)


def test_a_long_list_is_cut_at_either_side(client: Client) -> None:
    model = [b"%d" % (n % 10) for n in range(200)]
    client.run("RPUSH", "l", *model)
    for words, change in [
        (("LREM", "l", "3", "4"), lambda: [model.remove(b"4") for _ in range(3)]),
        (("LINSERT", "l", "BEFORE", "9", "x"), lambda: model.insert(model.index(b"9"), b"x")),
        (("LSET", "l", "-7", "y"), lambda: model.__setitem__(-7, b"y")),
        (("LINSERT", "l", "AFTER", "y", "z"), lambda: model.insert(model.index(b"y") + 1, b"z")),
        (("LREM", "l", "-1", "5"), lambda: model.pop(max(i for i, word in enumerate(model) if word == b"5"))),
        (("LREM", "l", "0", "7"), lambda: model.__setitem__(slice(None), [word for word in model if word != b"7"])),
        (("LTRIM", "l", "5", "-6"), lambda: model.__setitem__(slice(None), model[5:-5])),
    ]:
        client.run(*words)
        change()
        assert client.run("LRANGE", "l", 0, -1) == model, words
    assert client.run("LLEN", "l") == len(model)
    check_state(client.harness)
