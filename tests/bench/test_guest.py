"""The client inside of a domain: it draws what the one over TCP draws, and looks at every answer."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from radon.atoms.build import build_c
from radon.bench import native
from radon.bench.inside import GUEST
from radon.bench.load import Load, Outcome, parse_outcome
from radon.bench.workloads import WORKLOADS, Distribution
from radon.host.limits import Limits
from radon.kv import BlockingKv
from radon.testing.domains import each_domain
from radon.testing.harness import Harness, kind
from tests.kv.stores import Calls, kv_kind

__all__ = ["each_domain"]

SHARDS = 3
RECORDS = 60


def built(source: Path, folder: Path) -> bytes:
    return build_c([source], folder / "guest.wasm").path.read_bytes()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return built(GUEST, tmp_path_factory.mktemp("client"))


@pytest.fixture
def harness(client: bytes) -> Iterator[Harness]:
    """With all records in its store."""
    kinds = {
        "kv": kv_kind(SHARDS),
        "client": kind("client", client, ["kv/*"]),
    }
    with Harness(kinds) as harness:
        outcome = run(harness, Load(operations=RECORDS, shares={"insert": 1}, window=8))
        assert (outcome.done["insert"], outcome.wrong, outcome.why) == (RECORDS, 0, "")
        yield harness


def run(harness: Harness, load: Load) -> Outcome:
    return parse_outcome(harness.call("client/a", replace(load, shards=SHARDS).pack()))


@pytest.mark.parametrize("name", ["a", "d", "e", "f"])
def test_each_workload_runs_and_all_answers_are_right(harness: Harness, name: str) -> None:
    workload = WORKLOADS[name]
    load = Load(
        seed=3, records=RECORDS, fresh=RECORDS, operations=200, shares=workload.shares,
        distribution=workload.distribution, longest_scan=20, window=5,
    )  # fmt: skip
    outcome = run(harness, load)
    assert (outcome.operations, outcome.errors, outcome.wrong, outcome.unfinished, outcome.why) == (200, 0, 0, 0, "")
    assert {kind for kind, done in outcome.done.items() if done} == set(workload.shares)
    assert sum(latencies.total for latencies in outcome.latencies.values()) == 200
    assert outcome.inserted == outcome.done["insert"]


def test_a_wrong_and_a_missing_value_are_noticed(harness: Harness) -> None:
    kv = BlockingKv(Calls(harness))
    keys = [key for key, _ in kv.scan()]
    assert len(keys) == RECORDS
    kv.put(keys[0], kv.get(keys[1]) or b"")
    kv.delete(keys[2])
    outcome = run(harness, Load(records=RECORDS, operations=600))
    assert outcome.operations == 600
    assert 2 <= outcome.wrong < 100
    assert outcome.why in ("a wrong value", "a record is not there")
    assert run(harness, Load(records=RECORDS, operations=50, shares={"scan": 1}, longest_scan=60)).wrong > 0


def test_errors_of_the_store_are_counted(client: bytes) -> None:
    kinds = {
        "kv": kv_kind(SHARDS, limits=Limits(state=4096)),
        "client": kind("client", client, ["kv/*"]),
    }
    with Harness(kinds) as harness:
        outcome = run(harness, Load(operations=RECORDS, shares={"insert": 1}))
    assert 0 < outcome.errors < RECORDS
    assert outcome.why == "the store refused a request"


def test_an_open_loop_is_paced_by_timers(harness: Harness) -> None:
    """Time stands still but for `advance`, so nothing takes any."""
    load = Load(records=RECORDS, operations=50, rate=1000, arrivals="fixed", shards=SHARDS)
    token = harness.post("client/a", load.pack())
    harness.advance("49ms")
    assert harness.answer(token) is None
    harness.advance("1ms")
    answer = harness.answer(token)
    assert answer is not None
    outcome = parse_outcome(answer)
    assert (outcome.operations, outcome.unfinished, outcome.seconds) == (50, 0, 0.05)
    assert outcome.latencies["read"].highest == 0


@pytest.mark.parametrize("distribution", [Distribution("zipf", theta) for theta in (0.5, 0.99, 1.0, 4.0)], ids=str)
def test_webassembly_draws_what_native_code_draws(tmp_path: Path, distribution: Distribution) -> None:
    count, load = 2000, Load(seed=11, records=12_345, distribution=distribution)
    guest = built(Path(__file__).parent / "draws.c", tmp_path)
    with Harness({"draws": guest}) as harness:
        answer = harness.call("draws/a", load.pack() + struct.pack("<I", count))
    module = native.module()
    mix, ids = module.ffi.new("load_mix *"), module.ffi.new("uint64_t[]", count)
    module.ffi.buffer(mix)[:] = load.pack()
    module.lib.load_draw_ids(mix, ids, count)
    assert answer == bytes(module.ffi.buffer(ids))
