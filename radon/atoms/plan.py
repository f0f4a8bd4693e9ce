"""What a redeployment changes: two applications compared. Plain data for people and scripts.

Whether a removed kind still holds state is the data's to say, not an application's.
"""

from __future__ import annotations

import msgspec

from radon.atoms.application import Application, meaning


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Names in alphabetical order; each kind is in one of the first four, or unchanged."""

    added: tuple[str, ...]  # kinds
    removed: tuple[str, ...]  # kinds
    replaced: tuple[str, ...]  # kinds with another module, and perhaps another entry
    adjusted: tuple[str, ...]  # kinds with the same module and another entry
    tables: tuple[str, ...]  # keys of [application] and other tables that differ
    refused: tuple[str, ...]  # why it cannot be done, a line each


def plan(old: Application, new: Application) -> Plan:
    """What deploying `new` where `old` runs would change."""
    before, after = meaning(old), meaning(new)
    kinds_before, kinds_after = before.pop("kinds"), after.pop("kinds")
    kept = sorted(kinds_before.keys() & kinds_after.keys())
    changed = [kind for kind in kept if kinds_before[kind] != kinds_after[kind]]
    replaced = [kind for kind in changed if kinds_before[kind]["module"] != kinds_after[kind]["module"]]
    refused = []
    if old.name != new.name:
        refused.append(f"this is the data of application '{old.name}', not of '{new.name}'; choose another folder")
    for kind in changed:
        for key in ("spread", "shards", "replicas"):  # a change of spread says enough
            was, will_be = kinds_before[kind][key], kinds_after[kind][key]
            if was != will_be:
                refused.append(
                    f"[kinds.{kind}] {key} was {was!r} at the first deployment and cannot become {will_be!r}, because "
                    "keys would lead to other atoms; keep it, or give the new kind a new name"
                )
                break
    return Plan(
        added=tuple(sorted(kinds_after.keys() - kinds_before.keys())),
        removed=tuple(sorted(kinds_before.keys() - kinds_after.keys())),
        replaced=tuple(replaced),
        adjusted=tuple(kind for kind in changed if kind not in replaced),
        tables=tuple(sorted(name for name in before if before[name] != after[name] and name != "name")),
        refused=tuple(refused),
    )
