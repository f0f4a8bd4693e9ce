"""`radon dev`: an application in the foreground, built and swapped whenever a file of it is saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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
from radon.cli.printing import say

if TYPE_CHECKING:
    from radon.atoms.application import Application
    from radon.cli.serving import Replace

EXAMPLE = "radon dev shop"

TICK = 500
"""Milliseconds after which the watch is known to have begun."""


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
    """Run an application, and build and swap its code on every save. State stays; broken code is not swapped in."""
    from radon.cli.building import build_kinds
    from radon.cli.journal import Journal
    from radon.cli.launching import foreground, load_manifest, print_facts
    from radon.cli.serving import serve_until_stopped

    loaded = load_manifest(manifest, bind)
    build_kinds(loaded)
    launch = foreground(loaded, data, store, durability, domains=domains, forgetful=forgetful, record=record)
    watch = _Watch(manifest, bind or [], launch.application)
    with Journal() as journal:
        return serve_until_stopped(launch, lambda facts: print_facts(facts, as_json), journal, beside=watch.go_on)


class _Watch:
    """The files of an application, and what a change of one leads to. `application` is what runs."""

    def __init__(self, path: Path, bind: list[str], application: Application) -> None:
        self._path = path
        self._bind = bind
        self._manifest = application.manifest  # the last that could be read
        self._application = application

    async def go_on(self, replace: Replace) -> None:
        """Until cancelled. Watches folders, not files: many editors put a new file in the place of the old."""
        from watchfiles import awatch

        while True:
            folders = self._folders()
            begun = False
            async for changes in awatch(*folders, recursive=False, yield_on_timeout=True, rust_timeout=TICK):
                touched = {Path(name) for _, name in changes} & self._files()
                if not begun:  # what was saved before the watch began was not seen
                    begun = True
                    await self._change(replace)
                    say(f"watching {', '.join(sorted(map(str, folders)))}")
                elif touched:
                    await self._change(replace)
                if self._folders() != folders:
                    break

    async def _change(self, replace: Replace) -> None:
        """Build, and swap if that made a difference."""
        import asyncio

        from radon.abi.errors import RadonError
        from radon.atoms.application import Application
        from radon.atoms.plan import plan
        from radon.cli.building import build_kinds
        from radon.cli.failures import outcome
        from radon.cli.launching import load_manifest
        from radon.gateways.control import entrances

        def build() -> Application:
            self._manifest = load_manifest(self._path, self._bind)
            build_kinds(self._manifest)
            return Application.load(self._manifest)

        try:
            application = await asyncio.to_thread(build)
            if application.digest == self._application.digest:
                return
            await replace(application, frozenset())
        except (RadonError, OSError) as error:
            say(f"{outcome(error)[1]}\nthe code from before goes on running")
            return
        old, self._application = self._application, application
        change = plan(old, application)
        names = (*change.added, *change.replaced, *change.adjusted, *change.removed, *change.tables)
        say(f"swapped: {', '.join(names)}")
        if entrances(old) != entrances(application):
            say("it listens where it did; start again to listen elsewhere")

    def _files(self) -> set[Path]:
        """All that the application is made of."""
        from radon.cli.building import files_of
        from radon.cli.options import manifest_file

        manifest = self._manifest
        sources = [manifest.base / name for entry in manifest.kinds.values() for name in entry.source]
        given = {manifest.module_path(kind) for kind, entry in manifest.kinds.items() if entry.module is not None}
        return {path.resolve() for path in (manifest_file(self._path), *sources, *files_of(sources), *given)}

    def _folders(self) -> set[Path]:
        return {path.parent for path in self._files() if path.parent.is_dir()}
