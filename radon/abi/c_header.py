"""guest-sdk/c/radon.h as text: typed C functions for the imports, macros for the handlers.

Owns the shape of that file. What needs no syscall - memory, text, integers, JSON - is written by hand in the headers
that it includes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from radon.abi.c_types import BYTES, c_type, core_params, lift, lower, owns, short, snake
from radon.abi.wit import (
    Enum,
    Function,
    Handle,
    Interface,
    ListOf,
    OptionOf,
    Primitive,
    ResultOf,
    Standard,
    Type,
    flatten,
)

WIDTH = 118

HEAD = """\
/* Generated from radon.wit by `python -m radon.abi.generate`; do not edit. */
/* radon.h - all that an atom written in C sees: the syscalls of {package}@{version} and the handlers. Needs no libc.
 *
 *   - Bytes and text are both `radon_bytes`, an `option` of them `radon_option`. What you pass in is lent for the call.
 *     What comes out lies in the turn's memory: nobody frees it, and it is gone when the turn ends.
 *   - A syscall that can fail returns a `radon_error`, and its value through `out`, which is zeroed when it fails.
 *     RADON_OK is 0, the others are one above their number in the standard. One that answers an `option` of a handle
 *     returns true where there is one.
 *   - Every function but the `_drop`s borrows the handles that it is given. A handle that is yours to drop counts
 *     against the kind's limit until then, and goes with the instance at the latest. The message in RADON_RECEIVE is
 *     not yours.
 *   - Times are in nanoseconds.
 *   - Names: radon_RESOURCE_METHOD, and radon_INTERFACE_FUNCTION for what belongs to no resource.
 */
#ifndef RADON_H
#define RADON_H

#include "radon_turn.h"

#define RADON_IMPORT_(module, name) __attribute__((import_module(module), import_name(name)))
#define RADON_EXPORT_(name) __attribute__((export_name(name)))
"""

RESULTS = """\
/* ---- how results come back: laid out as the Canonical ABI says, read by radon_take_... ---- */

typedef struct {
    bool failed;
    uint8_t error;
} radon_result_none;

static inline radon_error radon_take_none(radon_result_none area) {
    return area.failed ? (radon_error)(area.error + 1) : RADON_OK;
}

#define RADON_RESULT_(name, type)                                                      \\
    typedef struct {                                                                   \\
        bool failed;                                                                   \\
        union {                                                                        \\
            uint8_t error;                                                             \\
            type value;                                                                \\
        } either;                                                                      \\
    } radon_result_##name;                                                             \\
    static inline radon_error radon_take_##name(radon_result_##name area, type *out) { \\
        *out = area.failed ? (type){0} : area.either.value;                            \\
        return area.failed ? (radon_error)(area.either.error + 1) : RADON_OK;          \\
    }
"""

HANDLERS = """\
/* ---- handlers ----
 * Each macro heads a function body that returns a radon_outcome; call the parameters what you like:
 *     RADON_RECEIVE(message, body) { ...; return RADON_DONE; }
 * An atom has RADON_RECEIVE, and those of the others that it needs, each once.
 */

#define RADON_HANDLER_ static __attribute__((noinline)) radon_outcome /* not inlined, so that a trap shows its name */
#define RADON_UNUSED_ __attribute__((unused))
"""

TAIL = """\
#include "radon_json.h"

#endif
"""


def render(standard: Standard) -> str:
    """The text of radon.h."""
    interfaces = (*standard.types, *standard.imports)
    return "\n".join(
        [
            HEAD.format(package=standard.package, version=standard.version),
            *(_enum(enum) for interface in interfaces for enum in interface.enums),
            *_types(standard.imports),
            RESULTS,
            *_results(standard.imports),
            *(_interface(interface) for interface in standard.imports),
            HANDLERS,
            *(_handler(interface, function) for interface in standard.exports for function in interface.functions),
            TAIL,
        ]
    )


# ---- types ----


def _enum(enum: Enum) -> str:
    errors = enum.name == "error-code"
    prefix = "RADON_" if errors else f"RADON_{snake(enum.name).upper()}_"
    lines = ["typedef enum {"] + ["    RADON_OK,"] * errors
    for case, docs in zip(enum.cases, enum.docs, strict=True):
        lines.append(f"    {prefix}{snake(case).upper()},{f' /* {docs} */' if docs else ''}")
    lines.append(f"}} {c_type(enum)};\n")
    if errors:
        texts = [f'"{case}"' for case in ("ok", *enum.cases)]
        lines += [
            "static inline const char *radon_error_name(radon_error error) {",
            _wrapped("    static const char *const names[] = {", texts, "};"),
            "    return names[error];",
            "}\n",
        ]
    return "\n".join(lines)


def _types(interfaces: Sequence[Interface]) -> Iterator[str]:
    yield "/* Handles; none is 0. */"
    for interface in interfaces:
        for resource in interface.resources:
            yield f"typedef struct {{ int32_t handle; }} radon_{snake(resource)};"
    yield ""
    for interface in interfaces:
        for record in interface.records:
            yield _struct(c_type(record), ((c_type(type_), snake(field)) for field, type_ in record.fields))
    yield _struct("radon_pair", (("radon_bytes", "name"), ("radon_bytes", "value")))
    for element in dict.fromkeys(element for type_ in _used(interfaces) for element in _elements(type_)):
        yield _struct(f"{element}_list", ((f"const {element}", "*data"), ("size_t", "len")))


def _struct(name: str, fields: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"    {type_} {field};\n".replace("* ", "*") for type_, field in fields)
    return f"typedef struct {{\n{lines}}} {name};\n"


def _used(interfaces: Sequence[Interface]) -> Iterator[Type]:
    for interface in interfaces:
        for function in interface.functions:
            yield from (type_ for _, type_ in function.params)
            if function.result is not None:
                yield function.result


def _elements(type_: Type) -> Iterator[str]:
    match type_:
        case ListOf(element) if type_ not in BYTES:
            yield c_type(element)
        case ResultOf(ok, _) if ok is not None:
            yield from _elements(ok)


def _results(interfaces: Sequence[Interface]) -> Iterator[str]:
    results = [type_ for type_ in _used(interfaces) if isinstance(type_, ResultOf)]
    for value in dict.fromkeys(c_type(result.ok) for result in results if result.ok is not None):
        yield f"RADON_RESULT_({short(value)}, {value})"
    yield ""


# ---- imports ----


def _interface(interface: Interface) -> str:
    title = f"---- {interface.name} ----"
    return "\n".join(
        [
            _comment(f"{title}\n{interface.docs}" if interface.docs else title) + "\n",
            *(_function(interface, function) for function in interface.functions),
            *(_drop(interface, resource) for resource in interface.resources),
        ]
    )


def _function(interface: Interface, function: Function) -> str:
    of_resource = "." in function.path
    public = f"radon_{snake(function.path if of_resource else f'{interface.name}.{function.path}')}"
    name = f"radon_import_{snake(interface.name)}_{snake(function.path)}"
    core = [param for label, type_ in function.params for param in core_params(snake(label), type_)]
    core_result = "void"
    if function.result is not None and len(flatten(function.result)) > 1:
        core.append("void *area")
    elif function.result is not None:
        core_result = next(core_params("", function.result)).strip()
    params = [f"{c_type(type_)} {snake(label)}" for label, type_ in function.params]
    args = [arg for label, type_ in function.params for arg in lower(snake(label), type_)]
    returns, out, statements = _body(function.result, name, args)
    docs = "\n".join(filter(None, [function.docs, "Yours to drop." if owns(function.result) else ""]))
    lines = [
        f'RADON_IMPORT_("{interface.full_name}", "{function.field}")',
        _wrapped(f"{core_result} {name}(", core or ["void"], ");"),
        *([_comment(docs)] if docs else []),
        _wrapped(f"static inline {returns} {public}(", [*params, *out] or ["void"], ") {"),
        *(f"    {statement}" for statement in statements),
        "}\n",
    ]
    return "\n".join(lines)


def _body(result: Type | None, name: str, args: list[str]) -> tuple[str, list[str], list[str]]:
    """Return type, out parameters and statements of a function that calls the import `name`."""
    call = _wrapped(f"{name}(", args, ")")
    into_area = _wrapped(f"{name}(", [*args, "&area"], ");")
    match result:
        case None:
            return "void", [], [f"{call};"]
        case Primitive("bool"):
            return "bool", [], [f"return {call} != 0;"]
        case Handle():
            return c_type(result), [], [f"return ({c_type(result)}){{{call}}};"]
        case _ if len(flatten(result)) == 1:
            return c_type(result), [], [f"return ({c_type(result)}){call};"]
        case OptionOf(Handle() as some):
            area = f"struct {{ bool some; {c_type(some)} value; }} area;"
            take = f"*out = area.some ? area.value : ({c_type(some)}){{0}};"
            return "bool", [f"{c_type(some)} *out"], [area, into_area, take, "return area.some;"]
        case ResultOf(None, Enum("error-code")):
            return "radon_error", [], ["radon_result_none area;", into_area, "return radon_take_none(area);"]
        case ResultOf(ok, Enum("error-code")) if ok is not None:
            kind = short(c_type(ok))
            take = f"return radon_take_{kind}(area, out);"
            return "radon_error", [f"{c_type(ok)} *out"], [f"radon_result_{kind} area;", into_area, take]
        case _:
            return c_type(result), [], [f"{c_type(result)} area;", into_area, "return area;"]


def _drop(interface: Interface, resource: str) -> str:
    name = snake(resource)
    import_name = f"radon_import_{snake(interface.name)}_{name}_drop"
    return (
        f'RADON_IMPORT_("{interface.full_name}", "[resource-drop]{resource}")\n'
        f"void {import_name}(int32_t self);\n"
        f"static inline void radon_{name}_drop(radon_{name} self) {{ {import_name}(self.handle); }}\n"
    )


# ---- handlers ----


def _handler(interface: Interface, function: Function) -> str:
    """The macro that heads a handler: it exports a function that lifts the arguments and drops what was lent."""
    export = f"{interface.full_name}#{function.field}"
    name = snake(function.path)
    flat = [(label, f"radon_{index}", type_) for index, (label, type_) in enumerate(function.params)]
    core = [param for _, place, type_ in flat for param in core_params(place, type_)]
    lifted = [param for label, place, type_ in flat for param in lift(snake(label), place, type_)]
    lent = [
        f"        radon_{snake(type_.resource)}_drop((radon_{snake(type_.resource)}){{{place}}});"
        for _, place, type_ in flat
        if isinstance(type_, Handle) and not type_.owned
    ]
    head = f"    RADON_HANDLER_ radon_on_{name}("
    text = "\n".join(
        [
            f"#define RADON_{name.upper()}({', '.join(label for label, _, _ in lifted)})",
            _wrapped(head, [type_ for _, type_, _ in lifted], ");"),
            f'    RADON_EXPORT_("{export}")',
            _wrapped(f"    const radon_outcome *radon_enter_{name}(", core, ") {"),
            _wrapped(f"        radon_outcome outcome = radon_on_{name}(", [value for _, _, value in lifted], ");"),
            *lent,
            "        return radon_settle(outcome);",
            "    }",
            _wrapped(head, [f"RADON_UNUSED_ {type_} {label}" for label, type_, _ in lifted], ")"),
        ]
    )
    *most, last = text.splitlines()
    macro = "".join(f"{line:<{WIDTH}} \\\n" for line in most) + last + "\n"
    return f"{_comment(function.docs)}\n{macro}" if function.docs else macro


# ---- layout of text ----


def _comment(text: str) -> str:
    lines = [piece for line in text.splitlines() for piece in textwrap.wrap(line, WIDTH - 6)]
    return "/* " + "\n * ".join(lines) + " */"


def _wrapped(head: str, items: Sequence[str], tail: str) -> str:
    """`head`, the items with commas, `tail`; broken between items where a line gets too long."""
    indent = " " * (len(head) - len(head.lstrip()) + 4)
    glued = (head + ", ".join(item.replace(" ", "\0") for item in items)).replace(", ", ",\n")
    text = glued.replace(" ", "\0").replace("\n", " ") + tail.replace(" ", "\0")
    lines = textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ")
