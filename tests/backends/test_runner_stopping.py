"""How a domain stops: what was let in is durable then, whoever comes later is told, and nobody waits for ever."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

import pytest

from radon.abi.errors import Unavailable
from radon.backends.stores.memory import MemoryStore
from radon.host.kind import Kind
from radon.host.lookup import restored
from radon.testing.faults import Stalled
from tests.backends.desk import SOON, Desk, Durable, Failing, Open


def test_a_stop_makes_everything_durable_that_was_let_in(desk: Open) -> None:
    store = Stalled(Durable(MemoryStore()))
    d = desk(store)
    d.settle()
    store.stall()
    answers = [d.post("count 1") for _ in range(100)]
    assert store.waits.wait(SOON)
    stopping = threading.Thread(target=d.runner.stop)
    stopping.start()
    assert d.runner._stopping.wait(SOON)
    with pytest.raises(Unavailable, match="stopping"):
        d.ask("count 1")
    store.go()
    stopping.join(SOON)
    assert [answer.result(0) for answer in answers] == [str(n) for n in range(1, 101)]
    with pytest.raises(Unavailable, match="has stopped"):
        d.ask("count 1")


def test_what_came_in_before_a_stop_is_handled(desk: Open) -> None:
    d = desk(MemoryStore())
    held, go = threading.Event(), threading.Event()
    d.runner.perform(lambda domain: held.set() or go.wait(SOON))
    assert held.wait(SOON)
    answers = [d.post("count 1") for _ in range(3)]
    stopping = threading.Thread(target=d.runner.stop)
    stopping.start()
    assert d.runner._stopping.wait(SOON)
    go.set()
    assert [answer.result(SOON) for answer in answers] == ["1", "2", "3"]
    stopping.join(SOON)


def test_a_stop_waits_no_longer_than_its_grace_for_atoms_that_never_rest(desk: Open) -> None:
    store = MemoryStore()
    d = desk(store)
    for agent in ("agent/a", "agent/b"):
        d.ask("total", to=agent)  # a `start` that waits would be a second delivery
    d.post("forward agent/b forward agent/a total", to="agent/a")  # to and fro for ever
    d.settle()
    d.runner.stop(grace=0.0)
    image = restored(*store.open(0)[1:])
    assert sum(len(atom.mailbox) for atom in image.atoms.values()) == 1


def test_a_stop_while_the_store_fails_ends_at_once(desk: Open, caplog: pytest.LogCaptureFixture) -> None:
    store = Failing(Durable(MemoryStore()))
    d = desk(store)
    d.ask("count 1")
    store.fails = ("commit", "open")
    with pytest.raises(Unavailable):
        d.ask("count 1")
    d.runner.stop()
    assert not d.dead.done()
    assert "the disk broke" in caplog.text


def test_last_commits_that_fail_in_a_stop_are_told_in_the_log(desk: Open, caplog: pytest.LogCaptureFixture) -> None:
    failing = Failing(Durable(MemoryStore()))
    store = Stalled(failing)
    d = desk(store)
    d.ask("count 1")
    store.stall()
    answer = d.post("count 1")
    assert store.waits.wait(SOON)
    stopping = threading.Thread(target=d.runner.stop)
    stopping.start()
    failing.fails = ("commit",)
    store.go()
    stopping.join(SOON)
    assert not stopping.is_alive()
    assert "the disk broke in commit" in caplog.text
    assert answer.done() is bool(d.lost), "told by the loss, or by who owns the runner"


def test_many_may_stop_and_ask_at_the_same_time_and_nobody_waits_for_ever(agent: Kind) -> None:
    for _ in range(20):
        d = Desk(Durable(MemoryStore()), agent)
        futures: list[Future[Any]] = []
        begin = threading.Barrier(6)

        def ask(d: Desk = d, futures: list[Future[Any]] = futures, begin: threading.Barrier = begin) -> None:
            begin.wait()
            for _ in range(20):
                futures.append(d.runner.perform(lambda domain: "looked"))

        def stop(d: Desk = d, begin: threading.Barrier = begin) -> None:
            begin.wait()
            d.runner.stop()

        threads = [threading.Thread(target=target) for target in (ask, ask, ask, ask, stop, stop)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON)
        for future in futures:
            error = future.exception(SOON)
            assert error is None or isinstance(error, Unavailable)
