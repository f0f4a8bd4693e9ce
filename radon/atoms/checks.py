"""What is checked at deploy time: that names lead somewhere, and that modules can be what the manifest says they are.

Each check raises a ManifestError at the first contradiction, in the order of the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from radon.abi.delivery import Address
from radon.abi.errors import ManifestError
from radon.atoms.grants import Grant, Right
from radon.atoms.manifest import KindEntry, Manifest
from radon.atoms.routes import Route
from radon.atoms.tables import Place, suggest
from radon.atoms.units import format_size
from radon.host.kind import unshareable
from radon.host.limits import KIB
from radon.host.loader import Module


def check_names(manifest: Manifest) -> None:
    """Every kind and endpoint that grants, links, routes and TCP addresses name exists. Raises ManifestError."""
    place = Place(manifest.file)
    for kind, entry in manifest.kinds.items():
        for grant in entry.grants:
            with place.at("kinds", kind, "grants").reading(grant):
                _check_grant(Grant.parse(grant), manifest)
        for link, target in entry.links.items():
            with place.at("kinds", kind, "links", link).reading(target):
                _check_target(target, manifest)
    if manifest.ingress.http is not None:
        for pattern, target in manifest.ingress.http.routes.items():
            with place.at("ingress", "http", "routes", pattern).reading(target):
                _exists("kind", Route.parse(pattern, target).kind, manifest.kinds)
    for address, kind in manifest.ingress.tcp.items():
        with place.at("ingress", "tcp", address).reading(kind):
            _exists("kind", kind, manifest.kinds)
            spread = manifest.kinds[kind].spread
            if spread != "keyed":
                raise ManifestError(
                    f"each connection is an atom of its own, so the kind must be 'keyed', not {spread!r}"
                )


def check_modules(manifest: Manifest, modules: Mapping[str, Module]) -> None:
    """Every kind's module, of which there is one in `modules`, fits its entry. Raises ManifestError."""
    for kind, entry in manifest.kinds.items():
        _check_module(entry, modules[kind], Place(manifest.file, ("kinds", kind)))


def _check_module(entry: KindEntry, module: Module, place: Place) -> None:
    if entry.spread == "stateless" and module.stateful:
        raise place.at("spread").wrong("stateless", f"{module.name} imports 'state'; make the kind 'keyed'")
    fault = unshareable(module) if entry.memory == "shared" else ""
    if fault:
        raise place.at("memory").wrong("shared", fault)
    memory = module.memory_pages * 64 * KIB
    if memory > entry.limits.memory:
        limit = format_size(entry.limits.memory)
        fault = f"{module.name} starts with {format_size(memory)}; raise the limit to at least that"
        raise place.at("limits", "memory").wrong(limit, fault)


def _check_grant(grant: Grant, manifest: Manifest) -> None:
    if grant.right is Right.HTTP:
        _exists("[egress.http]", grant.name, manifest.egress.http)
    elif grant.right not in (Right.PUBLISH, Right.SUBSCRIBE):
        _exists("kind", grant.name, manifest.kinds)


def _check_target(target: str, manifest: Manifest) -> None:
    kind = Address.parse(target).kind
    if kind.startswith("http:"):
        _exists("[egress.http]", kind.removeprefix("http:"), manifest.egress.http)
    else:
        _exists("kind", kind, manifest.kinds)


def _exists(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise ManifestError(f"there is no {what} {name!r}; {suggest(name, known)}")
