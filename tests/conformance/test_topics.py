"""Rule 19: a topic hands what is published to whoever subscribed, in order per publisher."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radon.abi import exchange as x
from radon.abi.delivery import NOWHERE, Address
from radon.abi.errors import Closed
from radon.host.kind import Retry
from radon.host.limits import Limits
from radon.testing.harness import Harness
from tests.scripts import events, run, script, script_kind, word

Open = Callable[..., Harness]


def publish(h: Harness, publisher: str, *texts: str, topic: str = "news") -> None:
    """Each text as a script that notes it."""
    lines = (f"topics.publish {topic} {word(f'event {text}')}" for text in texts)
    assert run(h, publisher, *lines) == ["ok"] * len(texts)


def heard(h: Harness, atom: str) -> list[str]:
    return events(h, atom)[1:]


def listened(h: Harness, listener: int) -> list[tuple[str, bytes]]:
    return [(o.topic, o.body) for o in h.outputs if isinstance(o, x.Published) and o.listener == listener]


def is_forgotten(h: Harness, topic: str = "news") -> bool:
    return h.image().find("@topic", topic) is None


# ---- atoms ----


def test_every_subscriber_gets_what_is_published_from_then_on(h: Harness) -> None:
    publish(h, "script/p", "early")
    for subscriber in ("script/a", "script/b"):
        run(h, subscriber, "topics.subscribe news")
    publish(h, "script/p", "one", "two")
    publish(h, "script/p", "elsewhere", topic="other")
    assert heard(h, "script/a") == heard(h, "script/b") == ["one", "two"]
    assert heard(h, "script/p") == []


def test_a_published_message_knows_its_topic_and_its_publisher_and_wants_no_answer(h: Harness) -> None:
    lines = ("$t = message.topic $message", "event $t", "$s = message.sender $message", "$n = address.text $s",
             "event $n", "$w = message.wants-reply $message", "event $w")  # fmt: skip
    run(h, "script/a", "topics.subscribe news")
    run(h, "script/p", f"topics.publish news {word(script(*lines))}")
    assert heard(h, "script/a") == ["news", "script/p", "0"]
    assert run(h, "script/a", "message.topic $message") == ["ok -"]


def test_subscribing_twice_is_once_and_unsubscribing_twice_is_no_error(h: Harness) -> None:
    assert run(h, "script/a", "topics.subscribe news", "topics.subscribe news") == ["ok", "ok"]
    publish(h, "script/p", "one")
    assert run(h, "script/a", "topics.unsubscribe news", "topics.unsubscribe news") == ["ok", "ok"]
    publish(h, "script/p", "two")
    assert heard(h, "script/a") == ["one"]


def test_a_publisher_s_own_subscription_keeps_its_place_among_what_it_publishes(h: Harness) -> None:
    lines = [f"topics.publish news {word(f'event {number}')}" for number in range(4)]
    run(h, "script/a", lines[0], "topics.subscribe news", lines[1], lines[2], "topics.unsubscribe news", lines[3])
    assert heard(h, "script/a") == ["1", "2"]


def test_order_is_kept_per_publisher_behind_one_that_fails(h: Harness) -> None:
    """A publisher's messages wait behind the one that is tried again; another publisher's do not."""
    run(h, "script/a", "topics.subscribe news")
    fails_once = word(script("$n = message.attempt $message", "if $n 0 err no", "event first"))
    run(h, "script/p", f"topics.publish news {fails_once}", 'topics.publish news "event second"')
    publish(h, "script/q", "other")
    assert heard(h, "script/a") == ["other"]
    h.advance("100ms")
    assert heard(h, "script/a") == ["other", "first", "second"]


def test_what_is_published_and_what_is_sent_are_of_one_pair(h: Harness) -> None:
    run(h, "script/a", "topics.subscribe news")
    run(h, "script/p", f"topics.publish news {word(script('err no'))}", f"address.send script/a {word('event sent')}")
    h.advance("1s")
    assert heard(h, "script/a") == ["sent"]
    assert [letter.delivery.topic for letter in h.dead()] == ["news"]


def test_a_failed_turn_publishes_and_subscribes_nothing(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, retry=Retry(attempts=1))})
    h.send("script/a", b"topics.subscribe news\nerr no")
    run(h, "script/b", "topics.subscribe news")
    h.send("script/p", b'topics.publish news "event one"\nerr no')
    publish(h, "script/p", "two")
    assert heard(h, "script/a") == []
    assert heard(h, "script/b") == ["two"]


@pytest.mark.parametrize("snapshot", [False, True])
def test_subscriptions_survive_a_restart(h: Harness, snapshot: bool) -> None:
    run(h, "script/a", "topics.subscribe news")
    h.restart(snapshot=snapshot)
    publish(h, "script/p", "one")
    assert heard(h, "script/a") == ["one"]


def test_a_subscription_ends_with_the_life_that_made_it(h: Harness) -> None:
    run(h, "script/a", "topics.subscribe news")
    run(h, "script/a", "lifecycle.exit 0")
    run(h, "script/a", 'say "a new life"')
    publish(h, "script/p", "one")
    assert heard(h, "script/a") == []
    assert is_forgotten(h)


@pytest.mark.one_domain
def test_a_topic_without_subscribers_leaves_no_trace(h: Harness) -> None:
    publish(h, "script/p", "one")
    assert is_forgotten(h)
    run(h, "script/a", "topics.subscribe news")
    assert not is_forgotten(h)
    run(h, "script/a", "topics.unsubscribe news")
    assert is_forgotten(h)
    h.restart()
    assert is_forgotten(h)


def test_topics_have_names_and_need_grants(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, grants=("publish:a*", "subscribe:b*"))})
    verbs = ("topics.publish {} x", "topics.subscribe {}", "topics.unsubscribe {}")
    assert [run(h, "script/a", *(verb.format(name) for verb in verbs)) for name in ("a1", "b1", '""')] == [
        ["ok", "denied", "denied"], ["denied", "ok", "ok"], ["invalid"] * 3,
    ]  # fmt: skip
    lines = ("$n = fill 257 a", "topics.publish $n x", "$n = fill 256 a", "topics.publish $n x")
    assert run(h, "script/a", *lines)[1::2] == ["too-large", "ok"]


def test_publications_count_as_sent(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(outbox=3, message=1000))})
    lines = ["topics.subscribe news", "topics.publish news x", "topics.unsubscribe news", "topics.publish news x"]
    assert run(h, "script/a", *lines, "$b = fill 1001 x", "topics.publish news $b") == [
        "ok", "ok", "ok", "exhausted", "ok 1001", "too-large",
    ]  # fmt: skip


# ---- the outside ----


@pytest.mark.one_domain
def test_a_listener_outside_hears_what_is_published_until_it_leaves(h: Harness) -> None:
    h.submit(x.Listen(1, "news"), x.Listen(2, "news"), x.Listen(1, "weather"))
    run(h, "script/p", "topics.publish news one", "topics.publish weather sunny")
    h.submit(x.Unlisten(1, "news"))
    run(h, "script/p", "topics.publish news two")
    assert listened(h, 1) == [("news", b"one"), ("weather", b"sunny")]
    assert listened(h, 2) == [("news", b"one"), ("news", b"two")]


@pytest.mark.parametrize("snapshot", [False, True])
def test_listeners_go_with_the_process(h: Harness, snapshot: bool) -> None:
    h.submit(x.Listen(1, "news"))
    run(h, "script/a", "topics.subscribe news")
    h.restart(snapshot=snapshot)
    publish(h, "script/p", "one")
    assert listened(h, 1) == []
    assert heard(h, "script/a") == ["one"]


def test_a_listener_that_leaves_takes_the_topic_with_it_and_one_that_never_came_is_nothing(h: Harness) -> None:
    h.submit(x.Listen(1, "news"), x.Unlisten(1, "news"), x.Unlisten(7, "news"), x.Unlisten(7, "weather"))
    h.run()
    assert is_forgotten(h)
    assert is_forgotten(h, "weather")


def test_the_outside_publishes_too_and_is_answered_by_nobody(h: Harness) -> None:
    run(h, "script/a", "topics.subscribe news")
    h.submit(x.Post(70, 0, 0, Address("@topic", "news"), NOWHERE, "", "", (), b"event one"))
    h.run()
    assert heard(h, "script/a") == ["one"]
    with pytest.raises(Closed):
        h.call("@topic/news", b"event two")
    assert heard(h, "script/a") == ["one", "two"]


def test_what_the_outside_publishes_keeps_its_order_by_pair(h: Harness) -> None:
    run(h, "script/a", "topics.subscribe news")
    fails_once = script("$n = message.attempt $message", "if $n 0 err no", "event one")
    for body, pair in ((fails_once, "p"), (b"event two", "p"), (b"event other", "q")):
        h.send("@topic/news", body, pair=pair)
    h.advance("100ms")
    assert heard(h, "script/a") == ["other", "one", "two"]


def test_an_atom_cannot_address_a_topic(h: Harness) -> None:
    assert run(h, "script/a", "messaging.open @topic/news", "messaging.open @topic") == ["not-found", "not-found"]
