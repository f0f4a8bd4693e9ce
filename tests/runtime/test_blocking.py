"""`radon.BlockingRuntime`: the same for programs without an event loop, from any thread."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import radon
from radon.runtime import heard
from tests.backends.conftest import Make


def test_many_threads_ask_at_once_and_each_gets_its_answer(make: Make) -> None:
    with radon.BlockingRuntime(make()) as app:

        def ask(thread: int) -> list[bytes]:
            own = [app.call(f"agent/{thread}", b"count 1") for _ in range(30)]
            app.call("agent/all", b"count 1")
            return own

        with ThreadPoolExecutor(16) as pool:
            for answers in pool.map(ask, range(16)):
                assert answers == [b"%d" % n for n in range(1, 31)]
        assert app.call("agent/all", b"total") == b"16"


def test_it_does_what_the_other_one_does(make: Make) -> None:
    with radon.BlockingRuntime(make()) as app:
        reply = app.request("agent/a", b"meta colour", metadata={"colour": b"blue"})
        assert (reply.code, reply.body) == (0, b"blue")
        app.send("agent/a", b"note sent")
        assert app.call("agent/a", b"until 1") == b"sent"
        child = app.spawn("agent", b"note born")
        assert app.call(child, b"until 1") == b"born"
        assert app.call("agent/b", b"count 1", once="key") == app.call("agent/b", b"count 1", once="key") == b"1"
        assert app.stats().kinds["agent"].atoms == 3
        with pytest.raises(radon.Closed):
            app.call("agent/b", b"need 2\nnote revived")
        (letter,) = app.dead_letters()
        assert (letter.to, letter.cause, letter.body) == ("agent/b", "err", b"need 2\nnote revived")
        app.call("agent/b", b"count 1")
        app.revive(letter.id)
        assert app.call("agent/b", b"until 1") == b"revived"
        with pytest.raises(radon.NotFound):
            app.revive(letter.id, again=False)


def test_its_timeouts_mean_what_they_say(make: Make) -> None:
    with radon.BlockingRuntime(make()) as app:
        for nothing in (0, -1.0):
            with pytest.raises(radon.Timeout, match="nothing was sent"):
                app.call("agent/a", b"count 1", timeout=nothing)
        with pytest.raises(radon.Timeout, match="may or may not have acted"):
            app.call("agent/a", b"keep 1", timeout=0.01)
        for much in (None, float("inf"), 1e300):
            assert app.call("agent/a", b"total", timeout=much) == b"0"
        assert not app.deployment._outside._callers


def test_a_thread_hears_what_is_published_until_the_runtime_is_left(make: Make) -> None:
    seen: list[bytes] = []
    begun = threading.Event()
    with radon.BlockingRuntime(make()) as app:

        def listen() -> None:
            with app.subscription("news") as news:
                begun.set()
                seen.extend(news)

        listening = threading.Thread(target=listen)
        listening.start()
        assert begun.wait(20)
        for number in range(5):
            app.call("agent/a", b"publish news %d" % number)
        with app.subscription("news") as news:
            app.send("agent/a", b"publish news last")
            assert next(news) == b"last"
    listening.join(20)
    assert seen == [b"0", b"1", b"2", b"3", b"4", b"last"]


def test_a_thread_that_falls_behind_hears_what_it_can_and_then_exhausted(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heard, "SUBSCRIBED", 3)
    with radon.BlockingRuntime(make()) as app, app.subscription("news") as news:
        app.call("agent/a", "".join(f"publish news {n}\n" for n in range(9)).encode())
        while app.deployment.perform(lambda domain: domain.usage().kinds["@topic"].queued).result():
            pass
        with pytest.raises(radon.Exhausted, match="3 messages behind"):
            list(news)


def test_a_generator_subscribes_when_it_is_first_asked(make: Make) -> None:
    with radon.BlockingRuntime(make()) as app:
        bodies = app.subscribe("news")
        app.call("agent/a", b"publish news missed")
        first: list[bytes] = []
        hearing = threading.Thread(target=lambda: first.append(next(bodies)))
        hearing.start()
        while not first:
            app.call("agent/a", b"publish news heard")
        hearing.join(20)
        assert first == [b"heard"]
        bodies.close()
        assert app.deployment._outside.listening() == []


def test_whoever_waits_when_it_is_left_hears_unavailable(make: Make) -> None:
    told: list[str] = []
    with radon.BlockingRuntime(make()) as app:

        def wait() -> None:
            try:
                app.call("agent/a", b"count 1\nkeep 1\n", timeout=None)
            except radon.Unavailable as error:
                told.append(str(error))

        waiting = threading.Thread(target=wait)
        waiting.start()
        while app.call("agent/a", b"total") != b"1":
            pass
    waiting.join(20)
    assert told == ["the deployment has stopped"]


def test_a_body_is_bytes(make: Make) -> None:
    with radon.BlockingRuntime(make()) as app:
        with pytest.raises(TypeError, match="bytes, not str"):
            app.call("agent/a", "text")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="bytes, not str"):
            app.send("agent/a", "text")  # type: ignore[arg-type]
        for wrong in ("text", 5):
            with pytest.raises(TypeError, match="the args of an atom are bytes, not"):
                app.spawn("agent", wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="an address is text, not bytes"):
            app.call(b"agent/a")  # type: ignore[arg-type]
        assert app.call("agent/a", bytearray(b"total")) == b"0"
