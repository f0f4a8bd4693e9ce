"""Checked multiplication, for which compilers call a function that freestanding guests have from the SDK."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from radon.testing import Harness

NUMBERS = st.integers(0, 2**64 - 1) | st.integers(0, 64).map(lambda bits: 2**bits - 1) | st.integers(2**31, 2**33)


def test_an_overflow_of_64_bits_is_noticed(built: Callable[[Path], Path]) -> None:
    with Harness({"wide": built(Path(__file__).with_name("wide.c"))}) as h:

        @given(NUMBERS, NUMBERS)
        def check(a: int, b: int) -> None:
            product = str(a * b).encode() if a * b < 2**64 else b"too large"
            assert h.call("wide/x", b"%d %d" % (a, b)) == product

        check()
