"""`radon.Runtime` in an event loop: what it waits for, what it raises, and that the loop goes on."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import radon
from radon.abi.errors import ErrorCode
from radon.abi.exchange import Accepted, Reply
from radon.host.domain import Domain
from radon.runtime import heard
from radon.runtime.event_loop import THREADS
from radon.runtime.running import checked
from tests.backends.conftest import LONE, Make


async def tell(app: radon.Runtime, key: str, *lines: str, **options: Any) -> str:
    return (await app.call(f"agent/{key}", "".join(f"{line}\n" for line in lines).encode(), **options)).decode()


def unheard(domain: Domain) -> int:
    """Publications of "news" that the topic has not handed out; those that it has are on their way out."""
    return domain.usage().kinds["@topic"].queued


@pytest.fixture(params=THREADS, autouse=True)
def each_thread(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The thread that runs turns, unless a test says another one."""
    monkeypatch.setitem(radon.Runtime.__init__.__kwdefaults__, "thread", request.param)
    return str(request.param)


class Ticker:
    """Sees how long the event loop did not turn."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def tick(self) -> None:
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            self.longest = max(self.longest, now - before)
            before = now


# ---- the loop goes on ----


async def test_a_guest_that_uses_up_its_turn_does_not_stop_the_event_loop(make: Make, each_thread: str) -> None:
    application = make(agent={**LONE, "retry": {"attempts": 1}})
    async with radon.Runtime(application) as app:
        if each_thread == "loop":  # the first time it does: that it takes long, nobody could know
            with pytest.raises(radon.Closed):
                await tell(app, "a", "spin 4000000000", timeout=60)
        for _ in range(5):  # until the machine was not busy with something else: a loop that stops does so every time
            ticker = Ticker()
            ticking = asyncio.ensure_future(ticker.tick())
            begin = time.perf_counter()
            with pytest.raises(radon.Closed):
                await tell(app, "a", "spin 4000000000", timeout=60)
            took = time.perf_counter() - begin
            ticking.cancel()
            if ticker.longest < took / 2:
                break
        else:
            pytest.fail(f"the turn took {took:.3f} s, of which the loop stood still for {ticker.longest:.3f} s")


async def test_many_calls_wait_at_once(make: Make) -> None:
    async with radon.Runtime(make()) as app:
        answers = await asyncio.gather(*[tell(app, f"{n % 10}", "count 1") for n in range(1000)])
        assert sorted(answers, key=int) == [str(n) for n in range(1, 101) for _ in range(10)]


# ---- several of them ----


async def test_several_runtimes_share_a_loop_and_nothing_else(make: Make, tmp_path: Any) -> None:
    async with (
        radon.Runtime(make()) as one,
        radon.Runtime(make()) as two,
        radon.Runtime(make(), store="lmdb", data=tmp_path, durability="async") as three,
    ):
        apps = [one, two, three]
        for round in range(1, 4):
            answers = await asyncio.gather(*[tell(app, "a", f"count {n}") for n, app in enumerate(apps, 1)])
            assert answers == [str(n * round) for n in (1, 2, 3)]
        async with one.subscription("news") as news, two.subscription("news") as others:
            await tell(two, "a", "publish news two")
            await tell(one, "a", "publish news one")
            assert await anext(news) == b"one"
            assert await anext(others) == b"two"


def test_runtimes_live_in_loops_of_several_threads(make: Make) -> None:
    async def main() -> list[str]:
        async with radon.Runtime(make()) as app:
            return await asyncio.gather(*[tell(app, "a", "count 1") for _ in range(50)])

    async def all_of_them() -> list[list[str]]:
        return await asyncio.gather(*[asyncio.to_thread(asyncio.run, main()) for _ in range(3)])

    for answers in asyncio.run(all_of_them()):
        assert sorted(map(int, answers)) == list(range(1, 51))


# ---- what is raised ----


@pytest.mark.parametrize("code", ErrorCode)
def test_each_error_code_is_raised_as_the_exception_of_its_name(code: ErrorCode) -> None:
    error = getattr(radon, "".join(word.capitalize() for word in code.label.split("-")))
    assert issubclass(error, radon.Refused)
    with pytest.raises(error, match="what went wrong") as told:
        checked(Reply(1, code + 1, (("radon.error", b"what went wrong"),), b""), "agent/a")
    assert type(told.value) is error
    assert told.value.code is code
    with pytest.raises(error, match=f"agent/a: {code.label}"):
        checked(Reply(1, code + 1, (), b""), "agent/a")


def test_answers_that_are_no_errors_are_given_back() -> None:
    assert checked(Reply(7, 0, (("a", b"b"),), b"body"), "agent/a").body == b"body"
    assert checked(Accepted(7), "agent/a") == Reply(7, 0, (), b"")


def test_an_error_that_many_are_told_is_raised_as_one_of_each() -> None:
    lost = radon.Unavailable("lost")
    for _ in range(2):
        with pytest.raises(radon.Unavailable, match="lost") as told:
            checked(lost, "agent/a")
        assert told.value is not lost
    assert lost.__traceback__ is None


async def test_a_failed_call_raises_what_the_standard_calls_it(make: Make) -> None:
    async with radon.Runtime(make()) as app:
        for address, body, error in [
            ("nobody/a", b"", radon.NotFound),
            ("agent/a", bytes(2 << 20), radon.TooLarge),
            ("agent/" + "k" * 2000, b"", radon.TooLarge),
            ("agent/a", b"fail", radon.Closed),
        ]:
            for ask in (app.call, app.request):
                with pytest.raises(error):
                    await ask(address, body)
        with pytest.raises(radon.NotFound):
            await app.send("nobody/a")
        with pytest.raises(radon.NotFound):
            await app.spawn("nobody")
        with pytest.raises(radon.NotFound):
            await app.revive("00")
        with pytest.raises(radon.Invalid):
            await app.revive("no hexadecimal")
        assert (await app.stats()).dead_letters == 2


async def test_timeouts_of_every_size_mean_what_they_say(make: Make) -> None:
    async with radon.Runtime(make()) as app:
        for nothing in (0, 0.0, -1, float("-inf"), float("nan")):
            with pytest.raises(radon.Timeout, match="nothing was sent"):
                await tell(app, "a", "count 1", timeout=nothing)
        for much in (None, 60, 1e9, 1e300, float("inf")):
            assert await tell(app, "a", "total", timeout=much) == "0"
        with pytest.raises(radon.Timeout, match=r"agent/a has not answered within 0\.01 s; it may"):
            await tell(app, "a", "keep 1", timeout=0.01)


async def test_what_is_no_message_is_refused_and_nothing_comes_to_harm(make: Make) -> None:
    async with radon.Runtime(make()) as app:
        with pytest.raises(TypeError, match="the body of a message is bytes, not str"):
            await app.call("agent/a", "text")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="not int"):
            await app.call("agent/a", 5)  # type: ignore[arg-type]
        for wrong in (
            {"once": "\ud800"}, {"metadata": {"a": "text"}}, {"metadata": {5: b""}}, {"once": 5},
        ):  # fmt: skip
            with pytest.raises(radon.Invalid, match="no valid Post"):
                await app.call("agent/a", b"count 1", **wrong)
        with pytest.raises(radon.Invalid):
            await app.call("agent/\ud800")
        with pytest.raises(radon.Invalid):
            await app.spawn("\ud800")
        with pytest.raises(radon.Invalid):
            await anext(app.subscribe("\ud800"))
        assert not app.deployment._outside._callers
        for body in (b"total", bytearray(b"total"), memoryview(b"total")):
            assert await app.call("agent/a", body) == b"0"


# ---- waiting and not waiting any more ----


async def test_a_call_that_is_cancelled_is_forgotten_and_its_effect_stays(make: Make) -> None:
    async with radon.Runtime(make()) as app:
        waiting = asyncio.ensure_future(tell(app, "a", "count 1", "keep 1", timeout=None))
        while await tell(app, "a", "total") != "1":
            pass
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not app.deployment._outside._callers
        assert await tell(app, "a", "answer 1 nobody hears this") == ""
        assert await tell(app, "a", "total") == "1"


async def test_sends_of_one_runtime_are_handled_in_the_order_in_which_they_were_made(make: Make) -> None:
    async with radon.Runtime(make()) as app:
        await asyncio.gather(*[app.send("agent/a", b"note %d" % number) for number in range(100)])
        assert await tell(app, "a", "until 100") == "\n".join(map(str, range(100)))


async def test_whoever_waits_when_the_runtime_is_left_hears_unavailable(make: Make) -> None:
    async with radon.Runtime(make()) as app:
        waiting = [asyncio.ensure_future(tell(app, f"{n}", "count 1", "keep 1", timeout=None)) for n in range(5)]
        for n in range(5):
            while await tell(app, f"{n}", "total") != "1":
                pass
    for call in waiting:
        with pytest.raises(radon.Unavailable, match="has stopped"):
            await call


async def test_stats_count_what_was_done(make: Make) -> None:
    async with radon.Runtime(make()) as app:
        await tell(app, "a", "count 1")
        with pytest.raises(radon.Closed):
            await tell(app, "b", "trap")
        stats = await app.stats()
        kind = stats.kinds["agent"]
        assert (kind.atoms, kind.turns, kind.failed, kind.queued, kind.suspended) == (
            2,
            6,
            3,
            0,
            0,
        )  # with a `start` each
        assert kind.instances == 1, "that of the trap is gone"
        assert kind.state_bytes == len("total") + 8 + 32
        assert stats.dead_letters == 1
        assert (stats.commits, stats.log_bytes) == (0, 0), "nothing is written in memory"
        assert 1 << 20 < stats.memory < 1 << 40
        assert 0 < stats.uptime < 60


# ---- subscriptions ----


async def test_a_subscription_begins_before_the_first_line_of_its_block(make: Make) -> None:
    async with radon.Runtime(make()) as app:
        for number in range(50):
            async with app.subscription("news") as news:
                await app.send("agent/a", b"publish news %d" % number)
                assert await anext(news) == b"%d" % number


async def test_a_subscription_has_begun_only_when_the_domain_knows_of_it(make: Make) -> None:
    """Else what a timer publishes, say, could be missed inside the block."""
    async with radon.Runtime(make()) as app:
        held, go = threading.Event(), threading.Event()
        app.deployment.perform(lambda domain: held.set() or go.wait(20))
        assert await asyncio.to_thread(held.wait, 20)
        subscription = app.subscription("news")
        entering = asyncio.ensure_future(subscription.__aenter__())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not entering.done()
        go.set()
        await entering
        await subscription.__aexit__(None, None, None)


async def test_a_subscriber_that_falls_behind_hears_what_it_can_and_then_exhausted(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heard, "SUBSCRIBED", 10)
    async with radon.Runtime(make()) as app, app.subscription("news") as news:
        await tell(app, "a", *[f"publish news {number}" for number in range(30)])
        while await asyncio.wrap_future(app.deployment.perform(unheard)):
            pass
        for number in range(10):
            assert await anext(news) == b"%d" % number
        with pytest.raises(radon.Exhausted, match="the subscriber of 'news' is 10 messages behind"):
            await anext(news)
        assert await tell(app, "a", "count 1") == "1"


async def test_a_subscription_ends_with_its_runtime(make: Make) -> None:
    async with radon.Runtime(make()) as app:
        begun = asyncio.Event()

        async def listen() -> list[bytes]:
            seen = []
            async with app.subscription("news") as news:
                begun.set()
                async for body in news:
                    seen.append(body)
            return seen

        listening = asyncio.ensure_future(listen())
        await begun.wait()
        await tell(app, "a", "publish news 1", "publish news 2")
    assert await listening == [b"1", b"2"]


async def test_a_subscription_to_a_deployment_that_dies_says_why(make: Make) -> None:
    async with radon.Runtime(make()) as app, app.subscription("news") as news:
        app.deployment._died(radon.RadonError("domain 0 was ended by a defect"))
        with pytest.raises(radon.RadonError, match="domain 0 was ended"):
            await anext(news)


async def test_a_subscription_that_is_left_leaves_nothing_behind(make: Make) -> None:
    async with radon.Runtime(make()) as app:
        for number in range(20):
            async with app.subscription("news") as news:
                await app.send("agent/a", b"publish news %d" % number)
                assert await anext(news) == b"%d" % number
        usage = await asyncio.wrap_future(app.deployment.perform(lambda domain: domain.usage()))
        assert "@topic" not in usage.kinds
        assert app.deployment._outside.listening() == []


def test_no_two_calls_of_a_loop_lose_a_wake_up(make: Make) -> None:
    """Answers arrive in threads while the loop serves those before them; a lost wake-up would leave a call waiting."""

    async def main() -> None:
        async with radon.Runtime(make()) as app:
            for _ in range(30):
                for burst in (1, 2, 7):
                    await asyncio.gather(*[app.call(f"agent/{n}", b"meta x", timeout=20) for n in range(burst)])

    asyncio.run(main())
