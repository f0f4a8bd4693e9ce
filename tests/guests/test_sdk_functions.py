"""The SDK's arena, bytes and integers, run under wasmtime without a host and compared with Python's own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

PAGE = 65536

Make = Callable[..., Any]
Answer = Callable[..., bytes]


# ---- the arena ----


def test_an_empty_allocation_takes_no_memory_and_is_aligned(functions: Make) -> None:
    guest = functions()
    assert [guest.realloc(0, 0, align, 0) for align in (1, 2, 4, 8)] == [1, 2, 4, 8]


def test_the_last_block_grows_in_place_and_another_one_moves(functions: Make) -> None:
    guest = functions()
    first = guest.realloc(0, 0, 1, 100)
    assert guest.realloc(first, 100, 1, 5000) == first
    guest.write(first, bytes(range(250)))
    second = guest.realloc(0, 0, 1, 1)
    moved = guest.realloc(first, 5000, 1, 6000)
    assert moved > second
    assert guest.read(moved, 250) == bytes(range(250))


def test_memory_grows_with_the_arena_and_is_used_again_in_the_next_turn(functions: Make) -> None:
    guest = functions()
    before = guest.pages()
    first = guest.realloc(0, 0, 1, 10 * PAGE)
    guest.write(first, b"\xff" * 10 * PAGE)
    assert guest.pages() == before + 10
    for _ in range(100):
        guest.turn_over()
        assert guest.realloc(0, 0, 8, 10 * PAGE) == first
    assert guest.pages() == before + 10


@pytest.mark.parametrize("size", [4 * PAGE, 0x7FFFFFFF, 0xFFFFFFFF])
def test_an_allocation_beyond_the_limit_traps(functions: Make, size: int) -> None:
    guest = functions(memory_limit=4 * PAGE)
    with pytest.raises(wasmtime.Trap, match="unreachable"):
        guest.realloc(0, 0, 1, size)


def test_an_alignment_that_the_standard_has_not_traps(functions: Make) -> None:
    with pytest.raises(wasmtime.Trap, match="unreachable"):
        functions().realloc(0, 0, 32, 1)


steps = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from([1, 2, 4, 8]), st.integers(1, 200) | st.integers(1, 70_000)),
    max_size=30,
)


@given(steps=steps)
def test_blocks_never_overlap_and_keep_their_bytes(functions: Make, steps: list[tuple[int, int, int]]) -> None:
    guest = functions()
    blocks: list[tuple[int, int, bytes]] = []
    for number, (index, align, size) in enumerate(steps):
        fill = bytes([number + 1]) * size
        if index < len(blocks):
            old, old_size, content = blocks.pop(index)
            start = guest.realloc(old, old_size, align, size)
            kept = min(old_size, size)
            assert guest.read(start, kept) == content[:kept]
        else:
            start = guest.realloc(0, 0, align, size)
        assert start % align == 0
        guest.write(start, fill)
        blocks.append((start, size, fill))
        ranges = sorted((start, start + size) for start, size, _ in blocks)
        assert all(end <= start for (_, end), (start, _) in pairwise(ranges))
    assert all(guest.read(start, size) == content for start, size, content in blocks)


# ---- integers and bytes ----


def spelled(text: str, low: int, high: int) -> bytes:
    """The number that a strict decimal reader finds in `text`, or "no"."""
    digits = text.removeprefix("-") if low < 0 else text
    good = digits.isascii() and digits.isdigit() and low <= int(text) <= high
    return str(int(text)).encode() if good else b"no"


near_limits = st.sampled_from([0, 1 << 63, 1 << 64, 10**19, 10**20]).flatmap(
    lambda limit: st.integers(-limit - 2, -limit + 2) | st.integers(limit - 2, limit + 2)
)
numbers = st.integers() | near_limits | st.integers(-(1 << 64), 1 << 65)
texts = numbers.map(str) | numbers.map(lambda n: f"{n:030d}") | st.text("0123456789-+ x", max_size=24)


@given(text=texts)
def test_decimal_numbers_are_read_strictly_and_written_back(answer: Answer, text: str) -> None:
    assert answer("u64", text.encode()) == spelled(text, 0, (1 << 64) - 1)
    assert answer("s64", text.encode()) == spelled(text, -(1 << 63), (1 << 63) - 1)


@given(number=st.integers(0, (1 << 64) - 1))
def test_binary_numbers_are_little_endian_and_keys_sort(answer: Answer, number: int) -> None:
    expected = (number & 0xFFFFFFFF).to_bytes(4, "little") + b"\1" + number.to_bytes(8, "little")
    assert answer("binary", str(number).encode()) == expected + number.to_bytes(8, "big")


@given(
    prefix=st.binary(max_size=3).filter(lambda prefix: b"," not in prefix),
    start=st.integers(0, 30),
    end=st.integers(0, 30),
    text=st.binary(max_size=20) | st.text("abx", max_size=8).map(str.encode),
)
def test_cutting_and_comparing_are_as_in_python(
    answer: Answer, prefix: bytes, start: int, end: int, text: bytes
) -> None:
    found = text.find(b"x")
    order = "<" if text < prefix else ">" if text > prefix else "="
    facts = f"|{found if found >= 0 else len(text)}{'+' if text.startswith(prefix) else '-'}{order}"
    argument = prefix + f",{start},{end},".encode() + text
    assert answer("pieces", argument) == text[start:end] + facts.encode()


@given(text=st.binary(max_size=300).filter(lambda text: 0 not in text))
def test_the_memory_functions_do_what_c_says(answer: Answer, text: bytes) -> None:
    assert answer("moved", text) == b"<" + text + b">"


def test_a_trap_shows_the_names_of_the_functions(functions: Make) -> None:
    with pytest.raises(wasmtime.Trap, match="fall_over"):
        functions().answer("crash")
