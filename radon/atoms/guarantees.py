"""What a backend must guarantee, compared with what it declares. Knows no backend by name."""

from __future__ import annotations

from typing import Protocol, get_args

from radon.atoms.manifest import Delivery, Durability, Order, Require

_WEAKEST_FIRST: dict[str, tuple[str, ...]] = {
    "delivery": get_args(Delivery),
    "durability": get_args(Durability),
    "order": get_args(Order),
}


class Guarantees(Protocol):
    """What a backend declares, in the words of `[require]`."""

    @property
    def delivery(self) -> str: ...

    @property
    def durability(self) -> str: ...

    @property
    def order(self) -> str: ...


def unmet(require: Require, guarantees: Guarantees, backend: str) -> list[str]:
    """Why `backend`, as messages call it, cannot honour `require`: one line each; empty when it can."""
    reasons = []
    for name, levels in _WEAKEST_FIRST.items():
        required, given = getattr(require, name), getattr(guarantees, name)
        if levels.index(given) < levels.index(required):
            reasons.append(f"{name}: the manifest requires '{required}', {backend} gives '{given}'")
    return reasons
