"""A shard of so many entries that the native domain begins to search them before a turn wants one (ahead.h)."""

from __future__ import annotations

from random import Random

import pytest

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.host.domains import available, load
from radon.kv import shard_of
from radon.kv.messages import Op, items, request
from radon.testing.harness import Harness
from tests.kv.stores import kv_kind

SHARDS, KEYS, ROUNDS, AT_ONCE = 6, 7200, 20, 100


def key_of(number: int) -> bytes:
    return b"key%d" % number


def random_request(random: Random) -> tuple[bytes, bytes]:
    """A key and what is asked about it: of keys that are there, keys that were, and some that never are."""
    key = key_of(random.randrange(KEYS * 5 // 4))
    if random.random() < 0.1:
        key += b"?"
    op = random.choices((Op.GET, Op.PUT, Op.DELETE, Op.APPEND, Op.BATCH), (50, 20, 10, 10, 10))[0]
    value = b"" if op in (Op.GET, Op.DELETE) else random.choice((b"1", random.randbytes(300)))
    if op is Op.BATCH:
        puts = [request(Op.PUT, key + end, value) for end in (b"", b"a")]
        return key, request(op, b"", items([*puts, request(Op.DELETE, key)]))
    return key, request(op, key, value)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 20))])
def test_many_requests_at_once_are_answered_alike_on_every_domain(seed: int) -> None:
    told = []
    for name in available():
        random = Random(seed)
        with Harness({"kv": kv_kind(SHARDS)}, make=load(name)) as harness:
            for shard in range(SHARDS):
                keys = [key for key in map(key_of, range(KEYS)) if shard_of(key, SHARDS) == shard]
                harness.call(f"kv/#{shard}", request(Op.BATCH, b"", items(request(Op.PUT, key, key) for key in keys)))
            token = 10**6
            for _ in range(ROUNDS):
                posts = []
                for _ in range(AT_ONCE):
                    key, body = random_request(random)
                    token += 1
                    to = Address("kv", f"#{shard_of(key, SHARDS)}")
                    posts.append(Post(token, 0, 1, to, NOWHERE, "", "", (), body))
                harness.submit(*posts)
                harness.run()
            told.append((harness.commits, harness.outputs))
    assert all(other == told[0] for other in told)
