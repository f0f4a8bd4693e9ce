"""Host functions, and a module joined with them: what instances are made from.

Owns the crossing from guest to host, and what happens to an exception there. It refuses to know what a host function
does, and which guest runs: a host function is given its raw arguments and nothing else.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import wasmtime

from radon.abi.errors import LoadError
from radon.host import capi
from radon.host.signatures import ARENA
from radon.host.trap import one_line

if TYPE_CHECKING:
    from radon.host.guest import Guest

_MASKS = {"i32": 0xFFFF_FFFF, "i64": 0xFFFF_FFFF_FFFF_FFFF}

Raw = Any
"""What a host function gets (`POINTER(c_uint64)`): argument i is `raw[2 * i]`, and of an i32 only the low 32 bits mean
anything: mask it. The result goes to `raw[0]`; floats are their bits."""

HostFunction = tuple[Sequence[str], Sequence[str], Any]
"""Parameter types, result types ("i32", "i64", "f32", "f64") and what `callback` made."""


def callback(function: Callable[[Raw], None]) -> Any:
    """A host function for `Linked`. What `function` raises ends the guest's call, and `Guest.call` raises it again."""

    def enter(env: int | None, caller: int, raw: Raw, count: int) -> int | None:
        try:
            if env:
                _running(caller)._adopt(caller)
            function(raw)
        except BaseException as error:  # none may escape: ctypes would print it and let the guest go on
            return _running(caller)._remember(error)
        return None

    return capi.CALLBACK(enter)


def _running(caller: int) -> Guest:
    guest: Guest = capi.object_at(capi.context_get_data(capi.caller_context(caller)))
    return guest


class Wanted(NamedTuple):
    """An export that the host looks up in every guest: a function that it calls, or the memory."""

    name: str  # for the host
    part: int  # which of the instances that the guest is made of
    export: bytes
    arity: int = 0
    mask: int = 0  # of the result; 0: there is none


class Recipe:
    """What a guest is made from. Immutable; any thread may use it."""

    def __init__(self, engine: wasmtime.Engine, *kept: object) -> None:
        self.instances = 1
        self.memory_minimum = 0  # bytes
        self.memory: Wanted | None = None
        self.has_arena = False
        self.initializes = False
        self.entries: list[Wanted] = []
        self.words = capi.RAW_WORDS  # of the longest call
        self._kept = (engine, *kept)  # wasmtime holds their addresses, not references
        self.engine = capi.address(engine)

    def make(self, context: int, trap: int, found: Callable[[int, int], None]) -> int | None:
        """Make a guest's instances in the store of this context, and call `found(part, address)` after each.

        Answers the address of an error, or None; a trap's is left at the address `trap`, and ends it likewise.
        """
        raise NotImplementedError

    def want(self, name: str, part: int, export: str, type_: wasmtime.FuncType) -> None:
        results = [str(result) for result in type_.results]
        if len(results) > 1 or any(result not in _MASKS for result in results):
            raise LoadError(f"export {export!r} returns {', '.join(results)}; the host can take one i32 or i64")
        arity = len(type_.params)
        self.words = max(self.words, arity * capi.RAW_WORDS)
        self.entries.append(Wanted(name, part, export.encode(), arity, _MASKS[results[0]] if results else 0))


class Linked(Recipe):
    """A module joined with its host functions.

    `functions` maps (import module, field); those that the module does not import are ignored. `entries` names the
    exports that the host wants to call; those that the module lacks, or that are no functions, are None in each guest.
    `starts` says whether the module may have a start section: its host functions run before the instance exists, and
    find the memory through their caller, which costs each of them 1 us.
    """

    def __init__(
        self,
        module: wasmtime.Module,
        engine: wasmtime.Engine,
        functions: Mapping[tuple[str, str], HostFunction],
        entries: Sequence[str],
        *,
        starts: bool = True,
    ) -> None:
        super().__init__(engine, module, functions)
        self._pre: int | None = None
        self._look_at_exports(module, frozenset(entries))
        self._link(module, functions, starts)

    def make(self, context: int, trap: int, found: Callable[[int, int], None]) -> int | None:
        instance = (ctypes.c_uint64 * 2)()
        at = ctypes.addressof(instance)
        error: int | None = capi.instance_pre_instantiate(self._pre, context, at, trap)
        if not error and not ctypes.c_void_p.from_address(trap).value:
            found(0, at)
        return error

    def _look_at_exports(self, module: wasmtime.Module, wanted: frozenset[str]) -> None:
        for export in module.exports:
            type_, name = export.type, export.name
            if isinstance(type_, wasmtime.MemoryType) and name == "memory":
                self.memory = Wanted(name, 0, b"memory")
                self.memory_minimum = type_.limits.min << 16
            elif isinstance(type_, wasmtime.GlobalType) and name == ARENA:
                self.has_arena = True
            elif isinstance(type_, wasmtime.FuncType) and (name in wanted or name == "_initialize"):
                self.want(name, 0, name, type_)
                self.initializes |= name == "_initialize"

    def _link(self, module: wasmtime.Module, functions: Mapping[tuple[str, str], HostFunction], starts: bool) -> None:
        linker = capi.linker_new(self.engine)
        try:
            for (space, field), (params, results, function) in functions.items():
                signature = function_type(self.engine, tuple(params), tuple(results))
                where, what = space.encode(), field.encode()
                error = capi.linker_define(
                    linker, where, len(where), what, len(what), capi.address(signature), function, starts, None
                )  # fmt: skip
                if error:
                    raise LoadError(one_line(str(capi.error_at(error))))
            pre = ctypes.c_void_p()
            error = capi.linker_instantiate_pre(linker, capi.address(module), ctypes.addressof(pre))
            if error:
                raise LoadError(one_line(str(capi.error_at(error))))
            self._pre = pre.value
        finally:
            capi.linker_delete(linker)

    def __del__(self) -> None:
        if getattr(self, "_pre", None):
            capi.instance_pre_delete(self._pre)
            self._pre = None


@functools.cache
def function_type(engine: int, params: tuple[str, ...], results: tuple[str, ...]) -> wasmtime.FuncType:
    """Of that engine alone: wasmtime aborts the process when one meets two engines."""
    types: dict[str, Callable[[], wasmtime.ValType]] = {
        "i32": wasmtime.ValType.i32, "i64": wasmtime.ValType.i64,
        "f32": wasmtime.ValType.f32, "f64": wasmtime.ValType.f64,
    }  # fmt: skip
    return wasmtime.FuncType([types[name]() for name in params], [types[name]() for name in results])
