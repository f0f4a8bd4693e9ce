"""One timer for all that wait equally long: each ends in time, and none because of another."""

from __future__ import annotations

import asyncio
import gc
import weakref

from radon.runtime.deadlines import Deadlines


def timers(loop: asyncio.AbstractEventLoop) -> int:
    return sum(not handle.cancelled() for handle in loop._scheduled)  # type: ignore[attr-defined]


async def test_waits_end_in_the_order_of_their_deadlines_and_no_sooner() -> None:
    loop, ended = asyncio.get_running_loop(), []
    deadlines = Deadlines(loop)
    futures = []
    for seconds in (0.05, 0.01, 0.03, 0.01, 0.05):
        future = loop.create_future()
        due = loop.time() + seconds
        future.add_done_callback(lambda _, due=due: ended.append((due, loop.time())))  # type: ignore[misc]
        deadlines.add(future, seconds)
        futures.append(future)
    assert timers(loop) == 3
    assert await asyncio.gather(*futures) == [None] * 5
    assert [due for due, _ in ended] == sorted(due for due, _ in ended)
    assert all(now >= due - 1e-6 for due, now in ended)
    assert not deadlines._queues


async def test_what_is_answered_or_forgotten_ends_nothing_and_is_not_kept() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    answered, forgotten, late = loop.create_future(), loop.create_future(), loop.create_future()
    for future in (answered, forgotten, late):
        deadlines.add(future, 0.02)
    answered.set_result("answer")
    deadlines.remove(answered, 0.02)
    deadlines.remove(forgotten, 0.02)
    deadlines.remove(forgotten, 0.02)
    seen = weakref.ref(forgotten)
    assert await late is None
    assert await answered == "answer"
    assert not forgotten.done()
    del forgotten, future
    gc.collect()
    assert seen() is None


async def test_an_answer_of_the_very_last_moment_is_not_overwritten() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    first, second = loop.create_future(), loop.create_future()
    deadlines.add(first, 0.01)
    deadlines.add(second, 0.01)
    second.set_result("answer")
    assert await first is None
    assert await second == "answer"


async def test_after_the_first_has_gone_the_next_ones_still_end() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    for _ in range(3):
        first = loop.create_future()
        deadlines.add(first, 0.01)
        second = loop.create_future()
        deadlines.add(second, 0.01)
        deadlines.remove(first, 0.01)
        assert await second is None


async def test_closed_they_leave_no_timer() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    future = loop.create_future()
    deadlines.add(future, 1000)
    deadlines.close()
    deadlines.remove(future, 1000)
    assert not timers(loop)
