"""The parts of a component joined with each other and with host functions: what guests of several instances are.

Owns the crossing to wasmtime for that. It refuses to know what a host function does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping

import wasmtime

from radon.abi.parts import Export
from radon.host import capi
from radon.host.assembly import Assembly, Offer, Part
from radon.host.linked import Recipe, Wanted, function_type


class Joined(Recipe):
    """`functions` has what `callback` made of each of the host's functions. `reallocs` names the component's own."""

    def __init__(
        self, assembly: Assembly, engine: wasmtime.Engine, functions: Mapping[Offer, object], reallocs: list[str]
    ) -> None:
        types = {offer: function_type(capi.address(engine), offer.params, offer.results) for offer in functions}
        super().__init__(engine, assembly, functions, types)
        self.instances = len(assembly.parts)
        self.memory_minimum = assembly.pages << 16
        self.memory = Wanted("memory", assembly.memory.part, assembly.memory.name.encode())
        wanted = {**assembly.entries, **dict(zip(reallocs, assembly.reallocs, strict=False))}
        for number, part in enumerate(assembly.parts):
            self._look_at_exports(number, part, {name: e.name for name, e in wanted.items() if e.part == number})
        self._addresses = {offer: capi.address(type_) for offer, type_ in types.items()}
        self._functions = functions
        self._parts = [(capi.address(part.compiled), part.supplies) for part in assembly.parts]

    def _look_at_exports(self, number: int, part: Part, wanted: Mapping[str, str]) -> None:
        types = {export.name: export.type for export in part.compiled.exports if export.name in wanted.values()}
        for name, export in wanted.items():
            type_ = types[export]
            assert isinstance(type_, wasmtime.FuncType)  # the loader has looked
            self.want(name, number, export, type_)

    def make(self, context: int, trap: int, found: Callable[[int, int], None]) -> int | None:
        instances = (ctypes.c_uint64 * (2 * len(self._parts)))()
        first = ctypes.addressof(instances)
        for number, (module, supplies) in enumerate(self._parts):
            externs = (ctypes.c_uint64 * (capi.EXTERN_SIZE // 8 * len(supplies) + 1))()
            at = ctypes.addressof(externs)
            for supply in supplies:
                if isinstance(supply, Export):
                    name = supply.name.encode()
                    capi.instance_export_get(context, first + 16 * supply.part, name, len(name), at)
                else:  # its kind, a function, is 0
                    type_, function = self._addresses[supply], self._functions[supply]
                    capi.func_new(context, type_, function, None, None, at + capi.EXTERN_OF)
                at += capi.EXTERN_SIZE
            instance = first + 16 * number
            error: int | None = capi.instance_new(
                context, module, ctypes.addressof(externs), len(supplies), instance, trap
            )
            if error or ctypes.c_void_p.from_address(trap).value:
                return error
            found(number, instance)
        return None
