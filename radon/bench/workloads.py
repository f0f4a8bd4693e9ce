"""Which operations a load consists of, and on which records: the workloads of YCSB and the mixes of the Anna papers.

YCSB: B. Cooper et al., "Benchmarking cloud serving systems with YCSB", SoCC 2010. Anna: C. Wu et al., "Anna: a KVS for
any scale", ICDE 2018, and "Autoscaling tiered cloud storage in Anna", VLDB 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from radon.abi.errors import Invalid

KINDS = ("read", "update", "insert", "scan", "modify")
"""Of operations, numbered as in native/api.h. A modify is a read and then an update of the same record."""

SHAPES = ("uniform", "zipf", "latest")
"""Of distributions, numbered likewise."""

YCSB_THETA = 0.99

STEEPEST = 100.0
"""Of Zipf's law: beyond it every draw is the same record anyway."""


class Distribution(NamedTuple):
    """Which record an operation is on. `theta` is Zipf's exponent; 0 is uniform."""

    shape: str
    theta: float = 0.0

    def __str__(self) -> str:
        return self.shape if self.shape == "uniform" else f"{self.shape}:{self.theta:g}"


UNIFORM = Distribution("uniform")
ZIPFIAN = Distribution("zipf", YCSB_THETA)
LATEST = Distribution("latest", YCSB_THETA)


@dataclass(frozen=True)
class Workload:
    name: str
    shares: Mapping[str, float]  # of each kind, 1 in all
    distribution: Distribution
    says: str

    @property
    def inserts(self) -> bool:
        return "insert" in self.shares

    @property
    def scans(self) -> bool:
        return "scan" in self.shares


_HALF = {"read": 0.5, "update": 0.5}

WORKLOADS: Mapping[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload("a", _HALF, ZIPFIAN, "YCSB A: update heavy"),
        Workload("b", {"read": 0.95, "update": 0.05}, ZIPFIAN, "YCSB B: read mostly"),
        Workload("c", {"read": 1}, ZIPFIAN, "YCSB C: read only"),
        Workload("d", {"read": 0.95, "insert": 0.05}, LATEST, "YCSB D: read latest"),
        Workload("e", {"scan": 0.95, "insert": 0.05}, ZIPFIAN, "YCSB E: short ranges"),
        Workload("f", {"read": 0.5, "modify": 0.5}, ZIPFIAN, "YCSB F: read, modify, write"),
        Workload("get", {"read": 1}, UNIFORM, "gets alone"),
        Workload("put", {"update": 1}, UNIFORM, "puts alone"),
        Workload("uniform", _HALF, UNIFORM, "gets and puts, no record hotter than another"),
        Workload("zipf-0.5", _HALF, Distribution("zipf", 0.5), "gets and puts, Anna's low contention"),
        Workload("zipf-0.99", _HALF, ZIPFIAN, "gets and puts"),
        Workload("zipf-4", _HALF, Distribution("zipf", 4), "gets and puts, Anna's high contention"),
    )
}


def workload_of(name: str) -> Workload:
    """Raises Invalid for one that there is not."""
    found = WORKLOADS.get(name.lower())
    if found is None:
        raise Invalid(f"unknown workload {name!r}; known: {', '.join(WORKLOADS)}")
    return found


def parse_distribution(text: str) -> Distribution:
    """ "uniform", "zipf:0.5", "latest". Raises Invalid."""
    shape, colon, number = text.partition(":")
    if shape == "uniform" and not colon:
        return UNIFORM
    if shape in SHAPES and shape != "uniform":
        try:
            theta = float(number) if colon else YCSB_THETA
        except ValueError:
            theta = -1.0
        if 0 < theta <= STEEPEST:
            return Distribution(shape, theta)
    raise Invalid(f"no distribution {text!r}; it is uniform, zipf:EXPONENT or latest:EXPONENT, as in zipf:0.99")
