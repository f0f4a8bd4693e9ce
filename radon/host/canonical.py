"""The Canonical ABI, as far as radon.wit needs it: core values and guest memory to Python values and back.

A type is written as the WIT writes it ("result<option<list<u8>>, error-code>"). `lifter` and `lowerer` turn a
signature into two functions once; the gate calls them at every syscall. Every pointer and length is the guest's
claim: `Access` checks it against the live memory, and a wrong one raises Violation before a byte is touched.

Values: list<u8> is bytes, string str, list<T> a list, option<T> None or the value, tuple and record a tuple, enum and
bool an int, borrow<T> and own<T> the resource itself. An error of a result is raised as Refused, and one of WASI is
returned as Err.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from radon.abi.errors import Refused, TooLarge
from radon.host.handles import Handles, Violation
from radon.host.limits import SYSCALL_FUEL


class Access(Protocol):
    """What lifting and lowering may do to the guest."""

    handles: Handles
    message_limit: int
    allocates_all: bool  # even what is empty, as components expect it: they may free what they are given

    def spend(self, fuel: int) -> None:
        """Charge the turn for work of the host."""

    def check(self, pointer: int, length: int) -> None:
        """Raises Trap unless the bytes are in the guest's memory."""

    def read(self, pointer: int, length: int) -> bytes: ...

    def write(self, pointer: int, data: bytes) -> None: ...

    def allocate(self, align: int, size: int) -> int:
        """Room in the guest's memory, aligned and in bounds. For size 0 only where it `allocates_all`."""


class Err(NamedTuple):
    """The error of a result, as the number of its case; of a case without a payload."""

    case: int


Lift = Callable[[Access, Sequence[int]], Any]
Lower = Callable[[Access, int, Any], None]


class Type(NamedTuple):
    head: str
    args: tuple[Type, ...] = ()


def parse(text: str) -> Type:
    """A type as the WIT writes it, without aliases."""
    head, bracket, rest = text.strip().partition("<")
    if not bracket:
        return Type(head)
    depth, start, args = 0, 0, []
    inner = rest[: rest.rindex(">")]
    for at, char in enumerate(inner + ","):
        depth += (char == "<") - (char == ">")
        if char == "," and depth == 0:
            args.append(parse(inner[start:at]))
            start = at + 1
    return Type(head, tuple(args))


# ---- layout in memory: size and alignment ----

_SCALARS = {"u8": "B", "bool": "B", "u32": "I", "s32": "i", "u64": "Q", "s64": "q", "f64": "d"}
_ENUMS = {
    "error-code": 8, "distance": 4, "level": 4,
    "ip-address-family": 2, "network-error": 21,  # of WASI, as what follows
}  # fmt: skip
_VARIANTS = {"stream-error": (8, 4)}


def _align_up(at: int, align: int) -> int:
    return (at + align - 1) & -align


def layout(t: Type) -> tuple[int, int]:
    """Size and alignment in bytes of a value in memory."""
    if t.head in _SCALARS:
        size = struct.calcsize("<" + _SCALARS[t.head])
        return size, size
    if t.head in _ENUMS:
        return 1, 1
    if t.head in _VARIANTS:
        return _VARIANTS[t.head]
    if t.head in ("list", "string"):
        return 8, 4
    if t.head in ("own", "borrow"):
        return 4, 4
    if t.head == "tuple":
        at, most = 0, 1
        for part in t.args:
            size, align = layout(part)
            at, most = _align_up(at, align) + size, max(most, align)
        return _align_up(at, most), most
    if t.head in ("option", "result"):
        parts = [layout(part) for part in t.args if part.head != "_"]
        most = max([1, *(align for _, align in parts)])
        return _align_up(_align_up(1, most) + max([0, *(size for size, _ in parts)]), most), most
    raise ValueError(f"no type {t.head!r}")


# ---- lifting: parameters of a syscall ----


def lifter(params: Sequence[Type]) -> Callable[[Access, Sequence[int]], list[Any]]:
    """All parameters from the flat core values."""
    lifts: list[Lift] = []
    at = 0
    for t in params:
        lift, at = _lift_flat(t, at)
        lifts.append(lift)
    return lambda access, flat: [lift(access, flat) for lift in lifts]


def _lift_flat(t: Type, at: int) -> tuple[Lift, int]:
    """How to lift a `t` from the core values at index `at`, and the index behind it."""
    after = at + 1
    if t.head == "u32" or t.head == "u64" or t.head == "f64":
        return lambda access, flat: flat[at], after
    if t.head == "s64":
        return lambda access, flat: flat[at] - 2**64 if flat[at] >= 2**63 else flat[at], after
    if t.head == "bool":
        return lambda access, flat: flat[at] != 0, after
    if t.head == "u8":
        return lambda access, flat: flat[at] & 0xFF, after
    if t.head in _ENUMS or t == Type("result"):
        cases = _ENUMS.get(t.head, 2)

        def enum(access: Access, flat: Sequence[int]) -> int:
            if flat[at] >= cases:
                raise Violation(f"{flat[at]} is no case of {t.head}")
            return flat[at]

        return enum, after
    if t.head == "borrow":
        resource = t.args[0].head
        return lambda access, flat: access.handles.get(flat[at], resource), after
    if t.head == "string":
        return lambda access, flat: _text(access.read(flat[at], flat[after])), at + 2
    if t.head == "list":
        if t.args[0].head == "u8":
            return lambda access, flat: access.read(flat[at], flat[after]), at + 2
        load, size = _load(t.args[0]), layout(t.args[0])[0]
        align = layout(t.args[0])[1]
        return lambda access, flat: _load_list(access, flat[at], flat[after], load, size, align), at + 2
    if t.head == "option":
        some, end = _lift_flat(t.args[0], after)

        def option(access: Access, flat: Sequence[int]) -> Any:
            if flat[at] > 1:
                raise Violation(f"{flat[at]} is no case of option")
            return some(access, flat) if flat[at] else None

        return option, end
    raise ValueError(f"cannot lift {t.head!r}")


Load = Callable[[Access, bytes, int], Any]


def _load(t: Type) -> Load:
    """How to lift a list's element from the bytes that hold it."""
    if t.head == "string":
        return lambda access, raw, at: _text(access.read(*struct.unpack_from("<II", raw, at)))
    if t.head == "list" and t.args[0].head == "u8":
        return lambda access, raw, at: access.read(*struct.unpack_from("<II", raw, at))
    if t.head == "borrow":
        resource = t.args[0].head
        return lambda access, raw, at: access.handles.get(int.from_bytes(raw[at : at + 4], "little"), resource)
    if t.head == "tuple":
        parts, offset = [], 0
        for part in t.args:
            size, align = layout(part)
            offset = _align_up(offset, align)
            parts.append((_load(part), offset))
            offset += size
        return lambda access, raw, at: tuple(load(access, raw, at + offset) for load, offset in parts)
    raise ValueError(f"cannot load {t.head!r}")


def _load_list(access: Access, pointer: int, count: int, load: Load, size: int, align: int) -> list[Any]:
    """Elements may be empty, or all point at the same bytes: both their number and their sum are bounded."""
    if pointer % align:
        raise Violation(f"a list at {pointer} is not aligned to {align}")
    access.check(pointer, count * size)
    if count * size > access.message_limit:
        raise TooLarge(f"a list of {count} elements, more than {access.message_limit} bytes (limits.message)")
    access.spend(count * SYSCALL_FUEL)
    raw = access.read(pointer, count * size)
    found: list[Any] = []
    total = 0
    for at in range(0, count * size, size):
        element = load(access, raw, at)
        total += _length(element)
        if total > access.message_limit:
            raise TooLarge(f"a list of more than {access.message_limit} bytes (limits.message)")
        found.append(element)
    return found


def _length(element: Any) -> int:
    if isinstance(element, tuple):
        return sum(map(len, element))
    return len(element) if isinstance(element, bytes) else 0


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Violation(f"a string is not UTF-8: {error.reason} at byte {error.start}") from None


# ---- lowering: the result of a syscall ----


def lowerer(result: Type) -> Lower:
    """Writes a result, or the Refused that was raised instead of it, to the return area at a pointer."""
    size, align = layout(result)
    store = _store(result)

    def lower(access: Access, pointer: int, value: Any) -> None:
        if pointer % align:
            raise Violation(f"the return area at {pointer} is not aligned to {align}")
        access.write(pointer, store(access, value).ljust(size, b"\0"))

    return lower


Store = Callable[[Access, Any], bytes]


def _store(t: Type) -> Store:
    """The bytes that hold a value; what it points to is written to the guest's memory on the way."""
    if t.head in _SCALARS:
        pack = struct.Struct("<" + _SCALARS[t.head]).pack
        return lambda access, value: pack(value)
    if t.head in _ENUMS:
        return lambda access, value: bytes((value,))
    if t.head == "own":
        resource = t.args[0].head
        return lambda access, value: access.handles.insert(resource, value).to_bytes(4, "little")
    if t.head == "string":
        return lambda access, value: _store_bytes(access, value.encode())
    if t.head == "list":
        return _store_bytes if t.args[0].head == "u8" else _store_list(t.args[0])
    if t.head == "tuple":
        return _store_tuple(t)
    if t.head == "option":
        gap, some = _gap(t), _store(t.args[0])
        return lambda access, value: b"\0" if value is None else b"\1" + gap + some(access, value)
    if t.head == "result":
        gap = _gap(t)
        ok: Store = (lambda access, value: b"") if t.args[0].head == "_" else _store(t.args[0])

        def result(access: Access, value: Any) -> bytes:
            if isinstance(value, Err):
                return b"\1" + gap + bytes(value)
            if not isinstance(value, Refused):
                try:
                    return b"\0" + gap + ok(access, value)
                except Refused as refused:  # no handle left for what was asked for
                    value = refused
            return b"\1" + gap + bytes((value.code,))

        return result
    raise ValueError(f"cannot store {t.head!r}")


def _gap(t: Type) -> bytes:
    """The padding between a discriminant and its payload."""
    return bytes(layout(t)[1] - 1)


def _store_bytes(access: Access, value: bytes) -> bytes:
    """Empty ones are not allocated (rule 2.3): their pointer is 1, since null is no pointer in some languages."""
    if not (value or access.allocates_all):
        return struct.pack("<II", 1, 0)
    pointer = access.allocate(1, len(value))
    access.write(pointer, value)
    return struct.pack("<II", pointer, len(value))


def _store_list(element: Type) -> Store:
    size, align = layout(element)
    store = _store(element)

    def store_list(access: Access, values: Sequence[Any]) -> bytes:
        if not (values or access.allocates_all):
            return struct.pack("<II", align, 0)
        access.spend(len(values) * SYSCALL_FUEL)
        pointer = access.allocate(align, size * len(values))
        for index, value in enumerate(values):
            access.write(pointer + index * size, store(access, value).ljust(size, b"\0"))
        return struct.pack("<II", pointer, len(values))

    return store_list


def _store_tuple(t: Type) -> Store:
    stores = [_store(part) for part in t.args]
    layouts = [layout(part) for part in t.args]

    def store_tuple(access: Access, value: Sequence[Any]) -> bytes:
        out = b""
        for store, (size, align), part in zip(stores, layouts, value, strict=True):
            out = out.ljust(_align_up(len(out), align), b"\0") + store(access, part).ljust(size, b"\0")
        return out

    return store_tuple
