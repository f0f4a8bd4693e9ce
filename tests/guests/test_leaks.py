"""A guest that forgets to drop handles is begun anew before it runs out of them (rule 4: they are a cache)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from radon.host.limits import Limits
from radon.testing import Harness, kind


def test_a_guest_that_leaks_handles_goes_on_for_ever(built: Callable[[Path], Path]) -> None:
    leaky = built(Path(__file__).with_name("leaky.c"))
    with Harness({"leaky": kind("leaky", leaky, limits=Limits(handles=100))}) as h:
        counts = [h.call("leaky/a").split() for _ in range(40)]
    assert [int(total) for total, _ in counts] == list(range(1, 41))
    assert [int(turns) for _, turns in counts[:12]] == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]
