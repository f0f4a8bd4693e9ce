"""How many slots a process has, by what the kernel allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from radon.abi.errors import Invalid
from radon.host import room


@pytest.mark.parametrize(
    ("limit", "maps", "slots"), [(65530, 1000, 10072), (1 << 20, 1000, room.MOST), (1000, 100, 64), (65530, 65530, 64)]
)
def test_slots_are_what_the_kernels_limit_of_maps_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, maps: int, slots: int
) -> None:
    (tmp_path / "limit").write_text(f"{limit}\n")
    (tmp_path / "maps").write_text("a map\n" * maps)
    monkeypatch.setattr(room, "LIMIT", tmp_path / "limit")
    monkeypatch.setattr(room, "OWN", tmp_path / "maps")
    found = room.guarded(room.maps_left(), native=True).room
    assert found.slots == slots
    assert 0 < found.suspended < slots


def test_where_the_kernel_has_no_such_limit_addresses_are_what_bounds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LIMIT", tmp_path / "absent")
    assert room.guarded(room.maps_left(), native=True).room.slots == room.MOST


def test_what_cannot_be_reserved_is_not_tried_on_the_engine() -> None:
    assert room.guarded(0, native=True).room.can_be_reserved()
    assert not room.Room(1 << 20, 1).can_be_reserved()  # 5 PiB


@pytest.mark.parametrize("native", [True, False])
def test_threads_take_maps_that_the_slots_then_lack(native: bool) -> None:
    plan = room.guarded(6000, native=native)
    maps = room.MAPS_OF_A_MEMORY * plan.for_threads.slots + room.MAPS_OF_A_THREAD * plan.for_threads.suspended
    assert maps + native * room.MAPS_OF_A_STACK * plan.room.slots <= 6000
    assert plan.for_threads.suspended < plan.for_threads.slots


def test_guards_are_given_up_for_more_turns_than_they_allow_and_only_where_somebody_asks() -> None:
    with_guards = room.guarded(6000, native=True)
    assert with_guards.room.suspended < room.SUSPENDED
    assert room.plan({}, 6000, native=True) == with_guards
    assert room.plan({room.VARIABLE: "900"}, 6000, native=True) == with_guards
    assert room.plan({room.VARIABLE: "2000"}, 6000, native=False).guards
    dense = room.plan({room.VARIABLE: "100000"}, 6000, native=True)
    assert (dense.guards, dense.room.suspended, dense.for_threads.suspended) == (False, 100_000, 1500)
    assert dense.room.slots > 100_000


@pytest.mark.parametrize(("text", "number"), [("", None), ("1", 1), ("200000", 200_000)])
def test_the_environment_says_how_many_turns_may_be_suspended(text: str, number: int | None) -> None:
    assert room.asked({room.VARIABLE: text}) == number


@pytest.mark.parametrize("text", ["0", "-1", "many", "200001", "1e5", " 1", "\u0661"])
def test_what_is_no_number_of_turns_is_told(text: str) -> None:
    with pytest.raises(Invalid, match=r"RADON_SUSPENDED=.*: it is a number of turns, from 1 to 200,000"):
        room.asked({room.VARIABLE: text})
