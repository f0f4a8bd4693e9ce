"""From threads into an event loop: nothing is lost, nothing overtakes."""

from __future__ import annotations

import asyncio
from collections import Counter
from threading import Thread

from radon.gateways.relay import Relay

THREADS, EACH = 8, 5_000


async def test_what_threads_send_arrives_once_and_in_order_of_each() -> None:
    loop = asyncio.get_running_loop()
    arrived: list[tuple[int, int]] = []
    all_here = asyncio.Event()

    def take(item: tuple[int, int]) -> None:
        arrived.append(item)
        if len(arrived) == THREADS * EACH:
            all_here.set()

    relay = Relay(loop)

    def send(thread: int) -> None:
        for number in range(EACH):
            relay(take, (thread, number))

    threads = [Thread(target=send, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    async with asyncio.timeout(30):
        await all_here.wait()  # a lost wake-up would leave the last ones lying
    for thread in threads:
        thread.join()
    assert Counter(thread for thread, _ in arrived) == dict.fromkeys(range(THREADS), EACH)
    for thread in range(THREADS):
        assert [number for of, number in arrived if of == thread] == list(range(EACH))


async def test_what_belongs_together_is_served_before_what_comes_after() -> None:
    order: list[str] = []
    done = asyncio.Event()

    def after() -> None:
        order.append("after")
        done.set()

    relay = Relay(asyncio.get_running_loop(), after=after)
    for name in ("one", "two", "three"):
        relay(order.append, name)
    await done.wait()
    assert order == ["one", "two", "three", "after"]


async def test_what_the_loop_itself_relays_waits_for_what_a_thread_did_before() -> None:
    order: list[str] = []
    done = asyncio.Event()
    relay = Relay(asyncio.get_running_loop(), after=done.set)
    thread = Thread(target=lambda: [relay(order.append, name) for name in ("one", "two")])
    thread.start()
    thread.join()
    relay(order.append, "three")
    assert order == [], "not while the domain runs"
    await done.wait()
    assert order == ["one", "two", "three"]
    done.clear()
    relay(order.append, "four")
    await done.wait()
    assert order[3:] == ["four"]


async def test_one_that_fails_is_reported_and_the_others_are_served() -> None:
    order: list[str] = []
    reported: list[object] = []
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))

    def fail(name: str) -> None:
        raise ValueError(name)

    relay = Relay(loop, after=done.set)
    relay(order.append, "one")
    relay(fail, "two")
    relay(order.append, "three")
    await done.wait()
    assert order == ["one", "three"]
    assert list(map(repr, reported)) == ["ValueError('two')"]


def test_a_loop_that_is_closed_is_left_alone() -> None:
    loop = asyncio.new_event_loop()
    relay = Relay(loop)
    loop.close()
    relay(print, "nobody")
