"""From the bytes that a developer hands over to a module that Radon can serve, or one line that says why not.

Owns what is accepted (core modules, WAT text, components of `radon:atom` and WASI 0.2) and every check that needs the
module alone. Refuses to know kinds, grants and limits: whether a module may have what it imports is decided at deploy
time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import wasmtime

from radon.abi import binary, syscalls
from radon.abi.component import flatten
from radon.abi.errors import LoadError
from radon.abi.parts import NESTED, Flat
from radon.host import engine, signatures, wasi, wasi2
from radon.host.assembly import Assembly, assemble

_STANDARD = f"{syscalls.PACKAGE}/"
_INTERFACES = frozenset(row.interface for row in syscalls.SYSCALLS)
_STATE = f"{_STANDARD}state@{syscalls.VERSION}"
_TEXT = re.compile(r"(?:\s|;;[^\n]*\n)*\(")

_NAME_SHOWN = 120  # characters


@dataclass(frozen=True, slots=True)
class Module:
    """What passed every check, compiled: a core module, or a component of several."""

    digest: str  # SHA-256 of the core module or the component, in hexadecimal
    name: str  # for messages
    size: int  # bytes of it
    compiled: wasmtime.Module | Assembly
    imports: frozenset[tuple[str, str]]  # (interface, field); all are functions
    handlers: frozenset[str]  # of "receive", "start", "replied", "fired", "down"
    suspends: bool  # a turn of it can suspend
    stateful: bool  # imports `state`
    wasi: bool  # imports wasi_snapshot_preview1, or WASI 0.2
    starts: bool  # has a start section: host functions may be called before the instance exists
    memory_pages: int  # at the beginning, of 64 KiB


def load_file(path: Path | str) -> Module:
    """`load` the file; it is named in every message. Raises LoadError, also when the file cannot be read."""
    try:
        if Path(path).is_char_device() or Path(path).is_fifo():  # which may never end
            raise LoadError(f"{path}: no file")
        data = Path(path).read_bytes()
    except OSError as error:
        raise LoadError(f"{path}: {error.strerror or error}") from None
    return load(data, str(path))


def load(data: bytes, name: str) -> Module:
    """The module in `data`: a core module, WAT text, or a component that imports only `radon:atom` and WASI 0.2.

    Blocks while it compiles, unless the engine knows the module. Raises LoadError naming `name`.
    """
    try:
        data = _binary(data)
        core = _alone(data) if binary.is_component(data) else data
        return _load_core(core, name) if core is not None else _load_component(data, name)
    except LoadError as error:
        raise LoadError(f"module {name!r}: {error}") from None


def _load_core(core: bytes, name: str) -> Module:
    found = binary.read_core(core)
    _check_offered(found.imports)
    _check_answers(found)
    _check_exports(found.exports)
    _check_contents(found)
    compiled = engine.compile(core)
    _check_signatures(compiled)
    imports = frozenset((space, field) for space, field, _ in found.imports)
    return _module(core, name, compiled, imports, found.exports, found.has_start, found.memories[0].minimum)


def _load_component(data: bytes, name: str) -> Module:
    flat = flatten(data)
    _check_exports(flat.exports)
    _check_component(flat)
    assembly = assemble(flat)
    imports = frozenset((offer.interface, offer.field) for offer in assembly.offers())
    standard = [(space, field, "func") for space, field in sorted(imports) if not space.startswith("wasi:")]
    _check_offered([place for place in standard if place[0] != NESTED])
    starts = any(module.has_start for module in flat.read)
    return _module(data, name, assembly, imports, flat.exports, starts, assembly.pages)


def _module(
    data: bytes, name: str, compiled: wasmtime.Module | Assembly, imports: frozenset[tuple[str, str]],
    exports: Iterable[str], starts: bool, pages: int,
) -> Module:  # fmt: skip
    """`data`: the core module, or the component."""
    return Module(
        digest=hashlib.sha256(data).hexdigest(),
        name=name,
        size=len(data),
        compiled=compiled,
        imports=imports,
        handlers=_handlers(exports),
        suspends=not imports.isdisjoint(syscalls.SUSPENDING),
        stateful=any(space == _STATE for space, _ in imports),
        wasi=any(space == wasi.MODULE or space.startswith("wasi:") for space, _ in imports),
        starts=starts,
        memory_pages=pages,
    )


def _binary(data: bytes) -> bytes:
    if not data:
        raise LoadError("empty")
    return data if data.startswith(binary.MAGIC[: len(data)]) else _from_text(data)


def _from_text(data: bytes) -> bytes:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    if not _TEXT.match(text):
        raise LoadError("neither a WebAssembly binary nor WAT text")
    try:
        return bytes(wasmtime.wat2wasm(text))
    except wasmtime.WasmtimeError as error:
        raise LoadError(f"invalid WAT: {' '.join(str(error).split())}") from None


def _alone(data: bytes) -> bytes | None:
    """The core module of a component without WASI that needs nothing beside it: joined to imports it is slower."""
    imported = binary.component_imports(data)
    foreign = [name for name in imported if not name.startswith(_STANDARD) and wasi2.interface_of(name) is None]
    if foreign:
        raise LoadError(f"the component imports what Radon does not offer: {_listed(foreign)}")
    if not all(name.startswith(_STANDARD) for name in imported):
        return None
    cores = binary.core_modules_with(data, syscalls.HANDLERS["receive"].export)
    if len(cores) == 1 and all(space.startswith(_STANDARD) for space, _, _ in binary.read_core(cores[0]).imports):
        return cores[0]
    return None


# ---- checks ----


def _handlers(exports: Iterable[str]) -> frozenset[str]:
    return frozenset(row.name for row in syscalls.HANDLERS.values() if row.export in exports)


def _check_offered(imports: Collection[tuple[str, str, str]]) -> None:
    """Each is a function of the host: module, field, kind."""
    missing = [f"{space}.{field} ({kind})" for space, field, kind in imports if kind != "func"]
    missing += [
        f"{space}.{field}"
        for space, field, kind in imports
        if kind == "func" and (space, field) not in syscalls.BY_IMPORT and not _is_wasi(space, field)
    ]
    if missing:
        others = any(text.startswith(_STANDARD) for text in missing)
        known = f" (it is {syscalls.PACKAGE} {syscalls.VERSION})" if others else ""
        raise LoadError(f"imports what Radon does not offer: {_listed(missing)}{known}")


def _check_answers(found: binary.CoreModule) -> None:
    """An answer that comes later has where to arrive. Not so of components: many import whatever is in their world."""
    for space, field, _ in found.imports:
        call = syscalls.BY_IMPORT.get((space, field))
        if call is not None and call.handler and syscalls.HANDLERS[call.handler].export not in found.exports:
            raise LoadError(
                f"imports {call.name} but does not export {syscalls.HANDLERS[call.handler].export!r}, "
                "where the answer would arrive"
            )


def _is_wasi(space: str, field: str) -> bool:
    return space == wasi.MODULE and field in wasi.SIGNATURES


def _check_exports(exports: Collection[str]) -> None:
    unknown = [
        name
        for name in exports
        if name.removeprefix("cabi_post_").startswith(_STANDARD) and name not in signatures.EXPORTS
    ]
    if unknown:  # it would never be called
        raise LoadError(
            f"exports {_listed(unknown)}, which no handler of {syscalls.PACKAGE} {syscalls.VERSION} is named"
        )
    for row in syscalls.HANDLERS.values():
        if row.required and row.export not in exports:
            raise LoadError(f"does not export {row.export!r}, without which it is no atom")


def _check_contents(found: binary.CoreModule) -> None:
    for name, kind in (("memory", "memory"), ("cabi_realloc", "func")):
        if found.exports.get(name) != kind:
            raise LoadError(f"does not export {name!r} ({kind}), through which messages reach it")
    _check_features([found], found.memories)


def _check_component(flat: Flat) -> None:
    lifted = flat.exports[syscalls.HANDLERS["receive"].export]
    if not flat.memories() or lifted.memory is None or lifted.realloc is None:
        raise LoadError("the component lifts its handler without memory or realloc, through which messages reach it")
    _check_features([flat.read[part.module] for part in flat.parts], flat.memories())


def _check_features(modules: Iterable[binary.CoreModule], memories: Sequence[binary.Memory]) -> None:
    if any(module.has_tags for module in modules):
        raise LoadError("uses WebAssembly exceptions, which cost more than their fuel; build it with -fno-exceptions")
    if len(memories) > 1:
        raise LoadError(f"has {len(memories)} memories; an atom has one")
    if memories and (memories[0].shared or memories[0].wide):
        raise LoadError("has a shared or 64-bit memory; an atom's is 32-bit and its own")


def _check_signatures(compiled: wasmtime.Module) -> None:
    """The host calls and is called without checks by the engine: what is declared must be what the table says."""
    for export in compiled.exports:
        if export.name in signatures.EXPORTS:
            signatures.check(f"export {export.name!r}", export.type, signatures.EXPORTS[export.name])
        elif export.name == signatures.ARENA:
            signatures.check_arena(export.type)
    for import_ in compiled.imports:
        space, field = import_.module, import_.name or ""
        call = syscalls.BY_IMPORT.get((space, field))
        wanted = wasi.SIGNATURES[field] if call is None else (call.params, call.results)
        signatures.check(f"import {space}.{field}", import_.type, wanted)


def _listed(names: list[str], most: int = 20) -> str:
    """On one line, whatever bytes a guest calls a name."""
    shown = [ascii(name)[1:-1][:_NAME_SHOWN] for name in names[:most]]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")
