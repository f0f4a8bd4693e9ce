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
from radon.host.domain import Settings
from radon.host.domains import default
from radon.host.image import Image
from radon.host.kind import Retry
from radon.host.limits import ENTRY_OVERHEAD, MAIL_OVERHEAD, MIB, OBJECT_OVERHEAD, Limits
from radon.host.python_domain import PythonDomain
from radon.testing.harness import Harness
from tests.hostile.asking import Steps, body, scripts
from tests.hostile.components import joined_puppet
from tests.hostile.conftest import WITNESS, hostile
from tests.hostile.puppet import DIRECT, PUPPET

LIMITS = Limits(memory=MIB, turn=5_000_000, outbox=20, state=10_000, message=20_000, handles=16, spawned=5)

Action = tuple[Callable[..., None], tuple[Any, ...]]


def message(h: Harness, to: str, steps: Steps, answers: bool) -> None:
    h.post(to, body(steps, answers, wasi2=to.startswith("joined")))


def rubbish(h: Harness, to: str, data: bytes) -> None:
    h.send(to, data)


def advance(h: Harness, by: int) -> None:
    h.advance(by)


def connection(h: Harness, begins: bool) -> None:
    line = Address("puppet", "line")
    h.submit(Connect(line, b"") if begins else Disconnect(line))
    h.run()


def passivate(h: Harness, key: str) -> None:
    h.submit(Passivate(Address("puppet", key)))
    h.run()


def restart(h: Harness, snapshot: bool) -> None:
    h.restart(snapshot=snapshot)


ATOMS = st.sampled_from(["puppet/a", "puppet/b", "puppet/line", "direct/a", "direct"])

actions: st.SearchStrategy[Action] = st.one_of(
    st.tuples(st.just(message), st.tuples(ATOMS, scripts(), st.booleans())),
    st.tuples(st.just(message), st.tuples(ATOMS, scripts(), st.booleans())),
    st.tuples(st.just(message), st.tuples(st.sampled_from(["joined/a", "joined"]), scripts(wasi2=True), st.booleans())),
    st.tuples(st.just(rubbish), st.tuples(ATOMS, st.binary(max_size=200))),
    st.tuples(st.just(advance), st.tuples(st.sampled_from([1, 10**6, 10**9, 10**12]))),
    st.tuples(st.just(Harness.forget), st.just(())),
    st.tuples(st.just(connection), st.tuples(st.booleans())),
    st.tuples(st.just(passivate), st.tuples(st.sampled_from("ab"))),
    st.tuples(st.just(restart), st.tuples(st.booleans())),
)


class Impatient(Harness):
    """Looks at a domain after so many turns, whether or not its atoms have come to rest: some never do."""

    def run(self, max_turns: int = 100) -> None:
        self.domain.run(max_turns)
        self.step()  # one turn more, and the commit

    def advance(self, by: str | int) -> None:
        assert isinstance(by, int)
        end = self.now + by
        for _ in range(20):
            due = self.domain.next_due()
            self.now = max(self.now, min(end, due if due is not None else end))
            self.submit()
            self.run()
        self.now = end
        self.submit()
        self.run()


def live(history: list[Action], forgetful: bool) -> None:
    """Carry out all of it; the domain must live, and be the one that its commits and its snapshot make."""
    fields = {"limits": LIMITS, "retry": Retry(attempts=2), "links": {"link": "witness/w"}}
    witness = hostile("witness", WITNESS)
    kinds = {"puppet": hostile("puppet", PUPPET, **fields), "direct": hostile("direct", DIRECT, **fields)}
    kinds["joined"] = hostile("joined", joined_puppet(), **fields)
    chosen = Settings(suspended=3, instances=4, memory=2 * MIB, forgetful=forgetful)
    with Impatient({**kinds, "witness": witness}, settings=chosen, endpoints=["api"]) as h:
        for act, arguments in history:
            act(h, *arguments)
            snapshot = h.domain.snapshot()
            assert restored(snapshot) == snapshot
            if isinstance(h.domain, PythonDomain):
                check_sums(h.domain.image)
        h.deploy({"witness": witness})  # or some would never come to rest
        assert h.call("witness/x", b"well?") == b"well?"
        h.restart()
        assert h.call("witness/x", b"still?") == b"still?"


def check_sums(image: Image) -> None:
    """What quotas are held against is counted along the way: it must be what is there."""
    mail = [delivery for atom in image.atoms.values() for delivery in atom.mailbox]
    mail += [later.delivery for later in image.postponed.values()]
    assert image.mail_bytes == sum(MAIL_OVERHEAD + len(delivery.body) for delivery in mail)
    assert image.dead_bytes == sum(MAIL_OVERHEAD + len(letter.delivery.body) for letter in image.dead.values())
    assert image.object_bytes == sum(OBJECT_OVERHEAD + len(thing.body) for thing in image.objects.values())
    for atom in (atom for atom in image.atoms.values() if not atom.undo):  # else `used` has what its turn wrote so far
        assert atom.used == sum(ENTRY_OVERHEAD + len(put.key) + len(put.value) for put in atom.entries())


def restored(snapshot: bytes) -> bytes:
    domain = default()(Settings())
    domain.restore(snapshot)
    try:
        return domain.snapshot()
    finally:
        domain.close()


quick = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


@given(history=st.lists(actions, min_size=2, max_size=6), forgetful=st.booleans())
@settings(quick, max_examples=40)
def test_nothing_that_a_guest_asks_for_reaches_the_host_as_an_exception(history: list[Action], forgetful: bool) -> None:
    live(history, forgetful)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@given(history=st.lists(actions, min_size=4, max_size=12), forgetful=st.booleans())
@settings(quick, max_examples=2000)
def test_nor_does_it_in_many_lives(history: list[Action], forgetful: bool) -> None:
    live(history, forgetful)
