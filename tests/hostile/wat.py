"""Modules of a few lines of WAT: the boilerplate that makes an atom of them, and nothing that makes them behave.

    module(imports=["log.write"], receive="(call $log.write (i32.const 9) (i32.const 0) (i32.const 1))")

Imports are `$` and the name in the table of syscalls. A handler body sees its parameters as `$0`, `$1`, ... and may
leave a result area on the stack with `return`; else it says ok.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from radon.abi.signature import Handler, Syscall
from radon.abi.syscalls import HANDLERS, SYSCALLS
from radon.host.wasi import MODULE as WASI
from radon.host.wasi import SIGNATURES
from radon.host.wasi2 import BY_IMPORT

BY_NAME = {row.name: row for row in SYSCALLS}

_MORE = [
    ("wasi:io/poll", "[resource-drop]pollable", ("i32",), ()),
    ("wasi:io/streams", "[resource-drop]input-stream", ("i32",), ()),
    ("wasi:io/streams", "[resource-drop]output-stream", ("i32",), ()),
    ("wasi:filesystem/types", "[resource-drop]descriptor", ("i32",), ()),
    ("wasi:filesystem/types", "[method]descriptor.is-same-object", ("i32", "i32"), ("i32",)),
    ("wasi:sockets/instance-network", "instance-network", (), ("i32",)),
]


def _named(row: Syscall) -> Syscall:
    """As WAT can have it: "streams.output-stream.write", "poll.drop.pollable"."""
    field = row.field.replace("[method]", "").replace("[resource-drop]", "drop.")
    return replace(row, name=f"{row.interface.partition('/')[2]}.{field}")


WASI2 = [
    _named(row)
    for row in (*BY_IMPORT.values(), *(Syscall(a, b, "", c, d, "none", False, (), "") for a, b, c, d in _MORE))
]
"""Functions of WASI 0.2. The last two can be imported and not called."""

WASI2_VERSION = "0.2.7"

OK = 8
"""Where the twelve zeros are that say ok."""

HEAP = 4096
"""Where the first allocation of an instance begins."""

REALLOC = """
  (func $realloc (export "cabi_realloc") (param $old i32) (param $was i32) (param $align i32) (param $size i32)
    (result i32) (local $at i32)
    (global.set $heap (i32.and (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (local.set $at (global.get $heap))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (call $reserve (global.get $heap))
    (local.get $at))
"""
"""A bump allocator that never frees."""

_HEAP = f"""
  (global $heap (mut i32) (i32.const {HEAP}))
  (func $reserve (param $end i32) (local $pages i32)
    (local.set $pages (i32.sub (i32.shr_u (i32.add (local.get $end) (i32.const 65535)) (i32.const 16)) (memory.size)))
    (if (i32.gt_s (local.get $pages) (i32.const 0)) (then
      (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable)))))
"""


def signature(params: Iterable[str], results: Iterable[str]) -> str:
    return "".join(f" (param {core})" for core in params) + "".join(f" (result {core})" for core in results)


def module(
    imports: Iterable[str] = (),
    *,
    wasi: Iterable[str] = (),
    wasi2: Iterable[Syscall] = (),
    memory: str = '(memory (export "memory") 1)',
    realloc: str = REALLOC,
    more: str = "",
    name: str = "hostile",
    **handlers: str,
) -> bytes:
    """WAT of an atom. `handlers`: body by short name; those that an import needs, and `receive`, are there anyway.

    `wasi` names functions of preview1, which are imported as `$` and the name as well; so are those of `wasi2`, which
    only a component can have (components.py).
    """
    rows = [BY_NAME[name] for name in imports]
    for needed in ["receive", *(row.handler for row in rows if row.handler)]:
        handlers.setdefault(needed, "")
    exports = "".join(_handler(HANDLERS[name], body) for name, body in handlers.items())
    functions = [(WASI, name, name, *SIGNATURES[name]) for name in wasi]
    functions += [(f"{row.interface}@{WASI2_VERSION}", row.field, row.name, row.params, row.results) for row in wasi2]
    functions += [(row.interface, row.field, row.name, row.params, row.results) for row in rows]
    text = "\n  ".join(
        f'(import "{space}" "{field}" (func ${name}{signature(params, results)}))'
        for space, field, name, params, results in functions
    )
    return f"(module ${name}\n  {text}\n  {memory}{_HEAP}{realloc}{more}{exports})".encode()


def _handler(row: Handler, body: str) -> str:
    # The name section is what a trap's frames are named after: `$receive`.
    return (
        f'\n  (func ${row.name} (export "{row.export}"){signature(row.params, row.results)} {_locals(body)}'
        f"\n    {body}\n    (i32.const {OK}))"
    )


def _locals(body: str) -> str:
    """Of the type i32: `$a`, `$b` and `$c`, where the body names them."""
    return " ".join(f"(local ${name} i32)" for name in "abc" if f"${name})" in body or f"${name} " in body)
