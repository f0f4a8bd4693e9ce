"""Scripts at random, and the days of a domain in which they run, for comparing one domain with another.

Names, keys and tokens come from small pools, so that scripts meet: one reads what another wrote, waits for what another
ends. What a script stores for later asks and sends nothing, so that nearly every run comes to rest.
"""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from radon.abi import exchange as x
from radon.abi.delivery import Address
from radon.host.kind import Kind, Retry
from radon.host.limits import Limits
from radon.testing.harness import kind
from tests.scripts import ECHO, GRANTS, ScriptModule, script, script_kind, word

ATOMS = ["script/a", "script/b", "script/c", "direct/d", "other/e", "tight/t", "shard/x"]
CONNECTIONS = ["script/line-1", "direct/line-2"]
SECONDS = 10**9

Choices = tuple[str, ...]

_WORDS = ("x", "y", "zz", "0x00ff", '""', '"two words"', "12345678")
_KEYS = ("k0", "k1", "k2", "k3")
_BUCKETS = ("data", "more")
_TOKENS = ("0", "1", "2")
_DELAYS = ("0", "100ms", "1s", "90s")
_NUMBERS = ("0", "1", "-1", "3", "9223372036854775807")
_BOUNDS = (*_KEYS, "-")
_TOPICS = ("news", "weather")
_PLACES = (*ATOMS, "$a", "$b", "echo/e", "nobody/x", "http:api", "near/@here", "brief/f", "common/g")
_KINDS = ("script", "direct", "nobody")
_OBJECT = (
    "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",  # that whose body is "x"
    "512eea46ceb3921dff4363c7069d89d4964d1d9fccaa0f411851a7aa60a5c868",  # that nobody here has
    "nonsense",
)
OBJECTS = _OBJECT[:2]
_BODY: Choices = ("body",)
"""Stands for a script that the line sends."""
_STORED: Choices = ("stored",)
"""Stands for one that is carried out later, and reaches nobody."""

_INWARD: dict[str, tuple[Choices, ...]] = {
    "bucket.get": (_BUCKETS, _KEYS),
    "bucket.get-many": (_BUCKETS, _KEYS, _KEYS),
    "bucket.put": (_BUCKETS, _KEYS, _WORDS),
    "bucket.delete": (_BUCKETS, _KEYS),
    "bucket.delete-range": (_BUCKETS, _BOUNDS, _BOUNDS),
    "bucket.add": (_BUCKETS, _KEYS, _NUMBERS),
    "bucket.scan": (_BUCKETS, _BOUNDS, _BOUNDS, ("0", "2", "10"), ("0", "1")),
    "clock.now": (),
    "clock.set-timer": (("100ms", "1s", "90s"), _TOKENS),
    "clock.cancel-timer": (_TOKENS,),
    "random.next": (),
    "random.fill": (("0", "5", "40"),),
    "log.write": (("debug", "info", "error"), _WORDS),
    "log.count": (_WORDS, _TOKENS),
    "config.get": (_KEYS,),
    "$o = objects.put": (_WORDS,),
    "$o = objects.open": (_OBJECT,),
    "object.size": (("$o",),),
    "object.read": (("$o",), _TOKENS, _TOKENS),
    "objects.pin": (_OBJECT,),
    "objects.unpin": (_OBJECT,),
    "event": (_WORDS,),
    "lifecycle.exit": (_TOKENS,),
    "err": (_WORDS,),
    "trap": (),
    "say": (_WORDS,),
}
"""Lines that reach no other atom."""

_OUTWARD: dict[str, tuple[Choices, ...]] = {
    "$a = messaging.open": (_PLACES,),
    "$a = messaging.self": (),
    "$a = message.sender": (("$message",),),
    "$b = lifecycle.spawn": (_KINDS, _BODY),
    "$w = lifecycle.spawn-many": (_KINDS, _TOKENS, _BODY),
    "address.send": (_PLACES, _BODY),
    "address.send-later": (_PLACES, _BODY, _DELAYS),
    "address.request": (_PLACES, _BODY, _DELAYS, _TOKENS),
    "address.call": (_PLACES, _BODY, _DELAYS),
    "lifecycle.wait": (_PLACES, _DELAYS),
    "clock.sleep": (_DELAYS,),
    "lifecycle.stop": (_PLACES,),
    "lifecycle.monitor": (_PLACES, _TOKENS),
    "message.reply": (("$message",), _WORDS),
    "message.reply-with": (("$message",), _WORDS, _KEYS, _WORDS),
    "message.forward": (("$message",), ("echo/e",)),  # a script atom would forward it for ever
    "message.keep": (("$message",), _TOKENS),
    "$m = messaging.kept": (_TOKENS,),
    "message.reply $m": (_WORDS,),
    "topics.publish": (_TOPICS, _BODY),
    "topics.subscribe": (_TOPICS,),
    "topics.unsubscribe": (_TOPICS,),
    "bucket.put scripts": (("fired", "replied", "down"), _STORED),
    "silent": (),
}
"""Durable lines that reach others."""

_VOLATILE: dict[str, tuple[Choices, ...]] = {
    "address.cast": (_PLACES, _BODY),
    "memory.count": (),
    "$_ = repeat": (_TOKENS, ("messaging.self",)),  # of these handles none is dropped
}
"""Lines whose effects a restart or the loss of an instance may change."""


def line(seed: int, *, volatile: bool = True) -> str:
    """The line of this number; scripts in it send scripts, and those no more.

    Hypothesis chooses, and leaves out, whole lines only: what it had to choose for each word of a script within a
    script would be more than it tries.
    """
    return _line(Random(seed), 2, [_INWARD, _OUTWARD, _OUTWARD] + ([_VOLATILE] if volatile else []))


def _line(random: Random, depth: int, tables: list[dict[str, tuple[Choices, ...]]]) -> str:
    table = random.choice(tables) if depth else _INWARD
    verb = random.choice(sorted(table))
    words = []
    for choices in table[verb]:
        if choices is _BODY:
            words.append(word(script(*(_line(random, depth - 1, tables) for _ in range(random.randrange(4))))))
        elif choices is _STORED:
            words.append(word(script(*(_line(random, 0, tables) for _ in range(random.randrange(3))))))
        else:
            words.append(random.choice(choices))
    return " ".join([verb, *words])


def bodies(volatile: bool) -> st.SearchStrategy[bytes]:
    """Scripts whose messages carry scripts whose messages carry scripts."""
    seeds = st.lists(st.integers(0, 2**32 - 1), max_size=6)
    return seeds.map(lambda some: script(*(line(seed, volatile=volatile) for seed in some)))


# ---- what comes from outside ----


def _post(token: int, wants: int, to: str, pair: str, once: str, body: bytes) -> x.Post:
    return x.Post(token, 0, wants, Address.parse(to), Address("", ""), pair, once, (("traceparent", b"t"),), body)


_atoms = st.sampled_from([*ATOMS, *CONNECTIONS]).map(Address.parse)
_connections = st.sampled_from(CONNECTIONS).map(Address.parse)
_ids = st.integers(0, 99)


def _inputs(volatile: bool) -> st.SearchStrategy[object]:
    scripts = bodies(volatile)
    post = st.builds(
        _post, _ids, st.integers(0, 1), st.sampled_from([*ATOMS, *ATOMS, "nobody/x", "@topic/news"]),
        st.sampled_from(["", "", "pair"]), st.sampled_from(["", "", "", "once"]), scripts,
    )  # fmt: skip
    if not volatile:
        return post
    passing = st.one_of(
        st.builds(x.Connect, _connections, scripts),
        st.builds(x.Disconnect, _connections),
        st.builds(x.Passivate, _atoms),
        st.builds(x.Listen, st.integers(0, 1), st.sampled_from(_TOPICS)),
        st.builds(x.Unlisten, st.integers(0, 1), st.sampled_from(_TOPICS)),
    )
    return st.one_of(post, post, post, passing)


# ---- the kinds that these scripts know ----


def script_kinds(script_module: ScriptModule) -> dict[str, Kind]:
    """What happens to them does not depend on how long their instances live."""
    fiber, direct = script_module("fiber"), script_module("direct")
    grants = (*GRANTS, "direct/*", "tight/*", "shard/*", "near/*", "brief/*", "common/*", "spawn:direct", "http:api")
    tight = Limits(outbox=3, state=200, message=500, handles=6, spawned=2)
    return {
        "script": script_kind(fiber, grants=grants),
        "direct": script_kind(direct, "direct", grants=("script/*", "direct/*", "echo/*", "spawn:direct", "publish:*")),
        "echo": kind("echo", ECHO),
        "other": kind("other", fiber),
        "tight": script_kind(fiber, "tight", grants=grants, limits=tight, retry=Retry(attempts=2, backoff=SECONDS)),
        "shard": script_kind(direct, "shard", grants=grants, spread="sharded", shards=2, shared=True),
    }


def passing_kinds(script_module: ScriptModule) -> dict[str, Kind]:
    """Of volatile atoms, and of atoms that run out of fuel, sooner or later as their instance is new or old; and of
    atoms that share one instance, of which each turn can tell the number."""
    fiber, direct = script_module("fiber"), script_module("direct")
    return {
        "near": script_kind(fiber, "near", spread="every-host"),
        "brief": script_kind(fiber, "brief", limits=Limits(turn=60_000)),
        "common": script_kind(direct, "common", shared=True, limits=Limits(turn=300_000, handles=6)),
    }


Day = tuple[int, list[object]]
"""So many ns pass, then these inputs come at once."""


def days(*, volatile: bool = True) -> st.SearchStrategy[list[Day]]:
    """What happens to a domain. Not `volatile`: only what a restart leaves as it was."""
    pauses = st.sampled_from([0, 1, SECONDS // 10, SECONDS, 100 * SECONDS])
    return st.lists(st.tuples(pauses, st.lists(_inputs(volatile), max_size=3)), min_size=1, max_size=8)
