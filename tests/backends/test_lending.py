"""An event loop that drives: once for all that is submitted in one of its turns, and never for another thread."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest

from radon.backends.lending import Lending


class Driven:
    """In the place of a runner: what drives it, and how often there is more to do after that."""

    def __init__(self, more: int = 0) -> None:
        self.more = more
        self.drives = 0
        self.seen: list[str] = []

    def drive(self) -> bool:
        self.drives += 1
        self.seen.append(CALLER.get())
        self.more -= 1
        return self.more >= 0


CALLER = contextvars.ContextVar("CALLER", default="nobody")


def lending(driven: Driven) -> Lending:
    runner: Any = driven
    return Lending(runner)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_submitted_in_one_turn_of_the_loop_is_driven_once() -> None:
    driven = Driven()
    lent = lending(driven)

    async def submit() -> None:
        assert lent.borrow()

    await asyncio.gather(*[submit() for _ in range(100)])
    await turns(2)
    assert driven.drives == 1
    assert lent.borrow()
    assert driven.drives == 1, "not before the loop turns"
    await turns(2)
    assert driven.drives == 2


async def test_what_was_gathered_already_is_driven_at_once() -> None:
    driven = Driven(more=1)
    lent = lending(driven)
    submitted: list[bool] = []
    lent.at_once(lambda: submitted.append(lent.borrow()))
    assert (submitted, driven.drives) == ([True], 1)
    await turns(2)
    assert driven.drives == 2, "there was more to do"
    assert lent.borrow()
    lent.at_once(lambda: submitted.append(lent.borrow()))
    assert driven.drives == 2, "it will be driven with what came before"
    await turns(2)
    assert driven.drives == 3


async def test_what_cannot_be_submitted_leaves_the_loop_as_it_was() -> None:
    driven = Driven()
    lent = lending(driven)
    with pytest.raises(ZeroDivisionError):
        lent.at_once(lambda: 1 // 0)
    assert lent.borrow()
    await turns(2)
    assert driven.drives == 2


async def test_in_another_thread_nothing_is_driven_at_once() -> None:
    driven = Driven()
    lent = lending(driven)
    submitted: list[bool] = []
    await asyncio.to_thread(lent.at_once, lambda: submitted.append(lent.borrow()))
    assert (submitted, driven.drives) == ([False], 0)


async def test_while_there_is_more_to_do_others_have_their_turn_in_between() -> None:
    driven = Driven(more=3)
    lent = lending(driven)
    lent.borrow()
    seen = []
    for _ in range(8):
        await asyncio.sleep(0)
        seen.append(driven.drives)
    assert seen[:5] == [1, 2, 3, 4, 4]
    assert seen[-1] == 4


async def test_another_thread_is_told_that_nobody_drives() -> None:
    driven = Driven()
    lent = lending(driven)
    assert not await asyncio.to_thread(lent.borrow)
    await turns(2)
    assert driven.drives == 0


def test_while_the_loop_does_not_run_nobody_drives() -> None:
    driven = Driven()
    loop = asyncio.new_event_loop()

    async def lend() -> Lending:
        return lending(driven)

    lent = loop.run_until_complete(lend())
    assert not lent.borrow()
    loop.close()
    assert not lent.borrow()


async def test_the_domain_does_not_run_in_the_context_of_who_happened_to_be_first() -> None:
    driven = Driven()
    lent = lending(driven)

    async def submit() -> None:
        CALLER.set("the first")
        lent.borrow()

    await asyncio.create_task(submit())
    await turns(2)
    assert driven.seen == ["nobody"]
