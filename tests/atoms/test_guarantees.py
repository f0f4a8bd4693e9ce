"""What a manifest requires against what a backend declares."""

from __future__ import annotations

from dataclasses import dataclass

from radon.atoms.guarantees import unmet
from radon.atoms.manifest import Require


@dataclass(frozen=True)
class Declared:
    delivery: str
    durability: str
    order: str


STRONGEST = Declared("exactly-once", "machine", "pair")
WEAKEST = Declared("at-most-once", "none", "none")


def test_nothing_required_is_met_by_the_weakest() -> None:
    assert unmet(Require(), WEAKEST, "memory") == []


def test_the_strongest_meets_everything() -> None:
    assert unmet(Require(delivery="exactly-once", durability="machine", order="pair"), STRONGEST, "lmdb") == []


def test_each_requirement_that_is_not_met_has_its_reason() -> None:
    require = Require(delivery="at-least-once", durability="machine", order="pair")
    assert unmet(require, WEAKEST, "monolith with store 'memory'") == [
        "delivery: the manifest requires 'at-least-once', monolith with store 'memory' gives 'at-most-once'",
        "durability: the manifest requires 'machine', monolith with store 'memory' gives 'none'",
        "order: the manifest requires 'pair', monolith with store 'memory' gives 'none'",
    ]
    assert unmet(require, Declared("exactly-once", "process", "pair"), "x") == [
        "durability: the manifest requires 'machine', x gives 'process'"
    ]
