"""The Canonical ABI against an oracle of its own: the layouts are C's, which ctypes knows; reading is an overlay."""

from __future__ import annotations

import ctypes
import math
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.abi.errors import Closed, ErrorCode, Exhausted, Refused, TooLarge
from radon.abi.signature import Syscall
from radon.abi.syscalls import DISTANCES, ERROR_CODES, LEVELS, SYSCALLS
from radon.host.canonical import Type, layout, lifter, lowerer, parse
from radon.host.handles import Handles, Violation
from radon.host.trap import OutOfBounds, Trap

SIZE = 1 << 16
ENUMS = {"error-code": ERROR_CODES, "distance": DISTANCES, "level": LEVELS}
SCALARS = {
    "u8": ctypes.c_uint8, "bool": ctypes.c_uint8, "u32": ctypes.c_uint32, "s32": ctypes.c_int32,
    "u64": ctypes.c_uint64, "s64": ctypes.c_int64, "f64": ctypes.c_double,
}  # fmt: skip
RESULTS = sorted({row.gives for row in SYSCALLS if row.gives})
IN_MEMORY = sorted({row.gives for row in SYSCALLS if row.gives and not row.results})


class Pair(ctypes.Structure):
    _fields_ = (("pointer", ctypes.c_uint32), ("length", ctypes.c_uint32))


@cache
def c_type(t: Type) -> Any:
    """The C type that has this layout on wasm32, whose pointers are u32."""
    if t.head in SCALARS:
        return SCALARS[t.head]
    if t.head in ENUMS:
        return ctypes.c_uint8
    if t.head in ("list", "string"):
        return Pair
    if t.head in ("own", "borrow"):
        return ctypes.c_uint32
    if t.head == "tuple":
        return type("Tuple", (ctypes.Structure,), {"_fields_": [(f"f{i}", c_type(p)) for i, p in enumerate(t.args)]})
    cases = [(f"c{i}", c_type(p)) for i, p in enumerate(t.args) if p.head != "_"]
    payload = type("Payload", (ctypes.Union,), {"_fields_": cases})
    return type("Variant", (ctypes.Structure,), {"_fields_": [("case", ctypes.c_uint8), ("payload", payload)]})


class Memory:
    """A guest of 64 KiB with a bump allocator that writes down what it was asked for."""

    def __init__(self, *, handles: int = 100, message_limit: int = 10_000) -> None:
        self.bytes = bytearray(SIZE)
        self.handles = Handles(handles)
        self.message_limit = message_limit
        self.allocates_all = False
        self.asked: list[tuple[int, int]] = []
        self._top = 1024

    def spend(self, fuel: int) -> None:
        assert fuel >= 0

    def check(self, pointer: int, length: int) -> None:
        if not 0 <= pointer <= pointer + length <= SIZE:
            raise OutOfBounds(pointer, length, SIZE)

    def read(self, pointer: int, length: int) -> bytes:
        self.check(pointer, length)
        return bytes(self.bytes[pointer : pointer + length])

    def write(self, pointer: int, data: bytes) -> None:
        self.check(pointer, len(data))
        self.bytes[pointer : pointer + len(data)] = data

    def allocate(self, align: int, size: int) -> int:
        assert size > 0
        self.asked.append((align, size))
        self._top = -(-self._top // align) * align + size
        return self._top - size

    def place(self, data: bytes, align: int = 1) -> tuple[int, int]:
        """As the guest would: bytes of its own, and where they are."""
        pointer = self.allocate(align, len(data)) if data else 0xFFF0
        self.write(pointer, data)
        return pointer, len(data)

    def load(self, t: Type, pointer: int) -> Any:
        """A value as a C program finds it."""
        return self._value(t, c_type(t).from_buffer_copy(self.bytes, pointer))

    def _value(self, t: Type, raw: Any) -> Any:
        raw = getattr(raw, "value", raw)  # ctypes unpacks a number in a struct, but not one of its own
        if t.head in SCALARS or t.head in ENUMS:
            return raw
        if t.head in ("own", "borrow"):
            return self.handles.get(raw, t.args[0].head)
        if t.head == "string":
            return self.read(raw.pointer, raw.length).decode()
        if t.head == "list":
            element = t.args[0]
            size = ctypes.sizeof(c_type(element))
            assert raw.pointer % ctypes.alignment(c_type(element)) == 0
            self.check(raw.pointer, raw.length * size)
            if element.head == "u8":
                return self.read(raw.pointer, raw.length)
            return [self.load(element, raw.pointer + i * size) for i in range(raw.length)]
        if t.head == "tuple":
            return tuple(self._value(part, getattr(raw, f"f{i}")) for i, part in enumerate(t.args))
        if t.head == "option":
            assert raw.case in (0, 1)
            return self._value(t.args[0], raw.payload.c0) if raw.case else None
        assert t.head == "result"
        if raw.case == 0:
            return None if t.args[0].head == "_" else self._value(t.args[0], raw.payload.c0)
        return ErrorCode(raw.payload.c1)


def stored(value: Any) -> Any:
    """What is read of a value that was lowered: errors as their code."""
    if isinstance(value, list | tuple):
        return type(value)(map(stored, value))
    return value.code if isinstance(value, Refused) else value


def values_of(t: Type) -> st.SearchStrategy[Any]:
    if t.head in ENUMS:
        return st.integers(0, len(ENUMS[t.head]) - 1)
    if t.head == "list" and t.args[0].head == "u8":
        return st.binary(max_size=20)
    if t.head == "list":
        return st.lists(values_of(t.args[0]), max_size=4)
    if t.head == "option":
        return st.none() | values_of(t.args[0])
    if t.head == "tuple":
        return st.tuples(*map(values_of, t.args))
    if t.head == "result":
        good = st.none() if t.args[0].head == "_" else values_of(t.args[0])
        return good | st.sampled_from(ErrorCode).map(lambda code: Refused.of(code, "no"))
    return {
        "u32": st.integers(0, 2**32 - 1), "s32": st.integers(-(2**31), 2**31 - 1), "u64": st.integers(0, 2**64 - 1),
        "s64": st.integers(-(2**63), 2**63 - 1), "f64": st.floats(allow_nan=False), "bool": st.booleans(),
        "u8": st.integers(0, 255), "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        "own": st.builds(object), "borrow": st.builds(object),
    }[t.head]  # fmt: skip


# ---- layout ----


def parts(t: Type) -> list[Type]:
    inside = () if t.head in ("own", "borrow") else t.args
    return [t, *(inner for part in inside if part.head != "_" for inner in parts(part))]


@pytest.mark.parametrize("text", sorted({*RESULTS, *(text for row in SYSCALLS for text in row.takes)}))
def test_every_type_of_the_standard_lies_as_in_c(text: str) -> None:
    for t in parts(parse(text)):
        assert layout(t) == (ctypes.sizeof(c_type(t)), ctypes.alignment(c_type(t))), t


leaves = st.sampled_from([*SCALARS, *ENUMS, "string", "list<u8>", "own<bucket>"])
types = st.recursive(
    leaves,
    lambda inner: (
        inner.map(lambda text: f"list<{text}>")
        | inner.map(lambda text: f"option<{text}>")
        | inner.map(lambda text: f"result<{text}, error-code>")
        | st.lists(inner, min_size=1, max_size=4).map(lambda texts: f"tuple<{', '.join(texts)}>")
    ),
    max_leaves=6,
)


@given(types)
def test_any_type_lies_as_in_c(text: str) -> None:
    t = parse(text)
    assert layout(t) == (ctypes.sizeof(c_type(t)), ctypes.alignment(c_type(t)))


def test_a_type_that_is_none_is_a_mistake_of_the_host() -> None:
    with pytest.raises(ValueError, match="no type 'stream'"):
        layout(parse("stream<u8>"))


def test_types_are_read_as_the_wit_writes_them() -> None:
    assert parse("result<_, error-code>") == Type("result", (Type("_"), Type("error-code")))
    assert parse(" list<tuple<string, list<u8>>> ") == Type(
        "list", (Type("tuple", (Type("string"), Type("list", (Type("u8"),)))),)
    )


# ---- lowering ----


@pytest.mark.parametrize("text", IN_MEMORY)
@given(data=st.data())
def test_a_result_is_found_where_c_looks_for_it(text: str, data: st.DataObject) -> None:
    t = parse(text)
    value = data.draw(values_of(t))
    memory = Memory()
    memory.bytes[:] = b"\xaa" * SIZE
    lowerer(t)(memory, 64, value)
    assert memory.load(t, 64) == stored(value)
    size = layout(t)[0]
    assert memory.bytes[:64] == b"\xaa" * 64
    assert memory.bytes[64 + size : 1024] == b"\xaa" * (1024 - 64 - size)


@given(types, st.data())
def test_any_value_is_found_where_c_looks_for_it(text: str, data: st.DataObject) -> None:
    t = parse(text)
    value = data.draw(values_of(t))
    memory = Memory(handles=1000)
    lowerer(t)(memory, 64, value)
    assert memory.load(t, 64) == stored(value)


def test_a_result_area_that_is_not_aligned_is_a_violation() -> None:
    for text in IN_MEMORY:
        t = parse(text)
        if layout(t)[1] > 1:
            with pytest.raises(Violation, match="not aligned"):
                lowerer(t)(Memory(), 65, Closed("no"))


def test_a_result_area_outside_of_memory_is_a_trap() -> None:
    for text in IN_MEMORY:
        for pointer in (SIZE, 2**32 - 8, SIZE - layout(parse(text))[1] + 8):
            with pytest.raises(Trap):
                lowerer(parse(text))(Memory(), pointer, Closed("no") if text.startswith("result") else "")


def asked(text: str, value: Any) -> list[tuple[int, int]]:
    memory = Memory()
    lowerer(parse(text))(memory, 64, value)
    return memory.asked


def test_the_guest_is_asked_for_memory_in_one_order_and_never_for_nothing() -> None:
    """Number, order and arguments of the calls of cabi_realloc are observable, so they are specified (rule 2)."""
    many = "result<list<option<list<u8>>>, error-code>"
    assert asked(many, [b"abc", None, b"", b"de"]) == [(4, 48), (1, 3), (1, 2)]
    assert asked(many, []) == []
    assert asked(many, Closed("no")) == []
    assert asked("result<list<tuple<list<u8>, list<u8>>>, error-code>", [(b"k", b"vv"), (b"", b"x")]) == [
        (4, 32), (1, 1), (1, 2), (1, 1),
    ]  # fmt: skip
    assert asked("string", "") == []
    assert asked("string", "ä") == [(1, 2)]
    assert asked("option<list<u8>>", b"") == []


def test_empty_bytes_are_not_at_null() -> None:
    """In some languages null is no pointer, not even to nothing."""
    memory = Memory()
    lowerer(parse("option<list<u8>>"))(memory, 64, b"")
    assert memory.bytes[64:76] == b"\1\0\0\0" + b"\1\0\0\0" + b"\0\0\0\0"


def test_a_handle_that_does_not_fit_is_answered_as_an_error() -> None:
    memory = Memory(handles=0)
    t = parse("result<own<bucket>, error-code>")
    lowerer(t)(memory, 64, "bucket")
    assert memory.load(t, 64) == ErrorCode.EXHAUSTED


def test_a_handle_that_does_not_fit_and_has_no_error_is_raised() -> None:
    with pytest.raises(Exhausted):
        lowerer(parse("option<own<address>>"))(Memory(handles=0), 64, "address")


# ---- lifting ----


def flattened(memory: Memory, t: Type, value: Any) -> list[Any]:
    """Core values of a parameter, its bytes placed in the guest's memory."""
    if t.head in ("string", "list"):
        if t.head == "string" or t.args[0].head == "u8":
            return list(memory.place(value.encode() if isinstance(value, str) else value))
        elements = b"".join(bytes(in_c(memory, t.args[0], one)) for one in value)
        return [memory.place(elements, ctypes.alignment(c_type(t.args[0])))[0], len(value)]
    if t.head == "option":
        inner = flattened(memory, t.args[0], value) if value is not None else [0xDEAD, 0xBEEF]
        return [int(value is not None), *inner]
    if t.head == "borrow":
        return [memory.handles.insert(t.args[0].head, value)]
    return [value + 2**64 if t.head == "s64" and value < 0 else value]


def in_c(memory: Memory, t: Type, value: Any) -> Any:
    if t.head == "tuple":
        return c_type(t)(*(in_c(memory, part, one) for part, one in zip(t.args, value, strict=True)))
    return Pair(*memory.place(value.encode() if isinstance(value, str) else value))


CALLS = [row for row in SYSCALLS if row.takes and not row.field.startswith("[resource-drop]")]


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row.name)
@given(data=st.data())
def test_parameters_arrive_as_c_passes_them(row: Syscall, data: st.DataObject) -> None:
    parameters = [parse(text) for text in row.takes]
    values = [data.draw(values_of(t)) for t in parameters]
    memory = Memory()
    flat = [core for t, value in zip(parameters, values, strict=True) for core in flattened(memory, t, value)]
    returns = bool(row.gives) and not row.results
    assert len(flat) + returns == len(row.params)
    found = lifter(parameters)(memory, [*flat, 64][: len(row.params)])
    assert found == values


cores = {
    "i32": st.integers(0, 64) | st.integers(SIZE - 64, SIZE + 64) | st.integers(0, 2**32 - 1) | st.just(2**32 - 1),
    "i64": st.integers(0, 2**64 - 1),
    "f64": st.floats(),
}


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row.name)
@given(data=st.data())
def test_whatever_a_guest_passes_is_lifted_or_refused(row: Syscall, data: st.DataObject) -> None:
    memory = Memory(message_limit=1000)
    memory.bytes[:4096] = data.draw(st.binary(max_size=64)).ljust(4096, b"\x10")
    memory.handles.insert("address", "a")
    memory.handles.insert("bucket", "b")
    memory.handles.insert("message", "m")
    memory.handles.insert("object", "o")
    flat = [data.draw(cores[core]) for core in row.params]
    try:
        found = lifter([parse(text) for text in row.takes])(memory, flat)
    except (Trap, TooLarge):
        return
    assert len(found) == len(row.takes)


@given(st.integers(0, 2**32 - 1))
def test_a_case_that_an_enum_or_an_option_lacks_is_a_violation(case: int) -> None:
    for text, cases, rest in (("level", 4, []), ("option<list<u8>>", 2, [0, 0])):
        lift = lifter([parse(text)])
        if case < cases:
            lift(Memory(), [case, *rest])
        else:
            with pytest.raises(Violation, match="no case of"):
                lift(Memory(), [case, *rest])


def test_text_that_is_not_utf_8_is_a_violation() -> None:
    for text in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"ab\xf0\x9f"):
        memory = Memory()
        with pytest.raises(Violation, match="not UTF-8"):
            lifter([parse("string")])(memory, memory.place(text))


def test_none_is_lifted_without_a_look_at_its_payload() -> None:
    assert lifter([parse("option<list<u8>>")])(Memory(), [0, 2**32 - 1, 2**32 - 1]) == [None]


def test_a_list_of_lists_is_bounded_by_its_number_and_by_its_sum() -> None:
    lift = lifter([parse("list<list<u8>>")])
    memory = Memory(message_limit=100)
    shared, _ = memory.place(b"x" * 60)
    place, _ = memory.place(bytes(Pair(shared, 60)) + bytes(Pair(shared, 60)), 4)
    assert lift(memory, [place, 1]) == [[b"x" * 60]]
    with pytest.raises(TooLarge, match=r"limits\.message"):
        lift(memory, [place, 2])
    with pytest.raises(TooLarge, match=r"limits\.message"):
        lift(memory, [0, 13])  # empty ones of 8 bytes each
    with pytest.raises(Trap):
        lift(memory, [0, 2**32 - 1])


def test_a_list_that_is_not_aligned_is_a_violation() -> None:
    with pytest.raises(Violation, match="not aligned"):
        lifter([parse("list<list<u8>>")])(Memory(), [2, 1])


def test_a_float_is_its_bits() -> None:
    (value,) = lifter([parse("f64")])(Memory(), [math.nan])
    assert math.isnan(value)
