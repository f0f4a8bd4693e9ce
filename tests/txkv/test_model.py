"""Coordinators against a dict of shards: any transactions, whatever is lost in between; and many at once."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from radon.kv.messages import NO_FLAGS, Flag, Op, Status, items, parse, request
from radon.testing.history import Outcome, Recorder
from radon.testing.serializability import check_serializable
from tests.txkv.stores import COORDINATORS, World, message, seen

SHARDS = [*(f"kv/#{number}" for number in range(4)), "other/#0", "other/#1"]
KEYS = st.sampled_from([b"", b"a", b"b", b"\xff" * 40])
ITEMS = st.tuples(KEYS, st.sampled_from(["get", "put", "delete"]), st.booleans(), st.booleans())
"""Key, what, whether there is a condition, and whether it holds."""

PARTS = st.dictionaries(
    st.sampled_from(SHARDS), st.lists(ITEMS, min_size=1, max_size=4, unique_by=lambda item: item[0]), min_size=1
)


class AsTheModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(domains=2)
        self.values: dict[tuple[str, bytes], bytes] = {}
        self.versions: dict[tuple[str, bytes], int] = {}
        self.locked: dict[tuple[str, bytes], bytes] = {}
        self.numbers = count(1)

    @rule(parts=PARTS, coordinator=st.integers(0, COORDINATORS - 1))
    def run(self, parts: dict[str, list[Any]], coordinator: int) -> None:
        bodies, refused = [], {}
        after = dict(self.values)
        for part, (at, wanted) in enumerate(parts.items()):
            requests = []
            for number, (key, what, conditional, holds) in enumerate(wanted):
                version = self.versions.get((at, key), 0) + (0 if holds else 10**6)
                flags = Flag.IF_VERSION if conditional else NO_FLAGS
                value = b"%d" % next(self.numbers)
                op = Op[what.upper()]
                payload = value if op is Op.PUT else b""
                requests.append(request(op, key, payload, flags=flags, version=version if conditional else 0))
                is_locked = (at, key) in self.locked
                if part not in refused and (is_locked or (conditional and not holds)):
                    refused[part] = number, Status.LOCKED if is_locked else Status.CONFLICT
                if op is Op.PUT:
                    after[at, key] = value
                elif op is Op.DELETE:
                    after.pop((at, key), None)
            bodies.append((at, tuple(requests)))
        answer = self.world.run(*bodies, coordinator=coordinator)
        if refused:
            assert (answer.version, answer.status) == refused[answer.expiry]
            assert parse(answer.value).status is answer.status
        else:
            assert answer.status is Status.OK
            self.values = after
        self.learn()

    @rule(at=st.sampled_from(SHARDS), key=KEYS)
    def another_locks(self, at: str, key: bytes) -> None:
        name = b"%016d" % next(self.numbers)
        payload = items([request(Op.PUT, key, b"")])
        found = self.world.ask(Op.PREPARE, name, payload, at=at)
        assert (found.status is Status.LOCKED) == ((at, key) in self.locked)
        self.locked.setdefault((at, key), name)

    @rule()
    def the_others_give_up(self) -> None:
        for (at, _), name in self.locked.items():
            self.world.ask(Op.ABORT, name, at=at)
        self.locked.clear()

    @rule(how=st.sampled_from(["instance", "process", "snapshot", "time"]))
    def something_is_lost(self, how: str) -> None:
        if how == "instance":
            self.world.harness.forget()
        elif how == "time":
            self.world.harness.advance("2s")
        else:
            self.world.harness.restart(snapshot=how == "snapshot")

    def learn(self) -> None:
        for at in SHARDS:
            if self.world.harness.lives(at):
                for key, value in self.world.harness.state(at).get("values", {}).items():
                    self.versions[at, key] = parse(value).version
        self.versions = {place: version for place, version in self.versions.items() if place in self.values}

    @invariant()
    def the_shards_hold_what_they_should(self) -> None:
        found, prepared = {}, set()
        for at in filter(self.world.harness.lives, SHARDS):
            state = self.world.harness.state(at)
            found |= {(at, key): parse(value).value for key, value in state.get("values", {}).items()}
            prepared |= {(at, name) for name in state.get("prepared", {})}
        assert found == self.values
        assert prepared == {(at, name) for (at, _), name in self.locked.items()}
        assert not self.world.harness.dead()

    def teardown(self) -> None:
        self.the_others_give_up()
        self.world.at_rest()
        self.world.harness.close()


def test_transactions_are_as_the_model_whatever_is_lost() -> None:
    run_state_machine_as_test(AsTheModel, settings=settings(stateful_step_count=20, deadline=None))


Part = tuple[Any, ...]


@pytest.mark.parametrize("seed", range(5))
def test_many_at_once_are_as_one_after_the_other(seed: int) -> None:
    """Eight at a time have read when all of them want to write, turn by turn between each other, with losses."""
    random, recorder, values = Random(seed), Recorder(), count(1)
    keys = [(at, b"%d" % number) for at in SHARDS for number in range(2)]
    with World(domains=1 + seed % 3) as world:
        for _ in range(40):
            begun = []
            for client in range(8):
                chosen = random.sample(keys, random.randrange(1, 4))
                parts: list[Part] = [("append", key, next(values)) for key in chosen]
                parts = [part if random.random() < 0.6 else ("read", part[1]) for part in parts]
                call = recorder.begin(f"client {client}", ("txn", *parts))
                begun.append((call, *requests_of(world, parts)))
            tokens = []
            for _, _, body in begun:
                to = f"tx/#{random.randrange(COORDINATORS)}"
                tokens.append(world.harness.post(to, body, run=False))
                for _ in range(random.randrange(4)):
                    world.harness.step()
                if random.random() < 0.1:
                    world.harness.forget()
            world.harness.run()
            for (call, answers, _), token in zip(begun, tokens, strict=True):
                if parse(world.harness.answer(token) or b"").status is Status.OK:
                    call.ok(answers)
                else:
                    call.failed()
        world.at_rest()
    assert sum(operation.outcome is Outcome.OK for operation in recorder.history) > 50
    report = check_serializable(recorder.history)
    assert report.ok, report.text


def requests_of(world: World, parts: list[Part]) -> tuple[list[Any], bytes]:
    """What the parts are answered by what is there now, and the transaction that goes well if that stays so."""
    answers: list[Any] = []
    bodies: dict[str, list[bytes]] = {}
    for name, (at, key), *value in parts:
        found = world.ask(Op.GET, key, at=at)
        if name == "append":
            answers.append(None)
            text = b"%b %d" % (found.value, *value)
            body = request(Op.PUT, key, text, flags=Flag.IF_VERSION, version=found.version)
        else:
            answers.append(tuple(map(int, found.value.split())))
            body = seen(key, found.version)
        bodies.setdefault(at, []).append(body)
    return answers, message(*((at, tuple(each)) for at, each in bodies.items()))
