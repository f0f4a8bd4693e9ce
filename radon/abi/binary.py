"""WebAssembly binaries read without an engine: what a module imports and exports, and the module inside a component.

Owns the byte format as far as names, memories and nesting go. It does not validate: a module that can be read here may
still be refused by the engine. No bytes make it loop, recurse or allocate beyond a multiple of their own length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from radon.abi.errors import LoadError

MAGIC = b"\0asm"
CORE = MAGIC + b"\x01\0\0\0"
COMPONENT = MAGIC + b"\x0d\0\x01\0"

_MAX_NESTING = 8  # of components in components: each level is read once more
_KINDS = ("func", "table", "memory", "global", "tag")
_EXTERNS = {0: "core module", 1: "func", 2: "value", 3: "type", 4: "component", 5: "instance"}


@dataclass(frozen=True, slots=True)
class Memory:
    """The type of a linear memory; sizes in pages."""

    minimum: int
    maximum: int | None
    shared: bool
    wide: bool  # 64-bit addresses


@dataclass(frozen=True, slots=True)
class CoreModule:
    """What a core module says of itself. Kinds are "func", "table", "memory", "global" and "tag"."""

    imports: tuple[tuple[str, str, str], ...]  # module, name, kind
    exports: dict[str, str]  # name -> kind
    memories: tuple[Memory, ...]  # imported and own
    has_start: bool
    has_tags: bool  # of its own: it throws exceptions
    function_names: dict[int, str]  # by index; of the name section, empty when that is absent or damaged


def is_component(data: bytes) -> bool:
    """Is it a component, rather than a core module or no WebAssembly at all?"""
    return data[:8] == COMPONENT


def is_command(data: bytes) -> bool:
    """Is it, or a core module in it, linked to be run once by its `_start`, and not to be begun by an `_initialize`?

    LoadError as `read_core`.
    """
    modules = core_modules_with(data, "_start") if is_component(data) else [data]
    exports = [read_core(module).exports for module in modules]
    return any("_start" in names and "_initialize" not in names for names in exports)


def read_core(data: bytes | memoryview) -> CoreModule:
    """What the core module in `data` imports and exports. LoadError if it is no core module, or cannot be read."""
    imports: list[tuple[str, str, str]] = []
    exports: dict[str, str] = {}
    memories: list[Memory] = []
    has_start = has_tags = False
    names: dict[int, str] = {}
    for section, body in sections(data, CORE, "a core module"):
        if section == 0:
            names |= _function_names(body)
        elif section == 2:
            for _ in range(body.u32()):
                imports.append((body.name(), body.name(), kind := body.kind()))
                body.skip_type(kind, memories)
            body.must_be_empty("import section")
        elif section == 5:
            memories += [body.memory() for _ in range(body.u32())]
            body.must_be_empty("memory section")
        elif section == 7:
            for _ in range(body.u32()):
                name = body.name()
                exports[name] = body.kind()
                body.u32()
            body.must_be_empty("export section")
        elif section == 8:
            has_start = True
        elif section == 13:
            has_tags = True
    return CoreModule(tuple(imports), exports, tuple(memories), has_start, has_tags, names)


def component_imports(data: bytes) -> list[str]:
    """The names that a component imports: "radon:atom/state@0.1.0". LoadError as `read_core`."""
    found = []
    for section, body in sections(data, COMPONENT, "a component"):
        if section == 10:
            for _ in range(body.u32()):
                found.append(body.extern_name())
                body.skip_extern()
            body.must_be_empty("import section")
    return found


def core_modules_with(data: bytes, export: str) -> list[bytes]:
    """The core modules in a component, at any depth, that export this name. LoadError as `read_core`."""
    return [bytes(module) for module in _modules_with(export, memoryview(data))]


def _modules_with(export: str, data: memoryview, depth: int = 0) -> Iterator[memoryview]:
    if depth > _MAX_NESTING:
        raise LoadError(f"components are nested more than {_MAX_NESTING} deep")
    for section, body in sections(data, COMPONENT, "a component"):
        inner = body.rest()
        if section == 1 and export in read_core(inner).exports:
            yield inner
        elif section == 4:
            yield from _modules_with(export, inner, depth + 1)


def sections(data: bytes | memoryview, header: bytes, what: str) -> Iterator[tuple[int, Reader]]:
    if data[:8] != header:
        if data[:8] in (CORE, COMPONENT):
            raise LoadError(f"not {what}, but the other kind of WebAssembly binary")
        if data[:4] == MAGIC and len(data) >= 8:
            raise LoadError(f"a WebAssembly binary of unknown version {bytes(data[4:8]).hex()}")
        raise LoadError("truncated" if header.startswith(data[:8]) and len(data) else "not WebAssembly")
    reader = Reader(memoryview(data), 8)
    while not reader.empty():
        section = reader.byte()
        yield section, Reader(reader.bytes(reader.u32()), 0)


def _function_names(section: Reader) -> dict[int, str]:
    """Of a custom section, if it is the name section. Damage in it is no fault of the module."""
    names: dict[int, str] = {}
    try:
        if section.name() == "name":
            while not section.empty():
                kind, body = section.byte(), Reader(section.bytes(section.u32()), 0)
                if kind == 1:
                    for _ in range(body.u32()):
                        index = body.u32()
                        names[index] = body.name()
    except LoadError:
        return {}
    return names


class Reader:
    """A position in bytes. Every read moves it, so that a loop of any count ends at the latest with the bytes."""

    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self._at = at

    def empty(self) -> bool:
        return self._at >= len(self._data)

    def must_be_empty(self, what: str) -> None:
        if not self.empty():
            raise LoadError(f"malformed: bytes are left over in the {what}")

    def rest(self) -> memoryview:
        return self._data[self._at :]

    def byte(self) -> int:
        if self._at >= len(self._data):
            raise LoadError(f"truncated: it ends within a field, at byte {len(self._data)}")
        value = self._data[self._at]
        self._at += 1
        return value

    def bytes(self, length: int) -> memoryview:
        if length > len(self._data) - self._at:
            missing = length - (len(self._data) - self._at)
            raise LoadError(f"truncated: {missing} bytes are missing at its end")
        self._at += length
        return self._data[self._at - length : self._at]

    def u32(self) -> int:
        return self.leb(32)

    def leb(self, bits: int) -> int:
        """An unsigned LEB128 of at most `bits` bits. Of a signed one the length is right, the value means nothing."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift >= bits:
                raise LoadError("malformed: a number is longer than its type allows")

    def name(self) -> str:
        try:
            return str(self.bytes(self.u32()), "utf-8")
        except UnicodeDecodeError:
            raise LoadError("malformed: a name is not UTF-8") from None

    def kind(self) -> str:
        value = self.byte()
        if value >= len(_KINDS):
            raise LoadError(f"malformed: unknown kind {value:#04x} of an import or export")
        return _KINDS[value]

    def memory(self) -> Memory:
        flags = self.byte()
        if flags & ~0b1111:
            raise LoadError(f"malformed: unknown memory type {flags:#04x}")
        minimum = self.leb(64)
        maximum = self.leb(64) if flags & 1 else None
        if flags & 8:
            self.u32()  # page size
        return Memory(minimum, maximum, bool(flags & 2), bool(flags & 4))

    def value_type(self) -> None:
        if self.byte() in (0x63, 0x64):  # a reference to a heap type, which follows
            self.leb(33)

    def skip_type(self, kind: str, memories: list[Memory]) -> None:
        """The type of a core import; a memory's joins `memories`."""
        if kind == "memory":
            memories.append(self.memory())
        elif kind == "table":
            self.value_type()
            self.memory()  # the same limits
        elif kind == "global":
            self.value_type()
            self.byte()
        else:
            if kind == "tag":
                self.byte()
            self.u32()

    def extern_name(self) -> str:
        form = self.byte()
        if form > 1:
            raise LoadError(f"an import name of unknown form {form:#04x} in the component")
        return self.name()

    def skip_extern(self) -> str:
        """The type of a component's import or export; answers of which sort it is."""
        sort = self.byte()
        if sort in (0, 2, 3):  # a core module, a value, a type: one more byte says what follows
            if self.byte() != 1 or sort != 3:
                self.leb(33)
        elif sort in (1, 4, 5):  # a function, a component, an instance
            self.u32()
        else:
            raise LoadError(f"an import of unknown kind {sort:#04x} in the component")
        return _EXTERNS[sort]
