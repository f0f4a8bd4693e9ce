"""The conformance suite for backends, in both directions: what a backend declares holds, what it does not is refused.

Owns no backend. Works through the embedding API alone, and waits for answers and never for time to pass. A backend's
test file is a fixture and one line:

    @pytest.fixture
    def open_app(tmp_path: Path) -> OpenApp:
        return lambda application: radon.Runtime(application, store="lmdb", data=tmp_path / "data")

    class TestMonolith(BackendSuite): ...

A backend that runs the default domain is tested with each one where the file takes in `radon.testing.domains`.

Needs pytest and pytest-asyncio, which Radon itself does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, get_args

import pytest

from radon.abi.errors import Exhausted, ManifestError, NotFound, Timeout
from radon.atoms.manifest import Delivery, Durability, Order
from radon.testing.agents import FULL, POOR, Make, OpenApp, keeps, tell
from radon.testing.atoms import AtomSuite

LEVELS = {"delivery": get_args(Delivery), "durability": get_args(Durability), "order": get_args(Order)}
"""Of each guarantee, from weak to strong."""


@pytest.mark.asyncio
class BackendSuite(AtomSuite):
    """Asks for the fixture `open_app`."""

    # ---- what is declared, and what is required ----

    @pytest.mark.parametrize("guarantee", LEVELS)
    async def test_what_is_declared_may_be_required_and_more_is_refused(
        self, guarantee: str, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            declared = getattr(app.deployment.guarantees, guarantee)
        for level in LEVELS[guarantee]:
            application = make({"require": {guarantee: level}})
            if LEVELS[guarantee].index(level) <= LEVELS[guarantee].index(declared):
                async with open_app(application):
                    pass
            else:
                with pytest.raises(ManifestError, match=f"{guarantee}.*'{level}'.*'{declared}'"):
                    await open_app(application).__aenter__()

    async def test_a_deployment_that_requires_too_much_later_is_refused_and_the_old_goes_on(
        self, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            durability = app.deployment.guarantees.durability
            if durability != LEVELS["durability"][-1]:
                with pytest.raises(ManifestError, match="durability"):
                    app.deployment.deploy(make({"require": {"durability": LEVELS["durability"][-1]}}))
            assert await tell(app, "a", "count 1") == "1"

    # ---- delivery ----

    async def test_a_message_with_a_dedup_key_acts_once_and_each_caller_gets_the_first_answer(
        self, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            answers = await asyncio.gather(*[tell(app, "a", "count 1", once="key") for _ in range(5)])
            assert answers == ["1"] * 5
            assert await tell(app, "a", "count 1", once="another key") == "2"
            kept = keeps(app)
        async with open_app(make()) as app:
            assert await tell(app, "a", "count 10", once="key") == ("1" if kept else "10")
            assert await tell(app, "a", "total") == ("2" if kept else "10")

    async def test_a_caller_that_gave_up_and_asks_again_gets_the_answer_that_comes_later(
        self, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            with pytest.raises(Timeout):
                await tell(app, "a", "count 1", "keep 7", once="key", timeout=0.05)
            again = asyncio.ensure_future(tell(app, "a", "count 1", "keep 7", once="key"))
            while await tell(app, "a", "total") == "0":  # it may overtake both, which take the way over their key
                pass
            await tell(app, "a", "answer 7 at last")
            assert await again == "at last"
            assert await tell(app, "a", "total") == "1"

    async def test_what_was_sent_is_handled_though_the_deployment_was_stopped_at_once(
        self, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            for number in range(50):
                await app.send("agent/a", b"spin 100000\nnote %d" % number)
            kept = keeps(app)
        async with open_app(make()) as app:
            if kept:
                assert await tell(app, "a", "until 50") == "\n".join(map(str, range(50)))
            else:
                assert await tell(app, "a", "notes") == ""

    async def test_addresses_that_atoms_kept_outlive_a_restart(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make()) as app:
            child = await tell(app, "a", "spawn agent note born")
            assert await app.call(child, b"until 1") == b"born"
            kept = keeps(app)
        async with open_app(make()) as app:
            if kept:
                await tell(app, "a", f"to {child} note found")
                assert await app.call(child, b"until 2") == b"born\nfound"
            else:
                assert await app.call(child, b"notes") == b""

    # ---- order ----

    async def test_messages_of_one_sender_are_handled_in_order_and_none_overtakes_a_retry(
        self, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            for number in range(20):
                line = b"early 2\n" if number % 7 == 3 else b""
                await app.send("agent/a", line + b"note %d" % number)
            assert await tell(app, "a", "until 20") == "\n".join(map(str, range(20)))
            await tell(app, "b", *[f"to agent/c note {number}" for number in range(20)])
            assert await tell(app, "c", "until 20") == "\n".join(map(str, range(20)))

    # ---- deploying ----

    async def test_a_deployment_onto_running_atoms_keeps_state_mail_and_timers(
        self, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            await tell(app, "a", "count 5", "timer 30 1")
            waiting = asyncio.ensure_future(tell(app, "b", "call 60000 agent/c keep 1", "count 1"))
            while await tell(app, "c", "answer 2 is there one?") == "":
                pass
            app.deployment.deploy(make(agent={**FULL, "limits": {"outbox": 5}}, third=POOR))
            assert await tell(app, "a", "total") == "5"
            assert await tell(app, "a", "many 6 agent/d note x") == "error exhausted"
            assert await tell(app, "a", "until 1") == "fired 1"
            while await tell(app, "c", "answer 1 go") != "":
                pass
            assert await waiting == "1"
            assert await app.call("third/a", b"total") == b"0"

    async def test_a_kind_that_holds_something_is_removed_only_when_told(self, open_app: OpenApp, make: Make) -> None:
        async with open_app(make(third=POOR)) as app:
            assert await app.call("third/a", b"count 5") == b"5"
            with pytest.raises(ManifestError, match="'third' is gone from the manifest, but 1 of its atoms"):
                app.deployment.deploy(make())
            assert await app.call("third/a", b"total") == b"5"
            app.deployment.deploy(make(), drop=frozenset({"third"}))
            with pytest.raises(NotFound):
                await app.call("third/a", b"total")
            app.deployment.deploy(make(third=POOR))
            assert await app.call("third/a", b"total") == b"0"

    async def test_another_number_of_shards_is_refused(self, open_app: OpenApp, make: Make) -> None:
        def sharded(count: int) -> Mapping[str, Any]:
            return {**FULL, "spread": "sharded", "shards": count}

        async with open_app(make(split=sharded(4))) as app:
            assert await app.call("split/some key", b"count 1") == b"1"
            assert await app.call("split/some key", b"count 1") == b"2"
            with pytest.raises(ManifestError, match="shards was 4"):
                app.deployment.deploy(make(split=sharded(5)))
            kept = keeps(app)
        if kept:
            with pytest.raises(ManifestError, match="shards was 4"):
                await open_app(make(split=sharded(5))).__aenter__()

    # ---- limits of the deployment itself ----

    async def test_more_callers_than_may_wait_are_refused_and_the_others_are_served(
        self, open_app: OpenApp, make: Make
    ) -> None:
        async with open_app(make()) as app:
            calls = [asyncio.ensure_future(tell(app, "a", "count 1", timeout=30)) for _ in range(10_500)]
            done = await asyncio.gather(*calls, return_exceptions=True)
            refused = [answer for answer in done if not isinstance(answer, str)]
            assert all(isinstance(error, Exhausted) for error in refused), refused[:3]
            assert await tell(app, "a", "total") == str(len(done) - len(refused))
