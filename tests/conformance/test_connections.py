"""Rule 19: gateways are addresses. A connection is a volatile atom, and what is sent to its other end leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import Address
from radon.abi.errors import Closed
from radon.testing.harness import Harness, kind
from tests.conformance.family import HOLD
from tests.scripts import ECHO, events, outcomes, run, script, script_kind, word

Open = Callable[..., Harness]

CONNECTION = Address("script", "line-1")
ATOM = CONNECTION.text
PEER = Address("@line", "1")
"""The other end: what the atom's messages come from, and where its own leave to."""


def connect(h: Harness, args: bytes = b"", atom: Address = CONNECTION) -> None:
    h.submit(x.Connect(atom, args))
    h.run()


def receive(h: Harness, *lines: str, atom: Address = CONNECTION) -> None:
    """A chunk comes in by the connection."""
    h.submit(x.Post(900, 0, 0, atom, PEER, "", "", (), script(*lines)))
    h.run()


def disconnect(h: Harness, atom: Address = CONNECTION) -> None:
    h.submit(x.Disconnect(atom))
    h.run()


def hung_up(h: Harness) -> list[str]:
    return [output.atom.text for output in h.outputs if isinstance(output, x.Hangup)]


def recorded(h: Harness) -> list[Any]:
    """What the log has about atoms."""
    return [
        record for commit in h.commits for record in commit if not isinstance(record, r.Step | r.Setup | r.Deployed)
    ]


TO_PEER = ("$s = message.sender $message", 'address.send $s "hello"')


def test_a_connection_begins_with_its_args_and_its_chunks_come_from_its_other_end(h: Harness) -> None:
    connect(h, b"say 127.0.0.1")
    receive(h, "$s = message.sender $message", "$t = address.text $s", "event $t")
    assert events(h, ATOM) == ['start "say 127.0.0.1"', "ok 127.0.0.1", "@line/1"]


def test_what_is_sent_to_the_other_end_leaves_in_order_and_waits_for_no_outcome(h: Harness) -> None:
    connect(h)
    receive(h, *TO_PEER, 'address.send $s "world"')
    assert h.sent() == [("@line/1", b"hello"), ("@line/1", b"world")]
    assert [output.wants for output in h.outputs if isinstance(output, x.Sent)] == [0, 0]


def test_the_other_end_is_in_this_process(h: Harness) -> None:
    connect(h)
    receive(h, "$s = message.sender $message", "$d = address.distance $s", "event $d")
    assert events(h, ATOM)[1:] == ["same-process"]


def test_the_other_end_can_be_handed_on(h: Harness) -> None:
    """An address that was received is a capability: whoever unseals it may send to it."""
    connect(h)
    receive(h, "$s = message.sender $message", "$b = address.seal $s", "bucket.put data peer $b")
    sealed = word(h.state(ATOM)["data"][b"peer"])
    assert run(h, "other/b", f"$s = messaging.unseal {sealed}", 'address.send $s "hello"') == ["ok", "ok"]
    assert h.sent() == [("@line/1", b"hello")]


def test_a_disconnect_is_the_last_delivery_behind_what_came_before_it(h: Harness) -> None:
    connect(h)
    tell = word(script('address.send script/witness "event down"'))
    receive(h, f"bucket.put scripts down {tell}")
    chunk = x.Post(900, 0, 0, CONNECTION, PEER, "", "", (), b'address.send script/witness "event chunk"')
    h.submit(chunk, x.Disconnect(CONNECTION), chunk)
    h.run()
    assert events(h, "script/witness") == ['start ""', "chunk", "down"]
    assert not h.lives(ATOM)
    assert hung_up(h) == [ATOM]
    assert h.dead() == []  # what came behind it went with the connection


def test_a_disconnect_is_down_with_the_token_0(h: Harness) -> None:
    connect(h)
    tell = script("$t = join $token $status", "$s = join 0x6576656e7420 $t", "address.send script/witness $s")
    run(h, ATOM, f"bucket.put scripts down {word(tell)}")
    disconnect(h)
    assert events(h, "script/witness") == ['start ""', "00"]


def test_a_disconnect_whose_handler_fails_for_good_ends_the_connection_all_the_same(h: Harness) -> None:
    connect(h)
    run(h, ATOM, 'bucket.put scripts down "err no"')
    disconnect(h)
    assert h.lives(ATOM)
    h.advance("1s")
    assert not h.lives(ATOM)
    assert hung_up(h) == [ATOM]


def test_a_connection_of_a_kind_without_down_ends_at_once(open_harness: Open) -> None:
    h = open_harness({"echo": kind("echo", ECHO)})
    connect(h, atom=Address("echo", "1"))
    assert h.call("echo/1", b"hello") == b"hello"
    disconnect(h, Address("echo", "1"))
    assert hung_up(h) == ["echo/1"]
    assert not h.lives("echo/1")


def test_watching_with_the_token_0_does_not_end_a_connection(h: Harness) -> None:
    connect(h)
    receive(h, "lifecycle.monitor script/a 0")
    run(h, "script/a", "lifecycle.exit 3")
    assert events(h, ATOM)[1:] in (["down 0 3"], ["down 0 4294967295"])
    assert h.lives(ATOM)
    assert hung_up(h) == []


def test_exit_closes_the_connection(h: Harness) -> None:
    connect(h)
    receive(h, *TO_PEER, "lifecycle.exit 0")
    assert h.sent() == [("@line/1", b"hello")]
    assert hung_up(h) == [ATOM]
    assert not h.lives(ATOM)
    disconnect(h)
    assert hung_up(h) == [ATOM]


def test_whoever_waits_for_a_connection_that_ended_hears_closed(h: Harness) -> None:
    connect(h)
    first = h.post(ATOM, b"message.keep $message 1")
    h.submit(x.Disconnect(CONNECTION))
    second = h.post(ATOM, b"say hi")
    for token in (first, second):
        with pytest.raises(Closed):
            h.answer(token)
    assert not h.lives(ATOM)


def test_nothing_of_a_volatile_atom_is_ever_recorded(h: Harness) -> None:
    connect(h)
    receive(h, "bucket.put data k v", "clock.set-timer 1s 1", "event chunk", "$p = objects.open none", *TO_PEER)
    receive(h, "message.keep $message 1", "err no")
    h.advance("1s")
    disconnect(h)
    assert recorded(h) == []
    h.restart()
    assert not h.lives(ATOM)


@pytest.mark.one_domain
def test_what_a_volatile_atom_did_to_others_is_recorded(h: Harness) -> None:
    connect(h)
    receive(h, "$o = objects.put body", 'address.send script/a "event mail"')
    disconnect(h)
    h.restart()
    assert events(h, "script/a") == ['start ""', "mail"]
    assert h.image().objects


@pytest.mark.parametrize("snapshot", [False, True])
def test_connections_go_with_the_process(h: Harness, snapshot: bool) -> None:
    connect(h)
    receive(h, f"address.request script/a {word('message.keep $message 1')} 10s 1", "topics.subscribe news",
            "lifecycle.monitor script/a 1")  # fmt: skip
    h.restart(snapshot=snapshot)
    assert not h.lives(ATOM)
    assert run(h, "script/a", "$m = messaging.kept 1", "message.reply $m late", "topics.publish news x") == ["ok"] * 3
    run(h, "script/a", "lifecycle.exit 0")
    assert not h.lives(ATOM)


@pytest.mark.one_domain
def test_an_address_of_a_connection_that_ended_is_closed(h: Harness) -> None:
    connect(h)
    keep = script("$a = message.sender $message", "$s = address.seal $a", "bucket.put data child $s")
    receive(h, f"address.send script/a {word(keep)}")
    assert run(h, "script/a", *HOLD, 'address.send $c "event one"')[-1] == "ok"
    disconnect(h)
    connect(h)
    assert run(h, "script/a", *HOLD, 'address.send $c "event two"')[-1] == "closed"


def test_a_connection_does_not_take_the_place_of_an_atom(h: Harness) -> None:
    run(h, ATOM, "bucket.put data k v")
    connect(h)
    assert hung_up(h) == [ATOM]
    disconnect(h)
    h.restart()
    assert run(h, ATOM, "bucket.get data k") == ["ok v"]


def test_a_connection_of_no_kind_is_hung_up(h: Harness) -> None:
    connect(h, atom=Address("nobody", "1"))
    assert hung_up(h) == ["nobody/1"]
    disconnect(h, Address("nobody", "1"))
    disconnect(h, Address("script", "never"))
    assert hung_up(h) == ["nobody/1"]


@pytest.mark.one_domain
def test_a_connection_whose_kind_was_removed_ends(h: Harness, module: bytes) -> None:
    connect(h)
    h.deploy({"other": kind("other", module)})
    disconnect(h)
    assert hung_up(h) == [ATOM]


def test_a_connection_calls_and_is_answered(open_harness: Open, fiber: bytes) -> None:
    h = open_harness({"script": script_kind(fiber)})
    connect(h)
    token = h.post(ATOM, b'address.call script/a "clock.sleep 1s" 10s')
    h.restart()
    assert h.answer(token) is None  # the connection is gone, and the turn with it
    h.advance("1s")
    connect(h)
    token = h.post(ATOM, b'address.call script/a "say hi" 10s')
    assert outcomes(h.answer(token) or b"") == ['ok "ok hi"']
