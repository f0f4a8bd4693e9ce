"""A domain that is run by whoever submits: nothing is left lying, and what may take long is not done there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from radon.abi.delivery import NOWHERE, Address
from radon.abi.errors import Unavailable
from radon.abi.exchange import Post
from radon.backends import inbox as inbox_module
from radon.backends import pace, writer
from radon.backends import runner as runner_module
from radon.backends.driver import Store
from radon.backends.stores.memory import MemoryStore
from radon.host.domain import Domain, Make, Settings, Status
from radon.host.domains import default
from radon.host.kind import Kind
from radon.testing.faults import Stalled
from tests.backends.desk import SOON, Desk, Durable, Failing

OWN = "radon-domain-0"
Lent = Callable[..., Desk]


class Bell(SimpleQueue[None]):
    """Knows whether anybody waits for it."""

    waited_for = False

    def get(self, block: bool = True, timeout: float | None = None) -> None:
        self.waited_for = True
        try:
            super().get(block, timeout)
        finally:
            self.waited_for = False


def rest(d: Desk) -> None:
    """Returns when the own thread sleeps. It does so until something wakes it."""
    d.settle()
    inbox = d.runner._inbox
    while inbox._rung or not inbox._bell.waited_for:  # type: ignore[attr-defined]
        pass


@pytest.fixture
def lent(agent: Kind, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lent]:
    """`lent(store)`: a desk whose runner is at rest, and driven by nobody but the test."""
    monkeypatch.setattr(inbox_module, "SimpleQueue", Bell)
    opened: list[Desk] = []

    def open_one(store: Store, **options: Any) -> Desk:
        d = Desk(store, agent, **options)
        opened.append(d)
        for to in ("agent/a", "agent/b"):
            d.ask("total", to=to)
        d.runner.lend(lambda: True)
        rest(d)
        d.runner._pace._own_until = 0.0  # the first turns, which load code, may have been long ones
        return d

    yield open_one
    for d in opened:
        d.runner.stop()


class Witness:
    """Makes domains that say in which thread their turns were run."""

    def __init__(self, make: Make | None = None) -> None:
        self.threads: list[str] = []
        self._make = make or default()

    def __call__(self, settings: Settings) -> Domain:
        domain = self._make(settings)
        run = domain.run

        def witnessed(max_turns: int) -> Status:
            if max_turns:
                self.threads.append(threading.current_thread().name)
            return run(max_turns)

        domain.run = witnessed  # type: ignore[method-assign]
        return domain


def test_what_is_submitted_is_run_in_the_thread_that_drives_and_wakes_no_other(lent: Lent) -> None:
    witness = Witness()
    d = lent(MemoryStore(), make=witness)
    witness.threads.clear()
    for number in range(1, 50):
        answer = d.post("count 1")
        assert not answer.done()
        assert not d.runner.drive()
        assert answer.result(0) == str(number)
    assert set(witness.threads) == {threading.current_thread().name}


def test_driving_where_there_is_nothing_to_do_does_nothing(lent: Lent) -> None:
    witness = Witness()
    d = lent(MemoryStore(), make=witness)
    witness.threads.clear()
    assert not d.runner.drive()
    assert witness.threads == []


def test_what_many_have_submitted_makes_one_batch(lent: Lent) -> None:
    d = lent(MemoryStore())
    commits = d.runner.meter.commits
    answers = [d.post("count 1") for _ in range(100)]
    while d.runner.drive():
        pass
    assert [answer.result(0) for answer in answers] == [str(number) for number in range(1, 101)]
    assert d.runner.meter.commits - commits < 10


def test_a_callback_may_submit_and_drive_and_the_own_thread_does_what_cannot_be_done_at_once(lent: Lent) -> None:
    d = lent(MemoryStore())
    release, driven = d.release, []

    def again(records: bytes) -> None:
        release(records)
        d.release = release
        d.runner.submit(Post(7, 0, 1, Address("agent", "b"), NOWHERE, "", "", (), b"count 5\n"))
        driven.append(d.runner.drive())

    d.release = again
    first, second = d.post("count 1"), Future[str]()
    d.waiting[7] = second
    d.runner.drive()
    assert (first.result(0), second.result(SOON), driven) == ("1", "5", [False])


def test_what_comes_while_another_thread_has_the_domain_is_not_left_lying(lent: Lent) -> None:
    d = lent(MemoryStore())
    held, go = threading.Event(), threading.Event()
    d.runner.perform(lambda domain: held.set() or go.wait(SOON))
    assert held.wait(SOON)
    answer = d.post("count 1")
    assert not d.runner.drive(), "it must not wait"
    go.set()
    assert answer.result(SOON) == "1"


def test_tasks_are_performed_in_order_by_the_own_thread(lent: Lent) -> None:
    d = lent(MemoryStore())
    with d.runner._lock:
        before = d.post("count 1")
        task = d.runner.perform(lambda domain: (threading.current_thread().name, d.tokens_answered()[-1]))
        after = d.post("count 1")
    d.runner.drive()
    assert after.result(SOON) == "2"
    assert task.result(SOON)[0] == OWN
    assert before.result(0) == "1"


@pytest.mark.parametrize("milliseconds", [0, 1, 30])
def test_a_timer_that_is_set_in_a_driven_turn_wakes_the_own_thread_in_time(lent: Lent, milliseconds: int) -> None:
    d = lent(MemoryStore())
    for round in range(1, 4):
        waiting = d.post(f"timer {milliseconds} 1", f"until {round}")
        d.runner.drive()
        assert waiting.result(SOON) == "\n".join(["fired 1"] * round)


def test_a_stop_is_not_held_up_by_one_that_drives_and_does_what_was_let_in(lent: Lent) -> None:
    d = lent(Durable(MemoryStore()))
    answers = [d.post("count 1") for _ in range(3)]
    stopping = threading.Thread(target=d.runner.stop)
    stopping.start()
    while stopping.is_alive():
        d.runner.drive()
    assert [answer.result(0) for answer in answers] == ["1", "2", "3"]
    assert not d.runner.drive()
    with pytest.raises(Unavailable, match="has stopped"):
        d.ask("count 1")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("durable", [True, False], ids=["written by a thread", "written at once"])
def test_a_store_that_fails_in_a_driven_step_is_opened_again_by_the_own_thread(lent: Lent, durable: bool) -> None:
    opened_by = []

    class Watched(Failing):
        def open(self, domain: int) -> Any:
            opened_by.append(threading.current_thread().name)
            return super().open(domain)

    store = Watched(Durable(MemoryStore()) if durable else MemoryStore())
    d = lent(store)
    store.fails = ("commit",)
    lost = d.post("count 1")
    d.runner.drive()
    with pytest.raises(Unavailable, match="the disk broke"):
        lost.result(SOON)
    store.fails = ()
    assert d.opened.wait(SOON)
    while d.runner.perform(lambda domain: None).exception(SOON):
        pass  # until the door is open
    rest(d)
    answer = d.post("count 1")
    d.runner.drive()
    assert answer.result(SOON) == "1"
    assert set(opened_by[1:]) == {OWN}


def test_who_drives_does_not_wait_for_a_store_that_is_behind(lent: Lent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "BACKLOG", 3)
    store = Stalled(Durable(MemoryStore()))
    d = lent(store)
    store.stall()
    answers = []
    for _ in range(10):
        answers.append(d.post("count 1"))
        d.runner.drive()
    assert store.waits.wait(SOON)
    store.go()
    assert [answer.result(SOON) for answer in answers] == [str(number) for number in range(1, 11)]


def test_a_snapshot_that_is_due_is_taken_by_the_own_thread(lent: Lent, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_by = []
    d = lent(MemoryStore())
    take = d.runner._take_snapshot
    taken = threading.Event()

    def watched() -> Any:
        taken_by.append(threading.current_thread().name)
        found = take()
        taken.set()
        return found

    monkeypatch.setattr(d.runner, "_take_snapshot", watched)
    monkeypatch.setattr(runner_module, "SNAPSHOT_BYTES", 5000)
    d.post("put 10000")
    d.runner.drive()
    assert taken.wait(SOON)
    assert taken_by == [OWN]


def test_a_defect_in_a_driven_step_ends_the_domain(lent: Lent, caplog: pytest.LogCaptureFixture) -> None:
    d = lent(MemoryStore())

    def broken(max_turns: int) -> Status:
        raise AssertionError("this cannot be")

    d.runner._domain.run = broken  # type: ignore[method-assign]
    d.post("count 1")
    assert not d.runner.drive()
    assert "a defect of Radon: AssertionError('this cannot be')" in str(d.dead.result(SOON))
    assert not d.runner.drive()
    assert "Traceback" in caplog.text


def test_an_interrupt_of_who_drives_is_passed_on_and_ends_the_domain(
    lent: Lent, caplog: pytest.LogCaptureFixture
) -> None:
    """In the middle of a step: what of it was done, nobody knows."""
    d = lent(MemoryStore())

    def interrupted(max_turns: int) -> Status:
        raise KeyboardInterrupt

    d.runner._domain.run = interrupted  # type: ignore[method-assign]
    d.post("count 1")
    with pytest.raises(KeyboardInterrupt):
        d.runner.drive()
    assert "KeyboardInterrupt" in str(d.dead.result(SOON))


# ---- turns that take long ----


class Clock:
    """Time, which passes by `each` seconds in every run; makes domains whose runs take that long."""

    def __init__(self) -> None:
        self.now, self.each = 100.0, 0.0

    def __call__(self, settings: Settings) -> Domain:
        domain = default()(settings)
        run = domain.run

        def timed(max_turns: int) -> Status:
            self.now += self.each if max_turns else 0
            return run(max_turns)

        domain.run = timed  # type: ignore[method-assign]
        return domain


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    times = dict.fromkeys(("perf_counter", "process_time", "thread_time", "monotonic"), lambda: clock.now)
    monkeypatch.setattr(pace, "time", SimpleNamespace(**times))
    return clock


def test_after_a_long_turn_the_own_thread_has_the_domain_for_a_hundred_times_as_long(lent: Lent, clock: Clock) -> None:
    witness = Witness(clock)
    d = lent(MemoryStore(), make=witness)

    def ask(seconds: float) -> bool:
        """Was it answered by who drives?"""
        rest(d)
        witness.threads.clear()
        answer = d.post("total")
        clock.each = seconds
        d.runner.drive()
        clock.each = 0.0
        answer.result(SOON)
        return OWN not in witness.threads

    assert ask(0.0)
    assert ask(0.5), "nobody could know"
    clock.now += 49
    assert not ask(0.0)
    clock.now += 2
    assert ask(0.0)


def test_a_machine_that_is_busy_with_something_else_does_not_make_turns_long(
    lent: Lent, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    d = lent(MemoryStore(), make=clock)
    for its in ("process_time", "thread_time"):
        monkeypatch.setattr(pace.time, its, lambda: 0.0)
    clock.each = 0.5
    for _ in range(3):
        answer = d.post("total")
        d.runner.drive()
        assert answer.done()


def test_atoms_that_never_rest_are_left_to_the_own_thread(lent: Lent) -> None:
    witness = Witness()
    d = lent(MemoryStore(), make=witness)
    d.post("forward agent/b forward agent/a total", to="agent/a")  # to and fro for ever
    batches = 1
    while d.runner.drive():
        batches += 1
    assert batches <= pace.STREAK
    while witness.threads[-1] != OWN:
        pass
    d.runner.stop(grace=0.0)
