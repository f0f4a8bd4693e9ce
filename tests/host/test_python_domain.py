"""What nobody sees of the Python twin from outside: that it keeps and looks at no more than it must."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radon.abi.delivery import Delivery
from radon.host import mailbox, suspensions
from radon.host.fiber import Fiber
from radon.host.kind import Retry
from radon.host.python_domain import PythonDomain
from radon.testing.harness import Harness
from tests.hostile.conftest import WITNESS, hostile
from tests.hostile.puppet import DIRECT, MESSAGE, PUPPET, Act, Script
from tests.hostile.wat import module

FIRST = MESSAGE + 1


@pytest.fixture
def python() -> Iterator[Harness]:
    """Both puppets, a witness, and a guest that always fails."""
    fails = hostile("fails", module(receive="unreachable"), retry=Retry(attempts=3))
    kinds = {"puppet": hostile("puppet", PUPPET), "direct": hostile("direct", DIRECT), "witness": WITNESS}
    with Harness({**kinds, "fails": fails}, make=PythonDomain) as h:
        yield h


def test_timers_that_are_moved_for_ever_take_no_room(python: Harness) -> None:
    for _ in range(30):
        script = Script()
        script.call(Act.REPEAT, 1000, 1)
        script.call("clock.set-timer", 10**15, 1, script.area())
        script.play(python)
        script = Script()
        script.call(Act.REPEAT, 10)
        script.call("clock.set-timer", 10**15, 1, script.area())
        script.play(python)
    assert python.domain.next_due() is not None
    assert len(python.domain.image.alarms._heap) < 2 * 1024 + 2


def test_questions_that_are_answered_leave_no_alarm_behind(python: Harness) -> None:
    for _ in range(50):
        script = Script()
        script.call("messaging.open", *script.data(b"witness/w"), script.area())
        script.call(Act.REPEAT, 100)
        script.call("messaging.address.request", FIRST, 0, 4, 2**63, 1, script.area())
        python.forget()
        script.play(python, "direct/a")
    assert not python.domain.image.atoms["direct", "a"].asked
    assert len(python.domain.image.alarms._heap) < 2 * 1024 + 2


def test_a_flood_of_failures_is_not_searched_again_for_each(python: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of messages that wait for their retries, each from somebody else."""
    looked = 0

    def counted(delivery: Delivery) -> tuple[str, str]:
        nonlocal looked
        looked += 1
        return pair_of(delivery)

    pair_of = mailbox.pair_of
    monkeypatch.setattr(mailbox, "pair_of", counted)
    for _ in range(500):
        python.post("fails/a", b"x", run=False)
    python.run()
    python.advance("1s")
    assert len(python.dead()) == 500
    assert looked < 500 * 20


def test_a_turn_that_would_need_the_last_thread_is_told_and_the_others_end(
    python: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def refused_after_four() -> Fiber:
        if len(made) == 4:
            raise RuntimeError("can't start new thread")
        made.append(Fiber())
        return made[-1]

    monkeypatch.setattr(suspensions, "Fiber", refused_after_four)
    sleeping = Script()
    sleeping.call("clock.sleep", 10**9)
    for number in range(6):
        python.send(f"puppet/{number}", sleeping.body())
    assert len(python.logs()) == 3
    assert all("3 turns are suspended" in line for line in python.logs())
    assert python.call("witness/w", b"x") == b"x"
    python.advance("1s")
    assert python.domain.usage().kinds["puppet"].suspended == 0
    python.send("puppet/x", sleeping.body())
    assert python.domain.usage().kinds["puppet"].suspended == 1
