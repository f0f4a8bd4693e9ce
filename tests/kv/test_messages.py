"""Every message against a model: whatever is asked in whatever order, and whatever is lost in between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from radon.kv.messages import NO_FLAGS, Answer, Flag, Op, Status, items, parse, parse_many, parse_page, request
from radon.testing.harness import Harness
from tests.kv.model import ANY, SINGLE, TAKES, Request, Shard
from tests.kv.stores import store

ALL_KEYS = [b"", b"a", b"a\0", b"\xff\xff"]
KEYS = st.sampled_from(ALL_KEYS)
VALUES = st.sampled_from([b"", b"7", b"-1", b"07", b"9223372036854775807", b"x y"]) | st.binary(max_size=40)
NAMES = st.sampled_from([b"1" * 16, b"2" * 16, b"short"])
ABSENCE = 1 << 63  # a bit of all versions of keys that are not there, and of no other
SOON = st.sampled_from([0, 1, 5, 10**9, 2**64 - 1])


SINGLES = st.sampled_from([Op(number) for number in SINGLE])
IN_TRANSACTIONS = st.sampled_from([Op.GET, Op.PUT, Op.DELETE])


@st.composite
def requests(draw: Any, ops: Any = SINGLES) -> Request:
    """Of one key; one in many is not well-formed."""
    op = draw(ops)
    allowed, words = TAKES[op]
    stray = draw(st.integers(0, 30)) == 0
    flags = draw(st.sampled_from([flag for flag in Flag if stray or flag in allowed]) | st.just(NO_FLAGS))
    if draw(st.booleans()):
        flags |= (Flag.RELATIVE | Flag.GIVE_OLD) & allowed
    payload = draw(VALUES) if "payload" in words else b""
    if op is Op.ADD and not stray:
        payload = draw(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)).to_bytes(8, "little", signed=True)
    uses_version = "version" in words or flags & (Flag.IF_VERSION | Flag.BOUNDED)
    uses_expiry = "expiry" in words or Flag.BOUNDED in flags
    return Request(
        op, draw(KEYS), payload, flags, draw(st.sampled_from([0, 0, 0, 0, 1])) if "tag" in words or stray else 0,
        draw(st.integers(0, 9)) if uses_version or stray else 0, draw(SOON) if uses_expiry or stray else 0,
    )  # fmt: skip


class AsTheModel(RuleBasedStateMachine):
    """One shard."""

    def __init__(self) -> None:
        super().__init__()
        self.harness = store(1)
        self.shard = Shard()
        self.highest: dict[bytes, int] = {}  # version that was seen, by key

    def ask(self, given: Request) -> Answer:
        payload = given.payload or items(self.encoded(item) for item in given.items)
        return parse(self.harness.call("kv/#0", self.encoded(replace(given, payload=payload))))

    @staticmethod
    def encoded(given: Request) -> bytes:
        return request(
            given.op, given.key, given.payload, flags=given.flags, tag=given.tag, version=given.version,
            expiry=given.expiry,
        )  # fmt: skip

    def aimed(self, given: Request, right: bool) -> Request:
        """Half of those that ask for a version ask for the right one, which answers have shown."""
        item = self.shard.find(given.key)
        if Flag.IF_VERSION in given.flags and item is None:
            versions = self.shard.absences if right else self.shard.outdated
            return replace(given, version=versions.get(given.key, 0))
        if Flag.IF_VERSION in given.flags and right and item.version != ANY:
            return replace(given, version=item.version)
        if given.op is Op.COMPARE and right and item is not None:
            return replace(given, payload=item.value + b"new", version=len(item.value))
        return given

    def expect(self, found: Answer, expected: Answer, key: bytes) -> None:
        if expected.version == ANY:
            (self.learn if expected.status is Status.OK else self.learn_absence)(key, found.version)
            expected = expected._replace(version=found.version)
        assert found == expected

    def learn_absence(self, key: bytes, version: int) -> None:
        assert version >= ABSENCE
        assert version > self.shard.outdated.get(key, 0)
        if key not in self.shard.items:  # or it has expired, and will be removed
            self.shard.absences[key] = version

    def learn(self, key: bytes, version: int) -> None:
        """A version that is new to the model is one that the key never had."""
        assert version > self.highest.get(key, 0)
        self.highest[key] = version
        item = self.shard.items.get(key)
        if item is not None and item.version == ANY:
            self.shard.items[key] = item._replace(version=version)

    def learn_all(self) -> None:
        for key in [key for key in ALL_KEYS if key not in self.shard.locks]:
            get = Request(Op.GET, key)
            self.expect(self.ask(get), self.shard.single(get, b""), key)
            if key in self.shard.outdated:
                late = replace(get, flags=Flag.IF_VERSION, version=self.shard.outdated[key])
                assert self.ask(late).status is Status.CONFLICT

    @rule(given=requests(), right=st.booleans())
    def one(self, given: Request, right: bool) -> None:
        given = self.aimed(given, right)
        expected = self.shard.run(given)
        assert isinstance(expected, Answer)
        self.expect(self.ask(given), expected, given.key)
        self.learn_all()

    @rule(given=st.lists(requests(), max_size=4), right=st.booleans())
    def batch(self, given: list[Request], right: bool) -> None:
        batch = Request(Op.BATCH, items=tuple(self.aimed(item, right) for item in given))
        expected = self.shard.run(batch)
        found = self.ask(batch)
        if isinstance(expected, Answer):
            assert (found.status, found.version) == (expected.status, expected.version)
            assert parse(found.value).status is found.status
        else:
            answers = parse_many(found.value)
            assert (found.status, found.version, len(answers)) == (Status.OK, len(expected), len(expected))
            shown: dict[bytes, int] = {}
            for item, answer, one in zip(batch.items, answers, expected, strict=True):
                if one.version == ANY and one.status is Status.OK:
                    assert answer.version >= shown.get(item.key, self.highest.get(item.key, 0) + 1)
                    shown[item.key] = answer.version
                assert answer == one._replace(version=answer.version if one.version == ANY else one.version)
            self.learn_all()
            for key, version in shown.items():
                self.highest[key] = max(version, self.highest.get(key, 0))

    @rule(
        name=NAMES,
        given=st.lists(requests(IN_TRANSACTIONS), max_size=3),
        right=st.booleans(),
    )
    def prepare(self, name: bytes, given: list[Request], right: bool) -> None:
        prepare = Request(Op.PREPARE, name, items=tuple(self.aimed(item, right) for item in given))
        expected = self.shard.run(prepare)
        assert isinstance(expected, Answer)
        found = self.ask(prepare)
        assert (found.status, found.version) == (expected.status, expected.version)

    @rule(name=NAMES, op=st.sampled_from([Op.COMMIT, Op.ABORT]))
    def end(self, name: bytes, op: Op) -> None:
        expected = self.shard.run(Request(op, name))
        assert self.ask(Request(op, name)) == expected
        self.learn_all()

    @rule(start=KEYS, end=st.none() | KEYS, limit=st.integers(1, 4), values=st.booleans())
    def scan(self, start: bytes, end: bytes | None, limit: int, values: bool) -> None:
        flags = (NO_FLAGS if values else Flag.NO_VALUE) | (NO_FLAGS if end is None else Flag.BOUNDED)
        found: list[tuple[bytes, Answer]] = []
        at: bytes | None = start
        while at is not None:
            answer = parse(self.harness.call("kv/#0", request(Op.SCAN, at, end or b"", flags=flags, version=limit)))
            page = parse_page(answer.value)
            assert len(page.entries) <= limit
            found += page.entries
            at = page.resume
        wanted = [(k, v) for k, v in self.shard.live() if start <= k and (end is None or k < end)]
        assert [(key, entry.tag, entry.expiry, entry.value) for key, entry in found] == [
            (key, item.tag, item.expiry, item.value if values else b"") for key, item in wanted
        ]

    @rule(by=st.sampled_from([1, 4, 10**9]))
    def time_passes(self, by: int) -> None:
        self.harness.advance(by)

    @rule(snapshot=st.booleans())
    def the_process_is_lost(self, snapshot: bool) -> None:
        self.harness.restart(snapshot=snapshot)
        self.shard.absences.clear()

    @rule()
    def the_instance_is_lost(self) -> None:
        self.harness.forget()
        self.shard.absences.clear()

    @invariant()
    def the_shard_holds_what_it_should(self) -> None:
        self.shard.now = self.harness.now
        state = self.harness.state("kv/#0") if self.harness.lives("kv/#0") else {}
        stored = {key: parse(value) for key, value in state.get("values", {}).items()}
        live = {key for key, _ in self.shard.live()}
        assert live <= stored.keys()
        assert all(0 < stored[key].expiry <= self.shard.now for key in stored.keys() - live)
        expiries = {entry.expiry.to_bytes(8, "big") + key for key, entry in stored.items() if entry.expiry}
        assert set(state.get("expiries", {})) == expiries
        assert set(state.get("prepared", {})) == set(self.shard.prepared)
        assert not self.harness.dead()

    def teardown(self) -> None:
        self.harness.close()


def test_a_shard_answers_as_the_model_whatever_is_lost() -> None:
    run_state_machine_as_test(AsTheModel, settings=settings(stateful_step_count=30, deadline=None))


@pytest.mark.parametrize("blind", [b"", b"2"])
def test_a_batch_that_is_refused_changes_nothing(harness: Harness, blind: bytes) -> None:
    put, refused = request(Op.PUT, b"a", b"2"), request(Op.PUT, b"a", b"3", flags=Flag.IF_ABSENT)
    if not blind:
        harness.call("kv/#0", request(Op.PUT, b"a", b"1"))
    found = parse(harness.call("kv/#0", request(Op.BATCH, payload=items([put, refused]))))
    assert (found.status, found.version, parse(found.value).status) == (Status.CONFLICT, 1, Status.CONFLICT)
    left = parse(harness.call("kv/#0", request(Op.GET, b"a")))
    assert (left.status, left.value) == ((Status.ABSENT, b"") if blind else (Status.OK, b"1"))
