"""What a component asks for, of WASI 0.2 too, does the same on every domain."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.host.domain import Settings
from radon.host.domains import load
from radon.host.kind import Retry
from radon.host.limits import MIB, Limits
from radon.host.python_domain import PythonDomain
from radon.testing.harness import kind
from tests.equivalence.test_twins import OTHERS, Kinds, cases
from tests.equivalence.twins import Twins
from tests.hostile.asking import Steps, body, scripts
from tests.hostile.components import joined_puppet
from tests.hostile.puppet import PUPPET

LIMITS = Limits(memory=4 * MIB, turn=5_000_000, outbox=20, state=10_000, message=20_000, handles=40, spawned=5)
GRANTS = ("joined/*", "puppet/*", "spawn:joined", "stop:joined/*", "publish:*", "subscribe:*")

ATOMS = ["joined/a", "joined/b", "common/c", "common/d"]
asked = st.lists(st.tuples(st.sampled_from(ATOMS), scripts(wasi2=True), st.booleans()), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def kinds() -> Kinds:
    fields = {"limits": LIMITS, "retry": Retry(attempts=2), "links": {"link": "puppet/p"}}
    return Kinds(
        joined=kind("joined", joined_puppet(), GRANTS, **fields),
        puppet=kind("puppet", PUPPET, GRANTS, **fields),
        common=kind("common", joined_puppet(suspending=False), GRANTS, shared=True, **fields),
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", OTHERS)
@given(messages=asked, forgetful=st.booleans())
@cases(100)
def test_a_component_does_the_same_on_every_domain(
    name: str, kinds: Kinds, messages: list[tuple[str, Steps, bool]], forgetful: bool
) -> None:
    with closing(Twins(PythonDomain, load(name), kinds, settings=Settings(instances=3, forgetful=forgetful))) as twins:
        for token, (to, steps, answers) in enumerate(messages):
            text = body(steps, answers, wasi2=True, shared=to.startswith("common"))
            twins.submit(10**9, [Post(token, 0, 1, Address.parse(to), NOWHERE, "", "", (), text)])
            twins.run(20)
            twins.take()
        twins.crash()
        twins.rest()
