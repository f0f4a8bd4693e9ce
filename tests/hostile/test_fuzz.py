"""Any call with any arguments, in any order, from any handler: errors and ended turns, and never a Python exception.

The oracle is the domain itself: what its commits and its snapshot say must make the same domain again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radon.abi.delivery import Address
from radon.abi.exchange import Connect, Disconnect, Passivate
from radon.abi.syscalls import SYSCALLS
from radon.host.canonical import parse
from radon.host.domain import Domain, Settings
from radon.host.kind import Retry
from radon.host.limits import MIB, Limits
from radon.testing.harness import Harness
from tests.hostile.conftest import WITNESS, hostile
from tests.hostile.puppet import AREAS, DATA, DIRECT, PUPPET, Act, Script

LIMITS = Limits(memory=MIB, turn=20_000_000, outbox=20, state=10_000, message=20_000, handles=12, spawned=5)

NAMES = [b"witness/w", b"puppet/b", b"puppet", b"direct/a", b"data", b"topic", b"link", b"http:api", b"nowhere/x"]

Action = tuple[Callable[..., None], tuple[Any, ...]]

TEXTS = b"".join(name.ljust(16, b"\0") for name in NAMES)
"""The data of each script: something to point at."""

edges = st.sampled_from([0, 1, 2, 7, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1])
anything = st.one_of(st.integers(0, 2**64 - 1), edges, st.integers(0, 300))
pointers = st.one_of(st.integers(0, len(NAMES) - 1).map(lambda n: DATA + 16 * n), st.integers(0, 2**17), anything)
areas = st.one_of(st.integers(0, 20).map(lambda n: AREAS + 8 * n), anything)
numbers = st.one_of(st.integers(0, 12), st.sampled_from([10**6, 10**9]), anything)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str | Act, list[int]]:
    """One step that may well make sense."""
    act = draw(st.sampled_from([*SYSCALLS, *SYSCALLS, *Act]))
    if isinstance(act, Act):
        return act, draw(st.lists(numbers, min_size=3, max_size=3))
    values: list[int] = []
    for text in act.takes:
        head = parse(text).head
        if head in ("borrow", "own"):
            values.append(draw(st.one_of(st.integers(1, 6), anything)))
        elif head in ("string", "list"):
            at = draw(st.integers(0, len(NAMES) - 1))
            good = (DATA + 16 * at, len(NAMES[at]))
            values += draw(st.one_of(st.just(good), st.just(good), st.tuples(pointers, numbers)))
        elif head == "option":
            values += draw(st.tuples(st.one_of(st.integers(0, 1), anything), pointers, numbers))
        else:
            values.append(draw(numbers))
    if act.gives and not act.results:
        values.append(draw(areas))
    return act.name, values


@st.composite
def scripts(draw: st.DrawFn) -> bytes:
    """A few handles to begin with, then anything."""
    script = Script()
    script.data(TEXTS)
    if draw(st.booleans()):
        script.call("messaging.self")
        script.call("messaging.open", DATA, 9, script.area())
        script.call("state.open", DATA + 64, 4, script.area())
        script.call("objects.put", DATA, 20, script.area())
    for what, values in draw(st.lists(calls(), max_size=12)):
        script.call(what, *values)
    if draw(st.booleans()):
        script.call("messaging.message.reply", 1, 0, 512, script.area())
    return script.body()


def message(h: Harness, to: str, body: bytes, wants: bool) -> None:
    h.post(to, body, wants=wants)


def connection(h: Harness, begins: bool) -> None:
    line = Address("puppet", "line")
    h.submit(Connect(line, b"") if begins else Disconnect(line))
    h.run()


def passivate(h: Harness, key: str) -> None:
    h.submit(Passivate(Address("puppet", key)))
    h.run()


ATOMS = st.sampled_from(["puppet/a", "puppet/b", "puppet/line", "direct/a", "direct"])

actions: st.SearchStrategy[Action] = st.one_of(
    st.tuples(st.just(message), st.tuples(ATOMS, scripts(), st.booleans())),
    st.tuples(st.just(message), st.tuples(ATOMS, scripts(), st.booleans())),
    st.tuples(st.just(message), st.tuples(ATOMS, st.binary(max_size=200), st.booleans())),
    st.tuples(st.just(Harness.advance), st.tuples(st.sampled_from([1, 10**6, 10**9, 10**12]))),
    st.tuples(st.just(Harness.forget), st.just(())),
    st.tuples(st.just(connection), st.tuples(st.booleans())),
    st.tuples(st.just(passivate), st.tuples(st.sampled_from("ab"))),
    st.tuples(st.just(lambda h, snapshot: h.restart(snapshot=snapshot)), st.tuples(st.booleans())),
)


def live(history: list[Action]) -> None:
    """Carry out all of it; the domain must live, and be the one that its commits and its snapshot make."""
    fields = {"limits": LIMITS, "retry": Retry(attempts=2), "links": {"link": "witness/w"}}
    kinds = {
        "puppet": hostile("puppet", PUPPET, **fields),
        "direct": hostile("direct", DIRECT, **fields),
        "witness": hostile("witness", WITNESS),
    }
    with Harness(kinds, settings=Settings(suspended=3, instances=4, memory=2 * MIB), endpoints=["api"]) as h:
        for act, arguments in history:
            act(h, *arguments)
            snapshot = h.domain.snapshot()
            assert restored(snapshot) == snapshot
        assert h.call("witness/w", b"well?") == b"well?"
        h.restart()
        assert h.call("witness/w", b"still?") == b"still?"


def restored(snapshot: bytes) -> bytes:
    domain = Domain()
    domain.restore(snapshot)
    try:
        return domain.snapshot()
    finally:
        domain.close()


quick = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


@given(history=st.lists(actions, max_size=6))
@settings(quick, max_examples=60)
def test_nothing_that_a_guest_asks_for_reaches_the_host_as_an_exception(history: list[Action]) -> None:
    live(history)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@given(history=st.lists(actions, max_size=12))
@settings(quick, max_examples=3000)
def test_nothing_that_a_guest_asks_for_reaches_the_host_as_an_exception_in_many_lives(history: list[Action]) -> None:
    live(history)
