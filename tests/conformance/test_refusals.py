"""Which error a syscall answers where several would fit: the checks stand in the order of docs/semantics.md.

Each case breaks two or more checks at once; the first in that order is the answer.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.abi import exchange as x
from radon.host.limits import Limits
from radon.testing.harness import NOON, Harness, kind
from tests.scripts import ECHO, outcomes, run, script, script_kind

Open = Callable[..., Harness]

ENDED = ("$s = bucket.get data ended", "$e = messaging.unseal $s")
"""The address of a life that is over."""

BIG, NAME, LONG = "$big = fill 2001 x", "$name = fill 257 n", "$long = fill 1500 k"


@pytest.fixture
def h(open_harness: Open, fiber: bytes) -> Harness:
    """`script/a` has 1 message to send, 2 atoms to spawn, and 2,000 bytes for a message."""
    limits = Limits(outbox=1, spawned=2, message=2000, state=10_000)
    grants = ("script/*", "other/*", "echo/*", "spawn:script", "spawn:shards", "publish:news")
    kinds = {"script": script_kind(fiber, grants=grants, limits=limits), "other": kind("other", fiber),
             "shards": kind("shards", fiber, spread="sharded", shards=4), "echo": kind("echo", ECHO)}  # fmt: skip
    h = open_harness(kinds)
    run(
        h,
        "script/a",
        '$c = lifecycle.spawn script "lifecycle.exit 0"',
        "$s = address.seal $c",
        "bucket.put data ended $s",
    )
    return h


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([NAME, 'messaging.open ""'], "invalid"),
        ([LONG, "messaging.open $long"], "too-large"),  # before the name is looked at
        (["messaging.open http:api"], "denied"),  # before it is looked for
        (["messaging.open nobody/x"], "not-found"),  # a kind that is not there, before the grant for it
        (["messaging.open shards/1"], "denied"),
        (['messaging.unseal ""'], "invalid"),
        ([BIG, *ENDED, "address.send $e $big"], "too-large"),
        ([*ENDED, "address.send script/b x", "address.send $e x"], "closed"),  # before exhausted
        (["address.send script/b x", "address.send script/b x"], "exhausted"),
        ([BIG, *ENDED, "address.request $e $big 0 1"], "timeout"),
        ([BIG, *ENDED, "address.request $e $big 1s 1"], "too-large"),
        ([BIG, *ENDED, "address.call $e $big 0"], "timeout"),
        ([*ENDED, "address.send script/b x", "address.call $e x 1s"], "closed"),
        ([BIG, "message.reply $message x", "message.reply $message $big"], "too-large"),  # before invalid
        ([NAME, "message.reply $message x", "message.reply-with $message x $name v"], "too-large"),
        ([*ENDED, "message.reply $message x", "message.forward $message $e"], "closed"),
        (["message.reply $message x", "address.send script/b x", "message.forward $message echo/x"], "invalid"),
        (["message.keep $message 1", "message.keep $message 1"], "invalid"),
        (['state.open ""'], "invalid"),
        ([NAME, "state.open $name"], "too-large"),
        (["$key = fill 65537 k", "bucket.put data $key x"], "too-large"),  # before exhausted
        (["$v = fill 10000 v", "bucket.put data k $v"], "exhausted"),
        (["bucket.put data k x", "bucket.add data k 1"], "invalid"),
        (["$o = fill 10001 o", "objects.put $o"], "too-large"),
        (["objects.open nothing"], "not-found"),
        (["$o = objects.put body", "object.read $o 5 1"], "invalid"),
        (["objects.unpin nothing"], "not-found"),
        (["$o = objects.put body", "$n = object.name $o", "objects.unpin $n"], "invalid"),
        ([BIG, "lifecycle.spawn-many nobody 3 $big"], "not-found"),
        ([BIG, "lifecycle.spawn-many other 3 $big"], "denied"),
        ([BIG, "lifecycle.spawn-many shards 3 $big"], "invalid"),
        ([BIG, "lifecycle.spawn-many script 3 $big"], "too-large"),
        (["lifecycle.spawn-many script 3 x"], "exhausted"),
        (["address.send script/b x", "lifecycle.stop script/b"], "denied"),  # before exhausted
        (["$a = messaging.open script/b", "address.send $a x", "lifecycle.monitor $a 1"], "exhausted"),
        (["$c = lifecycle.spawn script x", "lifecycle.wait $c 0"], "timeout"),
        (["$c = lifecycle.spawn script x", "lifecycle.wait $c 1s"], "invalid"),
        ([NAME, BIG, "topics.publish $name $big"], "too-large"),
        ([BIG, "topics.publish weather $big"], "denied"),
        ([BIG, "topics.publish news $big"], "too-large"),
        (['topics.subscribe ""'], "invalid"),
        (["address.send script/b x", "topics.subscribe weather"], "denied"),
        (["clock.set-timer 1s 1", "clock.set-timer 1s 2"], "exhausted"),
    ],
)
@pytest.mark.one_domain
def test_the_first_check_that_fails_is_the_answer(h: Harness, lines: list[str], expected: str) -> None:
    token = h.post("script/a", script(*lines))
    body = h.answer(token)
    if body is None or body == b"x":  # kept, or answered by the script itself
        logged = [line.text for line in h.outputs if isinstance(line, x.Logged) and line.atom.text == "script/a"]
        body = logged[-1].encode()
    assert outcomes(body)[-1] == expected


def test_a_deadline_that_is_this_very_instant_has_passed(h: Harness) -> None:
    body = h.call("script/a", b"address.request script/b x 1s 1", deadline=NOON)
    assert outcomes(body) == ["timeout"]


def test_what_is_refused_has_no_effect_and_the_turn_goes_on(h: Harness) -> None:
    lines = ("bucket.put data k v", "messaging.open nobody/x", "lifecycle.spawn nobody x", "bucket.put data l w")
    assert run(h, "script/a", *lines) == ["ok", "not-found", "not-found", "ok"]
    assert {b"k", b"l"} <= set(h.state("script/a")["data"])
