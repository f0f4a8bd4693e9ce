"""The hash that places atoms. These values may never change: data of every deployment lies where they say (rule 13)."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.host.hash import domain_of, replica_of, shard_of, stable_hash

GOLDEN = {
    b"": 0xEFD01F60BA992926,
    b"a": 0x82A2A958A9BECE5B,
    b"main": 0xD0E2F4E86303BB30,
    b"user-7": 0x05F45893168BEB5F,
    "schlüssel".encode(): 0xF380F95126DFDCA4,
    bytes(range(256)): 0x2067DB6DBD4EFA06,
}
SHARDS = [("", 16, 6), ("alice", 16, 4), ("bob", 16, 0), ("user-1", 3, 2), ("ключ", 100, 21), ("#17", 16, 10)]
DOMAINS = [
    ("counter", "", 3, 1), ("counter", "alice", 3, 2), ("@topic", "news", 3, 1), ("counter", "ключ", 100, 4),
    ("cart", "#5", 3, 2), ("cart", "#5+1", 3, 0), ("cart", "#5+2", 3, 1), ("cart", "5+2", 3, 1),
    ("@topic", "news@cart/#5", 3, 2), ("@topic", "a@b@cart/#5+1", 3, 0), ("@topic", "news@cart", 3, 1),
    ("@topic", "@counter/", 3, 1), ("cart", "news@cart/#5", 3, 2),
]  # fmt: skip


@pytest.mark.parametrize(("data", "value"), GOLDEN.items())
def test_the_hash_never_changes(data: bytes, value: int) -> None:
    assert stable_hash(data) == value


@pytest.mark.parametrize(("key", "shards", "shard"), SHARDS)
def test_a_key_stays_on_its_shard(key: str, shards: int, shard: int) -> None:
    assert shard_of(key, shards) == shard


@pytest.mark.parametrize(("kind", "key", "domains", "domain"), DOMAINS)
def test_an_atom_stays_in_its_domain(kind: str, key: str, domains: int, domain: int) -> None:
    assert domain_of(kind, key, domains) == domain


def test_before_its_finaliser_it_is_fnv_1a() -> None:
    """Undone step by step, the finaliser gives back what Fowler, Noll and Vo publish for these texts."""
    published = {b"": 0xCBF29CE484222325, b"a": 0xAF63DC4C8601EC8C, b"foobar": 0x85944171F73967E8}
    mask = 2**64 - 1
    for text, fnv in published.items():
        h = stable_hash(text)
        h ^= h >> 33
        h = h * pow(0xC4CEB9FE1A85EC53, -1, 2**64) & mask
        h ^= h >> 33
        h = h * pow(0xFF51AFD7ED558CCD, -1, 2**64) & mask
        h ^= h >> 33
        assert h == fnv


@given(st.binary(max_size=64))
def test_every_hash_has_64_bits(data: bytes) -> None:
    assert 0 <= stable_hash(data) < 2**64


@pytest.mark.parametrize("shards", [2, 3, 16, 100])
@pytest.mark.parametrize("pattern", ["{}", "user-{}", "user-{:08}", "{}-suffix"])
def test_keys_spread_evenly(shards: int, pattern: str) -> None:
    """Chi-square over 200 keys a shard: beyond six standard deviations it would be no accident."""
    each = 200
    counts = Counter(shard_of(pattern.format(number), shards) for number in range(each * shards))
    chi_square = sum((counts[shard] - each) ** 2 / each for shard in range(shards))
    free = shards - 1
    assert chi_square < free + 6 * (2 * free) ** 0.5


@given(st.text(max_size=20), st.integers(1, 1000))
def test_every_key_has_a_shard(key: str, shards: int) -> None:
    assert 0 <= shard_of(key, shards) < shards


@given(st.integers(1, 1000), st.data())
def test_a_number_sign_and_a_number_name_a_shard_itself(shards: int, data: st.DataObject) -> None:
    shard = data.draw(st.integers(0, shards - 1))
    assert shard_of(f"#{shard}", shards) == shard


@pytest.mark.parametrize("key", ["#", "#4", "#-1", "#1.0", "# 1", "#\u0661", "1#"])
def test_what_names_no_shard_is_a_key_like_any_other(key: str) -> None:
    assert shard_of(key, 4) == stable_hash(key.encode()) % 4


@pytest.mark.parametrize(
    ("key", "atom"), [("#3", "#3"), ("#3+1", "#3+1"), ("#3+2", "#3+2"), ("#3+3", None), ("#3+0", None), ("#4+1", None),
                      ("#03+1", None), ("3+1", None), ("#3+\u0661", None), ("+1", None), ("#+1", None), ("a", None)],
)  # fmt: skip
def test_a_replica_may_be_named_itself(key: str, atom: str | None) -> None:
    assert replica_of(key, 4, 3) == (atom or f"#{stable_hash(key.encode()) % 4}")


@given(st.integers(0, 1000), st.integers(1, 9))
def test_replicas_of_a_shard_are_in_as_many_domains_as_there_are(shard: int, replicas: int) -> None:
    keys = [replica_of(f"#{shard}+{replica}", 1001, replicas) for replica in range(1, replicas)]
    assert {domain_of("cart", key, 5) for key in (f"#{shard}", *keys)} == {
        (domain_of("cart", f"#{shard}", 5) + replica) % 5 for replica in range(replicas)
    }
