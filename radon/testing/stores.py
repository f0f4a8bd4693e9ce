"""The conformance suite for stores, in both directions: what a store declares holds, what it does not is refused.

Owns no store. A store's test file is a fixture and one line:

    @pytest.fixture
    def open_store() -> StoreFactory:
        return LmdbStore              # opens the store in this directory, again and again

    class TestLmdbStore(StoreSuite): ...

Needs pytest and hypothesis, which Radon itself does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from radon.abi.errors import StoreError
from radon.backends.driver import Fenced, Image, Store

StoreFactory = Callable[[Path], Store]
"""Opens the store that lives in a directory; the directory may be absent, and the store before it must be closed."""

DOMAINS = (0, 1, 255, 256, (1 << 32) - 1)


class StoreSuite:
    """Every rule of `driver.Store` as a test. Asks for the fixture `open_store`."""

    @pytest.fixture
    def store(self, open_store: StoreFactory, tmp_path: Path) -> Iterator[Store]:
        with closing(open_store(tmp_path / "store")) as store:
            yield store

    def test_a_domain_that_was_never_heard_of_is_empty(self, store: Store) -> None:
        image = store.open(7)
        assert image.epoch > 0
        assert image.snapshot is None
        assert image.tail == []
        assert store.position(7) == 0

    def test_frames_come_back_in_the_order_of_their_commits(self, store: Store) -> None:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"a"])
        store.commit(0, epoch, [b"b", b"c"])
        assert store.open(0).tail == [b"a", b"b", b"c"]

    def test_each_open_has_a_greater_epoch(self, store: Store) -> None:
        epochs = [store.open(0).epoch for _ in range(5)]
        assert epochs == sorted(set(epochs))

    def test_an_old_epoch_can_neither_commit_nor_snapshot(self, store: Store) -> None:
        old = store.open(0).epoch
        store.commit(0, old, [b"a"])
        new = store.open(0).epoch
        for frames in ([b"lost"], []):
            with pytest.raises(Fenced, match=f"domain 0 .* epoch {old} "):
                store.commit(0, old, frames)
        with pytest.raises(Fenced):
            store.snapshot(0, old, 1, b"lost")
        store.commit(0, new, [b"b"])
        assert store.open(0)[1:] == (None, [b"a", b"b"])

    def test_an_epoch_from_nowhere_is_fenced(self, store: Store) -> None:
        for epoch in (0, 1):
            with pytest.raises(Fenced, match="domain 3 is not open"):
                store.commit(3, epoch, [b"lost"])
        newest = store.open(3).epoch
        with pytest.raises(Fenced):
            store.commit(3, newest + 1, [b"lost"])
        assert store.open(3).tail == []

    def test_a_commit_without_frames_changes_nothing(self, store: Store) -> None:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [])
        assert store.position(0) == 0

    def test_empty_frames_and_snapshots_are_not_absent_ones(self, store: Store) -> None:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"", b""])
        assert store.open(0)[1:] == (None, [b"", b""])
        store.snapshot(0, store.open(0).epoch, 1, b"")
        assert store.open(0)[1:] == (b"", [b""])

    def test_a_snapshot_stands_for_the_frames_that_it_covers(self, store: Store) -> None:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"a", b"b", b"c"])
        store.snapshot(0, epoch, 2, b"ab")
        assert store.position(0) == 3
        store.commit(0, epoch, [b"d"])
        image = store.open(0)
        assert image[1:] == (b"ab", [b"c", b"d"])
        store.snapshot(0, image.epoch, 4, b"abcd")
        assert store.open(0)[1:] == (b"abcd", [])
        assert store.position(0) == 4

    def test_a_snapshot_may_be_taken_again_at_the_same_position(self, store: Store) -> None:
        epoch = store.open(0).epoch
        store.snapshot(0, epoch, 0, b"first")
        store.snapshot(0, epoch, 0, b"second")
        assert store.open(0)[1:] == (b"second", [])

    def test_a_snapshot_of_frames_that_are_not_in_the_log_is_refused(self, store: Store) -> None:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"a", b"b"])
        store.snapshot(0, epoch, 1, b"a")
        for covered in (0, 3):
            with pytest.raises(ValueError, match=f"1 to 2 frames, not {covered}"):
                store.snapshot(0, epoch, covered, b"wrong")
        assert store.open(0)[1:] == (b"a", [b"b"])

    def test_large_frames_and_snapshots_come_back_whole(self, store: Store) -> None:
        frame, snapshot = bytes(range(256)) * (6 << 12), bytes(reversed(range(256))) * (9 << 12) + b"."
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"a", frame])
        store.snapshot(0, epoch, 1, snapshot)
        assert store.open(0)[1:] == (snapshot, [frame])

    def test_domains_do_not_see_each_other(self, store: Store) -> None:
        epochs = {domain: store.open(domain).epoch for domain in DOMAINS}
        for domain, epoch in epochs.items():
            store.commit(domain, epoch, [b"%d-%d" % (domain, n) for n in range(3)])
        for domain, epoch in epochs.items():
            store.snapshot(domain, epoch, 2, b"snapshot %d" % domain)
        for domain in DOMAINS:
            assert store.open(domain)[1:] == (b"snapshot %d" % domain, [b"%d-2" % domain])

    def test_threads_with_a_domain_each_may_write_at_once(self, store: Store) -> None:
        def run(domain: int) -> Image:
            epoch = store.open(domain).epoch
            for n in range(30):
                store.commit(domain, epoch, [b"%d" % n])
                store.write(f"{domain}", b"%d" % n)
                if n % 10 == 9:
                    store.snapshot(domain, epoch, n, b"to %d" % n)
                store.size()
            return store.open(domain)

        with ThreadPoolExecutor(4) as pool:
            images = list(pool.map(run, range(4)))
        assert [image[1:] for image in images] == [(b"to 29", [b"29"])] * 4

    def test_records_are_set_read_and_removed(self, store: Store) -> None:
        assert store.read("bundle") is None
        store.write("bundle", b"one")
        store.write("bundle", b"")
        store.write("domains", b"16")
        assert (store.read("bundle"), store.read("domains")) == (b"", b"16")
        store.write("bundle", None)
        store.write("never there", None)
        assert (store.read("bundle"), store.read("domains")) == (None, b"16")

    def test_the_size_grows_with_the_log_and_shrinks_with_a_snapshot(self, store: Store) -> None:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [bytes(10_000)] * 20)
        full = store.size()
        assert full.log >= 200_000
        assert full.total >= full.log + full.snapshots
        store.snapshot(0, epoch, 20, bytes(50_000))
        cut = store.size()
        assert cut.log < 10_000
        assert cut.snapshots >= 50_000

    def test_what_is_left_by_closing_is_what_the_durability_says(
        self, open_store: StoreFactory, tmp_path: Path
    ) -> None:
        with closing(open_store(tmp_path / "store")) as store:
            epoch = store.open(0).epoch
            store.commit(0, epoch, [b"a", b"b"])
            store.snapshot(0, epoch, 1, b"A")
            store.write("bundle", b"one")
            durability = store.durability
        store.close()
        with closing(open_store(tmp_path / "store")) as store:
            if durability == "none":
                assert store.read("bundle") is None
                assert store.open(0)[1:] == (None, [])
            else:
                assert store.read("bundle") == b"one"
                with pytest.raises(Fenced):
                    store.commit(0, epoch + 1, [b"lost"])
                image = store.open(0)
                assert image.epoch > epoch
                assert image[1:] == (b"A", [b"b"])

    def test_a_backup_is_the_store_at_one_moment_and_the_original_goes_on(
        self, store: Store, open_store: StoreFactory, tmp_path: Path
    ) -> None:
        epoch = store.open(0).epoch
        store.commit(0, epoch, [b"a"])
        store.write("bundle", b"one")
        if store.durability == "none":
            with pytest.raises(StoreError, match="cannot back up"):
                store.backup(tmp_path / "backup")
            return
        store.backup(tmp_path / "backup")
        store.commit(0, epoch, [b"b"])
        with pytest.raises(StoreError, match="not empty"):
            store.backup(tmp_path / "backup")
        with closing(open_store(tmp_path / "backup")) as copy:
            assert copy.read("bundle") == b"one"
            assert copy.open(0)[1:] == (None, [b"a"])
        assert store.open(0).tail == [b"a", b"b"]

    def test_any_sequence_of_calls_answers_as_the_model_does(self, open_store: StoreFactory, tmp_path: Path) -> None:
        check_against_model(open_store, tmp_path)


def check_against_model(open_store: StoreFactory, homes: Path) -> None:
    """Run `StoreMachine` through 30 sequences of 30 calls, each in a directory of its own under `homes`."""
    numbers = count()

    class Machine(StoreMachine):
        def __init__(self) -> None:
            super().__init__(open_store, homes / str(next(numbers)))

    limits = settings(max_examples=30, stateful_step_count=30, deadline=None, derandomize=True)
    run_state_machine_as_test(Machine, settings=limits)


class StoreMachine(RuleBasedStateMachine):
    """A store beside a model of it: for each domain, everything ever appended and what the newest snapshot covers."""

    domains = st.sampled_from(DOMAINS[:3])
    blobs = st.binary(max_size=40)

    def __init__(self, open_store: StoreFactory, home: Path) -> None:
        super().__init__()
        self._open_store = open_store
        self._home = home
        self._store = open_store(home)
        self._start_over()

    def _start_over(self) -> None:
        self._logs: dict[int, list[bytes]] = {domain: [] for domain in DOMAINS[:3]}
        self._snapshots: dict[int, tuple[int, bytes | None]] = dict.fromkeys(DOMAINS[:3], (0, None))
        self._epochs: dict[int, list[int]] = {domain: [] for domain in DOMAINS[:3]}
        self._records: dict[str, bytes] = {}

    @rule(domain=domains)
    def open(self, domain: int) -> None:
        image = self._store.open(domain)
        covered, snapshot = self._snapshots[domain]
        assert image[1:] == (snapshot, self._logs[domain][covered:])
        assert image.epoch > max(self._epochs[domain], default=0)
        self._epochs[domain].append(image.epoch)

    @rule(domain=domains, frames=st.lists(blobs, max_size=4))
    def commit(self, domain: int, frames: list[bytes]) -> None:
        if not self._epochs[domain]:
            self.open(domain)
        self._store.commit(domain, self._epochs[domain][-1], frames)
        self._logs[domain] += frames

    @rule(domain=domains, share=st.floats(0, 1), frame=st.binary(max_size=200))
    def snapshot(self, domain: int, share: float, frame: bytes) -> None:
        if not self._epochs[domain]:
            self.open(domain)
        least, most = self._snapshots[domain][0], len(self._logs[domain])
        covered = least + round(share * (most - least))
        self._store.snapshot(domain, self._epochs[domain][-1], covered, frame)
        self._snapshots[domain] = (covered, frame)

    @rule(domain=domains, back=st.integers(1, 3), frames=st.lists(blobs, max_size=2))
    def write_under_a_wrong_epoch(self, domain: int, back: int, frames: list[bytes]) -> None:
        stale = (self._epochs[domain] or [0])[-1] - back
        with pytest.raises(Fenced):
            self._store.commit(domain, stale, frames)
        with pytest.raises(Fenced):
            self._store.snapshot(domain, stale, len(self._logs[domain]), b"stale")

    @rule(name=st.sampled_from(["bundle", "domains", "é"]), value=st.none() | blobs)
    def write(self, name: str, value: bytes | None) -> None:
        self._store.write(name, value)
        if value is None:
            self._records.pop(name, None)
        else:
            self._records[name] = value

    @rule()
    def reopen(self) -> None:
        self._store.close()
        self._store = self._open_store(self._home)
        if self._store.durability == "none":
            self._start_over()

    @invariant()
    def positions_and_records_are_those_of_the_model(self) -> None:
        for domain, log in self._logs.items():
            assert self._store.position(domain) == len(log)
        for name in ("bundle", "domains", "é"):
            assert self._store.read(name) == self._records.get(name)

    def teardown(self) -> None:
        for domain in self._logs:
            self.open(domain)
        self._store.close()
