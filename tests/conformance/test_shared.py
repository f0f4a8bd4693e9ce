"""Rule 18: one instance for all atoms of a kind. They share its memory, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import Address
from radon.abi.errors import LoadError
from radon.host.domain import Make, Settings
from radon.host.kind import Retry
from radon.host.limits import KIB, SHARED_HANDLES, Limits
from radon.testing.harness import Harness
from tests.scripts import ScriptModule, outcomes, run, script, script_kind

Open = Callable[..., Harness]

STARTED = 8 + len(b'start ""') + 32
"""Bytes of state that a script has from its beginning."""


@pytest.fixture(scope="module")
def direct(script_module: ScriptModule) -> bytes:
    """The script guest that cannot wait."""
    return script_module("direct")


@pytest.fixture
def h(open_harness: Open, direct: bytes) -> Harness:
    return open_harness({"script": script_kind(direct, shared=True)})


def count(h: Harness, atom: str) -> int:
    """How often the instance of the atom was asked, by whomever; 1 says that it is a fresh one."""
    return int(run(h, atom, "memory.count")[0].removeprefix("ok "))


def instances(h: Harness) -> int:
    return sum(domain.instances().get("script", 0) for domain in h.domains)


def passivate(h: Harness, *atoms: str) -> None:
    h.submit(*(x.Passivate(Address.parse(atom)) for atom in atoms))
    h.run()


# ---- one memory ----


@pytest.mark.one_domain
def test_an_atom_finds_in_memory_what_another_one_of_its_kind_left_there(h: Harness) -> None:
    assert [count(h, f"script/{key}") for key in "abaca"] == [1, 2, 3, 4, 5]
    assert instances(h) == 1


def test_there_is_one_instance_in_each_domain(h: Harness) -> None:
    counts = [count(h, f"script/{key}") for key in range(30)]
    assert counts.count(1) == instances(h) == len(h.domains)
    assert sum(counts) > 30


@pytest.mark.one_domain
def test_kinds_share_with_nobody_else_though_they_have_one_module(open_harness: Open, direct: bytes) -> None:
    kinds = {name: script_kind(direct, name, shared=name != "third") for name in ("first", "second", "third")}
    h = open_harness(kinds)
    assert [count(h, atom) for atom in ("first/a", "second/a", "third/a", "third/b")] == [1, 1, 1, 1]
    assert [count(h, atom) for atom in ("first/b", "second/b", "third/a")] == [2, 2, 2]


@pytest.mark.one_domain
@pytest.mark.parametrize(("spread", "atoms", "counts"), [
    ("sharded", ["script/#0", "script/#1", "script/#0"], [1, 2, 3]),
    ("every-host", ["script/@here", "script/@here"], [1, 2]),
])  # fmt: skip
def test_a_kind_may_be_shared_however_it_spreads(
    open_harness: Open, direct: bytes, spread: str, atoms: list[str], counts: list[int]
) -> None:
    shards = 2 if spread == "sharded" else 0
    h = open_harness({"script": script_kind(direct, shared=True, spread=spread, shards=shards)})
    assert [count(h, atom) for atom in atoms] == counts


@pytest.mark.one_domain
def test_atoms_of_connections_share_as_others_do(h: Harness) -> None:
    for key in "ab":
        h.submit(x.Connect(Address("script", key), b""))
    h.run()
    assert [count(h, f"script/{key}") for key in "abc"] == [1, 2, 3]
    h.submit(x.Disconnect(Address("script", "a")))
    h.run()
    assert count(h, "script/b") == 4


def test_a_kind_whose_turns_can_wait_cannot_be_shared(make: Make, fiber: bytes, direct: bytes) -> None:
    domain = make(Settings())
    domain.setup(0, bytes(32), bytes(32))
    with pytest.raises(LoadError, match=r"kind 'script': its memory cannot be shared: .*address.call.*'private'"):
        domain.deploy("d", {"script": script_kind(fiber, shared=True)})
    domain.deploy("d", {"script": script_kind(direct, shared=True)})
    domain.close()


# ---- and nothing else ----


def test_each_atom_of_a_shared_kind_has_its_own_handles(h: Harness) -> None:
    for key in "abc":
        assert run(h, f"script/{key}", "$_ = repeat 500 messaging.self") == ["ok"]
    assert run(h, "script/a", "$_ = repeat 600 messaging.open script/b") == ["exhausted"]


def test_state_and_its_quota_stay_each_atoms_own(open_harness: Open, direct: bytes) -> None:
    h = open_harness({"script": script_kind(direct, shared=True, limits=Limits(state=STARTED + 100))})
    for key in "ab":
        assert run(h, f"script/{key}", f"bucket.put data k {key * 40}") == ["ok"]
        assert run(h, f"script/{key}", f"bucket.put data l {key * 40}") == ["exhausted"]
    for key, value in (("a", "a" * 40), ("b", "b" * 40), ("c", "-")):
        assert run(h, f"script/{key}", "bucket.get data k") == [f"ok {value}"]


def test_a_turn_that_fails_is_tried_again_and_other_atoms_go_on(h: Harness) -> None:
    h.send("script/a", script("bucket.put data k v", "trap"))
    assert run(h, "script/b", "bucket.add data n 1") == ["ok 1"]
    h.advance("1s")
    assert [(letter.to.text, letter.delivery.attempt) for letter in h.dead()] == [("script/a", 2)]
    assert run(h, "script/a", "bucket.get data k") == ["ok -"]


# ---- how it goes ----


@pytest.mark.one_domain
@pytest.mark.parametrize("end", ["err why", "trap"])
def test_a_turn_that_fails_takes_the_instance_from_all(open_harness: Open, direct: bytes, end: str) -> None:
    h = open_harness({"script": script_kind(direct, shared=True, retry=Retry(attempts=1))})
    run(h, "script/a", "bucket.put data k v", "$_ = repeat 500 messaging.self", "memory.count")
    assert count(h, "script/b") == 2
    h.send("script/b", script("memory.count", end))
    assert instances(h) == 0
    lines = ("memory.count", "bucket.get data k", "$_ = repeat 600 messaging.self")
    assert run(h, "script/a", *lines) == ["ok 1", "ok v", "ok"]


@pytest.mark.one_domain
def test_a_turn_that_the_machine_ended_takes_only_an_instance_that_its_atom_had(h: Harness) -> None:
    for had, left in ((False, 3), (True, 1)):
        assert [count(h, f"script/{key}") for key in "ab"][-1] == 2
        if not had:
            passivate(h, "script/b")
        run(h, "script/a", "random.next")  # whoever knows what follows from the number of a step has it recorded
        step = max(record.number for commit in h.commits for record in commit if isinstance(record, r.Step))
        h.submit(x.Fate(step + 2, "watchdog"))
        h.send("script/b", b"memory.count")
        assert "watchdog" in h.logs()[-1]
        assert count(h, "script/a") == left
        h.advance("1s")
        h.forget()


@pytest.mark.one_domain
def test_an_atom_that_is_passivated_loses_its_handles_and_the_others_keep_theirs(h: Harness) -> None:
    for key in "ab":
        run(h, f"script/{key}", "$_ = repeat 500 messaging.self")
    passivate(h, "script/a")
    run(h, "script/a", "memory.count", "$_ = repeat 500 messaging.self")
    assert run(h, "script/a", "memory.count") == ["ok 2"]  # with 1,000 handles it would have lost the instance
    assert run(h, "script/b", "$_ = repeat 600 messaging.open script/a") == ["exhausted"]


@pytest.mark.one_domain
def test_a_shared_instance_goes_with_the_last_atom_that_had_a_turn_in_it(h: Harness) -> None:
    for key in "abc":
        count(h, f"script/{key}")
    passivate(h, "script/a")
    run(h, "script/b", "lifecycle.exit 0")
    assert instances(h) == 1
    passivate(h, "script/a", "script/b")
    assert count(h, "script/c") == 4
    passivate(h, "script/c")
    assert instances(h) == 0
    assert count(h, "script/c") == 1


@pytest.mark.one_domain
def test_a_barrier_a_deployment_and_a_restart_drop_a_shared_instance(h: Harness, direct: bytes) -> None:
    count(h, "script/a")
    h.forget()
    assert count(h, "script/b") == 1
    h.deploy({"script": script_kind(direct, shared=True, config={"new": "yes"})})
    assert count(h, "script/a") == 1
    h.restart()
    assert count(h, "script/b") == 1
    h.deploy({"script": script_kind(direct)})
    assert [count(h, f"script/{key}") for key in "aba"] == [1, 1, 2]


def test_a_forgetful_domain_drops_it_after_every_turn(open_harness: Open, direct: bytes) -> None:
    h = open_harness({"script": script_kind(direct, shared=True)}, settings=Settings(forgetful=True))
    assert [count(h, f"script/{key}") for key in "aab"] == [1, 1, 1]
    assert instances(h) == 0


@pytest.mark.one_domain
def test_a_shared_instance_counts_once_however_many_atoms_have_it(open_harness: Open, direct: bytes) -> None:
    kinds = {"script": script_kind(direct, shared=True), "other": script_kind(direct, "other")}
    h = open_harness(kinds, settings=Settings(instances=2))
    assert [count(h, f"script/{key}") for key in range(10)] == list(range(1, 11))
    assert [count(h, atom) for atom in ("other/a", "script/0", "other/a", "script/1", "other/b")] == [1, 11, 2, 12, 1]
    assert [count(h, atom) for atom in ("script/2", "other/a", "other/c", "script/3")] == [13, 1, 1, 1]


@pytest.mark.one_domain
def test_the_limit_of_memory_is_that_of_the_one_instance(open_harness: Open, direct: bytes) -> None:
    h = open_harness({"script": script_kind(direct, shared=True, limits=Limits(memory=256 * KIB))})
    assert [outcomes(h.call(f"script/{key}", script("memory.grow 1"))) for key in "abcd"][-1] == ["ok -1"]


@pytest.mark.one_domain
def test_an_atom_that_leaks_handles_takes_the_instance_with_it(h: Harness) -> None:
    count(h, "script/b")
    run(h, "script/a", "$_ = repeat 513 messaging.self")
    assert count(h, "script/b") == 1


@pytest.mark.one_domain
def test_atoms_that_together_hold_too_many_handles_lose_the_instance(open_harness: Open, direct: bytes) -> None:
    limits = Limits(handles=2 * SHARED_HANDLES)
    h = open_harness({"script": script_kind(direct, shared=True, limits=limits)})
    half = SHARED_HANDLES // 2
    assert run(h, "script/a", f"$_ = repeat {half} messaging.self", "memory.count") == ["ok", "ok 1"]
    assert run(h, "script/b", f"$_ = repeat {half} messaging.self", "memory.count") == ["ok", "ok 2"]
    run(h, "script/c", "$_ = repeat 1 messaging.self", "memory.count")
    assert count(h, "script/a") == 1
