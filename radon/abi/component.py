"""A component without its outer form: the core modules that it is made of, and how their instances are joined.

A component is a graph that stands still: modules, instances of them whose imports are exports of earlier ones, and
functions that cross its border (`canon lower` for imports, `canon lift` for exports). Where it calls nothing but its
imports, that graph is all there is to it, and `flatten` reads it out: whoever makes the instances in this order and
hands in the functions has run the component. What cannot be said in this way is refused by name; only a call from one
component to another that is nested beside it is left standing, as a function that nobody offers.

Owns the binary format of components, as far as this needs it, and trusts nothing of it. Types of values are stepped
over: core functions are compared by their core types, by the loader and the engine. Refuses to know what is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from radon.abi import binary
from radon.abi.binary import Reader, sections
from radon.abi.component_types import skip_type
from radon.abi.errors import LoadError
from radon.abi.parts import MAX_PARTS, MAX_SUPPLIES, NESTED, Export, Flat, Imported, Lifted, Part, narrow, shown

_MAX_NESTING = 8
_REPEATS = 8  # what is nested may be instantiated again and again: so many times the bytes of the whole are read ...
_MORE = 1 << 20  # ... and so many bytes beside
_EACH = 1 << 10  # an instantiation counts so many bytes more than it has


def flatten(data: bytes) -> Flat:
    """The component in `data`. LoadError if it is none, is damaged, or cannot be flattened."""
    flat = Flat()
    root = _Scope(flat, [_REPEATS * len(data) + _MORE], None)
    root.evaluate(memoryview(data), None)
    for interface, (sort, value) in root.exports.items():
        if sort == "instance":
            for name, (_, function) in value.exports.items():
                if isinstance(function, Lifted):
                    flat.exports[f"{interface}#{name}"] = function
    narrow(flat)
    return flat


# ---- while it is read ----

_CORE_SORTS = {
    0x00: "core func", 0x01: "core table", 0x02: "core memory", 0x03: "core global", 0x04: "core tag",
    0x10: "core type", 0x11: "core module", 0x12: "core instance",
}  # fmt: skip
_SORTS = {1: "func", 2: "value", 3: "type", 4: "component", 5: "instance"}

Exports = dict[str, tuple[str, Any]]
"""By name: the sort, and the value of that sort."""


class _Instance(NamedTuple):
    """A component's instance: an imported one has whatever is asked of it, and whether that is true the loader says."""

    exports: Exports
    imported: str = ""  # the interface

    def export(self, sort: str, name: str) -> Any:
        if self.imported and sort == "func":
            return Imported(self.imported, name)
        if self.imported and sort == "type":
            return _Resource(self.imported, name)
        have, value = self.exports.get(name, ("", None))
        if have != sort:
            raise LoadError(f"the component uses the {sort} {shown(name)}, which no instance of it exports")
        return value


class _Made(NamedTuple):
    """A core instance of a module. A bag of exports, which is another, is a dict."""

    part: int
    kinds: Mapping[str, str]  # by name

    def get(self, name: str) -> Export | None:
        return Export(self.part, name, self.kinds[name]) if name in self.kinds else None


class _Resource(NamedTuple):
    """A type of an imported interface; only those of resources are ever asked for."""

    interface: str
    name: str


_OWN_RESOURCE = _Resource("", "")

Bag = _Made | dict[str, Any]
"""What a core instance exports."""


class _Nested(NamedTuple):
    body: memoryview
    scope: _Scope  # that it stands in


class _Scope:
    """The index spaces of one component while it is instantiated."""

    def __init__(self, flat: Flat, budget: list[int], outer: _Scope | None) -> None:
        self.exports: Exports = {}
        self._flat = flat
        self._budget = budget  # bytes that may yet be read, for all scopes
        self._outer = outer
        self._depth: int = outer._depth + 1 if outer else 0
        self._spaces: dict[str, list[Any]] = {sort: [] for sort in (*_CORE_SORTS.values(), *_SORTS.values())}
        self._arguments: Exports | None = None
        if self._depth > _MAX_NESTING:
            raise LoadError(f"components are nested more than {_MAX_NESTING} deep")

    def evaluate(self, data: memoryview, arguments: Exports | None) -> None:
        """Read all of it. `arguments` are its imports; None: it is the whole component, and they are the host's."""
        self._budget[0] -= len(data) + _EACH
        if self._budget[0] < 0:
            raise LoadError("the component instantiates what is nested in it too many times")
        self._arguments = arguments
        for section, body in sections(data, binary.COMPONENT, "a component"):
            if section == 1:
                self._module(body.rest())
            elif section == 4:
                self._add("component", _Nested(body.rest(), self))
            elif section in _VECTORS:
                for _ in range(body.u32()):
                    _VECTORS[section](self, body)
                body.must_be_empty(f"section {section} of the component")
            elif section:
                raise LoadError(f"the component has a section of kind {section}, which Radon cannot run")

    def _add(self, sort: str, value: Any) -> None:
        self._spaces[sort].append(value)

    def _at(self, sort: str, index: int) -> Any:
        space = self._spaces[sort]
        if index >= len(space):
            raise LoadError(f"malformed: the component has no {sort} {index}")
        return space[index]

    def _function(self, index: int, what: str) -> Export:
        item = self._at("core func", index)
        if not isinstance(item, Export):
            raise LoadError(f"the component gives an imported function as its {what}")
        return item

    # ---- core ----

    def _module(self, data: memoryview) -> None:
        self._flat.modules.append(data)
        self._flat.read.append(binary.read_core(data))
        self._add("core module", len(self._flat.modules) - 1)

    def _core_instance(self, reader: Reader) -> None:
        if reader.byte():  # a bag of things that there are already
            bag = {}
            for _ in range(reader.u32()):
                name, sort = reader.name(), _sort_of(_CORE_SORTS, reader.byte())
                bag[name] = self._at(sort, reader.u32())
            self._add("core instance", bag)
            return
        module = self._at("core module", reader.u32())
        given: dict[str, Bag] = {}
        for _ in range(reader.u32()):
            name = reader.name()
            reader.byte()  # the sort, which is always that of core instances
            given[name] = self._at("core instance", reader.u32())
        self._add("core instance", self._instantiate(module, given))

    def _instantiate(self, module: int, given: Mapping[str, Bag]) -> _Made:
        flat, read = self._flat, self._flat.read[module]
        number = len(flat.parts)
        supplies = []
        for space, name, kind in read.imports:
            item = given[space].get(name) if space in given else None
            if not isinstance(item, Export | Imported) or item.kind != kind:
                raise LoadError(f"the component gives a module of it no {kind} {shown(space)}.{shown(name)}")
            supplies.append(item)
        flat.parts.append(Part(module, tuple(supplies)))
        if number >= MAX_PARTS or sum(len(part.supplies) for part in flat.parts) > MAX_SUPPLIES:
            raise LoadError(f"the component has more than {MAX_PARTS} core instances or {MAX_SUPPLIES} imports of them")
        return _Made(number, read.exports)

    # ---- components ----

    def _instance(self, reader: Reader) -> None:
        if reader.byte():
            self._add("instance", _Instance(self._named(reader, reader.extern_name)))
            return
        nested: _Nested = self._at("component", reader.u32())
        scope = _Scope(self._flat, self._budget, nested.scope)
        scope.evaluate(nested.body, self._named(reader, reader.name))
        self._add("instance", _Instance(scope.exports))

    def _named(self, reader: Reader, name: Callable[[], str]) -> Exports:
        found: Exports = {}
        for _ in range(reader.u32()):
            key, sort = name(), _sort(reader)
            found[key] = sort, self._at(sort, reader.u32())
        return found

    def _alias(self, reader: Reader) -> None:
        sort, form = _sort(reader), reader.byte()
        if form == 0:
            instance: _Instance = self._at("instance", reader.u32())
            self._add(sort, instance.export(sort, reader.name()))
        elif form == 1:
            exports, name = self._at("core instance", reader.u32()), reader.name()
            item = exports.get(name)
            if item is None or f"core {getattr(item, 'kind', '')}" != sort:
                raise LoadError(f"the component uses the {sort} {shown(name)}, which no instance of it exports")
            self._add(sort, item)
        else:
            scope: _Scope | None = self
            for _ in range(min(reader.u32(), _MAX_NESTING + 1)):
                scope = scope._outer if scope else None
            if scope is None:
                raise LoadError("malformed: an alias of the component leads out of it")
            self._add(sort, scope._at(sort, reader.u32()))

    def _type(self, reader: Reader) -> None:
        self._add("type", _OWN_RESOURCE if skip_type(reader) else None)

    def _import(self, reader: Reader) -> None:
        name = reader.extern_name()
        sort = reader.skip_extern()
        if self._arguments is None:
            if sort != "instance":
                raise LoadError(f"the component imports {shown(name)}, a {sort} that is in no interface")
            self._add(sort, _Instance({}, imported=name))
            return
        given, value = self._arguments.get(name, ("", None))
        if given != sort:
            raise LoadError(f"the component gives one that is nested in it no {sort} {shown(name)}")
        self._add(sort, value)

    def _export(self, reader: Reader) -> None:
        name, sort = reader.extern_name(), _sort(reader)
        value = self._at(sort, reader.u32())
        if reader.byte():
            reader.skip_extern()
        self.exports[name] = sort, value
        self._add(sort, value)

    # ---- across the border ----

    def _canon(self, reader: Reader) -> None:
        form = reader.byte()
        if form == 0 and reader.byte() == 0:
            function = self._function(reader.u32(), "export")
            lifted = Lifted(function, *self._options(reader))
            reader.u32()  # its type
            self._add("func", lifted)
        elif form == 1 and reader.byte() == 0:
            lowered = self._at("func", reader.u32())
            _, realloc, _ = self._options(reader)
            if not isinstance(lowered, Imported):
                lowered = Imported(NESTED, lowered.function.name)
            self._add("core func", lowered._replace(realloc=realloc))
        elif form in (2, 3, 4):
            resource = self._at("type", reader.u32())
            if form != 3 or resource is None or resource is _OWN_RESOURCE:
                self._add("core func", Imported(NESTED, f"resource.{('new', 'drop', 'rep')[form - 2]}"))
            else:
                self._add("core func", Imported(resource.interface, f"[resource-drop]{resource.name}"))
        else:
            raise LoadError(f"the component uses the canonical function {form:#04x}, which Radon has not (WASI 0.3?)")

    def _options(self, reader: Reader) -> tuple[Export | None, Export | None, Export | None]:
        """`memory`, `realloc` and `post-return`."""
        memory = realloc = post = None
        for _ in range(reader.u32()):
            option = reader.byte()
            if option == 3:
                memory = self._at("core memory", reader.u32())
            elif option == 4:
                realloc = self._function(reader.u32(), "realloc")
            elif option == 5:
                post = self._function(reader.u32(), "post-return")
            elif option in (1, 2):
                raise LoadError("the component has its strings in UTF-16; an atom's are UTF-8")
            elif option:
                raise LoadError(f"the component uses the canonical option {option:#04x}, which Radon has not (async?)")
        return memory, realloc, post


_VECTORS: dict[int, Callable[[_Scope, Reader], None]] = {
    2: _Scope._core_instance, 5: _Scope._instance, 6: _Scope._alias, 7: _Scope._type, 8: _Scope._canon,
    10: _Scope._import, 11: _Scope._export,
}  # fmt: skip
"""What is done for each element of these sections."""


def _sort(reader: Reader) -> str:
    sort = reader.byte()
    return _sort_of(_SORTS, sort) if sort else _sort_of(_CORE_SORTS, reader.byte())


def _sort_of(sorts: Mapping[int, str], number: int) -> str:
    if number not in sorts:
        raise LoadError(f"malformed: {number:#04x} is no sort of things in a component")
    return sorts[number]
