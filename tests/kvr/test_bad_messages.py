"""Whatever bytes come, from wherever, a replica answers, lives on, and does the same on every domain."""

from __future__ import annotations

from random import Random

import pytest

from radon.abi.delivery import Address
from radon.abi.frames import encode_all
from radon.host.domains import available, load
from radon.kv.messages import WAIT, Op, ReplicaOp, Status, items, parse, request
from radon.testing.harness import Harness
from tests.kvr.stores import REPLICAS, agree, client, kvr_kind

GOSSIP, FILL = 48, 49
OPERATIONS = [*Op, *ReplicaOp, GOSSIP, FILL]


def random_message(random: Random, depth: int = 0) -> bytes:
    """Bytes that look more or less like a request."""
    key = random.randbytes(random.choice((0, 1, 8 * REPLICAS, 16 * REPLICAS, 72)))
    payload = random.randbytes(random.choice((0, 1, 8, 40, 72)))
    if depth < 3 and random.random() < 0.4:
        inner = [random_message(random, depth + 1) for _ in range(random.randrange(1, 4))]
        payload = random.choice((inner[0], items(inner), bytes(72) + items(inner)))
    if random.random() < 0.3:
        key = bytes(len(key))
    message = bytearray(request(random.choice(OPERATIONS), key, payload, version=random.choice((0, 0, 1, 2**64 - 1))))
    message[1] = random.choice((0, 0, 0, 1, 1 << random.randrange(8), random.randrange(256)))
    for _ in range(random.choice((0, 0, 0, 1, 3))):
        message[random.randrange(len(message))] = random.randrange(256)
    if random.random() < 0.1:
        del message[random.randrange(len(message)) :]
    return bytes(message)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 30))])
def test_a_replica_answers_anything_and_alike_on_every_domain(seed: int) -> None:
    commits = []
    for name in available():
        random = Random(seed)
        kind = kvr_kind(random.choice(("causal", "eventual")))
        with Harness({"kvr": kind}, make=load(name)) as harness:
            for number in range(1000):
                token = harness.post("kvr/#0", random_message(random))
                if harness.answer(token) is None:
                    harness.advance("2s")  # a session waits for what nobody has seen
                answer = harness.answer(token)
                assert answer is not None
                assert parse(answer).status in Status
                if number % 250 == 0:
                    harness.forget()
            assert not harness.dead()
            assert not harness.logs()
            commits.append([encode_all(commit) for commit in harness.commits])
    assert all(other == commits[0] for other in commits)


def test_gossip_is_heard_from_replicas_of_the_shard_alone(harness: Harness) -> None:
    row = b"".join([(16).to_bytes(8, "little"), bytes(4), (1).to_bytes(4, "little"), b"k"])
    gossip = request(GOSSIP, payload=bytes(72) + items([row]))
    strangers = [None, Address("kvr", "#1"), Address("kvr", "#1+1"), Address("kvr", "#0"), Address("kv", "#0+1")]
    for sender in strangers:
        fields = {} if sender is None else {"sender": sender}
        assert parse(harness.call("kvr/#0", gossip, **fields)).status is Status.INVALID
    assert parse(harness.call("kvr/#0", gossip, sender=Address("kvr", "#0+1"))).status is Status.OK
    cut = request(GOSSIP, payload=bytes(72) + items([row[:-3]]))
    assert parse(harness.call("kvr/#0", cut, sender=Address("kvr", "#0+1"))).status is Status.INVALID


def test_what_a_session_waits_for_may_come_or_not(harness: Harness) -> None:
    client(harness).put("k", b"1")
    seen = max(int.from_bytes(harness.state("kvr/#1")["values"][b"k"][8:16], "little") for _ in range(1))
    near = "kvr/#1+1"
    for token_of, status in ((seen, Status.OK), (seen + 16, Status.BEHIND)):
        key = token_of.to_bytes(8, "little") + bytes(16)
        asked = request(ReplicaOp.SESSION, key, request(Op.GET, b"k"), flags=WAIT)
        token = harness.post(near, asked)
        harness.advance("2s")
        answer = harness.answer(token)
        assert answer is not None
        assert parse(answer).status is status
    harness.send(near, request(ReplicaOp.SESSION, key, request(Op.GET, b"k"), flags=WAIT))
    harness.advance("2s")
    assert not harness.dead()
    assert agree(harness) == {b"k": b"1"}


@pytest.mark.parametrize("size", [0, 150_000])
def test_each_waits_for_a_second_whoever_else_does(harness: Harness, size: int) -> None:
    ahead = (2**62).to_bytes(8, "little") + bytes(8 * (REPLICAS - 1))
    asked = request(ReplicaOp.SESSION, ahead, request(Op.PUT, b"k", bytes(size)), flags=WAIT)
    tokens = []
    for _ in range(6):
        tokens.append(harness.post("kvr/#1", asked))
        harness.advance("200ms")
    statuses = []
    for token in tokens:
        answer = harness.answer(token)
        statuses.append(None if answer is None else parse(answer).status)
        harness.advance("200ms")
    assert statuses == [Status.BEHIND] * len(tokens)
    assert agree(harness) == {}


@pytest.mark.parametrize("size", [0, 1, 196_584, 196_585, 400_000])
def test_a_value_that_is_too_large_is_refused_and_others_get_around(harness: Harness, size: int) -> None:
    one = client(harness)
    body = request(Op.PUT, b"k", bytes(size))
    fits = size <= 196_584
    assert parse(harness.call("kvr/#1", body)).status is (Status.OK if fits else Status.TOO_LARGE)
    for number in range(10):
        one.put(f"{number}", bytes(150_000))
    assert len(agree(harness)) == 10 + fits
