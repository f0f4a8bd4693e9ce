"""The Monte Carlo program: its digits against a computation of its own, and runs that are interrupted or given up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radon.atoms.application import Application
from radon.testing.harness import Harness
from tests.examples.conftest import Example

MASK = 2**64 - 1

STUCK = b"""(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "radon:atom/handler@0.1.0#receive") (param i32 i32 i32) (result i32) unreachable))"""


def pi(darts: int, seed: int) -> bytes:
    """The digits that SplitMix64, seeded with `seed`, gives after `darts` steps."""
    inside = 0
    state = seed
    for _ in range(darts):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        z ^= z >> 31
        x, y = z >> 33, (z >> 1) % 2**31
        inside += x * x + y * y < 2**62
    return b"%d.%09d" % divmod(4 * inside * 10**9 // darts, 10**9)


@pytest.fixture
def application(example: Example) -> Application:
    return example("pi")


@pytest.fixture
def harness(application: Application) -> Iterator[Harness]:
    with Harness(application.kinds()) as harness:
        yield harness


def workers(harness: Harness) -> int:
    return sum(atom.kind == "worker" and atom.life != 0 for atom in harness.image().atoms.values())


@pytest.mark.parametrize("seed", [0, 42, 2**64 - 1])
def test_the_digits_are_those_that_all_darts_give_for_the_seed(harness: Harness, seed: int) -> None:
    assert harness.call("pi/1", b"8 2500 %d" % seed) == pi(20_000, seed)


def test_the_digits_do_not_depend_on_how_many_workers_share_the_darts(harness: Harness) -> None:
    jobs = [b"1 12000 7", b"3 4000 7", b"1000 12 7"]
    assert {harness.call("pi/1", job) for job in jobs} == {pi(12_000, 7)}


def test_a_million_darts_come_near(harness: Harness) -> None:
    assert abs(float(harness.call("pi/1", b"4 1000000 1")) - 3.14159265) < 0.002


def test_the_printer_prints_a_line_of_each_worker_and_the_digits_and_is_stopped(harness: Harness) -> None:
    digits = harness.call("pi/1", b"5 1000 3")
    *lines, last = harness.logs()
    assert last == digits.decode()
    counts = [int(line.removesuffix(" of 1000 darts hit")) for line in lines]
    assert len(counts) == 5
    assert b"%.9f" % (4 * sum(counts) / 5000) == digits
    assert not harness.lives("printer")
    assert workers(harness) == 0


def test_runs_with_names_of_their_own_do_not_disturb_each_other(harness: Harness) -> None:
    tokens = {seed: harness.post(f"pi/{seed}", b"4 500 %d" % seed, run=False) for seed in range(5)}
    harness.run()
    assert {seed: harness.answer(token) for seed, token in tokens.items()} == {s: pi(2000, s) for s in range(5)}


def test_a_second_order_to_the_same_run_is_refused(harness: Harness) -> None:
    first = harness.post("pi/1", b"4 500 1", run=False)
    assert harness.call("pi/1", b"4 500 2") == b"this one is at work; call another, such as pi/2"
    assert harness.answer(first) == pi(2000, 1)


@pytest.mark.parametrize(
    "order",
    [
        b"",
        b"4",
        b"4 5",
        b"0 5 1",
        b"4 0 1",
        b"1001 1 1",
        b"1 100000001 1",
        b"1000 4000001 1",
        b"4 5 x",
        b"4 5 6 7",
        b"-4 5 6",
    ],
)
def test_what_is_no_order_is_answered_with_the_form_of_one(harness: Harness, order: bytes) -> None:
    assert harness.call("pi/1", order).startswith(b"say: WORKERS DARTS SEED")
    assert workers(harness) == 0


@pytest.mark.parametrize("snapshot", [False, True])
@pytest.mark.parametrize("steps", range(0, 24, 2))
def test_a_run_goes_on_after_the_loss_of_the_process(harness: Harness, steps: int, snapshot: bool) -> None:
    token = harness.post("pi/1", b"4 500 9", run=False)
    for _ in range(1 + steps):
        harness.step()
    harness.restart(snapshot=snapshot)
    assert harness.answer(token) == pi(2000, 9)
    assert workers(harness) == 0
    assert not harness.lives("printer")
    assert not harness.dead()


@pytest.mark.parametrize(("stuck", "why"), [("worker", b"timeout"), ("printer", b"closed")])
def test_a_run_that_cannot_come_to_an_end_is_given_up_and_its_workers_stopped(
    harness: Harness, application: Application, stuck: str, why: bytes
) -> None:
    harness.deploy(application.kinds() | {stuck: STUCK})
    token = harness.post("pi/1", b"4 500 9", deadline=harness.now + 5 * 10**9)
    assert workers(harness) == 4
    harness.advance("10s")
    assert harness.answer(token) == b"gave up: " + why
    assert workers(harness) == 0

    harness.deploy(application.kinds())
    assert harness.call("pi/1", b"4 500 9") == pi(2000, 9)
