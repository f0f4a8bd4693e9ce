"""`radon deploy`: an application onto its data: a new deployment, one that goes on, or other code for one that runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radon.cli.deployments import home_of
from radon.cli.failures import Usage
from radon.cli.options import (
    MANIFEST,
    Bind,
    Domains,
    Drop,
    DurabilityChoice,
    Forgetful,
    Json,
    ManifestPath,
    NewData,
    On,
    Record,
    StoreChoice,
)
from radon.cli.printing import print_json, print_lines
from radon.gateways.control_socket import answers

if TYPE_CHECKING:
    from radon.atoms.manifest import Manifest

EXAMPLE = "radon deploy examples/bank --detach"


def verb(
    manifest: ManifestPath = MANIFEST,
    on: On = "monolith",
    data: NewData = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when it is up; `radon stop` ends it.")] = False,
    store: StoreChoice = None,
    durability: DurabilityChoice = None,
    drop: Drop = None,
    bind: Bind = None,
    domains: Domains = None,
    forgetful: Forgetful = False,
    record: Record = None,
    as_json: Json = False,
) -> int:
    """Deploy an application. State that is there stays; if it runs already, only its code is replaced."""
    from radon.cli.launching import durability_in, load_manifest, print_facts

    if on == "simulation":
        raise Usage(f"a simulated cluster lives for one run, and nothing is deployed to it: `radon sim {manifest}`")
    chosen = load_manifest(manifest, bind)
    directory = data or home_of(chosen.name)
    if answers(directory):
        wanted = {
            "backend": on, "store": store, "durability": durability, "domains": domains, "forgetful": forgetful or None,
            "record": str(record.absolute()) if record is not None else None,
        }  # fmt: skip
        _redeploy(chosen, directory, wanted, drop or [], as_json)
        return 0

    kept_in = store or "lmdb"
    how = durability_in(kept_in, durability)

    def serve(announce: Any) -> int:
        from radon.atoms.application import Application
        from radon.backends import BACKENDS
        from radon.cli.detach import LOG, put_aside
        from radon.cli.journal import Journal
        from radon.cli.serving import Launch, serve_until_stopped

        if on not in BACKENDS:
            raise Usage(f"unknown backend {on!r}; known: {', '.join(BACKENDS)}")
        launch = Launch(
            application=Application.load(chosen), on=on, store=kept_in, durability=how, directory=directory,
            kept=True, domains=domains, forgetful=forgetful, record=record,
            drop=frozenset(drop or ()),
        )  # fmt: skip
        with Journal(after=(lambda: put_aside(directory / LOG)) if detach else lambda: None) as journal:
            return serve_until_stopped(launch, announce, journal)

    if not detach:
        return serve(lambda facts: print_facts(facts, as_json))
    from radon.cli.detach import detached

    print_facts(detached(directory, serve), as_json)
    return 0


def _redeploy(manifest: Manifest, directory: Path, wanted: dict[str, Any], drop: list[str], as_json: bool) -> None:
    """Hand other code to the process that runs."""
    from radon.atoms.application import Application
    from radon.cli.client import Client

    application = Application.load(manifest)
    with Client(directory) as client:
        facts = client.facts()
        for name, value in wanted.items():
            if value not in (None, facts[name]):
                way = "it stays as it was at first" if name == "domains" else "`radon stop` it to change that"
                raise Usage(f"{directory} runs with {name} {facts[name]}, not {value}; {way}")
        change = client.replace(application.bundle(), drop)
        facts = client.facts()
    if as_json:
        print_json({**facts, "change": change})
        return
    parts = [f"{what} {', '.join(change[what])}" for what in ("added", "removed", "replaced", "adjusted", "tables")]
    said = [part for part in parts if not part.endswith(" ")]
    print_lines([f"{facts['application']}: {'; '.join(said) or 'nothing changed'}"])
    if change["restart"]:
        print_lines(["it listens where it did; `radon stop` and deploy again to listen elsewhere"])
