"""How many slots a process has, by what the kernel allows."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    found = room.room()
    assert found.slots == slots
    assert 0 < found.suspended < slots


def test_where_the_kernel_has_no_such_limit_addresses_are_what_bounds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LIMIT", tmp_path / "absent")
    assert room.room() == room.of(room.MOST)


def test_what_cannot_be_reserved_is_not_tried_on_the_engine() -> None:
    assert room.of(64).can_be_reserved()
    assert not room.Room(1 << 20, 1).can_be_reserved()  # 5 PiB


def test_threads_take_maps_that_the_slots_then_lack() -> None:
    whole = room.of(1200)
    threads = room.beside_stacks(whole)
    maps = 4 * threads.slots + 2 * whole.slots + 2 * threads.suspended  # memories, stacks of the pool, those of threads
    assert maps <= room.MAPS_OF_A_SLOT * whole.slots
