"""From the options of `run`, `dev` and `deploy` to a Launch, and what is printed when it is up. Starts nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radon.abi.errors import ManifestError
from radon.atoms.manifest import Manifest
from radon.cli.deployments import home_of
from radon.cli.failures import Usage, as_usage
from radon.cli.modules import warn_of_command
from radon.cli.options import manifest_file
from radon.cli.printing import address_text, print_json, print_lines

if TYPE_CHECKING:
    from radon.cli.serving import Launch


def load_manifest(path: Path, bind: Sequence[str] | None) -> Manifest:
    """The manifest, with the TCP addresses of `--bind`; warns of its modules. Raises ManifestError, Usage."""
    manifest = Manifest.load(manifest_file(path))
    for file in dict.fromkeys(map(manifest.module_path, manifest.kinds)):
        warn_of_command(file)
    return bound(manifest, bind) if bind else manifest


def bound(manifest: Manifest, bind: Sequence[str]) -> Manifest:
    """Kinds that `bind` ("ADDRESS=KIND") names listen there, and nowhere else. Raises Usage, ManifestError."""
    import msgspec

    from radon.atoms.manifest import split_listen

    chosen: dict[str, str] = {}
    for text in bind:
        address, equals, kind = text.rpartition("=")
        if not equals or kind not in manifest.kinds:
            known = ", ".join(manifest.kinds)
            raise Usage(f"--bind {text}: must be ADDRESS=KIND, as in 127.0.0.1:7001=KIND, with KIND of: {known}")
        with as_usage(ManifestError, f"--bind {text}: "):
            split_listen(address)
        chosen[address] = kind
    others = {address: kind for address, kind in manifest.ingress.tcp.items() if kind not in chosen.values()}
    ingress = msgspec.structs.replace(manifest.ingress, tcp={**others, **chosen})
    return msgspec.structs.replace(manifest, ingress=ingress)


def foreground(
    manifest: Manifest, data: Path | None, store: str | None, durability: str | None, *, domains: int | None,
    forgetful: bool, record: Path | None,
) -> Launch:  # fmt: skip
    """What `run` and `dev` start: in memory, unless the command line names a place.

    Raises Usage where that is not enough, and what loading raises.
    """
    from radon.atoms.application import Application
    from radon.cli.serving import Launch

    store = store or ("memory" if data is None else "lmdb")
    if store == "memory" and manifest.require.durability != "none":
        needed = f"[require] durability = {manifest.require.durability!r}"
        raise Usage(f"{manifest.file}: {needed}, and memory forgets: say --data DIR where it is to be kept")
    chosen = durability_in(store, durability)
    return Launch(
        application=Application.load(manifest), on="monolith", store=store, durability=chosen,
        directory=data or home_of(manifest.name), kept=data is not None or store != "memory", domains=domains,
        forgetful=forgetful, record=record,
    )  # fmt: skip


def durability_in(store: str, wanted: str | None) -> str:
    """Of what is kept in this store. Raises Usage where that is nothing."""
    if wanted is not None and store == "memory":
        raise Usage(f"--durability {wanted}: memory keeps nothing; say --store lmdb to keep it, or leave this out")
    return wanted or "fsync"


def print_facts(facts: Mapping[str, Any], as_json: bool) -> None:
    """That it is up, and where."""
    if as_json:
        print_json(facts)
        return
    kept = facts["data"] if facts["store"] != "memory" else "memory"
    print_lines([
        f"{facts['application']} is up: process {facts['pid']}, state in {kept}",
        *(f"  {address_text(address)}" for address in facts["addresses"]),
    ])  # fmt: skip
