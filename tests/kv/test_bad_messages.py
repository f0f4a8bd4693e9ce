"""Whatever bytes come, a shard answers, lives on, and does the same on every domain."""

from __future__ import annotations

from random import Random

import pytest

from radon.abi.errors import Closed
from radon.host.domains import available, load
from radon.host.limits import Limits
from radon.kv.messages import (
    BATCH_BYTES,
    BATCH_MAX,
    HEAD,
    KEY_MAX,
    VALUE_MAX,
    Flag,
    Op,
    Status,
    items,
    parse,
    parse_length,
    parse_many,
    parse_page,
    request,
)
from radon.testing.harness import Harness
from tests.kv.stores import kv_kind, store

MESSAGES = 1500


def random_message(random: Random) -> bytes:
    """Bytes that look more or less like a request."""
    key, payload = random.randbytes(random.choice((0, 1, 16))), random.randbytes(random.choice((0, 1, 8, 40)))
    if random.random() < 0.3:
        payload = items(random_message(random) for _ in range(random.randrange(4)))
    message = bytearray(request(random.choice(list(Op)), key, payload, version=random.choice((0, 0, 1, 2**64 - 1))))
    message[1] = random.choice((0, 0, 0, 1 << random.randrange(8), random.randrange(256)))
    for _ in range(random.choice((0, 0, 0, 1, 3))):
        message[random.randrange(len(message))] = random.randrange(256)
    if random.random() < 0.1:
        del message[random.randrange(len(message)) :]
    return bytes(message)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 50))])
def test_a_shard_answers_anything_and_alike_on_every_domain(seed: int) -> None:
    commits = []
    for name in available():
        random = Random(seed)
        with Harness({"kv": kv_kind(1)}, make=load(name)) as harness:
            for number in range(MESSAGES):
                assert parse(harness.call("kv/#0", random_message(random))).status in Status
                if number % 100 == 0:
                    harness.advance(random.randrange(10**9))
                if number % 250 == 0:
                    harness.forget()
            assert not harness.dead()
            assert not harness.logs()
            commits.append(harness.commits)
    assert all(other == commits[0] for other in commits)


@pytest.mark.parametrize("length", range(HEAD))
def test_less_than_a_head_is_invalid(harness: Harness, length: int) -> None:
    assert parse(harness.call("kv/#0", request(Op.GET, b"")[:length])).status is Status.INVALID


def test_an_operation_that_is_not_known_is_unsupported(harness: Harness) -> None:
    known = set(Op)
    for number in set(range(256)) - known:
        body = bytes([number]) + bytes(HEAD - 1)
        assert parse(harness.call("kv/#0", body)).status is Status.UNSUPPORTED


def test_a_payload_longer_than_the_message_is_invalid(harness: Harness) -> None:
    body = bytearray(request(Op.PUT, b"k", b"v"))
    for size in (3, 2**31, 2**32 - 1):
        body[4:8] = size.to_bytes(4, "little")
        assert parse(harness.call("kv/#0", bytes(body))).status is Status.INVALID


def test_a_key_has_so_many_bytes(harness: Harness) -> None:
    assert parse(harness.call("kv/#0", request(Op.PUT, b"k" * KEY_MAX, b"v", expiry=2**64 - 1))).status is Status.OK
    for op in (Op.PUT, Op.GET, Op.DELETE):
        assert parse(harness.call("kv/#0", request(op, b"k" * (KEY_MAX + 1)))).status is Status.TOO_LARGE
    page = parse_page(parse(harness.call("kv/#0", request(Op.SCAN, b"k" * KEY_MAX + b"\0", version=1))).value)
    assert page == ([], None)


def test_a_value_has_so_many_bytes_and_what_no_answer_can_bring_is_read_in_parts(harness: Harness) -> None:
    at_end = request(Op.WRITE, b"k", b"!", version=VALUE_MAX - 1)
    assert parse_length(parse(harness.call("kv/#0", at_end))) == VALUE_MAX
    for too_far in (VALUE_MAX, 2**32, 2**64 - 1):
        assert parse(harness.call("kv/#0", request(Op.WRITE, b"k", b"!", version=too_far))).status is Status.TOO_LARGE
    assert parse(harness.call("kv/#0", request(Op.APPEND, b"k", b"!"))).status is Status.TOO_LARGE
    assert parse(harness.call("kv/#0", request(Op.GET, b"k"))).status is Status.TOO_LARGE
    part = request(Op.GET, b"k", flags=Flag.BOUNDED, version=VALUE_MAX - 2, expiry=10)
    assert parse(harness.call("kv/#0", part)).value == b"\0!"
    taken = parse(harness.call("kv/#0", request(Op.DELETE, b"k", flags=Flag.GIVE_OLD)))
    assert taken.status is Status.TOO_LARGE
    assert parse(harness.call("kv/#0", part)).value == b"\0!"  # what could not be answered did not happen
    assert parse(harness.call("kv/#0", request(Op.SCAN, version=1))).status is Status.TOO_LARGE
    assert not harness.dead()


def test_a_batch_has_so_many_requests(harness: Harness) -> None:
    full = parse(harness.call("kv/#0", request(Op.BATCH, payload=items([request(Op.GET, b"k")] * BATCH_MAX))))
    assert (full.status, len(parse_many(full.value))) == (Status.OK, BATCH_MAX)
    more = parse(harness.call("kv/#0", request(Op.BATCH, payload=items([request(Op.GET, b"k")] * (BATCH_MAX + 1)))))
    assert (more.status, more.version) == (Status.TOO_LARGE, BATCH_MAX)


def test_a_batch_ends_where_its_values_are_too_many_bytes_and_memory_is_left(harness: Harness) -> None:
    """Each of these makes a value of 8 MiB out of nothing."""
    great = [request(Op.WRITE, b"%d" % number, b"!", version=VALUE_MAX - 1) for number in range(100)]
    found = parse(harness.call("kv/#0", request(Op.BATCH, payload=items(great))))
    assert found.status is Status.TOO_LARGE
    assert found.version <= BATCH_BYTES / VALUE_MAX + 1
    assert parse_page(parse(harness.call("kv/#0", request(Op.SCAN, version=9))).value).entries == []
    assert not harness.dead()


def test_a_full_batch_of_great_changes_ends_within_the_fuel_of_a_turn() -> None:
    puts = [request(Op.PUT, b"%d" % number, bytes(50), expiry=2**63 + number) for number in range(BATCH_MAX)]
    with store(1, limits=Limits(message=4 << 20)) as harness:
        assert parse(harness.call("kv/#0", request(Op.BATCH, payload=items(puts)))).status is Status.OK
        refused = [*puts[:-1], request(Op.PUT, b"0", flags=Flag.IF_ABSENT)]
        found = parse(harness.call("kv/#0", request(Op.BATCH, payload=items(refused))))
        assert (found.status, found.version) == (Status.CONFLICT, BATCH_MAX - 1)
        prepared = parse(harness.call("kv/#0", request(Op.PREPARE, b"n" * 16, items(puts))))
        assert (prepared.status, prepared.version) == (Status.OK, BATCH_MAX)
        assert parse(harness.call("kv/#0", request(Op.COMMIT, b"n" * 16))).status is Status.OK
        harness.advance("1s")
        assert not harness.dead()


def test_a_full_shard_says_so_and_goes_on() -> None:
    limits = Limits(state=3000)
    with store(1, limits=limits) as harness:
        assert parse(harness.call("kv/#0", request(Op.PUT, b"a", bytes(900)))).status is Status.OK
        before = harness.state("kv/#0")
        full = [
            request(Op.PUT, b"b", bytes(2500)),
            request(Op.PUT, b"b", bytes(1950), expiry=2**63),  # there is room for the entry, and not for its expiry
            request(Op.PUT, b"a", bytes(2900), flags=Flag.GIVE_OLD),
            request(Op.WRITE, b"a", b"!", version=2900),
            request(Op.BATCH, payload=items([request(Op.PUT, b"a", b"1"), request(Op.PUT, b"b", bytes(2900))])),
            request(Op.PREPARE, b"n" * 16, items([request(Op.PUT, b"b", bytes(1900))])),
        ]
        for body in full:
            assert parse(harness.call("kv/#0", body)).status is Status.EXHAUSTED
            assert harness.state("kv/#0") == before
        assert parse(harness.call("kv/#0", request(Op.DELETE, b"a"))).status is Status.OK
        assert not harness.dead()


def test_what_was_prepared_has_room_to_be_committed() -> None:
    """Whatever else is put meanwhile, until nothing fits in any more."""
    with store(1, limits=Limits(state=4000)) as harness:
        put = request(Op.PUT, b"a", bytes(700), expiry=2**63)
        assert parse(harness.call("kv/#0", request(Op.PREPARE, b"n" * 16, items([put])))).status is Status.OK
        for number in range(1000):
            if parse(harness.call("kv/#0", request(Op.PUT, b"%03d" % number))).status is Status.EXHAUSTED:
                break
        assert parse(harness.call("kv/#0", request(Op.COMMIT, b"n" * 16))).status is Status.OK
        assert parse(harness.call("kv/#0", request(Op.GET, b"a"))).value == bytes(700)
        assert not harness.dead()


def test_a_message_that_wants_no_answer_is_carried_out(harness: Harness) -> None:
    harness.send("kv/#0", request(Op.PUT, b"a", b"1"))
    assert parse(harness.call("kv/#0", request(Op.GET, b"a"))).value == b"1"


def test_a_shard_holds_on_to_no_handles(harness: Harness) -> None:
    for number in range(1, 1101):  # more than limits.handles
        found = parse(harness.call("kv/#0", request(Op.ADD, b"a", (1).to_bytes(8, "little"))))
        assert found.value == b"%d" % number


def test_a_message_limit_below_a_head_closes_every_question() -> None:
    with store(1, limits=Limits(message=HEAD - 1)) as harness, pytest.raises(Closed):
        harness.call("kv/#0", b"x")
