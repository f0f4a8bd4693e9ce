"""A coordinator: all parts or none, whatever is refused, and nothing is left behind."""

from __future__ import annotations

import pytest

from radon.kv.messages import HEAD, PARTS_MAX, Flag, Op, Status, parse, request
from tests.txkv.stores import World, delete, message, put, seen, tx_kind


def test_all_parts_happen_and_nothing_is_left(world: World) -> None:
    version = world.ask(Op.PUT, b"a", b"1").version
    world.ask(Op.PUT, b"gone", b"1", at="kv/#2")
    answer = world.run(
        ("kv/#0", (seen(b"a", version), put(b"a", b"2"))),
        ("kv/#1", (put(b"b", b"2"), put(b"c", b"2"))),
        ("kv/#2", (delete(b"gone"),)),
        ("other/#1", (put(b"d", b"2"),)),
    )
    assert answer.status is Status.OK
    assert [world.value(b"a"), world.value(b"b", "kv/#1"), world.value(b"c", "kv/#1")] == [b"2"] * 3
    assert [world.value(b"gone", "kv/#2"), world.value(b"d", "other/#1")] == [None, b"2"]
    world.at_rest()


def test_one_part_is_asked_of_its_shard_at_once(world: World) -> None:
    assert world.run(("kv/#0", (put(b"a", b"1"), put(b"b", b"1")))).status is Status.OK
    refused = world.run(("kv/#0", (put(b"c", b"2"), put(b"a", b"2", Flag.IF_ABSENT))))
    assert (refused.status, refused.expiry, refused.version) == (Status.CONFLICT, 0, 1)
    assert [world.value(key) for key in (b"a", b"b", b"c")] == [b"1", b"1", None]
    world.at_rest()


def test_a_conflict_tells_which_part_which_request_and_what_there_is(world: World) -> None:
    version = world.ask(Op.PUT, b"b", b"1", at="kv/#1").version
    refused = world.run(
        ("kv/#0", (put(b"a", b"2"),)),
        ("kv/#1", (put(b"c", b"2"), seen(b"b", version + 1), put(b"b", b"2"))),
        ("kv/#2", (put(b"d", b"2"),)),
    )
    assert (refused.status, refused.expiry, refused.version) == (Status.CONFLICT, 1, 1)
    assert (parse(refused.value).status, parse(refused.value).version) == (Status.CONFLICT, version)
    values = [world.value(b"a"), world.value(b"c", "kv/#1"), world.value(b"b", "kv/#1"), world.value(b"d", "kv/#2")]
    assert values == [None, None, b"1", None]
    world.at_rest()


def test_who_finds_a_key_locked_hears_at_once_by_whom(world: World) -> None:
    other = b"transaction one."
    item = put(b"b", b"1")
    world.ask(Op.PREPARE, other, len(item).to_bytes(4, "little") + item, at="kv/#1")
    refused = world.run(("kv/#0", (put(b"a", b"2"),)), ("kv/#1", (put(b"b", b"2"),)))
    assert (refused.status, refused.expiry, refused.version) == (Status.LOCKED, 1, 0)
    assert parse(refused.value).value == other
    world.ask(Op.COMMIT, other, at="kv/#1")
    assert world.run(("kv/#0", (put(b"a", b"2"),)), ("kv/#1", (put(b"b", b"2"),))).status is Status.OK
    world.at_rest()


@pytest.mark.parametrize("at", ["nothing/#0", "tx/#0", "tx/#1"])
def test_a_part_that_cannot_be_asked_undoes_the_others(world: World, at: str) -> None:
    refused = world.run(("kv/#0", (put(b"a", b"1"),)), (at, (put(b"b", b"1"),)), ("kv/#1", (put(b"a", b"1"),)))
    assert (refused.status, refused.expiry) == (Status.INVALID if at == "nothing/#0" else Status.UNSUPPORTED, 1)
    assert [world.value(b"a"), world.value(b"a", "kv/#1")] == [None, None]
    world.at_rest()


def test_what_is_not_granted_is_refused() -> None:
    with World(tx=tx_kind(grants=("kv/*",))) as world:
        refused = world.run(("kv/#0", (put(b"a", b"1"),)), ("other/#0", (put(b"a", b"1"),)))
        assert (refused.status, refused.expiry) == (Status.INVALID, 1)
        world.at_rest()


def test_a_shard_that_is_named_twice_is_refused(world: World) -> None:
    refused = world.run(*[("kv/#0", (put(name, b"1"),)) for name in (b"a", b"b")], ("kv/#1", (put(b"c", b"1"),)))
    assert (refused.status, refused.expiry) == (Status.INVALID, 1)
    assert [world.value(b"a"), world.value(b"b")] == [None, None]
    world.at_rest()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x13",
        request(19),
        request(19, key=b"k"),
        request(19, payload=b"\x01\0\0\0\0"),
        request(19, payload=b"\xff\0\0\0\x02kv"),
        request(19, payload=b"\x07\0\0\0\x02kv\0\0\0\0"),
        request(19, payload=b"\x05\0\0\0\x04kv\0\0"),
        request(19, payload=b"\x06\0\0\0\0\0\0\0\0x"),
        message(("kv/#0", (put(b"a", b"1"),)))[:-1],
        message(("kv/#0", (put(b"a", b"1"),)))[:8] + b"\1" + message(("kv/#0", (put(b"a", b"1"),)))[9:],
        message(*[("kv/#0", (put(b"a", b"1"),))] * (PARTS_MAX + 1)),
        request(1, key=b"k"),
    ],
    ids=range(13),
)
def test_what_is_no_transaction_is_invalid(world: World, body: bytes) -> None:
    answer = parse(world.harness.call("tx/#0", body))
    assert (answer.status, answer.value) == (Status.INVALID, b"")
    assert not world.harness.lives("kv/#0")
    assert not world.harness.dead()


def test_it_tells_its_format_and_knows_no_other_operation(world: World) -> None:
    told = parse(world.harness.call("tx/#1", request(Op.INFO)))
    assert (told.version, told.value) == (1, (2).to_bytes(4, "little") + PARTS_MAX.to_bytes(4, "little"))
    assert parse(world.harness.call("tx/#1", request(Op.GET))).status is Status.UNSUPPORTED
    assert len(world.harness.call("tx/#1", request(Op.GET))) == HEAD


def test_a_transaction_whose_asker_is_gone_ends_all_the_same(world: World) -> None:
    world.harness.send("tx/#0", message(("kv/#0", (put(b"a", b"1"),)), ("kv/#1", (put(b"b", b"1"),))))
    assert [world.value(b"a"), world.value(b"b", "kv/#1")] == [b"1", b"1"]
    world.at_rest()
