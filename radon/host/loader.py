"""From the bytes that a developer hands over to a module that Radon can serve, or one line that says why not.

Owns what is accepted (core modules, WAT text, components of `radon:atom`) and every check that needs the module alone.
Refuses to know kinds, grants and limits: whether a module may have what it imports is decided at deploy time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import wasmtime

from radon.abi import binary, syscalls
from radon.abi.errors import LoadError
from radon.host import engine, wasi

_STANDARD = f"{syscalls.PACKAGE}/"
_INTERFACES = frozenset(row.interface for row in syscalls.SYSCALLS)
_STATE = f"{_STANDARD}state@{syscalls.VERSION}"
_TEXT = re.compile(r"(?:\s|;;[^\n]*\n)*\(")

_NAME_SHOWN = 120  # characters

Signature = tuple[Iterable[str], Iterable[str]]
"""Core types: parameters, results."""

_EXPORTS: dict[str, Signature] = {
    "cabi_realloc": (("i32",) * 4, ("i32",)),
    "_initialize": ((), ()),
    **{row.export: (row.params, row.results) for row in syscalls.HANDLERS.values()},
    **{row.post: (row.results, ()) for row in syscalls.HANDLERS.values()},
}
"""The exports that the host calls."""


@dataclass(frozen=True, slots=True)
class Module:
    """A core module that passed every check, compiled."""

    digest: str  # SHA-256 of the core module, in hexadecimal
    name: str  # for messages
    size: int  # bytes of the core module
    compiled: wasmtime.Module
    imports: frozenset[tuple[str, str]]  # (interface, field); all are functions
    handlers: frozenset[str]  # of "receive", "start", "replied", "fired", "down"
    suspends: bool  # a turn of it can suspend
    stateful: bool  # imports `state`
    wasi: bool  # imports wasi_snapshot_preview1
    starts: bool  # has a start section: host functions may be called before the instance exists
    memory_pages: int  # at the beginning, of 64 KiB


def load_file(path: Path | str) -> Module:
    """`load` the file; it is named in every message. Raises LoadError, also when the file cannot be read."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise LoadError(f"{path}: {error.strerror or error}") from None
    return load(data, str(path))


def load(data: bytes, name: str) -> Module:
    """The module in `data`: a core module, WAT text, or a component that imports only interfaces of `radon:atom`.

    Blocks while it compiles, unless the engine knows the module. Raises LoadError naming `name`.
    """
    try:
        core = _core_of(data)
        found = binary.read_core(core)
        _check_imports(found)
        _check_contents(found)
        compiled = engine.compile(core)
        _check_signatures(compiled)
    except LoadError as error:
        raise LoadError(f"module {name!r}: {error}") from None
    imports = frozenset((space, field) for space, field, _ in found.imports)
    return Module(
        digest=hashlib.sha256(core).hexdigest(),
        name=name,
        size=len(core),
        compiled=compiled,
        imports=imports,
        handlers=frozenset(row.name for row in syscalls.HANDLERS.values() if row.export in found.exports),
        suspends=not imports.isdisjoint(syscalls.SUSPENDING),
        stateful=any(space == _STATE for space, _ in imports),
        wasi=any(space == wasi.MODULE for space, _ in imports),
        starts=found.has_start,
        memory_pages=found.memories[0].minimum,
    )


def _core_of(data: bytes) -> bytes:
    if not data:
        raise LoadError("empty")
    if not data.startswith(binary.MAGIC[: len(data)]):
        data = _assemble(data)
    if not binary.is_component(data):
        return data
    foreign = [name for name in binary.component_imports(data) if not name.startswith(_STANDARD)]
    if foreign:
        raise LoadError(f"the component imports what Radon does not offer: {_listed(foreign)}")
    return binary.main_core_module(data)


def _assemble(data: bytes) -> bytes:
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


def _check_imports(found: binary.CoreModule) -> None:
    missing = [f"{space}.{field} ({kind})" for space, field, kind in found.imports if kind != "func"]
    missing += [
        f"{space}.{field}"
        for space, field, kind in found.imports
        if kind == "func" and (space, field) not in syscalls.BY_IMPORT and not _is_wasi(space, field)
    ]
    if missing:
        others = any(text.startswith(_STANDARD) for text in missing)
        known = f" (it is {syscalls.PACKAGE} {syscalls.VERSION})" if others else ""
        raise LoadError(f"imports what Radon does not offer: {_listed(missing)}{known}")
    for space, field, _ in found.imports:
        call = syscalls.BY_IMPORT.get((space, field))
        if call is not None and call.handler and syscalls.HANDLERS[call.handler].export not in found.exports:
            raise LoadError(
                f"imports {call.name} but does not export {syscalls.HANDLERS[call.handler].export!r}, "
                "where the answer would arrive"
            )


def _is_wasi(space: str, field: str) -> bool:
    return space == wasi.MODULE and field in wasi.SIGNATURES


def _check_contents(found: binary.CoreModule) -> None:
    unknown = [
        name for name in found.exports if name.removeprefix("cabi_post_").startswith(_STANDARD) and name not in _EXPORTS
    ]
    if unknown:  # it would never be called
        raise LoadError(
            f"exports {_listed(unknown)}, which no handler of {syscalls.PACKAGE} {syscalls.VERSION} is named"
        )
    for row in syscalls.HANDLERS.values():
        if row.required and row.export not in found.exports:
            raise LoadError(f"does not export {row.export!r}, without which it is no atom")
    for name, kind in (("memory", "memory"), ("cabi_realloc", "func")):
        if found.exports.get(name) != kind:
            raise LoadError(f"does not export {name!r} ({kind}), through which messages reach it")
    if found.has_tags:
        raise LoadError("uses WebAssembly exceptions, which cost more than their fuel; build it with -fno-exceptions")
    if len(found.memories) > 1:
        raise LoadError(f"has {len(found.memories)} memories; an atom has one")
    if found.memories and (found.memories[0].shared or found.memories[0].wide):
        raise LoadError("has a shared or 64-bit memory; an atom's is 32-bit and its own")


def _check_signatures(compiled: wasmtime.Module) -> None:
    """The host calls and is called without checks by the engine: what is declared must be what the table says."""
    for export in compiled.exports:
        if export.name in _EXPORTS:
            _check_signature(f"export {export.name!r}", export.type, _EXPORTS[export.name])
    for import_ in compiled.imports:
        space, field = import_.module, import_.name or ""
        call = syscalls.BY_IMPORT.get((space, field))
        signature: Signature = wasi.SIGNATURES[field] if call is None else (call.params, call.results)
        _check_signature(f"import {space}.{field}", import_.type, signature)


def _check_signature(what: str, found: object, wanted: Signature) -> None:
    if not isinstance(found, wasmtime.FuncType):
        raise LoadError(f"{what} is no function")
    have = _signature(map(str, found.params), map(str, found.results))
    if have != _signature(*wanted):
        raise LoadError(f"{what} is {have}; it must be {_signature(*wanted)}")


def _signature(params: Iterable[str], results: Iterable[str]) -> str:
    return f"({' '.join(params)}) -> ({' '.join(results)})"


def _listed(names: list[str], most: int = 20) -> str:
    """On one line, whatever bytes a guest calls a name."""
    shown = [ascii(name)[1:-1][:_NAME_SHOWN] for name in names[:most]]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")
