"""Deployments that record: whatever they do, each twin does it again; and what can go wrong with a recording."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import radon
from radon.abi.delivery import NOWHERE, Address
from radon.abi.errors import Closed, Invalid, ManifestError, StoreError, Unavailable
from radon.abi.exchange import Fate, Post
from radon.abi.frames import encode_all
from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.backends import segment as segment_module
from radon.backends.driver import Image, Store, StoreBusy, StoreVersion
from radon.backends.monolith import Monolith
from radon.backends.recording import RecordedDomain, Recorder
from radon.backends.replaying import Recording, Replayed, replay, served
from radon.backends.segment import SegmentReader, SegmentWriter, Submitted
from radon.backends.stores.lmdb import LmdbStore
from radon.backends.stores.memory import MemoryStore
from radon.host.domain import Settings
from radon.host.domains import available, load
from radon.testing.agents import OpenApp
from radon.testing.backends import BackendSuite
from radon.testing.domains import each_domain
from radon.testing.faults import Around
from tests.backends.conftest import LONE, Make
from tests.backends.desk import Failing, ask

__all__ = ["each_domain"]  # a fixture, found here by its name


def replayed(directory: Path, name: str = "") -> list[Replayed]:
    """Every segment, on the domain of this name or the default one."""
    recording = Recording(directory)
    make = load(name or available()[0])
    return [replay(each.path, make, lambda digest: served(recording.load(digest))) for each in recording.segments()]


def assert_same_again(directory: Path) -> list[Replayed]:
    """On each domain, to the end; how it went."""
    for name in available():
        found = replayed(directory, name)
        assert [each.difference for each in found] == [None] * len(found)
        assert [each.cut for each in found] == [None] * len(found)
    return found


class TestWhatTheSuiteDoesIsTheSameAgain(BackendSuite):
    """Everything that the conformance suite does to a deployment, restarts and redeployments included."""

    @pytest.fixture
    def open_app(self, tmp_path: Path) -> Iterator[OpenApp]:
        directory = tmp_path / "rec"
        yield lambda application: radon.Runtime(
            application, store="lmdb", data=tmp_path / "data", durability="async", record=directory
        )
        assert_same_again(directory)


# ---- deployments ----


@pytest.fixture
def alone(agent_folder: Path) -> Application:
    """An application that may have several domains."""
    given = {"application": {"name": "suite"}, "kinds": {"agent": {**LONE, "grants": ["agent/*"]}}}
    return Application.load(Manifest.of(given, base=agent_folder))


@contextmanager
def recorded(
    application: Application, directory: Path, store: Store | None = None, **options: Any
) -> Iterator[Monolith]:
    deployment = Monolith.open(application, store or MemoryStore(), record=directory, **options)
    try:
        yield deployment
    finally:
        deployment.stop()


def test_a_deployment_that_does_not_record_has_no_part_in_it(make: Make) -> None:
    deployment = Monolith.open(make(), MemoryStore())
    kind = deployment.perform(type).result()
    deployment.stop()
    assert kind is not RecordedDomain


def test_each_domain_is_replayed_by_itself(alone: Application, tmp_path: Path) -> None:
    agents = [f"agent/{number}" for number in range(12)]
    with recorded(alone, tmp_path / "rec", domains=3) as deployment:
        for agent, other in itertools.pairwise(agents):
            ask(deployment, agent, f"call 100000 {other} count 1")
    found = assert_same_again(tmp_path / "rec")
    assert len(found) == 3
    assert all(each.turns for each in found)


def test_every_start_begins_a_segment(make: Make, tmp_path: Path) -> None:
    for number in range(1, 4):
        with recorded(make(), tmp_path / "rec", LmdbStore(tmp_path / "data", fsync=False)) as deployment:
            assert ask(deployment, "agent/a", "count 1") == str(number)
    assert [each.turns for each in assert_same_again(tmp_path / "rec")] == [2, 1, 1]  # the first one has `start` too
    assert [each.number for each in Recording(tmp_path / "rec").segments()] == [1, 2, 3]


def test_a_redeployment_is_replayed_with_the_modules_of_then_and_now(
    make: Make, agent_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(agent_folder, tmp_path / "guests")
    before = Application.load(
        Manifest.of({"application": {"name": "suite"}, "kinds": {"agent": LONE}}, base=tmp_path / "guests")
    )
    after = make({}, agent={**LONE, "retry": {"attempts": 1}}, more=LONE)
    with recorded(before, tmp_path / "rec") as deployment:
        ask(deployment, "agent/a", "count 1")
        deployment.deploy(after)
        ask(deployment, "more/a", "count 1")
        deployment.deploy(make(), drop=frozenset(["more"]))
        ask(deployment, "agent/a", "count 1")
    shutil.rmtree(tmp_path / "guests")
    (found,) = assert_same_again(tmp_path / "rec")
    assert found.turns == 5  # two of them `start`
    assert len(Recording(tmp_path / "rec").digests()) == 2


def test_a_store_that_fails_begins_a_segment(make: Make, tmp_path: Path, hasty: None) -> None:
    store = Failing(MemoryStore())
    with recorded(make(), tmp_path / "rec", store) as deployment:
        assert ask(deployment, "agent/a", "count 1") == "1"
        store.fails = ("commit",)
        with pytest.raises(Unavailable, match="the disk broke"):
            ask(deployment, "agent/a", "count 1")
        store.fails = ()
        assert insist(deployment, "agent/a", "count 1") == "2"
    assert len(assert_same_again(tmp_path / "rec")) >= 2


def insist(deployment: Monolith, to: str, line: str) -> str:
    """Ask until it is open again."""
    while True:
        with suppress(Unavailable):
            return ask(deployment, to, line)


def test_a_fate_is_an_input(make: Make, tmp_path: Path) -> None:
    with recorded(make(), tmp_path / "rec") as deployment:
        deployment.submit(*(Fate(step, "watchdog") for step in range(10)))
        with pytest.raises(Closed):
            ask(deployment, "agent/a", "count 1")
        assert ask(deployment, "agent/b", "count 1") == "1"
    assert_same_again(tmp_path / "rec")


# ---- what can go wrong ----


@pytest.fixture(scope="module")
def whole(agent_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of one segment that begins with state, for all tests that break a copy of it."""
    directory = tmp_path_factory.mktemp("whole")
    application = Application.load(
        Manifest.of({"application": {"name": "suite"}, "kinds": {"agent": LONE}}, base=agent_folder)
    )
    for name in ("before", "rec"):
        with recorded(application, directory / name, LmdbStore(directory / "data", fsync=False)) as deployment:
            for number in range(8):
                ask(deployment, f"agent/{number % 3}", f"count {number}", "timer 5 100000")
    return directory / "rec"


def broken(whole: Path, folder: Path, change: Callable[[bytearray], None]) -> Replayed:
    """What a copy gives of which the only segment was changed."""
    shutil.copytree(whole, folder)
    (path,) = (segment.path for segment in Recording(folder).segments())
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    (found,) = replayed(folder)
    shutil.rmtree(folder)
    return found


def test_a_recording_that_is_cut_off_anywhere_is_replayed_as_far_as_it_is_whole(whole: Path, tmp_path: Path) -> None:
    (segment,) = Recording(whole).segments()
    size, all_commits = segment.path.stat().st_size, replayed(whole)[0].commits
    frames = set(_frames(segment.path))
    commits = []
    for length in sorted({*range(0, size, 97), *frames, *(frame + 7 for frame in frames if frame < size)}):
        found = broken(whole, tmp_path / "copy", lambda data, length=length: data.__delitem__(slice(length, None)))
        assert found.difference is None
        if length == size:
            assert found.cut is None
        else:
            assert found.cut is not None
            assert not found.cut.damaged
            assert found.cut.place == max(place for place in frames if place <= length)
            assert ("killed" in found.cut.reason) == (length in frames)
        commits.append(found.commits)
    assert commits == sorted(commits)
    assert {*commits} == {*range(all_commits + 1)}


def _frames(path: Path) -> Iterator[int]:
    """Where each begins, and the end."""
    reader = SegmentReader(path)
    yield 0
    for _ in reader:
        yield reader.place


def test_a_flipped_bit_anywhere_is_found_and_told_with_its_place(whole: Path, tmp_path: Path) -> None:
    (segment,) = Recording(whole).segments()
    size, frames = segment.path.stat().st_size, [*_frames(segment.path)]
    for place in range(0, size, 61):

        def flip(data: bytearray, place: int = place) -> None:
            data[place] ^= 0x10

        found = broken(whole, tmp_path / "copy", flip)
        assert found.difference is None
        assert found.cut is not None
        assert found.cut.place == max(frame for frame in frames if frame <= place)
        assert found.cut.damaged


def test_what_a_run_takes_in_is_on_the_disk_before_it_runs(make: Make, tmp_path: Path) -> None:
    """So that the recording of a process that ends within a turn has what that turn was handed."""
    recorder = Recorder(tmp_path / "rec", "suite")
    application = make()
    recorder.keep(application)
    domain = recorder.domains(0, load(available()[0]))(Settings())
    domain.setup(0, bytes(32), bytes(32))
    domain.deploy(application.digest, application.kinds())
    domain.submit(encode_all([Post(1, 0, 1, Address("agent", "a"), NOWHERE, "", "", (), b"count 1")]))
    domain.run(0)
    domain.run(5)
    (found,) = replayed(tmp_path / "rec")
    assert (found.turns, found.commits) == (2, 0)
    domain.close()
    recorder.close()


def test_events_that_contradict_each_other_are_refused(whole: Path, tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "000001")
    writer.write([Submitted(b"\xff")])
    writer.close()
    with pytest.raises(Invalid, match="contradicts itself"):
        replay(tmp_path / "000001", load(available()[0]), lambda digest: pytest.fail("nothing was deployed"))


def test_a_full_disk_ends_the_recording_and_not_the_deployment(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with recorded(make(), tmp_path / "rec") as deployment:
        ask(deployment, "agent/a", "count 1")
        with monkeypatch.context() as full:
            full.setattr(segment_module.os, "write", _write_half)
            assert ask(deployment, "agent/a", "count 1") == "2"
        assert ask(deployment, "agent/a", "count 1") == "3"
    (line,) = caplog.messages
    said = "the recording ends here, and the deployment goes on: No space left on device"
    assert line == f"{tmp_path}/rec/domain-0: {said}"
    (found,) = replayed(tmp_path / "rec")
    assert (found.turns, found.difference) == (2, None)
    assert found.cut is not None
    assert "killed" in found.cut.reason  # whole frames only


def _write_half(file: int, data: bytes) -> int:
    if len(data) < 8:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return os.pwrite(file, data[: len(data) // 2], os.fstat(file).st_size)


def test_a_directory_in_which_no_segment_can_be_made_is_told_and_the_deployment_runs(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "rec").mkdir()
    Recorder(tmp_path / "rec", "suite").close()
    (tmp_path / "rec" / "domain-0").write_bytes(b"")
    with recorded(make(), tmp_path / "rec") as deployment:
        assert ask(deployment, "agent/a", "count 1") == "1"
    assert caplog.messages == [f"{tmp_path}/rec/domain-0: domain 0 is not recorded: File exists"]


def test_an_application_that_is_missing_ends_the_replay_where_it_was_deployed(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "rec")
    for path in (tmp_path / "rec" / "applications").iterdir():
        path.unlink()
    (found,) = replayed(tmp_path / "rec")
    assert found.cut is not None
    assert found.cut.damaged
    assert "has no application" in found.cut.reason


def test_a_directory_that_is_no_recording_of_this_application_is_refused(make: Make, tmp_path: Path) -> None:
    with recorded(make(), tmp_path / "rec"), pytest.raises(StoreBusy, match="another process records there"):
        Recorder(tmp_path / "rec", "suite")
    with pytest.raises(StoreError, match="a recording of 'suite', not of 'other'"):
        Recorder(tmp_path / "rec", "other")
    (tmp_path / "rec" / "recording.json").write_text('{"radon": "recording", "version": 2, "application": "suite"}')
    with pytest.raises(StoreVersion, match="a recording of version 2; this Radon reads 1"):
        Recorder(tmp_path / "rec", "suite")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").write_text("")
    for _ in range(2):
        with pytest.raises(StoreError, match="not empty, and no recording"):
            Recorder(tmp_path / "full", "suite")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot hold a recording: "):
        Recorder(tmp_path / "file", "suite")
    with pytest.raises(StoreError, match="no recording"):
        Recording(tmp_path / "full")


def test_a_refused_deployment_lets_go_of_the_recording(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ManifestError):
        Monolith.open(make({"require": {"durability": "machine"}}), MemoryStore(), record=tmp_path / "rec")
    with pytest.raises(StoreError, match="cannot be opened"):
        Monolith.open(make(), Unopened(MemoryStore()), record=tmp_path / "rec")
    Recorder(tmp_path / "rec", "suite").close()


class Unopened(Around):
    def open(self, domain: int) -> Image:
        raise StoreError("cannot be opened")
