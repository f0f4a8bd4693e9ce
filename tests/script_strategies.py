"""Scripts at random, and the days of a domain in which they run, for comparing one domain with another.

Names, keys and tokens come from small pools, so that scripts meet: one reads what another wrote, waits for what another
ends. What a script stores for later asks and sends nothing, so that every run comes to rest.
"""

from __future__ import annotations

from hypothesis import strategies as st

from radon.abi import exchange as x
from radon.abi.delivery import Address
from tests.scripts import script, word

ATOMS = ["script/a", "script/b", "script/c", "direct/d", "other/e"]
CONNECTIONS = ["script/line-1", "direct/line-2"]
SECONDS = 10**9

Strategy = st.SearchStrategy[str]

_words: Strategy = st.sampled_from(["x", "y", "zz", "0x00ff", '""', '"two words"', "12345678"])
_keys: Strategy = st.sampled_from(["k0", "k1", "k2", "k3"])
_buckets: Strategy = st.sampled_from(["data", "more"])
_tokens: Strategy = st.sampled_from(["0", "1", "2"])
_delays: Strategy = st.sampled_from(["0", "100ms", "1s", "90s"])
_numbers: Strategy = st.sampled_from(["0", "1", "-1", "3", "9223372036854775807"])
_bounds: Strategy = _keys | st.just("-")
_topics: Strategy = st.sampled_from(["news", "weather"])
_addresses: Strategy = st.sampled_from([*ATOMS, "$a", "$b", "echo/e", "nobody/x"])
_kinds: Strategy = st.sampled_from(["script", "direct", "nobody"])
_levels: Strategy = st.sampled_from(["debug", "info", "error"])

_INWARD: dict[str, tuple[Strategy, ...]] = {
    "bucket.get": (_buckets, _keys),
    "bucket.get-many": (_buckets, _keys, _keys),
    "bucket.put": (_buckets, _keys, _words),
    "bucket.delete": (_buckets, _keys),
    "bucket.delete-range": (_buckets, _bounds, _bounds),
    "bucket.add": (_buckets, _keys, _numbers),
    "bucket.scan": (_buckets, _bounds, _bounds, st.sampled_from(["0", "2", "10"]), st.sampled_from(["0", "1"])),
    "clock.now": (),
    "clock.set-timer": (st.sampled_from(["100ms", "1s", "90s"]), _tokens),
    "clock.cancel-timer": (_tokens,),
    "random.next": (),
    "random.fill": (st.sampled_from(["0", "5", "40"]),),
    "log.write": (_levels, _words),
    "log.count": (_words, _tokens),
    "config.get": (_keys,),
    "$o = objects.put": (_words,),
    "object.size": (st.just("$o"),),
    "object.read": (st.just("$o"), _tokens, _tokens),
    "objects.pin": (st.just("2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),),
    "objects.unpin": (st.just("2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),),
    "event": (_words,),
    "lifecycle.exit": (_tokens,),
    "err": (_words,),
    "trap": (),
    "say": (_words,),
}
"""Lines that reach no other atom."""


def _line(verb: str, *parts: str) -> str:
    return " ".join([verb, *parts])


def _lines(table: dict[str, tuple[Strategy, ...]]) -> Strategy:
    return st.sampled_from(sorted(table)).flatmap(lambda verb: st.builds(_line, st.just(verb), *table[verb]))


def _scripts(line: Strategy, most: int) -> Strategy:
    """Scripts as words."""
    return st.lists(line, max_size=most).map(lambda lines: word(script(*lines)))


def _outward(bodies: Strategy) -> dict[str, tuple[Strategy, ...]]:
    """Durable lines that reach others; `bodies` are the scripts that these are to run."""
    return {
        "$a = messaging.open": (_addresses,),
        "$a = messaging.self": (),
        "$a = message.sender": (st.just("$message"),),
        "$b = lifecycle.spawn": (_kinds, bodies),
        "$w = lifecycle.spawn-many": (_kinds, _tokens, bodies),
        "address.send": (_addresses, bodies),
        "address.send-later": (_addresses, bodies, _delays),
        "address.request": (_addresses, bodies, _delays, _tokens),
        "address.call": (_addresses, bodies, _delays),
        "lifecycle.wait": (_addresses, _delays),
        "clock.sleep": (_delays,),
        "lifecycle.stop": (_addresses,),
        "lifecycle.monitor": (_addresses, _tokens),
        "message.reply": (st.just("$message"), _words),
        "message.reply-with": (st.just("$message"), _words, _keys, _words),
        "message.forward": (st.just("$message"), st.just("echo/e")),  # a script atom would forward it for ever
        "message.keep": (st.just("$message"), _tokens),
        "$m = messaging.kept": (_tokens,),
        "message.reply $m": (_words,),
        "topics.publish": (_topics, bodies),
        "topics.subscribe": (_topics,),
        "topics.unsubscribe": (_topics,),
        "bucket.put scripts": (st.sampled_from(["fired", "replied", "down"]), _scripts(_lines(_INWARD), 2)),
        "silent": (),
    }


def _volatile(bodies: Strategy) -> dict[str, tuple[Strategy, ...]]:
    """Lines whose effects a restart or the loss of an instance may change."""
    return {"address.cast": (_addresses, bodies), "memory.count": ()}


def _bodies(volatile: bool) -> st.SearchStrategy[bytes]:
    """Scripts whose messages carry scripts whose messages carry scripts."""

    def around(inner: Strategy) -> Strategy:
        scripts = _scripts(inner, 3)
        outer = _lines(_INWARD) | _lines(_outward(scripts))
        return outer | _lines(_volatile(scripts)) if volatile else outer

    return st.lists(around(around(_lines(_INWARD))), max_size=6).map(lambda lines: script(*lines))


# ---- what comes from outside ----


def _post(token: int, wants: int, to: str, pair: str, once: str, body: bytes) -> x.Post:
    return x.Post(token, 0, wants, Address.parse(to), Address("", ""), pair, once, (("traceparent", b"t"),), body)


_atoms = st.sampled_from([*ATOMS, *CONNECTIONS]).map(Address.parse)
_connections = st.sampled_from(CONNECTIONS).map(Address.parse)
_ids = st.integers(0, 99)


def _inputs(volatile: bool) -> st.SearchStrategy[object]:
    bodies = _bodies(volatile)
    post = st.builds(
        _post, _ids, st.integers(0, 1), st.sampled_from([*ATOMS, *ATOMS, "nobody/x", "@topic/news"]),
        st.sampled_from(["", "", "pair"]), st.sampled_from(["", "", "", "once"]), bodies,
    )  # fmt: skip
    if not volatile:
        return post
    passing = st.one_of(
        st.builds(x.Connect, _connections, bodies),
        st.builds(x.Disconnect, _connections),
        st.builds(x.Passivate, _atoms),
        st.builds(x.Listen, st.integers(0, 1), _topics),
        st.builds(x.Unlisten, st.integers(0, 1), _topics),
    )
    return st.one_of(post, post, post, passing)


Day = tuple[int, list[object]]
"""So many ns pass, then these inputs come at once."""


def days(*, volatile: bool = True) -> st.SearchStrategy[list[Day]]:
    """What happens to a domain. Not `volatile`: only what a restart leaves as it was."""
    pauses = st.sampled_from([0, 1, SECONDS // 10, SECONDS, 100 * SECONDS])
    return st.lists(st.tuples(pauses, st.lists(_inputs(volatile), max_size=3)), min_size=1, max_size=8)
