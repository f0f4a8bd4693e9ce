"""Exports of state: what is refused, and that an import is all or nothing. Whole deployments are tests/cli's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address
from radon.abi.errors import Invalid, NotFound, StoreError
from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.backends.export import bring_in, export, read_export
from radon.backends.stored import Stored, read_stored
from radon.host.hash import domain_of
from radon.host.image import Image
from tests.atoms.conftest import wat

Lines = list[bytes]


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    """An application of a keyed and a sharded kind, with a few records."""
    (tmp_path / "plain.wat").write_text(wat())
    tables = {
        "application": {"name": "bank"},
        "kinds": {"account": {"module": "plain.wat"}, "log": {"module": "plain.wat", "spread": "sharded", "shards": 4}},
    }
    image = Image()
    image.load([
        r.Setup(0, 1, b"\1" * 32, b"\2" * 32), r.Deployed("digest"), r.Step(7, 1000), r.At("account", "a"),
        r.Born(3, NOWHERE), r.Put("data", b"k", b"v"), r.Put("data", b"\0", b""), r.TimerSet(1, 5000),
    ])  # fmt: skip
    return Stored(Application.load(Manifest.of(tables, base=tmp_path)), [image])


def test_an_export_is_read_back_as_it_was(stored: Stored) -> None:
    lines = list(export(stored))
    again = read_export(lines)
    assert again.application.digest == stored.application.digest
    assert list(export(again)) == lines


def test_an_import_is_the_data_of_a_stopped_deployment(stored: Stored, tmp_path: Path) -> None:
    bring_in(stored, tmp_path / "data")
    assert list(export(read_stored(tmp_path / "data"))) == list(export(stored))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "plain.wat"]
    with pytest.raises(StoreError, match="not empty"):
        bring_in(stored, tmp_path / "data")


def test_an_import_that_fails_leaves_nothing(stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr("radon.backends.export.LmdbStore.snapshot", fail)
    (tmp_path / ".radon-import-killed" / "data").mkdir(parents=True)  # an earlier one has left
    with pytest.raises(StoreError, match="full"):
        bring_in(stored, tmp_path / "data")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.wat"]


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        pytest.param(lambda lines: [], "not whole: it ends after line 0", id="empty"),
        pytest.param(lambda lines: lines[:-1], "not whole: it ends after line 10", id="cut off"),
        pytest.param(lambda lines: [*lines[:5], *lines[6:]], "not whole", id="a line is missing"),
        pytest.param(lambda lines: [b"{}", *lines[1:]], "line 1", id="another file"),
        pytest.param(lambda lines: [lines[0].replace(b":2", b":3"), *lines[1:]], "line 1: .*version 3", id="newer"),
        pytest.param(lambda lines: [lines[0], b'{"bundle":"!"}', *lines[2:]], "line 2", id="no bundle"),
        pytest.param(lambda lines: [*lines[:3], b'{"record":"putt"}', *lines[3:]], "line 4", id="unknown record"),
        pytest.param(lambda lines: [*lines[:3], b"\xff", *lines[3:]], "line 4", id="no JSON"),
        pytest.param(lambda lines: [*lines[:3], b"[" * 200_000, *lines[3:]], "line 4", id="nested without an end"),
        pytest.param(lambda lines: [*lines, lines[-1]], "line 12", id="more behind the end"),
    ],
)
def test_a_damaged_export_is_refused_with_its_line(stored: Stored, damage: Callable[[Lines], Lines], line: str) -> None:
    with pytest.raises(Invalid, match=line):
        read_export(damage(list(export(stored))))


def test_an_export_of_before_there_were_several_domains_is_read(stored: Stored) -> None:
    lines = [line.replace(b'"version":2', b'"version":1').replace(b'"domains":1,', b"") for line in export(stored)]
    assert sum(new != old for new, old in zip(lines, export(stored), strict=True)) == 2
    assert [*read_export(lines).images[0].records()] == [*stored.images[0].records()]


def test_records_that_contradict_each_other_are_refused(stored: Stored) -> None:
    lines = list(export(stored))
    gone = b'{"record":"timer-gone","token":9}'
    with pytest.raises(Invalid, match="contradict"):
        read_export([*lines[:-1], gone, b'{"end":9}'])


def test_an_atom_of_another_domain_than_its_own_is_refused(stored: Stored) -> None:
    images = []
    for domain in range(2):
        image = Image()
        image.load([r.Setup(domain, 2, b"\1" * 32, b"\2" * 32), r.Deployed("digest"), r.Step(8 + domain, 1000)])
        images.append(image)
    home = domain_of("account", "a", 2)
    for number in (home, 1 - home):
        images[number].load([r.At("account", "a"), r.Born(3, NOWHERE)])
        lines = list(export(Stored(stored.application, images)))
        if number == home:
            assert list(export(read_export(lines))) == lines
        else:
            with pytest.raises(Invalid, match=rf"account/a belongs to domain {home} of 2, and is in domain {number}"):
                read_export(lines)


def test_the_application_of_an_export_can_be_damaged_too(stored: Stored) -> None:
    lines = list(export(stored))
    with pytest.raises(StoreError, match="damaged"):
        read_export([lines[0], b'{"bundle":"AAAA"}', *lines[2:]])


def test_a_name_leads_to_its_shard(stored: Stored) -> None:
    with pytest.raises(NotFound, match=r"there is no atom log/#[0-3]:"):
        stored.entries(Address("log", "x"))
    with pytest.raises(NotFound, match="no kind 'lgo'"):
        stored.entries(Address("lgo", "x"))


def test_entries_can_be_narrowed_down(stored: Stored) -> None:
    a = Address("account", "a")
    assert [put.key for put in stored.entries(a)] == [b"\0", b"k"]
    assert stored.entries(a, "data", b"k") == [r.Put("data", b"k", b"v")]
    for wanted in (("data", b"other"), ("other", None)):
        with pytest.raises(NotFound, match=r"account/a has no"):
            stored.entries(a, *wanted)


def test_a_directory_without_data_is_no_deployment(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no data"):
        read_stored(tmp_path)
    assert not any(tmp_path.iterdir())
