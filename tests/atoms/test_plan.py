"""Two applications compared: what a redeployment changes, and what it refuses to change."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from radon.atoms.application import Application
from radon.atoms.plan import Plan, plan

Load = Callable[[str], Application]
One = Callable[..., Application]


def test_a_plan_says_what_a_redeployment_changes(load: Load) -> None:
    old = load(
        """
        [kinds.same]
        module = "plain.wat"
        [kinds.gone]
        module = "plain.wat"
        [kinds.rebuilt]
        module = "plain.wat"
        [kinds.tuned]
        module = "plain.wat"
        """,
    )
    new = load(
        """
        idempotency = "2h"
        [kinds.fresh]
        module = "plain.wat"
        [kinds.same]
        module = "plain.wat"
        [kinds.rebuilt]
        module = "other.wat"
        [kinds.tuned]
        module = "plain.wat"
        limits = {memory = "1MiB"}
        [ingress.http]
        """,
    )
    assert plan(old, new) == Plan(
        added=("fresh",), removed=("gone",), replaced=("rebuilt",), adjusted=("tuned",),
        tables=("idempotency", "ingress"), refused=(),
    )  # fmt: skip
    assert plan(old, old) == Plan(added=(), removed=(), replaced=(), adjusted=(), tables=(), refused=())


def test_a_plan_refuses_to_move_keys(one: One) -> None:
    def refused(old: str, new: str) -> tuple[str, ...]:
        return plan(one(old), one(new)).refused

    eight, nine = 'spread = "sharded"\nshards = 8', 'spread = "sharded"\nshards = 9'
    reason = "because keys would lead to other atoms; keep it, or give the new kind a new name"
    assert refused(eight, nine) == (
        f"[kinds.account] shards was 8 at the first deployment and cannot become 9, {reason}",
    )
    assert refused("", 'spread = "stateless"') == (
        f"[kinds.account] spread was 'keyed' at the first deployment and cannot become 'stateless', {reason}",
    )
    assert len(refused(eight, "")) == 1
    assert refused(eight, eight) == ()


def test_a_plan_refuses_the_data_of_another_application(one: One) -> None:
    old = one()
    new = Application.load(msgspec.structs.replace(old.manifest, name="shop"))
    changes = plan(old, new)
    assert changes.refused == ("this is the data of application 'bank', not of 'shop'; choose another folder",)
    assert changes.tables == ()
