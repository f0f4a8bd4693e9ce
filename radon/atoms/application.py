"""A manifest and its modules, checked against each other: what is deployed, its digest, and how it is stored.

Knows no backend and opens no address. An Application that exists can be run: whatever its names, grants, links and
modules could contradict has been refused with a line that names the place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from radon.abi.errors import LoadError, ManifestError, StoreError
from radon.atoms.checks import check_modules, check_names
from radon.atoms.grants import GrantTable
from radon.atoms.manifest import REPLICAS, SHARDS, TABLES, ApplicationEntry, KindEntry, Manifest
from radon.atoms.secrets import Secret
from radon.atoms.tables import Place
from radon.host.kind import Kind, Retry
from radon.host.limits import Limits
from radon.host.loader import Module, load

BUNDLE_VERSION = 1

_DAMAGES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no message: wrong in form, in a text, or nested without an end."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The values behind the manifest's references."""

    token: Secret | None  # of [ingress.http]
    headers: Mapping[str, Mapping[str, Secret]]  # endpoint of [egress.http] -> header -> its whole value


@dataclass(frozen=True, slots=True)
class Application:
    """Immutable. `load` and `unbundle` make one."""

    manifest: Manifest
    modules: Mapping[str, Module]  # by kind
    code: Mapping[str, bytes]  # by kind: the modules as they were handed over

    @classmethod
    def load(cls, manifest: Manifest) -> Self:
        """Read and check the modules that `manifest` names. Blocks while they compile.

        Raises ManifestError, and LoadError for a module that Radon cannot serve.
        """
        return cls._of(manifest, {kind: _read(manifest, kind) for kind in manifest.kinds})

    @classmethod
    def _of(cls, manifest: Manifest, code: Mapping[str, bytes]) -> Self:
        check_names(manifest)
        modules = {kind: load(data, str(manifest.module_path(kind))) for kind, data in code.items()}
        check_modules(manifest, modules)
        return cls(manifest, modules, code)

    @property
    def name(self) -> str:
        return self.manifest.name

    def kinds(self) -> dict[str, Kind]:
        """What a domain needs to know, by name."""
        return {
            name: Kind(
                name=name,
                module=self.modules[name],
                grants=GrantTable(name, entry.grants),
                spread=entry.spread,
                shards=entry.shards or 0,
                replicas=entry.replicas,
                shared=entry.memory == "shared",
                limits=Limits(**msgspec.structs.asdict(entry.limits)),
                retry=Retry(**msgspec.structs.asdict(entry.retry)),
                links=entry.links,
                config={**entry.config, **_counts(entry)},
            )
            for name, entry in self.manifest.kinds.items()
        }

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of what the manifest means and of the core modules.

        Not of what makes no difference: the order of keys, whether a default is spelled out, the names and places of
        files, the values of secrets.
        """
        return hashlib.sha256(b"radon application 1\n" + msgspec.json.encode(meaning(self), order="sorted")).hexdigest()

    def read_secrets(self, environ: Mapping[str, str]) -> Secrets:
        """Every secret that the manifest refers to, from `environ` or its file. Raises ManifestError naming it."""
        manifest = self.manifest
        place, http = Place(manifest.file), manifest.ingress.http
        token = None
        if http is not None and http.token is not None:
            token = http.token.read(place.at("ingress", "http"), "token", manifest.base, environ)
        headers = {
            name: {
                header: ref.read(place.at("egress", "http", name, "secrets"), header, manifest.base, environ)
                for header, ref in endpoint.secrets.items()
            }
            for name, endpoint in manifest.egress.http.items()
        }
        return Secrets(token, headers)

    def bundle(self) -> bytes:
        """The application as bytes that `unbundle` needs no files for, the same for the same application and folder.

        Secrets are in it as references only; files that they and TLS name are still looked for in the folder of the
        manifest.
        """
        code = {module.digest: self.code[kind] for kind, module in self.modules.items()}
        kinds = {kind: module.digest for kind, module in self.modules.items()}
        manifest = msgspec.structs.replace(self.manifest, base=self.manifest.base.absolute())
        bundle = _Bundle(BUNDLE_VERSION, msgspec.to_builtins(manifest, enc_hook=_from_path), kinds, code)
        return msgspec.msgpack.encode(bundle, order="sorted")

    @classmethod
    def unbundle(cls, data: bytes) -> Self:
        """The application that `bundle` gave, checked again. Raises StoreError."""
        try:
            version = msgspec.msgpack.decode(data, type=_Version).version
            if version != BUNDLE_VERSION:
                read = f"this Radon reads version {BUNDLE_VERSION}"
                raise StoreError(
                    f"the stored application is of version {version}, {read}; use the Radon that deployed it"
                )
            bundle = msgspec.msgpack.decode(data, type=_Bundle)
            manifest = msgspec.convert(bundle.manifest, Manifest, dec_hook=_to_path)
            application = cls._of(manifest, {kind: bundle.code[bundle.kinds[kind]] for kind in manifest.kinds})
        except (*_DAMAGES, KeyError, LoadError, ManifestError) as error:
            raise StoreError(f"the stored application is damaged; restore a backup: {error}") from None
        for kind, module in application.modules.items():
            if module.digest != bundle.kinds[kind]:
                raise StoreError(f"the stored module of kind {kind!r} is not what was deployed; restore a backup")
        return application


def meaning(application: Application) -> dict[str, Any]:
    """The tables of an application without what makes no difference to those who run it or talk to it."""
    manifest = application.manifest
    tables = {
        name: msgspec.to_builtins(getattr(manifest, name)) for name in (*ApplicationEntry.__struct_fields__, *TABLES)
    }
    for kind, entry in tables["kinds"].items():
        del entry["source"]
        entry["module"] = application.modules[kind].digest
        entry["grants"] = sorted(set(entry["grants"]))
    if tables["ingress"]["http"] is not None:
        tables["ingress"]["http"]["topics"] = sorted(set(tables["ingress"]["http"]["topics"]))
    return tables


class _Version(msgspec.Struct):
    version: int


class _Bundle(msgspec.Struct):
    version: int
    manifest: dict[str, Any]
    kinds: dict[str, str]  # kind -> digest
    code: dict[str, bytes]  # digest -> module


def _counts(entry: KindEntry) -> dict[str, str]:
    """What atoms of a sharded kind find in their config without its being there."""
    counts = {SHARDS: entry.shards, REPLICAS: entry.replicas if entry.replicas > 1 else None}
    return {name: str(count) for name, count in counts.items() if count}


def _from_path(value: object) -> str:
    return str(value)


def _to_path(type_: type, value: str) -> Path:
    return Path(value)


def _build_command(file: str) -> str:
    """For the manifest that messages call so."""
    path = Path(file)
    if path.suffix != ".toml" or path == Path("radon.toml"):  # it was made in Python, or is here
        return "radon build"
    return f"radon build {path.parent if path.name == 'radon.toml' else path}"


def _read(manifest: Manifest, kind: str) -> bytes:
    entry, path = manifest.kinds[kind], manifest.module_path(kind)
    place = Place(manifest.file, ("kinds", kind))
    try:
        if path.is_char_device() or path.is_fifo():  # which may never end
            raise place.error(f"{path} is no file")
        return path.read_bytes()
    except FileNotFoundError:
        if entry.module is None:
            way_out = f"run `{_build_command(manifest.file)}`"
            raise place.error(f"is built from source, but there is no {path} yet; {way_out}") from None
        raise place.at("module").wrong(entry.module, f"there is no {path}") from None
    except OSError as error:
        raise place.error(f"{path} cannot be read: {error.strerror}") from None
