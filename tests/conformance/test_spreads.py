"""Rules 13 and 17: which atom a name means, for kinds that spread in other ways than by key."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from radon.abi.delivery import Address
from radon.abi.errors import NotFound
from radon.host.domain import Domain, Settings
from radon.host.hash import shard_of
from radon.testing.harness import Harness
from tests.scripts import events, run, script_kind

Open = Callable[..., Harness]

SHARDS = 7


@pytest.fixture
def spread(open_harness: Open, module: bytes) -> Harness:
    """One kind of each spread, on the host "north"."""
    grants = ("shard/*", "free/*", "near/*", "spawn:shard", "spawn:near", "spawn:free", "stop:shard/*")
    return open_harness(
        {
            "script": script_kind(module, grants=grants),
            "shard": script_kind(module, "shard", spread="sharded", shards=SHARDS),
            "free": script_kind(module, "free", spread="stateless"),
            "near": script_kind(module, "near", spread="every-host"),
        },
        settings=Settings(host="north"),
    )


# ---- sharded ----


@pytest.mark.parametrize("key", ["", "alice", "bob", "a/b", "#", "#7", "#x"])
def test_a_key_of_a_sharded_kind_means_the_shard_of_its_hash(spread: Harness, key: str) -> None:
    name = f"shard/{key}" if key else "shard"
    shard = f"shard/#{shard_of(key, SHARDS)}"
    assert run(spread, "script/a", f"address.text {name}") == [f"ok {shard}"]
    assert run(spread, name, "$a = messaging.self", "address.text $a")[-1] == f"ok {shard}"
    assert spread.lives(shard)
    assert spread.lives(name) == (name == shard)


def test_a_shard_may_be_named_itself(spread: Harness) -> None:
    for shard in range(SHARDS):
        assert run(spread, "script/a", f"address.text shard/#{shard}") == [f"ok shard/#{shard}"]


@pytest.mark.one_domain
def test_keys_of_one_shard_share_its_state(spread: Harness) -> None:
    keys = [f"key{number}" for number in range(30)]
    for key in keys:
        run(spread, f"shard/{key}", f"bucket.put data {key} here")
    for shard in range(SHARDS):
        entries = spread.state(f"shard/#{shard}").get("data", {})
        assert set(entries) == {key.encode() for key in keys if shard_of(key, SHARDS) == shard}
    assert len(spread.image().atoms) == SHARDS


def test_replicas_of_a_shard_are_named_themselves_and_lie_in_different_domains(
    open_harness: Open, module: bytes
) -> None:
    kinds = {"script": script_kind(module, grants=("shard/*",)),
             "shard": script_kind(module, "shard", spread="sharded", shards=SHARDS, replicas=3)}  # fmt: skip
    harness = open_harness(kinds)
    for key in ("#3", "#3+1", "#3+2"):
        assert run(harness, f"shard/{key}", "bucket.put data k v") == ["ok"]
        assert shlex.split(run(harness, "script/a", f"address.text shard/{key}")[0])[-1] == f"shard/{key}"
        assert harness.state(f"shard/{key}")["data"] == {b"k": b"v"}
    for key in ("#3+0", "#3+3", "#7+1", "#03+1", "3+1", "+1"):
        assert run(harness, "script/a", f"address.text shard/{key}") == [f"ok shard/#{shard_of(key, SHARDS)}"]
    homes = {n for n, domain in enumerate(harness.domains) for k in ("#3", "#3+1", "#3+2") if holds(domain, k)}
    assert len(homes) == len(harness.domains)


def holds(domain: Domain, key: str) -> bool:
    try:
        return bool(domain.entries(Address("shard", key)))
    except NotFound:
        return False


def test_an_address_of_a_shard_stays_that_shard_s(spread: Harness) -> None:
    lines = ("$s = address.seal shard/alice", "$a = messaging.unseal $s", "address.text $a")
    assert run(spread, "script/a", *lines)[-1] == f"ok shard/#{shard_of('alice', SHARDS)}"


def test_sharded_atoms_and_representatives_are_not_spawned_but_addressed(spread: Harness) -> None:
    assert run(spread, "script/a", "lifecycle.spawn shard x", "lifecycle.spawn near x", "lifecycle.spawn free x") == [
        "invalid", "invalid", "ok",
    ]  # fmt: skip


# ---- stateless ----


@pytest.mark.one_domain
def test_stateless_atoms_run_in_the_sender_s_domain_under_any_key(spread: Harness) -> None:
    assert run(spread, "script/a", "address.distance free/x", "address.text free/x") == ["ok same-domain", "ok free/x"]
    assert run(spread, "free/x", "say hi") == ["ok hi"]


# ---- every-host ----


def test_a_representative_is_named_by_its_host_and_the_near_one_is_here(spread: Harness) -> None:
    assert run(spread, "script/a", "address.text near/@here", "address.text near/north") == ["ok near/north"] * 2
    assert run(spread, "near/@here", "bucket.put data k v") == ["ok"]
    assert run(spread, "near/north", "bucket.get data k") == ["ok v"]


def test_a_host_that_there_is_not_is_not_found(spread: Harness) -> None:
    assert run(spread, "script/a", "messaging.open near/south", "messaging.open near") == ["not-found", "not-found"]
    with pytest.raises(NotFound, match="the near one is 'near/@here'"):
        spread.call("near/south")


def test_a_representative_is_volatile(spread: Harness) -> None:
    before = len(spread.commits)
    run(spread, "near/@here", "bucket.put data k v", 'address.send script/a "event mail"')
    kinds = {record.kind for commit in spread.commits[before:] for record in commit if type(record).__name__ == "At"}
    assert kinds <= {"script"}
    spread.restart()
    assert not spread.lives("near/north")
    assert run(spread, "near/@here", "bucket.get data k") == ["ok -"]


def test_what_a_representative_hears_of_another_s_end_does_not_end_it(spread: Harness) -> None:
    run(spread, "script/a", "say hi")
    run(spread, "near/@here", "lifecycle.monitor script/a 0")
    run(spread, "script/a", "lifecycle.exit 3")
    assert events(spread, "near/north")[1:] == ["down 0 3"]
    assert spread.lives("near/north")


def test_a_representative_that_ends_is_there_again_with_the_next_message(spread: Harness) -> None:
    run(spread, "near/@here", "bucket.put data k v", "lifecycle.exit 0")
    assert not spread.lives("near/north")
    assert run(spread, "near/@here", "bucket.get data k") == ["ok -"]
