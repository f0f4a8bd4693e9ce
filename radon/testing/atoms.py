"""What an atom may count on in every backend: turns, answers, time, lives, topics, failures. Part of `backends.py`."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from radon.abi.errors import Closed, Invalid, NotFound, RadonError, Timeout, TooLarge, Unavailable
from radon.testing.agents import FULL, AgentSuite, Make, OpenApp, keeps, tell


@pytest.mark.asyncio
class AtomSuite(AgentSuite):
    """Asks for the fixture `open_app`."""

    # ---- turns ----

    async def test_a_turn_that_fails_leaves_nothing(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            for end in ("fail", "trap"):
                with pytest.raises(Closed):
                    await tell(
                        app, "a", "count 1", "note x", "to agent/b note x", "cast agent/b note x",
                        "later 0 agent/b note x", "timer 0 1", "spawn agent note x", "publish news x", end,
                    )  # fmt: skip
            await tell(app, "a", "to agent/b note y", "timer 0 2")
            assert await tell(app, "b", "until 1") == "y"
            assert await tell(app, "a", "until 1") == "fired 2"
            assert await tell(app, "a", "total") == "0"
            assert (await app.stats()).kinds["agent"].atoms == 2

    async def test_a_turn_that_ends_well_does_all_of_it(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app, app.subscription("news") as news:
            child = await tell(app, "a", "count 5", "to agent/b note x", "publish news body", "spawn agent note y")
            assert await tell(app, "b", "until 1") == "x"
            assert await tell(app, child.partition("/")[2], "until 1") == "y"
            assert await anext(news) == b"body"
            assert await tell(app, "a", "total") == "5"

    async def test_callers_at_once_get_an_answer_each(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            answers = await asyncio.gather(*[tell(app, "a", "count 1") for _ in range(100)])
            assert sorted(map(int, answers)) == list(range(1, 101))

    async def test_a_turn_that_takes_long_does_not_hold_up_other_callers_for_ever(
        self, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            long = [asyncio.ensure_future(tell(app, f"a{number}", "spin 3000000")) for number in range(4)]
            assert await tell(app, "b", "count 1") == "1"
            await asyncio.gather(*long)

    async def test_a_cast_comes_at_most_once_and_only_if_its_turn_ends_well(
        self, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            await tell(app, "a", "cast agent/b note cast", "to agent/b note sent")
            notes = (await tell(app, "b", "until 1")).split("\n")
            assert sorted(notes) in (["cast"], ["sent"], ["cast", "sent"])

    # ---- asking and answering ----

    async def test_requests_calls_kept_and_forwarded_messages_are_answered(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            assert await tell(app, "a", "call 5000 agent/b count 3") == "3"
            await tell(app, "a", "ask 5000 agent/b count 3")
            assert await tell(app, "a", "until 1") == "replied ok 6"
            assert await tell(app, "a", "forward agent/b total") == "6"
            kept = asyncio.ensure_future(tell(app, "c", "keep 1"))
            while await tell(app, "c", "answer 1 done") != "":
                pass
            assert await kept == "done"

    async def test_whoever_is_not_answered_hears_closed_or_timeout(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            assert await tell(app, "a", "call 5000 agent/b fail") == "error closed"
            assert await tell(app, "a", "call 20 agent/b keep 1") == "error timeout"
            await tell(app, "a", "ask 20 agent/b keep 2", "ask 5000 agent/b fail")
            assert sorted((await tell(app, "a", "until 2")).split("\n")) == ["replied closed", "replied timeout"]

    async def test_a_kept_message_and_a_suspended_turn_go_on_after_a_restart(
        self, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            gone = asyncio.ensure_future(
                tell(app, "a", "call 60000 agent/b note asked;keep 1", "count 1", once="key", timeout=None)
            )
            assert await tell(app, "b", "until 1") == "asked"
            kept = keeps(app)
        with pytest.raises(Unavailable):
            await gone
        async with open_app(make()) as app:
            if not kept:
                assert await tell(app, "b", "answer 1 go") == "error not-found"
                return
            waiting = asyncio.ensure_future(tell(app, "a", "another body, which nobody looks at", once="key"))
            assert await tell(app, "b", "answer 1 go") == ""
            assert await waiting == "1"
            assert await tell(app, "a", "total") == "1"

    async def test_an_answer_to_a_message_of_an_earlier_life_reaches_no_caller_of_this_one(
        self, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            with suppress(Timeout):
                await asyncio.gather(*[tell(app, f"a{n}", "keep 1", timeout=0.05) for n in range(5)])
        async with open_app(make()) as app:
            callers = [asyncio.ensure_future(tell(app, f"b{n}", "keep 1")) for n in range(5)]
            for n in range(5):
                await tell(app, f"a{n}", "answer 1 for someone else")
            for n in range(5):
                while await tell(app, f"b{n}", f"answer 1 for {n}") != "":
                    pass
            assert await asyncio.gather(*callers) == [f"for {n}" for n in range(5)]

    async def test_a_timeout_of_the_caller_leaves_the_deployment_as_it_was(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            for timeout in (0, -1.0):
                with pytest.raises(Timeout, match="nothing was sent"):
                    await tell(app, "a", "count 1", timeout=timeout)
            with pytest.raises(Timeout, match="may or may not have acted"):
                await tell(app, "a", "count 1", "keep 1", timeout=0.02)
            assert await tell(app, "a", "total") == "1"

    # ---- time ----

    async def test_timers_and_postponed_messages_come_when_they_are_due(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            await tell(app, "a", "timer 60 1", "timer 20 2", "timer 40 3", "cancel 3", "later 40 agent/a note later")
            assert await tell(app, "a", "until 3") == "fired 2\nlater\nfired 1"
            assert await tell(app, "a", "sleep 20", "count 1") == "1"

    async def test_timers_and_postponed_messages_outlive_a_restart(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            await tell(app, "a", "timer 40 1", "later 20 agent/a note later")
            kept = keeps(app)
        async with open_app(make()) as app:
            notes = await tell(app, "a", "until 2" if kept else "notes")
            assert notes == ("later\nfired 1" if kept else "")

    # ---- lives ----

    async def test_lives_begin_end_and_are_watched(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            child = await tell(app, "a", "spawn agent note born")
            assert await app.call(child, b"until 1") == b"born"
            await tell(app, "a", f"watch 7 {child}")
            await app.send(child, b"exit 3")
            assert await tell(app, "a", "until 1") == "down 7 3"
            assert await tell(app, "a", f"wait 5000 {child}") == "3"
            other = await app.spawn("agent", b"note from outside")
            assert await app.call(other, b"until 1") == b"from outside"
            await tell(app, "a", f"stop {other}")
            assert await app.call(other, b"notes") == b""

    # ---- topics ----

    async def test_what_is_published_reaches_all_subscribers_in_order(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            await tell(app, "a", "subscribe news")
            async with app.subscription("news") as one, app.subscription("news") as two:
                await tell(app, "b", *[f"publish news note {number}" for number in range(10)])
                for news in (one, two):
                    assert [await anext(news) for _ in range(10)] == [b"note %d" % number for number in range(10)]
            assert await tell(app, "a", "until 10") == "\n".join(map(str, range(10)))
            await tell(app, "a", "unsubscribe news")
            await tell(app, "b", "publish news note 10", "to agent/a note end")
            assert (await tell(app, "a", "until 11")).endswith("9\nend")

    async def test_subscriptions_of_atoms_outlive_a_restart(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            await tell(app, "a", "subscribe news")
            kept = keeps(app)
        async with open_app(make()) as app, app.subscription("news") as news:
            await tell(app, "b", "publish news note 1")
            assert await anext(news) == b"note 1"
            assert await tell(app, "a", "until 1" if kept else "notes") == ("1" if kept else "")

    # ---- failures ----

    async def test_what_fails_for_good_is_a_dead_letter_that_can_be_revived_or_dropped(
        self, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            with pytest.raises(Closed):
                await tell(app, "a", "need 1", "note revived")
            with pytest.raises(Closed):
                await tell(app, "b", "trap")
            letters = {letter.to: letter for letter in await app.dead_letters()}
            first, second = letters["agent/a"], letters["agent/b"]
            assert (first.cause, first.attempts, first.form) == ("err", 3, "message")
            assert first.body == b"need 1\nnote revived\n"
            assert second.cause.startswith("trap")
            await tell(app, "a", "count 1")
            await app.revive(first.id)
            assert await tell(app, "a", "until 1") == "revived"
            await app.revive(second.id, again=False)
            assert await app.dead_letters() == []
            with pytest.raises(NotFound):
                await app.revive(second.id)
            with pytest.raises(Invalid):
                await app.revive("no hexadecimal")

    async def test_what_cannot_be_done_is_answered_with_the_error_that_says_so(
        self, open_app: OpenApp, make: Make
    ) -> None:
        limits = {"message": "1KiB", "state": "2KiB", "outbox": 5}
        async with open_app(make(small={**FULL, "limits": limits})) as app:
            with pytest.raises(NotFound, match="no kind 'nobody'"):
                await app.call("nobody/a")
            with pytest.raises(TooLarge, match=r"limits\.message is 1024"):
                await app.call("small/a", bytes(1025))
            assert await app.call("small/a", b"fill 1025") == b"too-large"
            assert await app.call("small/a", b"put 3000") == b"error exhausted"
            assert await app.call("small/a", b"many 6 agent/b note x") == b"error exhausted"
            assert await app.call("other/a", b"to agent/b note x") == b"error denied"
            for refused in (app.spawn("nobody"), app.send("nobody/a")):
                with pytest.raises(RadonError, match="nobody"):
                    await refused

    async def test_what_was_attached_to_a_message_reaches_the_atom(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            assert await app.call("agent/a", b"meta colour", metadata={"colour": b"blue"}) == b"blue"

    async def test_objects_are_found_by_their_names(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            name = await tell(app, "a", "object immutable")
            assert await tell(app, "b", f"read {name}") == "immutable"
            kept = keeps(app)
        async with open_app(make()) as app:
            assert await tell(app, "c", f"read {name}") == ("immutable" if kept else "error not-found")
