"""Rule 4: linear memory is a cache. When an instance goes, state stays and the atom cannot tell but by its memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.abi import exchange as x
from radon.abi.delivery import Address
from radon.host.domain import Settings
from radon.host.kind import Retry
from radon.testing.harness import Harness
from tests.scripts import run, script, script_kind

Open = Callable[..., Harness]


def count(h: Harness, atom: str) -> int:
    """How often this instance of the atom was asked; 1 says that it is a fresh one."""
    return int(run(h, atom, "memory.count")[0].removeprefix("ok "))


def test_an_instance_serves_turn_after_turn(h: Harness) -> None:
    assert [count(h, "script/a") for _ in range(3)] == [1, 2, 3]
    assert count(h, "script/b") == 1


@pytest.mark.parametrize("end", ["err why", "trap"])
def test_an_instance_whose_turn_failed_is_discarded(open_harness: Open, module: bytes, end: str) -> None:
    h = open_harness({"script": script_kind(module, retry=Retry(attempts=1))})
    count(h, "script/a")
    h.send("script/a", script("memory.count", "bucket.put data k v", end))
    assert count(h, "script/a") == 1


def test_each_attempt_begins_on_a_fresh_instance(h: Harness) -> None:
    count(h, "script/a")
    token = h.post("script/a", script("$n = memory.count", "$a = message.attempt $message", "if $a 0 trap"))
    h.advance("1s")
    assert h.answer(token) == b"ok 1\nok 1\nskipped"


def test_passivation_drops_the_instance_and_keeps_the_state(h: Harness) -> None:
    run(h, "script/a", "bucket.put data k v", "memory.count")
    count(h, "script/b")
    h.submit(x.Passivate(Address("script", "a")))
    h.run()
    assert run(h, "script/a", "bucket.get data k", "memory.count") == ["ok v", "ok 1"]
    assert count(h, "script/b") == 2


def test_passivating_what_does_not_live_is_nothing(h: Harness) -> None:
    h.submit(x.Passivate(Address("script", "a")), x.Passivate(Address("nobody", "a")))
    h.run()
    assert not h.lives("script/a")


def test_a_barrier_drops_all_instances(h: Harness) -> None:
    count(h, "script/a")
    count(h, "script/b")
    h.forget()
    assert (count(h, "script/a"), count(h, "script/b")) == (1, 1)


def test_handles_go_with_the_instance(h: Harness) -> None:
    assert run(h, "script/a", "$_ = repeat 500 messaging.self") == ["ok"]
    assert run(h, "script/a", "$_ = repeat 600 messaging.open script/b") == ["exhausted"]
    h.forget()
    assert run(h, "script/a", "$_ = repeat 500 messaging.open script/b") == ["ok"]


def test_an_instance_that_leaks_handles_is_dropped_when_it_holds_more_than_half_of_them(h: Harness) -> None:
    assert run(h, "script/a", "$_ = repeat 512 messaging.self", "memory.count") == ["ok", "ok 1"]
    assert run(h, "script/a", "$_ = repeat 1 messaging.self", "memory.count") == ["ok", "ok 2"]
    assert run(h, "script/a", "memory.count") == ["ok 1"]


@pytest.mark.one_domain
def test_the_instance_that_was_entered_longest_ago_makes_room(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module)}, settings=Settings(instances=2))
    assert [count(h, f"script/{key}") for key in "abab"] == [1, 1, 2, 2]
    assert [count(h, f"script/{key}") for key in "acb"] == [3, 1, 1]  # c replaced b, b replaces a
    assert [count(h, f"script/{key}") for key in "ca"] == [2, 1]


def test_a_forgetful_domain_drops_an_instance_after_every_turn(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module)}, settings=Settings(forgetful=True))
    assert [count(h, "script/a") for _ in range(3)] == [1, 1, 1]
    assert run(h, "script/a", "bucket.add data n 1", "bucket.add data n 1") == ["ok 1", "ok 2"]
    assert run(h, "script/a", "bucket.add data n 1") == ["ok 3"]


def test_a_deployment_drops_all_instances_and_keeps_the_state(h: Harness, module: bytes) -> None:
    run(h, "script/a", "bucket.put data k v", "memory.count")
    h.deploy({"script": script_kind(module, config={"new": "yes"})})
    assert run(h, "script/a", "bucket.get data k", "memory.count", "config.get new") == ["ok v", "ok 1", "ok yes"]


def test_a_restart_drops_all_instances_and_keeps_the_state(h: Harness) -> None:
    run(h, "script/a", "bucket.put data k v", "memory.count")
    for snapshot in (False, True):
        h.restart(snapshot=snapshot)
        assert run(h, "script/a", "bucket.get data k", "memory.count") == ["ok v", "ok 1"]
