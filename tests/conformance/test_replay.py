"""The same inputs give the same records, whoever takes them: a second domain, a restored one, one that batches.

Random scripts run through random days (tests/script_strategies.py); one domain is the measure of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address
from radon.abi.frames import FrameType, decode_all, encode, encode_all, seal, unseal
from radon.abi.records import LAYOUTS
from radon.host.domain import Make, Settings, Status
from radon.host.kind import Kind
from radon.testing.harness import NOON
from tests.script_strategies import Day, days, script_kinds
from tests.scripts import ScriptModule, script

Kinds = Mapping[str, Kind]

MOST_TURNS = 1000
"""Of one day: atoms that need more may never come to rest, and tell nothing here."""


OF_THE_DOMAIN = (
    r.Step, r.Setup, r.Deployed, r.Postponed, r.PostponedGone, r.Stored, r.Pinned, r.Collected, r.Died, r.DiedGone,
    r.Seen, r.Settled, r.SeenGone,
)  # fmt: skip
"""Records that are about no atom."""


class Life:
    """A domain, and all that it gave so far."""

    def __init__(self, make: Make, kinds: Kinds, settings: Settings) -> None:
        self.domain = make(settings)
        self.kinds = kinds
        self.now = NOON
        self.log: list[bytes] = []  # the durable parts
        self.left: list[Any] = []  # outgoing, decoded
        self.passed: list[Any] = []  # volatile, decoded

    def begin(self) -> None:
        self.domain.setup(0, bytes(range(32)), bytes(32))
        self.deploy()

    def restore(self, snapshot: bytes | None, log: Iterable[bytes], now: int) -> None:
        self.domain.restore(snapshot, log)
        self.now = now
        self.deploy()

    def deploy(self) -> None:
        self.domain.deploy("digest", self.kinds)
        self.take()

    def take(self) -> None:
        commit = self.domain.take_commit()
        self.log += [seal(FrameType.LOG, commit.durable)] if commit.durable else []
        self.left += decode_all(commit.outgoing)
        self.passed += decode_all(commit.volatile)

    def live(self, day: Day, at_once: int = MOST_TURNS) -> None:
        """One day, at most `at_once` turns between two commits."""
        pause, inputs = day
        self.now += pause
        self.domain.submit(encode_all([x.Now(self.now), *inputs]))
        turns = 0
        while self.domain.run(at_once) is not Status.IDLE:
            self.take()
            turns += at_once
            assume(turns < MOST_TURNS)
        self.take()

    def records(self) -> list[tuple[bytes, bytes]]:
        """Of the whole log, in bytes, since deliveries compare by identity; each with the atom that it is about."""
        found = []
        for frame in self.log:
            at = b""
            for record in decode_all(unseal(FrameType.LOG, frame)):
                if isinstance(record, r.At):
                    at = encode(record)
                else:
                    found.append((b"" if isinstance(record, OF_THE_DOMAIN) else at, encode(record)))
        return found

    def image(self) -> list[bytes]:
        """The snapshot's records but for the step, which counts also what left no trace in the log."""
        records = decode_all(unseal(FrameType.SNAPSHOT, self.domain.snapshot()))
        return [encode_all([record]) for record in records if not isinstance(record, r.Step)]


@pytest.fixture(scope="module")
def kinds(script_module: ScriptModule) -> Kinds:
    return script_kinds(script_module)


Lives = Callable[..., AbstractContextManager[Life]]


@pytest.fixture(scope="module")
def life(make: Make, kinds: Kinds) -> Lives:
    """`with life(**settings) as it`: a domain that is closed at the end."""

    @contextmanager
    def one(**fields: Any) -> Iterator[Life]:
        it = Life(make, kinds, Settings(**{"instances": 3, **fields}))
        try:
            yield it
        finally:
            it.domain.close()

    return one


@given(days=days())
def test_the_same_inputs_give_the_same_commits_byte_for_byte(life: Lives, days: list[Day]) -> None:
    with life() as one, life() as two:
        for it in (one, two):
            it.begin()
            for day in days:
                it.live(day)
        assert one.log == two.log
        assert list(map(encode, one.left)) == list(map(encode, two.left))
        assert list(map(encode, one.passed)) == list(map(encode, two.passed))
        assert one.domain.snapshot() == two.domain.snapshot()


@given(days=days())
def test_how_turns_are_batched_into_commits_changes_no_record(life: Lives, days: list[Day]) -> None:
    with life(elide=False) as one, life(elide=False) as two:
        one.begin()
        two.begin()
        for day in days:
            one.live(day)
            two.live(day, at_once=1)
        assert one.records() == two.records()
        assert list(map(encode, one.left)) == list(map(encode, two.left))
        assert one.domain.snapshot() == two.domain.snapshot()


def test_a_message_for_later_has_the_same_bytes_whether_it_left_before_or_after_its_commit_was_taken(
    life: Lives,
) -> None:
    """To a life of its own: which one that is, is known when it is sent."""
    lines = script("$m = messaging.self", 'address.send-later $m "event late" 1ms')
    post = x.Post(1, 0, 1, Address("script", "a"), NOWHERE, "", "", (), lines)
    found = []
    for taken_before in (True, False):
        with life() as it:
            it.begin()
            it.domain.submit(encode_all([x.Now(NOON), post]))
            assert it.domain.run(10) is Status.IDLE
            if taken_before:
                it.take()
            it.domain.submit(encode(x.Now(NOON + 10**6)))
            assert it.domain.run(10) is Status.IDLE
            it.take()
            found.append([record for _, record in it.records() if record[0] == LAYOUTS[r.Postponed].tag])
    assert len(found[0]) == 1
    assert found[0] == found[1]


@given(days=days())
def test_leaving_out_what_came_and_went_within_a_commit_changes_no_state(life: Lives, days: list[Day]) -> None:
    with life(elide=True) as one, life(elide=False) as two:
        for it in (one, two):
            it.begin()
            for day in days:
                it.live(day)
        assert one.domain.snapshot() == two.domain.snapshot()
        assert sum(map(len, one.log)) <= sum(map(len, two.log))


@given(days=days())
def test_commits_without_a_durable_part_are_the_same_otherwise(life: Lives, days: list[Day]) -> None:
    with life() as one, life(durable=False) as two:
        for it in (one, two):
            it.begin()
            for day in days:
                it.live(day)
        assert not two.records()
        assert list(map(encode, one.left)) == list(map(encode, two.left))
        assert list(map(encode, one.passed)) == list(map(encode, two.passed))
        assert one.domain.snapshot() == two.domain.snapshot()


@given(days=days())
def test_the_log_and_a_snapshot_with_the_log_behind_it_restore_the_same_image(life: Lives, days: list[Day]) -> None:
    with life() as it, life() as other:
        it.begin()
        snapshot, behind = None, 0
        for number, day in enumerate(days):
            it.live(day)
            for base, log in ((None, it.log), (snapshot, it.log[behind:])):
                with life() as restored:
                    restored.domain.restore(base, log)
                    assert restored.image() == it.image()
            if number % 3 == 1:
                snapshot, behind = it.domain.snapshot(), len(it.log)
        other.domain.restore(it.domain.snapshot())
        assert other.domain.snapshot() == it.domain.snapshot()


@given(days=days(volatile=False), at=st.integers(0, 7))
def test_a_domain_restored_at_a_barrier_goes_on_as_the_one_that_never_stopped(
    life: Lives, days: list[Day], at: int
) -> None:
    with life() as it, life() as restored:
        it.begin()
        for day in days[:at]:
            it.live(day)
        it.live((0, [x.Barrier()]))
        restored.restore(it.domain.snapshot(), [], it.now)
        before = len(it.log)
        for day in days[at:]:
            it.live(day)
            restored.live(day)
        assert restored.log == it.log[before:]
        assert restored.domain.snapshot() == it.domain.snapshot()


@given(days=days(volatile=False))
def test_dropping_instances_after_every_turn_changes_no_record(life: Lives, days: list[Day]) -> None:
    with life() as one, life(forgetful=True) as two:
        for it in (one, two):
            it.begin()
            for day in days:
                it.live(day)
        assert one.log == two.log
