"""One domain and its threads: what is released when, what tasks see, when snapshots are taken."""

from __future__ import annotations

import itertools
import threading
import time
from types import SimpleNamespace

import pytest

from radon.abi.errors import Invalid, TooLarge
from radon.abi.frames import Commit, encode_all
from radon.backends import inbox, pace
from radon.backends import runner as runner_module
from radon.backends import writer as writer_module
from radon.backends.driver import StoreFull
from radon.backends.stores.memory import MemoryStore
from radon.host.domain import Status
from radon.host.python_domain import PythonDomain
from radon.testing.faults import Full, Stalled
from tests.backends.desk import SOON, Desk, Durable, Open, Recording, held_by, holdings

# ---- what is released when ----


def test_nothing_is_released_before_its_commit_is_durable(desk: Open) -> None:
    store = Stalled(Durable(MemoryStore()))
    d = desk(store)
    d.settle()
    store.stall()
    answer = d.post("count 1")
    assert store.waits.wait(SOON)
    d.settle()
    assert not answer.done()
    assert d.released == []
    store.go()
    assert answer.result(SOON) == "1"


def test_an_answer_that_changed_nothing_still_waits_for_what_it_follows_from(desk: Open) -> None:
    """The second of two with one dedup key is told what the first was answered: no sooner than that is durable."""
    store = Stalled(Durable(MemoryStore()))
    d = desk(store)
    d.ask("count 1")
    store.stall()
    first = d.post("count 1", once="key")
    assert store.waits.wait(SOON)
    d.settle()
    second = d.post("count 1", once="key")
    d.settle()
    d.settle()
    assert not first.done()
    assert not second.done()
    store.go()
    assert (first.result(SOON), second.result(SOON)) == ("2", "2")


def test_turns_go_on_while_a_commit_is_written_and_are_stored_together(desk: Open) -> None:
    store = Recording(Durable(MemoryStore()))
    stalled = Stalled(store)
    d = desk(stalled)
    d.ask("count 0")
    commits = len(store.frames)
    stalled.stall()
    answers = [d.post("count 1")]
    assert stalled.waits.wait(SOON)
    for _ in range(20):
        answers.append(d.post("count 1"))
        d.settle()  # two commits each, handed over while the first is being written
    d.settle()
    stalled.go()
    assert [answer.result(SOON) for answer in answers] == [str(n) for n in range(1, 22)]
    assert store.frames[commits:] == [1, 1]
    assert d.tokens_answered() == sorted(d.tokens_answered())


def test_a_domain_pauses_when_its_store_is_too_far_behind(desk: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "BACKLOG", 3)
    store = Stalled(Durable(MemoryStore()))
    d = desk(store)
    d.ask("count 0")
    store.stall()
    answers = [d.post("count 1")]
    assert store.waits.wait(SOON)
    tasks = []
    for _ in range(50):  # the task between two messages has each of them committed alone
        answers.append(d.post("count 1"))
        tasks.append(d.runner.perform(lambda domain: None))
    with pytest.raises(TimeoutError):
        tasks[-1].result(0.1)
    store.go()
    assert all(answer.result(SOON) for answer in answers)
    for task in tasks:
        task.result(SOON)


def test_a_store_that_makes_nothing_durable_needs_no_thread(desk: Open) -> None:
    d = desk(MemoryStore())
    assert d.ask("count 1") == "1"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("radon-store")]


def test_a_group_is_cut_where_it_has_grown_too_long(desk: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "GROUP_BYTES", 10_000)
    store = Recording(Durable(MemoryStore()))
    stalled = Stalled(store)
    d = desk(stalled)
    d.ask("count 0")
    commits = len(store.frames)
    stalled.stall()
    answers = [d.post("count 1")]
    assert stalled.waits.wait(SOON)
    for more in range(6):
        answers.append(d.post(f"put {6000 + more}"))
        d.settle()
    d.settle()
    stalled.go()
    for answer in answers:
        answer.result(SOON)
    assert len(store.frames[commits:]) == 1 + 3


# ---- tasks and inputs ----


def test_a_task_finds_what_was_submitted_before_it(desk: Open) -> None:
    d = desk(MemoryStore())
    for number in range(200):
        d.post("count 1", to=f"agent/{number}")
        assert d.runner.perform(lambda domain: domain.usage().kinds["agent"].atoms).result(SOON) == number + 1


def test_what_a_task_raises_is_its_callers(desk: Open) -> None:
    d = desk(MemoryStore())
    with pytest.raises(ZeroDivisionError):
        d.runner.perform(lambda domain: 1 / 0).result(SOON)
    assert d.ask("count 1") == "1"


def test_a_cancelled_task_is_not_run(desk: Open) -> None:
    store = Stalled(MemoryStore())
    d = desk(store)
    d.settle()
    store.stall()
    answer = d.post("count 1")
    assert store.waits.wait(SOON)
    ran: list[str] = []
    task = d.runner.perform(lambda domain: ran.append("ran"))
    assert task.cancel()
    store.go()
    answer.result(SOON)
    d.settle()
    assert ran == []


def test_an_input_that_makes_no_record_is_refused_at_the_door(desk: Open) -> None:
    d = desk(MemoryStore())
    with pytest.raises(Invalid, match="no valid Post"):
        d.ask("count 1", deadline=2**64)
    with pytest.raises(Invalid, match="surrogates"):
        d.ask("count 1", once="\ud800")
    assert d.ask("count 1") == "1"


def test_an_input_from_which_no_record_could_be_made_is_refused_at_the_door(
    desk: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "INPUT_BYTES", 1000)
    d = desk(MemoryStore())
    with pytest.raises(TooLarge, match=r"an input of 10[0-9]+ bytes; 1000 at most"):
        d.ask(f"note {'x' * 940}")
    assert d.ask("count 1") == "1"


@pytest.mark.parametrize(("seconds", "most"), [(0.06, 1), (0.004, 2), (0.0001, 16)])
def test_a_batch_has_many_short_turns_and_few_long_ones(
    desk: Open, monkeypatch: pytest.MonkeyPatch, seconds: float, most: int
) -> None:
    """`seconds` is what a turn takes, by a clock that nothing else moves."""
    now, turns = 0.0, [0]

    class Timed(PythonDomain):
        def run(self, max_turns: int) -> Status:
            nonlocal now
            status = super().run(max_turns)
            now += seconds * (self.usage().kinds["agent"].turns - turns[-1])
            return status

        def take_commit(self) -> Commit:
            turns.append(self.usage().kinds["agent"].turns)
            return super().take_commit()

    clocks = SimpleNamespace(perf_counter=lambda: now, process_time=lambda: now, monotonic=time.monotonic)
    monkeypatch.setattr(pace, "time", clocks)
    monkeypatch.setattr(runner_module, "LENT", pace.SLICE)
    stalled = Stalled(MemoryStore())
    d = desk(stalled, make=Timed)
    stalled.stall()
    answers = [d.post("total")]
    assert stalled.waits.wait(SOON)
    answers += [d.post("total") for _ in range(16)]
    stalled.go()
    for answer in answers:
        answer.result(SOON)
    assert max(after - before for before, after in itertools.pairwise(turns)) == most


# ---- snapshots ----


def settle_twice(d: Desk) -> None:
    """Then a snapshot was taken, too, if one was due the first time."""
    d.settle()
    d.settle()


def test_a_snapshot_under_load_and_the_log_behind_it_make_the_same_state(desk: Open) -> None:
    store = Durable(MemoryStore())
    d = desk(store)
    answers = []
    for number in range(300):
        answers.append(d.post("count 1", f"note {number}", to=f"agent/{number % 7}"))
        if number % 50 == 49:
            d.runner.snapshot()
    for answer in answers:
        answer.result(SOON)
    live = d.runner.perform(holdings).result(SOON)
    d.runner.stop()
    assert d.runner.meter.snapshots == 6
    assert store.inner._domains[0].covered > 0
    assert encode_all(held_by(store)) == encode_all(live)


def test_a_task_that_changes_the_image_is_in_the_log_before_a_snapshot_is_taken(desk: Open) -> None:
    store = Stalled(Durable(MemoryStore()))
    d = desk(store)
    d.ask("count 1")
    store.stall()
    answer = d.post("count 1", to="agent/b")
    assert store.waits.wait(SOON)
    d.runner.perform(lambda domain: domain.end_kind("agent"))
    d.runner.deploy(d.program, lambda domain: None, lambda: None)
    written = threading.Thread(target=d.runner.snapshot)
    written.start()
    store.go()
    written.join()
    answer.result(SOON)
    d.ask("count 1")
    live = d.runner.perform(holdings).result(SOON)
    d.runner.stop()
    assert encode_all(held_by(store)) == encode_all(live)


def test_snapshots_are_taken_by_size(desk: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "SNAPSHOT_BYTES", 5000)
    store = MemoryStore()
    d = desk(store)
    for number in range(100):
        d.ask(f"put {100 + number}")
        settle_twice(d)
    assert d.runner.meter.snapshots > 1
    assert d.runner.log_bytes < 6000
    assert store.size().log < 6000
    d.ask("put 100000")
    settle_twice(d)
    before = d.runner.meter.snapshots
    d.ask("put 6000", to="agent/b")
    assert d.runner.meter.snapshots == before, "the log is longer than 5000 bytes, and shorter than the snapshot"


def test_snapshots_are_taken_by_age_once_there_is_something_of_a_log(
    desk: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "SNAPSHOT_AGE", -1.0)
    d = desk(MemoryStore())
    d.ask("put 10000")
    settle_twice(d)
    before = d.runner.meter.snapshots
    assert before >= 1
    d.ask("count 1")
    assert d.runner.meter.snapshots == before
    for number in range(10):
        d.ask(f"put {200 + number}")
    settle_twice(d)
    assert d.runner.meter.snapshots > before


def test_a_snapshot_that_finds_no_room_leaves_the_deployment_as_it_was(
    desk: Open, caplog: pytest.LogCaptureFixture
) -> None:
    store = Full(Durable(MemoryStore()))
    d = desk(store)
    d.ask("count 1")
    store.full, store.reserve = True, False
    with pytest.raises(StoreFull):
        d.runner.snapshot()
    store.full = False
    assert d.ask("count 1") == "2"
    assert d.lost == []
    assert "no snapshot" in caplog.text
