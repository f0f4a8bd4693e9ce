"""Seeds of the crash simulator; and defects, planted, that it has to find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from radon.abi import records as r
from radon.abi.frames import Commit, FrameError, decode_all, encode_all
from radon.host.domain import Domain
from radon.host.domains import default
from radon.host.kind import Kind
from radon.testing.around import Around
from tests.simulation.crash_simulator import History
from tests.simulation.planted import forgetting

BLOCKS = [range(first, first + 25) for first in range(0, 1000, 25)]
FAST = BLOCKS[0][:10]
SLOW = [BLOCKS[0][10:], *BLOCKS[1:]]


def run(seed: int, kind: Kind, **options: Any) -> Any:
    history = History(seed, kind, **options)
    try:
        history.run()
    finally:
        history.close()
    return history


def run_block(seeds: range, kind: Kind, **options: Any) -> None:
    moments: Counter[str] = Counter()
    for seed in seeds:
        try:
            moments.update(run(seed, kind, **options).crashes)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from None
    assert len(moments) == 5, f"a kind of crash never struck: {moments}"


def test_nothing_is_lost_or_doubled_by_crashes(witness: Kind) -> None:
    run_block(FAST, witness)


def test_nothing_is_lost_or_doubled_between_domains(witness: Kind) -> None:
    run_block(FAST, witness, domains=3)


@pytest.mark.parametrize("domains", [1, 3])
def test_nothing_is_lost_or_doubled_where_atoms_share_an_instance(domains: int, shared: Kind) -> None:
    run_block(FAST, shared, domains=domains)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", SLOW, ids=str)
def test_nothing_is_lost_or_doubled_by_crashes_of_many_more_seeds(seeds: range, witness: Kind) -> None:
    run_block(seeds, witness)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", SLOW[:5], ids=str)
def test_nothing_is_lost_or_doubled_between_domains_by_more_seeds(seeds: range, witness: Kind) -> None:
    run_block(seeds, witness, domains=3)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", SLOW[:5], ids=str)
def test_nothing_is_lost_or_doubled_where_atoms_share_an_instance_by_more_seeds(seeds: range, shared: Kind) -> None:
    run_block(seeds, shared, domains=1 + 2 * (seeds.start % 2))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_tells_the_same_story_twice(seed: int, witness: Kind) -> None:
    assert run(seed, witness).digest == run(seed, witness).digest


class Telling(Around):
    """Tells at once what leaves with a commit."""

    def __init__(self, inner: Domain, tell: Callable[[Commit], None]) -> None:
        super().__init__(inner)
        self.tell = tell

    def take_commit(self) -> Commit:
        commit = self.inner.take_commit()
        self.tell(commit)
        return commit


class AnswersTooEarly(History):  # type: ignore[misc,valid-type]
    """What leaves does so before it is durable."""

    def __init__(self, seed: int, kind: Kind) -> None:
        super().__init__(seed, kind, make=lambda settings: Telling(default()(settings), self._overhear))

    def _overhear(self, commit: Commit) -> None:
        self._hear(0, commit)

    def _hear(self, number: int, commit: Commit) -> None:
        known = [o for o in decode_all(commit.outgoing) if getattr(o, "token", None) in self.open]
        super()._hear(number, commit._replace(outgoing=encode_all(known)))


PLANTED = {
    "the dedup keys are forgotten": forgetting(r.Seen, r.Settled, r.SeenGone),
    "timers are forgotten": forgetting(r.TimerSet, r.TimerGone),
    "state is forgotten": forgetting(r.Put),
    "postponed messages are forgotten": forgetting(r.Postponed, r.PostponedGone),
    "kept messages are forgotten": forgetting(r.Kept, r.KeptGone),
    "consumed messages come again": forgetting(r.Consumed),
    "suspended turns forget what they asked": forgetting(r.Suspended, r.Called, r.Answered),
    "watchers are forgotten": forgetting(r.Watched),
    "objects are forgotten": forgetting(r.Stored, r.Pinned, r.Collected),
    "pins are forgotten": forgetting(r.Pinned),
}


BETWEEN_DOMAINS = {
    "what another domain sent is forgotten to have come": forgetting(r.Arrived),
    "outboxes are forgotten": forgetting(r.Left, r.LeftGone),
}


def is_found(witness: Kind, history: Any = History, **options: Any) -> bool:
    for seed in range(40):
        attempt = history(seed, witness, **options)
        try:
            attempt.run()
        except (AssertionError, KeyError, FrameError):
            return True
        finally:
            attempt.close()
    return False


@pytest.mark.parametrize("defect", PLANTED)
def test_the_simulator_finds(defect: str, witness: Kind) -> None:
    assert is_found(witness, make=PLANTED[defect]), f"40 seeds did not show that {defect}"


@pytest.mark.parametrize("defect", BETWEEN_DOMAINS)
def test_the_simulator_finds_between_domains(defect: str, witness: Kind) -> None:
    assert is_found(witness, make=BETWEEN_DOMAINS[defect], domains=3), f"40 seeds did not show that {defect}"


def test_the_simulator_finds_answers_before_commits(witness: Kind) -> None:
    assert is_found(witness, AnswersTooEarly)
