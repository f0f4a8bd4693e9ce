"""How the types of radon.wit look in C, and how their values are lowered to core values and lifted from them.

On wasm32 the layout of a plain C struct is the Canonical ABI's, so the C compiler does the arithmetic. Knows nothing of
functions or files; `c_header.py` has those.
"""

from __future__ import annotations

from collections.abc import Iterator

from radon.abi.errors import RadonError
from radon.abi.wit import Enum, Handle, ListOf, OptionOf, Primitive, Record, ResultOf, Type

BYTES = (Primitive("string"), ListOf(Primitive("u8")))
"""Both are a `radon_bytes`: C has no type that would keep text apart."""

SCALARS = {
    "bool": "bool", "u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t",
    "s8": "int8_t", "s16": "int16_t", "s32": "int32_t", "s64": "int64_t", "f64": "double",
}  # fmt: skip


def snake(name: str) -> str:
    """A WIT name, or a path of such names, as a C identifier."""
    return name.replace("-", "_").replace(".", "_")


def c_type(type_: Type) -> str:
    """The C type of a value. Raises RadonError for a type that no syscall has had so far."""
    if type_ in BYTES:
        return "radon_bytes"
    match type_:
        case Primitive(name) if name in SCALARS:
            return SCALARS[name]
        case Enum("error-code"):
            return "radon_error"
        case Enum(name) | Handle(name) | Record(name) if name:
            return f"radon_{snake(name)}"
        case Record("", ((_, first), (_, second))) if first in BYTES and second in BYTES:
            return "radon_pair"
        case OptionOf(some) if some in BYTES:
            return "radon_option"
        case ListOf(element):
            return f"{c_type(element)}_list"
        case _:
            raise RadonError(f"radon.wit uses {type_}, which has no C type; extend radon/abi/c_types.py")


def short(name: str) -> str:
    """The part of a C type's name that tells it from others: "bytes" of radon_bytes, "uint32" of uint32_t."""
    return name.removeprefix("radon_").removesuffix("_t")


def core_params(name: str, type_: Type) -> Iterator[str]:
    """Declarations of the core parameters that carry the value `name`."""
    match type_:
        case Handle() | Enum() | Primitive("bool"):
            yield f"int32_t {name}"
        case OptionOf(some):
            yield f"int32_t {name}_some"
            yield from core_params(name, some)
        case ListOf() | Primitive("string"):
            element = "uint8_t" if type_ in BYTES else c_type(type_).removesuffix("_list")
            yield f"const {element} *{name}"
            yield f"size_t {name}_len"
        case ResultOf(ok, Enum("error-code")) if ok in BYTES:
            yield f"int32_t {name}_failed"
            yield f"uintptr_t {name}"  # an address, or the error
            yield f"size_t {name}_len"
        case _:
            yield f"{c_type(type_)} {name}"


def lower(name: str, type_: Type) -> Iterator[str]:
    """Expressions for the core arguments that the C value `name` is passed as."""
    match type_:
        case Handle():
            yield f"{name}.handle"
        case OptionOf(some):
            yield f"{name}.some"
            yield from lower(f"{name}.value", some)
        case ListOf() | Primitive("string"):
            yield f"{name}.data"
            yield f"{name}.len"
        case _:
            yield name


def lift(name: str, flat: str, type_: Type) -> Iterator[tuple[str, str, str]]:
    """Name, C type and expression of each parameter of a handler; the core parameters are named after `flat`."""
    match type_:
        case Handle():
            yield name, c_type(type_), f"({c_type(type_)}){{{flat}}}"
        case ListOf() if type_ in BYTES:
            yield name, "radon_bytes", f"(radon_bytes){{{flat}, {flat}_len}}"
        case ResultOf(ok, Enum("error-code")) if ok in BYTES:
            yield "error", "radon_error", f"{flat}_failed ? (radon_error)({flat} + 1) : RADON_OK"
            bytes_ = f"(radon_bytes){{(const uint8_t *){flat}, {flat}_len}}"
            yield name, "radon_bytes", f"{flat}_failed ? (radon_bytes){{0}} : {bytes_}"
        case Primitive(scalar) if scalar in SCALARS and scalar != "bool":
            yield name, SCALARS[scalar], flat
        case _:
            raise RadonError(f"a handler takes {type_}, which is not lifted to C; extend radon/abi/c_types.py")


def owns(type_: Type | None) -> bool:
    """Does a value of this type hand over a handle?"""
    match type_:
        case Handle(_, owned):
            return owned
        case OptionOf(inner) | ListOf(inner) | ResultOf(inner, _):
            return owns(inner)
        case _:
            return False
