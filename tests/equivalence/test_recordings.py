"""Whatever happens to a domain that is recorded, each twin does the same again."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given

from radon.backends.recording import Recorder
from radon.backends.replaying import Recording, Served, replay
from radon.cli import story
from radon.host.domain import Domain, Make, Settings
from radon.host.domains import available, load
from radon.host.kind import Kind
from radon.host.python_domain import PythonDomain
from radon.host.traced import Part, traced
from radon.testing.around import Around
from tests.equivalence.histories import Step, histories, perform
from tests.equivalence.test_twins import Kinds, all_kinds, cases, places, script_module, small
from tests.equivalence.twins import Twins

__all__ = ["all_kinds", "script_module"]  # fixtures, found here by their names

Place = tuple[int, int]


class Noted(Around):
    """A domain of which it is known what was deployed in it: a recording by hand has no applications."""

    served: dict[str, Served]

    def deploy(self, digest: str, kinds: Mapping[str, Kind], endpoints: Iterable[str] = ()) -> None:
        self.served[digest] = Served(kinds, tuple(endpoints))
        self.inner.deploy(digest, kinds, endpoints)


class Looking:
    """Is told of every part of a turn, and spells it."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    def begins(self, part: Part) -> None:
        self.begun += 1
        assert list(story.handed(part))

    def ends(self, part: Part) -> None:
        self.ended += 1
        assert list(story.done(part))
        json.dumps(story.to_document(part), allow_nan=False)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", available())
@given(history=histories(), chosen=small, place=places)
@cases(60)
def test_what_was_recorded_on_one_domain_is_the_same_again_on_each(
    name: str, all_kinds: Kinds, history: list[Step], chosen: Settings, place: Place
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        served: dict[str, Served] = {}
        with closing(Recorder(directory, "app")) as recorder:
            _record(recorder.domains(0, load(name)), served, history, all_kinds, chosen, place)
        looking = Looking()
        commits = 0
        for segment in Recording(directory).segments():
            for make in (*map(load, available()), traced(looking)):
                replayed = replay(segment.path, make, served.__getitem__)
                assert replayed.difference is None
                assert replayed.cut is None
                commits += replayed.commits
        assert commits
        assert looking.begun == looking.ended


def _record(
    make: Make, served: dict[str, Served], history: list[Step], kinds: Kinds, chosen: Settings, place: Place
) -> None:
    def noted(settings: Settings) -> Domain:
        domain = Noted(make(settings))
        domain.served = served
        return domain  # type: ignore[return-value]

    with closing(Twins(noted, PythonDomain, kinds, settings=chosen, place=place)) as twins:
        for step in history:
            perform(twins, step)
        twins.rest()
