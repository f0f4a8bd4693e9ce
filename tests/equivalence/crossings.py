"""What may come from other domains, at random: messages, news and answers to what left for them.

A crossing stands in a history as plain data and becomes a record when it happens: then it gets an id that nobody had,
and it speaks of lives that there were.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from radon.abi import crossing as c
from radon.abi import exchange as x
from radon.abi.delivery import NO_ID, NOWHERE, Address, Delivery
from radon.abi.frames import encode
from tests.equivalence.twins import Neighbour, Twins
from tests.script_strategies import ATOMS, CONNECTIONS, OBJECTS

Given = tuple[Any, ...]
"""What comes, and the particulars."""

T = TypeVar("T")

AGAIN = (0, 0, 0, 0, 1, 3, 1000, 1000, 1000, -1)
"""How many of those that were sent before come again with the new ones; -1: the first of the new ones is missing."""

HERE = ("script/a", "script/a", "script/c", "other/e", "tight/t")
"""That is, in domain 1 of 3; most is sent to them."""

LIVES = ("any", "its", "its", "its", "past")
ELSEWHERE = ("script/far", "direct/away", "script/a", "other/e")
TOPICS = ("@topic/news", "@topic/news", "@topic/weather")
CODES = (0, 0, 0, 1, 5, 6)


def choose(random: Random, body: Callable[[], bytes], *, casts: bool) -> Given:
    """What stands for an input. `body` gives what a message may say."""
    neighbour, what = random.randrange(2), random.random()
    if what < 0.1:
        return "acknowledged", neighbour, random.choice((0, 0, 1, 3, -1))
    if what < 0.15:
        return "resend", neighbour
    some = range(random.randint(1, 4))
    if what < 0.25 and casts:
        return "casts", neighbour, [("cast", _name(random), random.choice(LIVES), body()) for _ in some]
    return "crossed", neighbour, random.choice(AGAIN), [_crossing(random, body) for _ in some]


def _name(random: Random) -> str:
    return random.choice(HERE if random.random() < 0.6 else (*ATOMS, *CONNECTIONS, "nobody/x"))


def _crossing(random: Random, body: Callable[[], bytes]) -> Given:
    name, life, far, place = _name(random), random.choice(LIVES), random.choice(ELSEWHERE), random.randrange(4)
    return random.choice((
        ("mail", name, life, far, random.randrange(2), body()),
        ("mail", name, life, far, random.randrange(2), body()),
        ("to topic", random.choice(TOPICS), far, random.choice((0, 0, 1, 1, 2)), body()),
        ("to topic", random.choice(TOPICS), far, random.choice((0, 0, 1, 1, 2)), body()),
        ("handed", name, life, far, random.choice(("news", "weather")), body()),
        ("answer", place, random.choice(CODES), random.choice((b"", b"event answered"))),
        ("answer", place, random.choice(CODES), b"event answered"),
        ("begin", name, random.choice((far, "script/a", "")), body()),
        ("stop", name, life),
        ("watch", name, life, far, random.randrange(3), random.randrange(2)),
        ("unwatch", name, life, far),
        ("told", place, random.choice(CODES), random.randrange(3)),
        ("exited", place, name, random.randrange(3)),
        ("fetch", random.randrange(4), random.choice((0, 0, 1, 2**40)), random.choice(OBJECTS)),
        ("fetched", place, random.choice((0, 0, 0, 2, 4)), random.choice((0, 3, 500)), random.choice((b"", b"far"))),
        ("fetched", 0, random.choice((0, 0, 2)), 3, b"far"),
    ))  # fmt: skip


# ---- inputs ----


def _crossed(twins: Twins, which: int, again: int, crossings: list[Given]) -> x.Crossed:
    neighbour = twins.neighbours[which]
    first = max(0, len(neighbour.sent) - again)
    neighbour.sent += [_record(twins, neighbour, given) for given in crossings]
    return x.Crossed(neighbour.number, first + 1, b"".join(neighbour.sent[first:]))


def _casts(twins: Twins, which: int, crossings: list[Given]) -> x.Crossed:
    neighbour = twins.neighbours[which]
    return x.Crossed(neighbour.number, 0, b"".join(_record(twins, neighbour, given) for given in crossings))


def _acknowledged(twins: Twins, which: int, but: int) -> x.Acknowledged:
    """All that left, `but` the last few; of more it cannot know."""
    return x.Acknowledged(twins.neighbours[which].number, max(0, twins.neighbours[which].left - but))


def _resend(twins: Twins, which: int) -> x.Resend:
    return x.Resend(twins.neighbours[which].number)


MEANT: dict[str, Callable[..., Any]] = {
    "crossed": _crossed, "casts": _casts, "acknowledged": _acknowledged, "resend": _resend,
}  # fmt: skip


# ---- crossings ----


def _record(twins: Twins, neighbour: Neighbour, given: Given) -> bytes:
    what, *particulars = given
    return encode(_CROSSINGS[what](twins, neighbour, *particulars))


def _address(twins: Twins, name: str, life: str = "its") -> Address:
    kind, key, _ = Address.parse(name)
    return Address(kind, key, {"any": 0, "its": twins.lives.get((kind, key), 0), "past": 3}[life])


def _that_left(twins: Twins, cls: type[T], place: int) -> T | None:
    """One of the last few of these."""
    some = [crossing for crossing in twins.crossed if isinstance(crossing, cls)]
    return some[-1 - place % len(some)] if some else None


def _mail(twins: Twins, neighbour: Neighbour, name: str, life: str, far: str, wants: int, body: bytes) -> c.Mail:
    id, sender = neighbour.new_id(), _address(twins, far)
    reply, request = (sender, id) if wants else (NOWHERE, NO_ID)
    return c.Mail(_address(twins, name, life), Delivery(id, body=body, sender=sender, reply=reply, request=request))


def _cast(twins: Twins, neighbour: Neighbour, name: str, life: str, body: bytes) -> c.Mail:
    return c.Mail(_address(twins, name, life), Delivery(neighbour.new_id(), body=body, cast=True))


def _to_topic(twins: Twins, neighbour: Neighbour, topic: str, far: str, what: int, body: bytes) -> c.Mail:
    sender = _address(twins, far)
    return c.Mail(Address.parse(topic), Delivery(neighbour.new_id(), body=body, sender=sender, token=what))


def _handed(twins: Twins, neighbour: Neighbour, name: str, life: str, far: str, topic: str, body: bytes) -> c.Handed:
    copy = Delivery(neighbour.new_id(), body=body, sender=_address(twins, far), topic=topic)
    return c.Handed(_address(twins, name, life), copy)


def _answer(twins: Twins, neighbour: Neighbour, place: int, code: int, body: bytes) -> c.Answer:
    """To a question that left, if one did."""
    questions = [m for m in twins.crossed if isinstance(m, c.Mail) and m.delivery.reply is not NOWHERE]
    if not questions:
        return c.Answer(neighbour.new_id(), code, _address(twins, "script/a"), (), body, NOWHERE)
    question = questions[-1 - place % len(questions)]
    answerer = question.to if not code else NOWHERE
    return c.Answer(question.delivery.request, code, question.delivery.reply, (), body, answerer)


def _begin(twins: Twins, neighbour: Neighbour, name: str, parent: str, args: bytes) -> c.Begin:
    child = Address(Address.parse(name).kind, f"born-{neighbour.number}", neighbour.new_step())
    return c.Begin(neighbour.new_id(), child, _address(twins, parent) if parent else NOWHERE, args)


def _stop(twins: Twins, _: Neighbour, name: str, life: str) -> c.Stop:
    return c.Stop(_address(twins, name, life))


def _watch(twins: Twins, neighbour: Neighbour, name: str, life: str, far: str, token: int, waits: int) -> c.Watch:
    request = neighbour.new_id() if waits else NO_ID
    return c.Watch(token, request, _address(twins, name, life), _address(twins, far))


def _unwatch(twins: Twins, neighbour: Neighbour, name: str, life: str, far: str) -> c.Unwatch:
    return c.Unwatch(neighbour.new_id(), _address(twins, name, life), _address(twins, far))


def _told(twins: Twins, _: Neighbour, place: int, code: int, status: int) -> c.Told:
    """Of what is watched from here, if anything is."""
    watch = _that_left(twins, c.Watch, place)
    if watch is None:
        return c.Told(1, NO_ID, code, status, Address("script", "far", 3), _address(twins, "script/b"))
    return c.Told(watch.token, watch.request, code, status, watch.target, watch.watcher)


def _exited(twins: Twins, _: Neighbour, place: int, name: str, status: int) -> c.Exited:
    """Of one that was spawned from here, if any was."""
    begun = _that_left(twins, c.Begin, place)
    if begun is None:
        return c.Exited(status, Address("script", "far", 3), _address(twins, name))
    return c.Exited(status, begun.child, begun.parent)


def _fetch(_: Twins, neighbour: Neighbour, first: int, offset: int, name: str) -> c.Fetch:
    return c.Fetch(neighbour.new_id(), first, offset, name)


def _fetched(twins: Twins, neighbour: Neighbour, place: int, code: int, size: int, piece: bytes) -> c.Fetched:
    """What was asked for from here, if anything was."""
    fetch = _that_left(twins, c.Fetch, place) or c.Fetch(neighbour.new_id(), 0, 0, "")
    return c.Fetched(fetch.request, code, neighbour.number, fetch.offset, size, piece)


_CROSSINGS: dict[str, Callable[..., Any]] = {
    "mail": _mail, "cast": _cast, "to topic": _to_topic, "handed": _handed, "answer": _answer, "begin": _begin,
    "stop": _stop, "watch": _watch, "unwatch": _unwatch, "told": _told, "exited": _exited,
    "fetch": _fetch, "fetched": _fetched,
}  # fmt: skip
