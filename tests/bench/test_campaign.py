"""The order of runs, what is made of them, and the picture, with stores that only pretend."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from radon.bench import plot, results
from radon.bench.campaign import Campaign, Cell, Plan
from radon.bench.histogram import Histogram
from radon.bench.load import Load, Outcome
from radon.bench.processes import Pins
from radon.bench.targets import Measured, Tick
from radon.bench.workloads import KINDS, WORKLOADS

PLAN = Plan(workloads=[WORKLOADS["a"], WORKLOADS["d"]], sizes=[8, 256], repeats=2, records=100, clients=2, window=3)
NOTHING = dict.fromkeys(KINDS, 0)


@dataclass
class Pretended:
    name: str
    journal: list[tuple[str, Load]]
    durable: bool = False
    version: str = "1"
    costs: list[float] = field(default_factory=lambda: [0.5])

    def run(self, load: Load, clients: int, tick: Tick) -> Measured:
        self.journal.append((self.name, load))
        done = NOTHING | {"read": 1000, "insert": 10 * ("insert" in load.shares)}
        latencies = {"read": Histogram({2047: 990, 4000: 10})}
        outcome = Outcome(done, inserted=10, begun=0, ended=10**9 * len(self.journal), latencies=latencies)
        return Measured(outcome, self.costs[0], None)


class Silent:
    def __init__(self, journal: list[str] | None = None) -> None:
        self.journal = journal if journal is not None else []

    def begins(self, cell: Cell, what: str, operations: int, seconds: float) -> Tick:
        self.journal.append(f"{cell.workload.name} {cell.size} {cell.target.name} {what}")
        return lambda done: None

    def ran(self, cell: Cell) -> None:
        pass


def campaign(plan: Plan = PLAN, names: Sequence[str] = "AB") -> tuple[Campaign, list[tuple[str, Load]], list[str]]:
    journal: list[tuple[str, Load]] = []
    watch = Silent()
    made = Campaign(plan, [Pretended(name, journal) for name in names], watch)
    made.run()
    return made, journal, watch.journal


def test_stores_are_loaded_and_then_take_turns() -> None:
    _, _, told = campaign(Plan(workloads=[WORKLOADS["a"]], repeats=2))
    assert told == [
        "load 256 A load", "load 256 B load",
        "a 256 A warm-up", "a 256 A run 1", "a 256 B warm-up", "a 256 B run 1",
        "a 256 A warm-up", "a 256 A run 2", "a 256 B warm-up", "a 256 B run 2",
    ]  # fmt: skip


def test_every_store_gets_the_same_and_no_run_what_another_one_got() -> None:
    _, journal, _ = campaign()
    loads = {name: [load for whose, load in journal if whose == name] for name in "AB"}
    assert loads["A"] == loads["B"]
    of_one_cell = [load.seed for load in loads["A"] if load.value_size == 8 and "update" in load.shares]
    assert len(set(of_one_cell)) == len(of_one_cell) == 4


def test_inserts_never_meet_what_was_inserted_before() -> None:
    _, journal, _ = campaign(names="A")
    fresh = [load.fresh for _, load in journal if "insert" in load.shares and load.records]
    assert fresh[0] == PLAN.records
    assert all(b >= a + 10 for a, b in pairwise(fresh))


def test_there_is_an_index_only_where_something_is_scanned() -> None:
    _, journal, _ = campaign()
    assert not any(load.indexed for _, load in journal)
    _, journal, _ = campaign(Plan(workloads=[WORKLOADS["a"], WORKLOADS["e"]]))
    assert all(load.indexed for _, load in journal)


def test_warm_ups_do_not_count() -> None:
    made, _, _ = campaign()
    assert [(cell.workload.name, cell.size, cell.target.name, len(cell.runs)) for cell in made.cells] == [
        (name, size, target, 1 if name == "load" else 2)
        for size in (8, 256)
        for name in ("load", "a", "d")
        for target in "AB"
    ]


def test_what_was_measured_before_an_interrupt_stays() -> None:
    class Interrupting(Silent):
        def ran(self, cell: Cell) -> None:
            if cell.workload.name == "a" and cell.target.name == "B":
                raise KeyboardInterrupt

    journal: list[tuple[str, Load]] = []
    plan = Plan(workloads=[WORKLOADS["a"]], warmup=0)
    made = Campaign(plan, [Pretended(name, journal) for name in "AB"], Interrupting())
    with pytest.raises(KeyboardInterrupt):
        made.run()
    assert [len(cell.runs) for cell in made.cells] == [1, 1, 1, 1]


def test_the_median_and_the_spread() -> None:
    assert results.spread([]) is None
    assert results.spread([3]) == {"median": 3, "p10": 3, "p90": 3}
    assert results.spread([5, 1, 2, 4, 3]) == {"median": 3, "p10": 1, "p90": 5}
    assert results.spread(range(100)) == {"median": 49.5, "p10": 10, "p90": 89}


def documents(plan: Plan = PLAN, names: Sequence[str] = "AB") -> list[dict[str, Any]]:
    made, _, _ = campaign(plan, names)
    return [results.document(cell, plan, Pins(frozenset({0}), frozenset({1}))) for cell in made.cells]


def test_a_document_sums_up_all_runs() -> None:
    document = documents(names="A")[1]
    assert (document["target"], document["workload"], document["value_size"]) == ("A", "a", 8)
    assert (document["repeats"], document["operations"]) == (2, 2000)
    assert document["runs"] == [1000 / 3, 1000 / 5]
    assert document["throughput"]["median"] == pytest.approx((1000 / 3 + 1000 / 5) / 2)
    assert document["server_cpu"] == {"median": 500, "p10": 500, "p90": 500}
    assert document["client_cpu"] is None
    assert document["pins"] == {"server": [0], "client": [1]}
    assert document["latency"]["all"]["count"] == 2000
    assert document["latency"]["read"]["p50"] == 2.047
    assert Histogram.decode(document["latency"]["read"]["hdr"]).counts == {2047: 1980, 4000: 20}


# ---- the picture ----


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]


def test_the_picture_has_all_stores_and_workloads() -> None:
    found = texts(plot.svg(documents(), "what & why"))
    assert found[0] == "what & why"
    assert [text for text in found if "bytes" in text] == [
        "load: values of 8 bytes, 2 clients, 3 outstanding",
        "a, zipf:0.99: values of 8 bytes, 2 clients, 3 outstanding",
        "d, latest:0.99: values of 8 bytes, 2 clients, 3 outstanding",
        "load: values of 256 bytes, 2 clients, 3 outstanding",
        "a, zipf:0.99: values of 256 bytes, 2 clients, 3 outstanding",
        "d, latest:0.99: values of 256 bytes, 2 clients, 3 outstanding",
    ]
    assert found.count("A") == found.count("B") == 7  # in the legend, and beside each bar


def test_everything_is_inside_of_the_picture() -> None:
    root = ET.fromstring(plot.svg(documents(names=[f"store {n}" for n in range(9)]), "many"))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for element in root.iter():
        for name, most in (("x", width), ("y", height), ("cx", width), ("cy", height), ("x2", width), ("y2", height)):
            assert 0 <= float(element.attrib.get(name, 0)) <= most


def test_names_cannot_break_the_picture() -> None:
    name = '</text><script x="1">&\x1b[31m'
    assert texts(plot.svg(documents(names=[name]), name)).count('</text><script x="1">&[31m') == 8


def test_a_picture_of_nothing_and_of_no_latencies() -> None:
    assert texts(plot.svg([], "none")) == ["none"]
    bare = [document | {"latency": {}} for document in documents()]
    assert "p99.9" not in texts(plot.svg(bare, "bare"))
    still = {"median": 0.0, "p10": 0.0, "p90": 0.0}
    ET.fromstring(plot.svg([document | {"throughput": still} for document in documents()], "still"))


@pytest.mark.debian("chromium")
def test_a_browser_opens_it(tmp_path: Any) -> None:
    import subprocess

    (tmp_path / "plot.svg").write_text(plot.svg(documents(), "radon bench kv"))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    run = subprocess.run(
        [*command, "--dump-dom", str(tmp_path / "plot.svg")], capture_output=True, text=True, timeout=50
    )
    assert "operations a second, median and spread" in run.stdout
