"""`radon run`: an application in the foreground."""

from __future__ import annotations

from radon.cli.options import (
    MANIFEST,
    Bind,
    Domains,
    DurabilityChoice,
    Forgetful,
    Json,
    ManifestPath,
    NewData,
    Record,
    StoreInFront,
)

EXAMPLE = "radon run examples/bank --data /tmp/bank"


def verb(
    manifest: ManifestPath = MANIFEST,
    data: NewData = None,
    store: StoreInFront = None,
    durability: DurabilityChoice = None,
    bind: Bind = None,
    domains: Domains = None,
    forgetful: Forgetful = False,
    record: Record = None,
    as_json: Json = False,
) -> int:
    """Run an application until Ctrl-C, in memory or in --data DIR."""
    from radon.cli.journal import Journal
    from radon.cli.launching import foreground, load_manifest, print_facts
    from radon.cli.serving import serve_until_stopped

    launch = foreground(
        load_manifest(manifest, bind), data, store, durability, domains=domains, forgetful=forgetful, record=record
    )
    with Journal() as journal:
        return serve_until_stopped(launch, lambda facts: print_facts(facts, as_json), journal)
