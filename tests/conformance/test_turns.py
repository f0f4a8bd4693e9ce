"""Rule 6: a turn happens as a whole or not at all; one that fails is tried again, and then buried."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise

import pytest

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import Form
from radon.abi.errors import Closed
from radon.host.kind import Retry
from radon.host.limits import Limits
from radon.testing.harness import NOON, Harness
from tests.scripts import events, outcomes, run, script, script_kind, word

Open = Callable[..., Harness]
MS = 10**6

EVERYTHING = (
    "bucket.put data k new",
    "bucket.delete data gone",
    "bucket.add data n 1",
    'address.send script/sent "event sent"',
    'address.cast script/cast "event cast"',
    'address.send-later script/later "event later" 10ms',
    'address.request script/asked "say answer" 1s 1',
    'lifecycle.spawn script "event spawned"',
    "lifecycle.stop script/doomed",
    "lifecycle.monitor script/watched 2",
    "clock.set-timer 10ms 3",
    "clock.cancel-timer 4",
    "topics.subscribe news",
    "objects.put body",
    "message.keep $message 5",
)
"""One turn with every kind of effect."""


def prepare(h: Harness) -> None:
    run(h, "script/a", "bucket.put data k old", "bucket.put data gone here", "clock.set-timer 3600s 4")
    for atom in ("script/doomed", "script/watched"):
        run(h, atom, "say hi")


def living(h: Harness) -> set[str]:
    return {f"{kind}/{key}" for kind, key in h.image().atoms if not kind.startswith("@")}


@pytest.fixture
def once(open_harness: Open, module: bytes) -> Harness:
    """Turns are tried once, and may use 50 ms."""
    fields = {"retry": Retry(attempts=1), "limits": Limits(turn=50 * MS)}
    return open_harness({"script": script_kind(module, **fields)})


@pytest.mark.one_domain
def test_all_that_a_turn_did_happens_when_it_ends_well(once: Harness) -> None:
    h = once
    prepare(h)
    token = h.post("script/a", script(*EVERYTHING, "bucket.get data k"))
    assert h.state("script/a")["data"] == {b"k": b"new", b"n": (1).to_bytes(8, "little")}
    assert events(h, "script/sent")[1:] == ["sent"]
    assert events(h, "script/cast")[1:] == ["cast"]
    (child,) = living(h) - {f"script/{key}" for key in ("a", "watched", "sent", "cast", "asked")}
    assert events(h, child) == ['start "event spawned"', "spawned", "ok"]
    h.send("@topic/news", b"event published")
    h.advance("20ms")
    assert events(h, "script/later")[1:] == ["later"]
    assert events(h, "script/a")[1:] == ['replied 1 ok "ok answer"', "published", "fired 3"]
    assert run(h, "script/a", "$m = messaging.kept 5", "message.reply $m late") == ["ok", "ok"]
    assert h.answer(token) == b"late"


@pytest.mark.parametrize("end", ["err why", "trap", "loop", "recurse"])
def test_nothing_that_a_turn_did_happens_when_it_fails(once: Harness, end: str) -> None:
    h = once
    prepare(h)
    before, atoms = h.state("script/a"), living(h)
    with pytest.raises(Closed):
        h.call("script/a", script(*EVERYTHING, end))
    h.advance("2s")
    assert h.state("script/a") == before
    assert living(h) == atoms
    assert run(h, "script/a", f"objects.open {hashlib.sha256(b'body').hexdigest()}") == ["not-found"]
    assert run(h, "script/a", "$m = messaging.kept 5") == ["ok -"]
    h.advance("3600s")
    assert events(h, "script/a")[1:] == ["fired 4"]


def test_a_turn_sees_its_own_writes_and_nobody_else_does_before_its_end(h: Harness) -> None:
    lines = ("bucket.put data k v", "bucket.get data k", "bucket.delete data k", "bucket.get data k")
    assert run(h, "script/a", *lines) == ["ok", "ok v", "ok", "ok -"]


def test_what_a_turn_wrote_twice_is_recorded_once(h: Harness) -> None:
    run(h, "script/a", "bucket.put data k one")
    before = len(h.commits)
    run(h, "script/a", "bucket.put data k two", "bucket.put data k three")
    run(h, "script/a", "bucket.put data new x", "bucket.delete data new")
    puts = [record for commit in h.commits[before:] for record in commit if isinstance(record, r.Put | r.Delete)]
    assert puts == [r.Put("data", b"k", b"three")]


def test_the_records_of_a_turn_are_one_step_of_one_commit_in_a_fixed_order(h: Harness) -> None:
    """Writes, timers, kept messages, then the rest in the order of the syscalls."""
    run(h, "script/a", "say born", "clock.set-timer 5s 9")
    before = len(h.commits)
    h.post("script/a", script(
        'address.send-later script/b "say hi" 1s', "message.keep $message 1", "clock.set-timer 1s 2",
        "clock.cancel-timer 9", "objects.put body", "bucket.put data l v", "bucket.put data k v",
        "clock.set-timer 1s 1",
    ))  # fmt: skip
    (commit,) = h.commits[before:]
    last = max(index for index, record in enumerate(commit) if isinstance(record, r.Step))
    kinds = [type(record) for record in commit[last:]]
    assert kinds == [r.Step, r.At, r.Put, r.Put, r.TimerSet, r.TimerGone, r.TimerSet, r.Kept, r.Postponed, r.Stored]
    assert [record.key for record in commit[last:] if isinstance(record, r.Put)] == [b"l", b"k"]


READS = ("bucket.get data k", "clock.now", "message.sender $message", "$m = messaging.open script/a", "log.write info read")


def test_what_changes_nothing_is_not_stored(h: Harness) -> None:
    assert run(h, "script/a", "bucket.put data k v")
    before = len(h.commits)
    assert run(h, "script/a", *READS)[0] == "ok v"
    assert h.commits[before:] == []
    assert run(h, "script/a", "bucket.put data k w")
    assert [record for commit in h.commits[before:] for record in commit if isinstance(record, r.Put)]


@pytest.mark.parametrize("line", ["random.next", "$i = message.id $message"])
def test_steps_whose_numbers_were_learnt_are_stored(line: str, h: Harness) -> None:
    run(h, "script/a", "say born")
    before = len(h.commits)
    assert run(h, "script/a", line)[0].startswith("ok")
    (commit,) = h.commits[before:]
    assert {type(record) for record in commit} == {r.Step}


def test_effects_are_carried_out_in_the_order_of_the_syscalls(h: Harness) -> None:
    run(h, "script/a", *(f'address.send script/b "event {n}"' for n in range(5)))
    assert events(h, "script/b")[1:] == [str(n) for n in range(5)]
    run(h, "script/a", "lifecycle.monitor script/b 1", "lifecycle.stop script/b", 'address.send script/b "event new"')
    assert events(h, "script/b") == ['start ""', "new"]
    assert events(h, "script/a")[1:] == ["down 1 143"]


# ---- failed attempts ----

ATTEMPT = ("$t = clock.now", "log.write info $t", "$a = message.attempt $message", "$i = message.id $message",
           "$i = hex $i")  # fmt: skip


def test_a_failed_turn_is_tried_three_times_with_100_ms_doubling_between(h: Harness) -> None:
    h.send("script/a", script(*ATTEMPT, "log.write info $a", "log.write info $i", "err why"))
    h.advance("10s")
    logged = [output for output in h.outputs if isinstance(output, x.Logged)]
    lines = [logged[at : at + 4] for at in range(0, len(logged), 4)]
    assert [int(line[0].text) - NOON for line in lines] == [0, 100 * MS, 300 * MS]
    assert [line[1].text for line in lines] == ["0", "1", "2"]
    assert len({line[2].text for line in lines}) == 1, "the same id in every attempt"
    assert [line[3].text for line in lines] == [f"err: why (attempt {n} of 3)" for n in (1, 2, 3)]
    assert [letter.cause for letter in h.dead()] == ["err"]


def test_the_kind_says_how_often_and_how_far_apart(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, retry=Retry(attempts=5, backoff=10 * MS))})
    h.send("script/a", script(*ATTEMPT, "err why"))
    h.advance("10s")
    times = [int(line) for line in h.logs() if line.isdigit()]
    assert [later - earlier for earlier, later in pairwise(times)] == [10 * MS, 20 * MS, 40 * MS, 80 * MS]


@pytest.mark.one_domain
def test_a_backoff_beyond_all_time_is_never(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, retry=Retry(attempts=200, backoff=2**64 - 1))})
    h.send("script/a", b"err why")
    assert h.domain.next_due() == 2**64 - 1


def test_an_attempt_that_goes_well_ends_the_matter(h: Harness) -> None:
    token = h.post("script/a", script("bucket.add data n 1", "$a = message.attempt $message", "if $a 0 trap"))
    assert h.answer(token) is None
    h.advance("100ms")
    answer = h.answer(token)
    assert answer is not None
    assert outcomes(answer) == ["ok 1", "ok 1", "skipped"]
    assert h.dead() == []


def test_attempts_are_counted_across_a_restart(h: Harness) -> None:
    token = h.post("script/a", script("$a = message.attempt $message", "if $a 0 trap", "if $a 1 trap"))
    for snapshot in (False, True):
        h.restart(snapshot=snapshot)
        h.advance("200ms")
    assert h.answer(token) == b"ok 2\nskipped\nskipped"


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        ("err why", "err"), ("trap", "trap: unreachable"), ("loop", "trap: out-of-fuel"),
        ("recurse", "trap: stack-overflow"), ("$_ = repeat 2000 messaging.self", "trap: abi"),
    ],
)  # fmt: skip
def test_a_dead_letter_names_its_cause_by_a_stable_code(once: Harness, end: str, cause: str) -> None:
    once.send("script/a", end.encode())
    (letter,) = once.dead()
    assert (letter.cause, letter.to.text, letter.delivery.body) == (cause, "script/a", end.encode())
    assert letter.time == NOON


def test_the_text_of_an_error_is_logged_with_the_level_error_and_the_attempt(once: Harness) -> None:
    once.send("script/a", b'err "no such account"')
    (line,) = [output for output in once.outputs if isinstance(output, x.Logged)]
    assert (line.level, line.attempt, line.atom.text) == (3, 0, "script/a")
    assert line.text == "err: no such account (attempt 1 of 1)"


def test_a_trap_is_logged_with_the_functions_that_it_came_from(once: Harness) -> None:
    once.send("script/a", b"trap")
    assert "radon_on_receive" in once.logs()[0]


def test_whoever_waits_for_a_buried_message_hears_closed(h: Harness) -> None:
    token = h.post("script/a", b"trap")
    run(h, "script/b", "address.request script/a trap 10s 1")
    h.advance("1s")
    with pytest.raises(Closed):
        h.answer(token)
    assert events(h, "script/b")[1:] == ["replied 1 closed"]


def test_whoever_waits_outside_hears_the_cause_as_well_and_atoms_do_not(once: Harness) -> None:
    h = once
    failed = h.post("script/a", b"trap"), h.post("script/a", b"err no", once="key")
    unanswered = h.post("script/a", b"silent")
    found = [h.reply(token) for token in (*failed, h.post("script/a", b"err no", once="key"), unanswered)]
    causes = [b"trap: unreachable", b"err", b"err"]
    metadata = [*((("radon.cause", cause),) for cause in causes), ()]
    assert [(reply.code, reply.metadata) for reply in found if reply] == [(6, pairs) for pairs in metadata]
    tell = word(script("$c = messaging.answer-metadata radon.cause", "event $c"))
    run(h, "script/b", f"bucket.put scripts replied {tell}", "address.request script/a trap 10s 1")
    assert "replied 1 closed" in events(h, "script/b")
    assert not [line for line in events(h, "script/b") if "unreachable" in line]


@pytest.mark.parametrize("form", ["fired", "replied", "down"])
def test_the_other_deliveries_are_tried_again_and_buried_as_messages_are(h: Harness, form: str) -> None:
    cause = {"fired": "clock.set-timer 1ms 1", "replied": 'address.request script/b "" 1s 1',
             "down": "lifecycle.monitor script/nobody 1"}[form]  # fmt: skip
    run(h, "script/a", f'bucket.put scripts {form} "err why"', cause)
    h.advance("1s")
    (letter,) = h.dead()
    assert letter.delivery.form is Form[form.upper()]
    assert letter.delivery.attempt == 2
    assert events(h, "script/a") == ['start ""']


def test_a_start_that_fails_for_good_ends_the_atom(h: Harness) -> None:
    run(h, "script/a", '$c = lifecycle.spawn script "err why"', "lifecycle.monitor $c 7", "$s = address.text $c",
        "bucket.put data child $s")  # fmt: skip
    h.advance("1s")
    assert events(h, "script/a")[1:] == ["down 7 134"]
    assert not h.lives(h.state("script/a")["data"][b"child"].decode())
    assert [letter.delivery.form for letter in h.dead()] == [Form.START]


def test_messages_behind_a_start_that_fails_for_good_are_closed(h: Harness) -> None:
    answer = run(h, "script/a", '$c = lifecycle.spawn script "err why"', 'address.request $c "say hi" 10s 1')
    assert answer == ["ok", "ok"]
    h.advance("1s")
    assert events(h, "script/a")[1:] == ["replied 1 closed"]


def test_logs_and_metrics_survive_an_undone_turn_marked_with_its_attempt(h: Harness) -> None:
    h.send("script/a", script("log.write warn before", "log.count hits 2", "err why"))
    h.advance("100ms")
    told = [(line.attempt, line.level) for line in h.outputs if isinstance(line, x.Logged) and line.text == "before"]
    assert told == [(0, 2), (1, 2)]
    assert sum(output.by for output in h.outputs if isinstance(output, x.Counted)) == 4


# ---- dead letters ----


def test_a_dead_letter_stays_across_a_restart_until_it_is_dropped(once: Harness) -> None:
    h = once
    h.send("script/a", b"err why")
    for snapshot in (False, True):
        h.restart(snapshot=snapshot)
        assert [letter.cause for letter in h.dead()] == ["err"]
    h.submit(x.Revive(h.dead()[0].delivery.id, 0))
    h.run()
    assert h.dead() == []
    h.restart()
    assert h.dead() == []


def test_a_revived_dead_letter_is_tried_anew_and_answers_nobody(once: Harness) -> None:
    h = once
    run(h, "script/a", "bucket.put data mode bad")
    lines = ("$m = bucket.get data mode", "$a = message.attempt $message", "$w = message.wants-reply $message")
    token = h.post("script/a", script(*lines, "if $m bad err why", "event $a", "event $w"))
    run(h, "script/a", "bucket.put data mode good")
    h.submit(x.Revive(h.dead()[0].delivery.id, 1))
    h.run()
    assert events(h, "script/a")[1:] == ["0", "0"]
    assert h.dead() == []
    assert [reply.code for reply in h.outputs if isinstance(reply, x.Reply) and reply.token == token] == [6]


def test_a_revived_dead_letter_that_fails_again_is_buried_again(once: Harness) -> None:
    once.send("script/a", b"err why")
    id = once.dead()[0].delivery.id
    once.submit(x.Revive(id, 1))
    once.run()
    assert [letter.delivery.id for letter in once.dead()] == [id]


def test_a_dead_letter_that_nobody_knows_of_is_not_revived(once: Harness) -> None:
    once.submit(x.Revive(bytes(16), 1))
    once.run()
    assert once.dead() == []
