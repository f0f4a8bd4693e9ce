"""Pointers, lengths and cases that make no sense: an ended turn, and a line that names the guest's functions."""

from __future__ import annotations

import pytest

from radon.abi.signature import Syscall
from radon.abi.syscalls import SYSCALLS
from radon.host.canonical import layout, parse
from radon.testing.harness import Harness
from tests.hostile.conftest import Yard
from tests.hostile.puppet import MESSAGE, Act, Script
from tests.hostile.wat import module

MEMORY = 65536
"""Bytes that the puppet has to begin with."""

FAR = 2**32 - 1

RESOURCES = {"address": "messaging.open", "bucket": "state.open", "object": "objects.put"}
"""What gives a handle of each type but `message`."""


def holding(script: Script, resource: str) -> int:
    """A live handle of that type."""
    if resource == "message":
        return MESSAGE
    script.call(RESOURCES[resource], *script.data(b"witness"), script.area())
    return MESSAGE + 1


def arguments(script: Script, row: Syscall) -> list[int]:
    """Core arguments with which the call makes sense; the return area comes last."""
    values: list[int] = []
    for text in row.takes:
        head = parse(text).head
        if head in ("borrow", "own"):
            values.append(holding(script, parse(text).args[0].head))
        elif head in ("string", "list"):
            values += [script.data(b"witness")[0], 7] if head == "string" or text == "list<u8>" else [8, 0]
        elif head == "option":
            values += [1, *script.data(b"a")]
        else:
            values.append({"bool": 0, "level": 0, "u32": 8}.get(head, 10**9))
    if row.gives and not row.results:
        values.append(script.area())
    return values


def pointers(row: Syscall) -> list[int]:
    """Indices of the core arguments that are pointers to text and bytes; a length follows each."""
    found, at = [], 0
    for text in row.takes:
        head = parse(text).head
        if text in ("string", "list<u8>"):
            found.append(at)
        at += {"string": 2, "list": 2, "option": 3}.get(head, 1)
        if head == "option":
            found.append(at - 2)
    return found


WITH_POINTERS = [(row, at) for row in SYSCALLS for at in pointers(row)]
WITH_AREA = [row for row in SYSCALLS if row.gives and not row.results]


def case_id(value: object) -> str:
    return value.name if isinstance(value, Syscall) else str(value)


OUTSIDE = {
    "last byte": (FAR, 1), "one too far": (MEMORY - 8, 9), "empty but outside": (MEMORY + 1, 0),
    "wraps": (8, 2**32 - 8), "4 GiB": (0, FAR), "sums to 4 GiB": (2**31, 2**31), "behind the end": (MEMORY, 8),
}  # fmt: skip
"""Pointers and lengths."""


@pytest.mark.parametrize(("row", "at"), WITH_POINTERS, ids=case_id)
def test_bytes_outside_of_the_memory_end_the_turn(h: Harness, row: Syscall, at: int) -> None:
    for name, outside in OUTSIDE.items():
        script = Script()
        values = arguments(script, row)
        values[at : at + 2] = outside
        script.call(row.name, *values)
        line = script.fail(h, f"puppet/{name}")
        assert "outside of the 65536 bytes of memory" in line
        assert f" in step.{row.name} < step < play < receive (attempt 1 of 1)" in line


@pytest.mark.parametrize("row", WITH_AREA, ids=case_id)
def test_a_result_area_outside_of_the_memory_ends_the_turn(h: Harness, row: Syscall) -> None:
    size, align = layout(parse(row.gives))
    for area in (MEMORY - size // align * align + align, -align, MEMORY, 2**31):
        script = Script()
        script.call(row.name, *arguments(script, row)[:-1], area)
        line = script.fail(h, f"puppet/{area}")
        assert "outside of the 65536 bytes of memory" in line
        assert f" in step.{row.name} < " in line


@pytest.mark.parametrize("row", WITH_AREA, ids=case_id)
def test_a_result_area_at_the_very_end_of_memory_is_one(h: Harness, row: Syscall) -> None:
    script = Script()
    script.call(row.name, *arguments(script, row)[:-1], MEMORY - layout(parse(row.gives))[0])
    h.send("puppet/a", script.body())
    h.advance("2s")
    assert h.logs() == []


@pytest.mark.parametrize("row", [row for row in WITH_AREA if layout(parse(row.gives))[1] > 1], ids=case_id)
def test_a_result_area_that_is_not_aligned_ends_the_turn(h: Harness, row: Syscall) -> None:
    script = Script()
    values = arguments(script, row)
    script.call(row.name, *values[:-1], values[-1] + 1)
    line = script.fail(h)
    assert f"is not aligned to {layout(parse(row.gives))[1]} in step.{row.name} < " in line


@pytest.mark.parametrize("row", [row for row in SYSCALLS if "string" in row.takes], ids=case_id)
def test_a_string_that_is_not_utf_8_ends_the_turn(h: Harness, row: Syscall) -> None:
    at = row.takes.index("string")  # what stands before it is one core value each
    for number, text in enumerate((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"witnes\xc3")):
        script = Script()
        values = arguments(script, row)
        values[at : at + 2] = script.data(text)
        script.call(row.name, *values)
        assert "trap: a string is not UTF-8: " in script.fail(h, f"puppet/{number}")


def test_a_metadata_name_that_is_not_utf_8_ends_the_turn(h: Harness) -> None:
    script = Script()
    name, length = script.data(b"\xff")
    pair, _ = script.data(b"".join(n.to_bytes(4, "little") for n in (name, length, 0, 0)))
    script.call("messaging.message.reply-with", MESSAGE, pair, 1, 0, 0, script.area())
    assert "trap: a string is not UTF-8: " in script.fail(h)


def test_an_option_is_0_or_1(h: Harness) -> None:
    for case in (2, 255, 256, FAR):
        for bounds in ([0, 0, 0, case, 0, 0], [case, 0, 0, 0, 0, 0]):
            script = Script()
            script.call("state.bucket.delete-range", holding(script, "bucket"), *bounds, script.area())
            assert f"trap: {case} is no case of option in step.state.bucket.delete-range < " in script.fail(h)


def test_a_log_level_is_one_of_four(h: Harness) -> None:
    for level in (4, 256, FAR):
        script = Script()
        script.call("log.write", level, *script.data(b"text"))
        assert f"trap: {level} is no case of level in step.log.write < " in script.fail(h)


def test_any_bool_but_0_is_true(h: Harness) -> None:
    script = Script()
    bucket = holding(script, "bucket")
    areas = [script.area() for _ in range(3)]
    for key, area in ((b"a", areas[0]), (b"b", areas[0])):
        script.call("state.bucket.put", bucket, *script.data(key), 8, 0, area)
    for backwards, area in ((0, areas[1]), (FAR, areas[2])):
        script.call("state.bucket.scan", bucket, *[0] * 6, 1, backwards, area)
    h.send("puppet/a", script.body())
    assert set(h.state("puppet/a")["witness"]) == {b"a", b"b"}


@pytest.mark.parametrize("name", ["state.bucket.get-many", "messaging.message.reply-with"])
def test_a_list_of_4_billion_elements_ends_the_turn(h: Harness, name: str) -> None:
    for count in (2**29, 2**28, 2**30, FAR):  # 2**29 elements of 8 bytes are 4 GiB, which wraps to nothing
        script = Script()
        handle = holding(script, "bucket") if name.startswith("state") else MESSAGE
        more = () if name.startswith("state") else (8, 0)
        script.call(name, handle, 8, count, *more, script.area())
        assert "outside of the 65536 bytes of memory" in script.fail(h)


@pytest.mark.parametrize("name", ["state.bucket.get-many", "messaging.message.reply-with"])
def test_a_list_that_is_not_aligned_ends_the_turn(h: Harness, name: str) -> None:
    script = Script()
    handle = holding(script, "bucket") if name.startswith("state") else MESSAGE
    more = () if name.startswith("state") else (8, 0)
    script.call(name, handle, 10, 1, *more, script.area())
    assert f"trap: a list at 10 is not aligned to 4 in step.{name} < " in script.fail(h)


def test_elements_that_point_outside_of_the_memory_end_the_turn(h: Harness) -> None:
    script = Script()
    bucket = holding(script, "bucket")
    keys, _ = script.data(b"".join(n.to_bytes(4, "little") for n in (8, 1, MEMORY - 1, 2)))
    script.call("state.bucket.get-many", bucket, keys, 2, script.area())
    assert "trap: 2 bytes at 0xffff are outside of the 65536 bytes of memory in step.state.bucket.get-many < " in (
        script.fail(h)
    )


def test_memory_that_grows_in_a_turn_is_memory_for_the_next_call(h: Harness) -> None:
    script = Script()
    script.call(Act.GROW, 1)
    stored = script.call("objects.put", 2 * MEMORY - 8, 8, script.area())
    script.call("objects.put", 2 * MEMORY - 8, 8, 2 * MEMORY - 8)
    script.play(h)
    assert stored == 1
    script = Script()
    script.call("objects.put", 2 * MEMORY - 8, 9, script.area())
    assert "9 bytes at 0x1fff8 are outside of the 131072 bytes of memory" in script.fail(h)


def result(at: int, case: int, pointer: int, length: int) -> str:
    """The body of a handler that returns that result."""
    stores = [(8, case, at), (32, pointer, at + 4), (32, length, at + 8)]
    store = " ".join(f"(i32.store{8 if n == 8 else ''} (i32.const {to}) (i32.const {it}))" for n, it, to in stores)
    return f"{store} (return (i32.const {at}))"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("(return (i32.const 65535))", "65535 is not aligned to 4"),
        ("(return (i32.const 65528))", "12 bytes at 0xfff8 are outside of the 65536 bytes of memory"),
        ("(return (i32.const -4))", "12 bytes at 0xfffffffc are outside of the 65536 bytes of memory"),
        (result(16, 2, 0, 0), "2 is no case of the handler's result"),
        (result(16, 255, 0, 0), "255 is no case of the handler's result"),
        (result(16, 1, 0, -1), "4294967295 bytes at 0x0 are outside of the 65536 bytes of memory"),
        (result(16, 1, 65536, 1), "1 bytes at 0x10000 are outside of the 65536 bytes of memory"),
    ],
)
def test_a_handler_that_returns_nonsense_failed(yard: Yard, body: str, says: str) -> None:
    h = yard(guest=module(receive=body))
    h.send("guest/a", b"x")
    (letter,) = h.dead()
    assert says in h.logs()[-1]
    assert letter.cause in ("trap: abi", "trap: out-of-bounds")


def test_an_err_that_is_no_utf_8_is_told_all_the_same(yard: Yard) -> None:
    h = yard(guest=module(more='(data (i32.const 32) "no \\ff\\fe good")', receive=result(16, 1, 32, 10)))
    h.send("guest/a", b"x")
    assert h.logs() == ["err: no \ufffd\ufffd good (attempt 1 of 1)"]


def test_of_an_err_as_long_as_the_memory_the_beginning_is_told(yard: Yard) -> None:
    fill = "(memory.fill (i32.const 65536) (i32.const 97) (i32.const 16777216))"
    body = f"{fill} {result(16, 1, 65536, 16777216)}"
    h = yard(guest=module(memory='(memory (export "memory") 257)', receive=body))
    h.send("guest/a", b"x")
    assert h.logs() == [f"err: {'a' * 1024} (attempt 1 of 1)"]
