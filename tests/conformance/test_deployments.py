"""Deploying onto a domain that lives: modules are replaced between two turns, and everything durable stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.errors import Closed, NotFound
from radon.host.kind import Retry
from radon.testing.harness import Harness, kind
from tests.scripts import ECHO, ScriptModule, events, run, script_kind

Open = Callable[..., Harness]


def test_state_timers_and_mail_stay_and_the_new_module_takes_the_next_turn(
    h: Harness, script_module: ScriptModule
) -> None:
    run(h, "script/a", "bucket.put data k v", "clock.set-timer 1s 7", "address.send-later script/a x 2s")
    h.post("script/a", b"event waiting", wants=False, run=False)
    h.deploy({"script": script_kind(script_module("direct"), config={"colour": "green"})})
    h.advance("1s")
    assert run(h, "script/a", "bucket.get data k", "config.get colour") == ["ok v", "ok green"]
    assert events(h, "script/a") == ['start ""', "waiting", "fired 7"]


def test_an_atom_that_lives_is_not_started_again(h: Harness, module: bytes) -> None:
    run(h, "script/a", "say hi")
    h.deploy({"script": script_kind(module)})
    run(h, "script/a", "say hi")
    assert events(h, "script/a") == ['start ""']


def test_a_message_that_fails_is_tried_on_the_new_module(h: Harness) -> None:
    token = h.post("script/a", b"err no")
    h.deploy({"script": kind("script", ECHO)})
    h.advance("100ms")
    assert h.answer(token) == b"err no"


def test_the_new_retry_and_limits_hold_for_what_waits(h: Harness, module: bytes) -> None:
    token = h.post("script/a", b"err no")
    h.deploy({"script": script_kind(module, retry=Retry(attempts=2))})
    h.advance("100ms")
    with pytest.raises(Closed):
        h.answer(token)


@pytest.mark.one_domain
def test_each_digest_is_recorded_once(h: Harness, module: bytes) -> None:
    def digests() -> list[str]:
        return [record.digest for commit in h.commits for record in commit if isinstance(record, r.Deployed)]

    assert digests() == ["harness"]
    h.restart()
    assert digests() == ["harness"]
    h.deploy({"script": script_kind(module)})
    h.deploy({"script": script_kind(module)})
    assert digests() == ["harness", "harness again"]


@pytest.mark.one_domain
def test_deliveries_of_a_kind_that_is_gone_are_dead_letters(h: Harness, module: bytes) -> None:
    run(h, "other/a", "clock.set-timer 1s 7", "bucket.put data k v")
    token = h.post("other/a", b"say hi", run=False)
    h.submit(x.Barrier())
    h.domain.run(0)
    h.deploy({"script": script_kind(module)})
    h.run()
    with pytest.raises(Closed):
        h.answer(token)
    h.advance("1s")
    assert [(letter.cause, letter.to.text) for letter in h.dead()] == [("not-found", "other/a")] * 2
    with pytest.raises(NotFound):
        h.call("other/a", b"say hi")
    assert run(h, "script/a", "messaging.open other/a", "lifecycle.spawn other x") == ["not-found", "not-found"]


def test_a_kind_that_comes_back_finds_its_state(h: Harness, module: bytes) -> None:
    run(h, "other/a", "bucket.put data k v")
    h.deploy({"script": script_kind(module)})
    h.restart()
    h.deploy({"script": script_kind(module), "other": kind("other", module)})
    assert run(h, "other/a", "bucket.get data k") == ["ok v"]


def test_a_letter_for_a_kind_that_is_gone_waits_for_it(h: Harness, module: bytes) -> None:
    run(h, "script/a", 'address.send-later other/a "event mail" 1s')
    h.deploy({"script": script_kind(module)})
    h.advance("1s")
    (letter,) = h.dead()
    h.submit(x.Revive(letter.delivery.id, 1))
    h.run()
    assert len(h.dead()) == 1
    h.deploy({"script": script_kind(module), "other": kind("other", module)})
    h.submit(x.Revive(letter.delivery.id, 1))
    h.run()
    assert h.dead() == []
    assert h.lives("other/a")


@pytest.mark.one_domain
def test_a_kind_can_be_ended_with_all_its_atoms(h: Harness, module: bytes) -> None:
    for atom in ("other/a", "other/b"):
        run(h, atom, "bucket.put data k v")
    run(h, "script/a", "lifecycle.monitor other/a 1")
    h.post("other/b", b"say hi", wants=False, run=False)
    h.domain.run(0)
    h.domain.end_kind("other")
    h.run()
    assert not h.lives("other/a")
    assert events(h, "script/a")[1:] == ["down 1 143"]
    assert [letter.cause for letter in h.dead()] == ["not-found"]
    h.deploy({"script": script_kind(module)})
    h.restart()
    assert not h.lives("other/b")


def test_what_is_linked_is_what_the_present_deployment_says(h: Harness, module: bytes) -> None:
    other = kind("other", module)
    h.deploy({"script": script_kind(module, links={"audit": "other/one"}), "other": other})
    assert run(h, "script/a", "address.text audit") == ["ok other/one"]
    h.deploy({"script": script_kind(module, links={"audit": "other/two"}), "other": other})
    assert run(h, "script/a", "address.text audit") == ["ok other/two"]


@pytest.mark.one_domain
def test_what_a_kind_has_done_is_counted_whatever_was_deployed_meanwhile(h: Harness) -> None:
    kinds = dict(h.kinds)
    run(h, "script/a", "say once")
    h.deploy({name: kind for name, kind in kinds.items() if name != "script"})
    assert h.domain.usage().kinds["script"][-2:] == (2, 0)  # its start as well
    h.deploy(kinds)
    run(h, "script/a", "say again")
    assert h.domain.usage().kinds["script"][-2:] == (3, 0)
