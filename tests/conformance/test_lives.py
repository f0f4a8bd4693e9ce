"""Rule 16: how atoms begin and end, and which life of an atom an address means."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.abi import exchange as x
from radon.abi.errors import Closed, TooLarge
from radon.host.limits import Limits
from radon.testing.harness import Harness, kind
from tests.conformance.family import HOLD, end, spawn
from tests.scripts import ECHO, events, run, script, script_kind, word

Open = Callable[..., Harness]


# ---- beginnings ----


def test_an_atom_lives_from_its_first_message_on(h: Harness) -> None:
    assert not h.lives("script/a")
    assert run(h, "script/a", "say hello") == ["ok hello"]
    assert h.lives("script/a")
    assert events(h, "script/a") == ['start ""']


def test_a_spawned_atom_is_started_with_its_args_before_its_first_message_and_once(h: Harness) -> None:
    args, mail = word(script("say begun")), word(script("event mail"))
    lines = (f"$c = lifecycle.spawn script {args}", f"address.send $c {mail}", "address.text $c")
    child = run(h, "script/p", *lines)[-1].removeprefix("ok ")
    h.restart()
    h.send(child, b"event more")
    assert events(h, child) == ['start "say begun"', "ok begun", "mail", "more"]


def test_an_atom_spawned_from_outside_has_a_name_that_is_answered(h: Harness) -> None:
    h.submit(x.Spawn(501, "script", b"say begun"), x.Spawn(502, "script", b""), x.Spawn(503, "nothing", b""))
    h.run()
    first, second = h.answer(501), h.answer(502)
    assert first is not None
    assert first != second
    assert events(h, first.decode()) == ['start "say begun"', "ok begun"]
    refused = h.reply(503)
    assert refused is not None
    assert refused.code - 1 == 1  # not-found
    h.submit(x.Spawn(504, "script", bytes(2**20 + 1)))
    h.run()
    with pytest.raises(TooLarge, match=r"1048577 bytes for script; limits\.message is 1048576"):
        h.answer(504)


def test_a_module_without_start_begins_with_its_first_message(open_harness: Open) -> None:
    h = open_harness({"echo": kind("echo", ECHO)})
    assert h.call("echo/a", b"hello") == b"hello"
    assert h.lives("echo/a")


def test_the_key_of_a_spawned_atom_follows_from_its_parent_the_turn_and_the_ordinal(
    open_harness: Open, module: bytes
) -> None:
    lines = ["$c = lifecycle.spawn-many script 2 -", "$c = lifecycle.spawn-many script 2 x"]
    ask = ["$c = lifecycle.spawn-many script 3 x", *(f"address.text $c.{index}" for index in range(3))]
    names = []
    for _ in range(2):
        h = open_harness({"script": script_kind(module)})
        assert run(h, "script/p", *lines)[1] == "ok"
        names.append([*run(h, "script/p", *ask)[1:], *run(h, "script/q", *ask)[1:], *run(h, "script/p", *ask)[1:]])
    assert names[0] == names[1]
    assert len(set(names[0])) == 9


def test_spawning_is_refused_by_name(open_harness: Open, module: bytes) -> None:
    h = open_harness({
        "script": script_kind(module, grants=("spawn:script", "spawn:sharded", "spawn:gone")),
        "other": kind("other", module),
        "sharded": script_kind(module, "sharded", spread="sharded", shards=3),
    })  # fmt: skip
    kinds = ("script", "other", "sharded", "gone")
    assert run(h, "script/p", *(f"lifecycle.spawn {name} x" for name in kinds)) == [
        "ok", "denied", "invalid", "not-found",
    ]  # fmt: skip


@pytest.mark.one_domain
def test_a_turn_may_spawn_so_many(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(spawned=5, message=1000))})
    assert run(
        h, "script/p", "lifecycle.spawn-many script 4 x", "lifecycle.spawn-many script 2 x", "lifecycle.spawn script x",
        "lifecycle.spawn script x", "$b = fill 1001 a", "lifecycle.spawn script $b", "lifecycle.spawn-many script 0 x",
    ) == ["ok", "exhausted", "ok", "exhausted", "ok 1001", "too-large", "ok"]  # fmt: skip
    assert len(h.image().atoms) == 1 + 5
    assert run(h, "script/p", "lifecycle.spawn-many script 5 x") == ["ok"]


@pytest.mark.one_domain
def test_nobody_is_spawned_whose_address_finds_no_handle(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(handles=10))})
    assert run(h, "script/p", "$c = lifecycle.spawn-many script 10 x", "$c = lifecycle.spawn-many script 4 x") == [
        "exhausted", "ok",
    ]  # fmt: skip
    assert len(h.image().atoms) == 1 + 4
    assert run(h, "script/p", "$_ = repeat 20 lifecycle.spawn script x") == ["exhausted"]
    assert len(h.image().atoms) == 1 + 4 + 9  # and the message has a handle


# ---- ends ----


def test_exit_ends_the_atom_and_deletes_its_state_when_the_turn_commits(h: Harness) -> None:
    assert run(h, "script/a", "bucket.put data k v", "lifecycle.exit 1", "bucket.get data k") == ["ok", "ok", "ok v"]
    assert not h.lives("script/a")
    assert run(h, "script/a", "bucket.get data k") == ["ok -"]
    assert events(h, "script/a") == ['start ""']


def test_an_ended_atom_leaves_nothing_behind(h: Harness) -> None:
    lines = ("bucket.put data k v", "clock.set-timer 1s 1", "lifecycle.spawn script x", "topics.subscribe news")
    run(h, "script/a", *lines, "address.request script/b silent 1s 1", 'bucket.put scripts fired "event again"')
    end(h, "script/a")
    h.advance("2s")
    assert not h.lives("script/a")
    assert h.dead() == []
    h.restart(snapshot=True)
    assert not h.lives("script/a")


def test_the_last_status_of_a_turn_counts(h: Harness) -> None:
    spawn(h, "script/p", b"lifecycle.exit 1\nlifecycle.exit 2")
    assert run(h, "script/p", *HOLD, "lifecycle.monitor $c 9")[-1] == "ok"
    assert events(h, "script/p")[-1] == "down 9 2"


def test_an_exit_in_a_failing_turn_is_none(h: Harness) -> None:
    h.send("script/a", b"lifecycle.exit 1\nerr no")
    assert h.lives("script/a")


def test_mail_that_waits_at_the_end_begins_the_next_life(h: Harness) -> None:
    run(h, "script/a", "bucket.put data k v")
    h.post("script/a", b"lifecycle.exit 0", run=False)
    second = h.post("script/a", b"bucket.get data k\nevent second", run=False)
    third = h.post("script/a", b"event third", run=False)
    h.run()
    assert h.answer(second) == b"ok -\nok"
    assert h.answer(third) == b"ok"
    assert events(h, "script/a") == ['start ""', "second", "third"]


def test_mail_for_the_life_that_ended_is_closed(h: Harness) -> None:
    child = spawn(h, "script/p")
    h.post("script/p", script(*HOLD, 'address.request $c "say hi" 1s 7', 'address.send $c "event lost"'), run=False)
    h.post(child, b"lifecycle.exit 0", run=False)  # the parent's turn comes first, and its mail behind this
    h.run()
    assert events(h, "script/p") == ['start ""', "replied 7 closed"]
    assert [(letter.cause, letter.to.text) for letter in h.dead()] == [("closed", child)]
    assert not h.lives(child)


def test_questions_that_an_atom_kept_are_closed_when_it_ends(h: Harness) -> None:
    token = h.post("script/a", b"message.keep $message 1")
    end(h, "script/a")
    with pytest.raises(Closed):
        h.answer(token)


def test_an_answer_to_an_earlier_life_is_dropped(h: Harness) -> None:
    run(h, "script/b", "say hi")
    run(h, "script/a", 'address.request script/b "message.keep $message 1" 1s 1')
    end(h, "script/a")
    run(h, "script/a", "say hi")
    run(h, "script/b", "$m = messaging.kept 1", "message.reply $m late")
    assert events(h, "script/a") == ['start ""']


# ---- incarnations ----


def test_an_address_from_spawn_is_bound_to_that_life(h: Harness) -> None:
    child = spawn(h, "script/p")
    assert run(h, "script/p", *HOLD, 'address.send $c "event mail"')[-1] == "ok"
    end(h, child)
    for _ in range(2):
        assert run(h, "script/p", *HOLD, "address.send $c x", "address.cast $c x", "address.request $c x 1s 1")[2:] == [
            "closed", "closed", "closed",
        ]  # fmt: skip
        run(h, child, 'say "a new life"')
    assert events(h, child) == ['start ""']


@pytest.mark.one_domain
def test_the_address_of_a_sender_is_bound_to_that_life(h: Harness) -> None:
    keep = script("$a = message.sender $message", "$s = address.seal $a", "bucket.put data child $s")
    run(h, "script/a", f"address.send script/b {word(keep)}")
    assert run(h, "script/b", *HOLD, 'address.send $c "event mail"')[-1] == "ok"
    end(h, "script/a")
    run(h, "script/a", "say hi")
    assert run(h, "script/b", *HOLD, "address.send $c x")[-1] == "closed"


@pytest.mark.one_domain
def test_the_own_address_is_bound_to_this_life(h: Harness) -> None:
    sealed = run(h, "script/a", "$a = messaging.self", "$s = address.seal $a")[-1].removeprefix("ok ")
    end(h, "script/a")
    run(h, "script/a", "say hi")
    assert run(h, "script/b", f"$a = messaging.unseal {sealed}", "address.send $a x")[-1] == "closed"
    assert run(h, "script/a", f"$a = messaging.unseal {sealed}", "address.send $a x")[-1] == "closed"


def test_an_address_that_was_opened_means_whichever_life_there_is(h: Harness) -> None:
    run(h, "script/b", "$c = messaging.open script/a", "$s = address.seal $c", "bucket.put data child $s")
    for _ in range(2):
        assert run(h, "script/b", *HOLD, 'address.send $c "event mail"')[-1] == "ok"
        assert events(h, "script/a") == ['start ""', "mail"]
        end(h, "script/a")


def test_an_address_of_an_earlier_life_stays_closed_across_a_restart(h: Harness) -> None:
    child = spawn(h, "script/p")
    end(h, child)
    run(h, child, "say hi")
    for snapshot in (False, True):
        h.restart(snapshot=snapshot)
        assert run(h, "script/p", *HOLD, "address.send $c x")[-1] == "closed"


def test_a_life_that_begins_and_ends_in_one_turn_is_not_the_next_one(h: Harness) -> None:
    keep = ("$c = lifecycle.spawn script x", "$s = address.seal $c", "bucket.put data child $s")
    lines = ("$t = address.text $c", "lifecycle.stop $c", 'address.send $t "event reborn"', "address.text $c")
    child = run(h, "script/p", *keep, *lines)[-1].removeprefix("ok ")
    assert events(h, child) == ['start ""', "reborn"]
    assert run(h, "script/p", *HOLD, "address.send $c x")[-1] == "closed"
