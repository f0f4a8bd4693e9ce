"""What a failing store does to a domain: nothing is lost that was promised, nobody hangs."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing, suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from radon.abi.errors import StoreError, Unavailable
from radon.abi.records import At
from radon.backends import runner as runner_module
from radon.backends.driver import Fenced, StoreDamaged, StoreFull
from radon.backends.program import Program
from radon.backends.stores.memory import MemoryStore
from radon.host.domain import Settings
from radon.host.kind import Kind
from radon.host.python_domain import PythonDomain
from radon.testing.faults import Around, Faulty, Full, Stalled
from tests.backends.desk import SOON, Desk, Durable, Failing, Open, held_by


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("durable", [True, False], ids=["written by a thread", "written at once"])
@pytest.mark.parametrize("seed", range(6))
def test_whatever_fate_commits_meet_each_message_acts_once(desk: Open, agent: Kind, seed: int, durable: bool) -> None:
    inner = MemoryStore()
    faulty = Faulty(Durable(inner) if durable else inner, seed=seed, rate=0.0)
    d = desk(faulty)
    faulty.rate = 0.3
    acknowledged = Counter[str]()
    for number in range(40):
        d.insist("count 1", once=f"key {number}")
        try:
            d.ask(f"note {number}", to="agent/b")
            acknowledged[str(number)] += 1
        except Unavailable:
            d.opened.wait(SOON)
        if number % 10 == 5:
            try:
                d.runner.snapshot()
            except (StoreError, Unavailable):
                d.opened.wait(SOON)
    faulty.rate = 0.0
    assert d.insist("total") == "40"
    notes = Counter(d.insist("notes", to="agent/b").split("\n"))
    assert max(notes.values()) == 1
    assert acknowledged.keys() <= notes.keys()
    assert {fate for call, fate in faulty.fates if call == "commit"} == {"none", "before", "after"}
    assert d.runner.reopened > 3
    d.runner.stop()
    with closing(inner):
        again = Desk(inner, agent)
        assert again.ask("total") == "40"
        again.runner.stop()


@pytest.mark.parametrize("durable", [True, False], ids=["written by a thread", "written at once"])
def test_an_answer_that_follows_from_a_lost_commit_is_not_given(desk: Open, durable: bool) -> None:
    """A dedup key makes an answer that changes nothing, so that it waits for no write of its own."""
    failing = Failing(Durable(MemoryStore()) if durable else MemoryStore())
    d = desk(failing)
    d.settle()
    failing.fails = ("commit",)
    go = threading.Event()
    d.runner.perform(lambda domain: go.wait(SOON))
    answers = []
    for _ in range(5):  # all of them are in the inbox at once, each with a commit of its own
        answers.append(d.post("count 1", once="key"))
        d.runner.perform(lambda domain: domain.run(10))
    go.set()
    for answer in answers:
        with pytest.raises(Unavailable):
            answer.result(SOON)
    failing.fails = ()
    assert d.insist("count 1", once="key") == "1"


def test_what_had_only_come_in_when_the_store_failed_is_turned_away_unhandled(desk: Open) -> None:
    failing = Failing(Durable(MemoryStore()))
    store = Stalled(failing)
    d = desk(store)
    d.ask("count 1")
    store.stall()
    lost = d.post("count 1")
    assert store.waits.wait(SOON)
    d.settle()
    held, go = threading.Event(), threading.Event()
    d.runner.perform(lambda domain: held.set() or go.wait(SOON))
    assert held.wait(SOON)
    late, task = d.post("count 1"), d.runner.perform(lambda domain: "looked")
    failing.fails = ("commit",)
    store.go()
    while d.runner._writer.failure is None:
        pass
    failing.fails = ()
    go.set()
    for future in (lost, late, task):
        with pytest.raises(Unavailable, match="the disk broke"):
            future.result(SOON)
    assert d.insist("total") == "1"


def test_while_a_store_fails_callers_are_turned_away_with_the_reason(desk: Open) -> None:
    store = Failing(Durable(MemoryStore()))
    d = desk(store)
    d.ask("count 1")
    store.fails = ("commit", "open")
    with pytest.raises(Unavailable, match="the disk broke in commit"):
        d.ask("count 1")
    while not d.runner.perform(lambda domain: None).exception(SOON):
        pass  # until the loss was noticed; then nothing is performed
    with pytest.raises(Unavailable, match="the disk broke"):
        d.ask("count 1")
    with pytest.raises(Unavailable, match="the disk broke"):
        d.runner.perform(lambda domain: None).result(SOON)
    store.fails = ()
    assert d.opened.wait(SOON)
    assert d.insist("count 1") == "2"


def test_a_store_that_keeps_failing_is_tried_ever_less_often(desk: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "time", SimpleNamespace(perf_counter=lambda: 0.0, monotonic=lambda: 0.0))
    store = Failing(MemoryStore())
    d = desk(store)
    d.settle()
    waits: list[float] = []
    enough = threading.Event()

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 9:
            store.fails = ()
            enough.set()
        return False

    monkeypatch.setattr(d.runner._stopping, "wait", wait)
    store.fails = ("open", "commit")
    with pytest.raises(Unavailable):
        d.ask("count 1")
    assert enough.wait(SOON)
    assert d.insist("count 1") == "1"
    assert waits[:4] == [0.0, 0.2, 0.4, 0.8]
    assert waits == sorted(waits)
    assert waits[-1] == 5.0
    store.fails = ("commit",)
    with pytest.raises(Unavailable):
        d.ask("count 1")
    store.fails = ()
    assert d.insist("total") == "1"
    assert waits[9] == 0.0, "there was a commit in between"


class Small(Around):
    """Has room for ten frames of the log."""

    def commit(self, domain: int, epoch: int, frames: Any) -> None:
        if len(self.inner._domains[domain].tail) >= 10:
            raise StoreFull("full at its limit of 10 frames; make room")
        self.inner.commit(domain, epoch, frames)


def test_a_full_store_is_given_a_snapshot_which_makes_room(desk: Open) -> None:
    store = Small(MemoryStore())
    d = desk(store)
    for number in range(1, 31):
        assert d.insist("count 1", once=f"key {number}") == str(number)
    assert len(d.lost) >= 2
    assert set(d.lost) == {"full at its limit of 10 frames; make room"}


def test_a_snapshot_that_makes_room_shows_what_the_log_does_and_nothing_that_is_done_in_the_same_opening(
    desk: Open,
) -> None:
    """What a crash had left of a removed kind, say, is ended then, and recorded behind the snapshot."""
    store = Small(MemoryStore())
    d = desk(store)
    d.runner._program = Program("without agents", {}, (), Settings())
    while not d.lost:
        d.post("count 1", to=f"agent/{len(d.released)}").exception(SOON)
    assert d.opened.wait(SOON)
    d.runner.stop()
    assert not [record for record in held_by(store) if isinstance(record, At)]


@pytest.mark.usefixtures("hasty")
def test_a_full_store_refuses_writes_until_there_is_room_and_reads_see_what_is_durable(desk: Open) -> None:
    store = Full(Durable(MemoryStore()), reserve=False)
    d = desk(store)
    assert d.ask("count 1") == "1"
    store.full = True
    for _ in range(3):
        with pytest.raises(Unavailable, match="make room"):
            d.ask("count 1")
        with suppress(Unavailable):  # as long as the domain is not open again
            assert d.ask("total") == "1"
    assert not d.dead.done()
    store.full = False
    assert d.insist("count 1") == "2"


def test_a_domain_that_has_another_owner_ends(desk: Open, caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    d = desk(Durable(store))
    d.ask("count 1")
    store.open(0)
    answer = d.post("count 1")
    assert isinstance(d.dead.result(SOON), Fenced)
    assert not answer.done(), "the one who died tells its callers"
    for refused in (d.post("count 1"), d.runner.perform(lambda domain: None)):
        with pytest.raises(Unavailable, match="was opened again"):
            refused.result(SOON)
    d.runner.stop()


def test_data_that_are_damaged_when_they_are_opened_again_end_the_domain(desk: Open) -> None:
    class Damaged(Failing):
        def open(self, domain: int) -> Any:
            image = super().open(domain)
            return image._replace(tail=[b"no frame"]) if self.fails else image

    store = Damaged(MemoryStore())
    d = desk(store)
    d.ask("count 1")
    store.fails = ("commit",)
    with pytest.raises(Unavailable):
        d.ask("count 1")
    assert isinstance(d.dead.result(SOON), StoreDamaged)
    with pytest.raises(Unavailable, match="go back to a backup"):
        d.ask("count 1")


def test_a_defect_ends_the_domain_and_is_told(desk: Open, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(PythonDomain):
        def next_due(self) -> int | None:
            if self.usage().kinds["agent"].atoms:
                raise AssertionError("this cannot be")
            return super().next_due()

    d = desk(MemoryStore(), make=Broken)
    d.post("count 1")
    assert "a defect of Radon: AssertionError('this cannot be')" in str(d.dead.result(SOON))
    with pytest.raises(Unavailable, match="this cannot be"):
        d.ask("count 1")
    assert d.runner._over, "one that drives would run what is closed"
    assert "Traceback" in caplog.text


def test_a_callback_that_raises_ends_the_domain_and_nothing_hangs(desk: Open, caplog: pytest.LogCaptureFixture) -> None:
    """The switchboard never raises; if something else does, no thread may wait for ever."""
    for store in (MemoryStore(), Durable(MemoryStore())):
        d = desk(store)
        d.settle()
        d.release = lambda outputs: 1 / 0
        d.post("count 1")
        assert "ZeroDivisionError" in str(d.dead.result(SOON))
        d.runner.stop()


def test_a_damaged_snapshot_is_refused_by_name(agent: Kind) -> None:
    store = MemoryStore()
    d = Desk(store, agent)
    d.ask("count 1")
    d.runner.snapshot()
    d.runner.stop()
    kept = store._domains[0]
    assert kept.snapshot is not None
    kept.snapshot = kept.snapshot[:-1] + bytes([kept.snapshot[-1] ^ 1])
    with pytest.raises(StoreDamaged, match=r"domain 0 cannot be restored: .*damaged.*; go back to a backup"):
        Desk(store, agent)


@pytest.mark.usefixtures("hasty")
def test_nothing_is_lost_when_many_threads_ask_while_the_store_fails(desk: Open) -> None:
    faulty = Faulty(Durable(MemoryStore()), seed=5, rate=0.05)
    while True:
        try:
            d = desk(faulty)
            break
        except StoreError:
            pass

    def ask(thread: int) -> None:
        for number in range(30):
            d.insist("count 1", once=f"{thread} {number}", to=f"agent/{thread % 2}")

    threads = [threading.Thread(target=partial(ask, number)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    faulty.rate = 0.0
    assert [d.insist("total", to=f"agent/{number}") for number in range(2)] == ["90", "90"]
