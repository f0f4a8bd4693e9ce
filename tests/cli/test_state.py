"""state and backup: what a deployment holds, seen, written out and brought back."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Radon


@pytest.fixture
def filled(radon: Radon, application: Path) -> Radon:
    """A deployment that runs, with some state, a timer, a kept message, a dead letter and a message in flight."""
    radon.detach()
    radon.ask("script/a", "bucket.put data text value\nbucket.put data 0x00ff 0xfe\nbucket.put more k v")
    radon.ask("script/a", "clock.set-timer 3600s 7")
    radon.ask("script/b", "$to = messaging.open other/late\naddress.send-later $to say 3600s")
    radon.ok("send", "other/bad", "trap")
    return radon


def test_get_shows_an_atom_a_bucket_or_a_raw_value(filled: Radon) -> None:
    shown = filled.ok("state", "get", "script/a").splitlines()
    assert [line.split() for line in shown] == [
        ["BUCKET", "KEY", "VALUE"],
        ["data", "0x00ff", "0xfe"],
        ["data", "text", "value"],
        ["events", "0x0000000000000000", "start", '""'],
        ["more", "k", "v"],
    ]
    entries = [
        {"bucket": "data", "key": {"base64": "AP8="}, "value": {"base64": "/g=="}},
        {"bucket": "data", "key": "text", "value": "value"},
    ]
    assert filled.json("state", "get", "script/a", "data") == entries
    assert filled("state", "get", "script/a", "data", "0x00ff").stdout == b"\xfe"
    assert "hexadecimal" in filled.fails(2, "state", "get", "script/a", "data", "0xf")
    absent = "not-found: script/a has no such key in bucket 'data'"
    assert filled.fails(1, "state", "get", "script/a", "data", "other") == absent

    filled.ok("stop")
    assert filled.json("state", "get", "script/a", "data") == entries
    assert filled.fails(1, "state", "get", "script/a", "data", "other") == absent
    assert filled.fails(1, "state", "get", "skript/z").startswith("not-found: no kind 'skript'")


def test_an_export_is_the_same_from_a_running_and_a_stopped_deployment(filled: Radon) -> None:
    def without_the_time(text: str) -> list[str]:
        return [line for line in text.splitlines() if '"step"' not in line]

    running = filled.ok("state", "export")
    filled.ok("stop")
    assert filled.ok("state", "export", "out.jsonl") == ""
    assert without_the_time((filled.folder / "out.jsonl").read_text()) == without_the_time(running)
    assert stat.S_IMODE((filled.folder / "out.jsonl").stat().st_mode) == 0o600
    assert "File exists" in filled.fails(1, "state", "export", "out.jsonl")


def test_what_is_imported_goes_on_as_if_nothing_had_happened(filled: Radon) -> None:
    filled.ok("stop")
    exported = filled.ok("state", "export")
    (filled.folder / "out.jsonl").write_text(exported)
    assert filled.ok("state", "import", "out.jsonl", "--data", "copy").startswith("app is in copy; ")
    assert filled.ok("state", "export", "--data", "copy") == exported

    facts = filled.detach("--data", "copy")
    assert facts["data"] == str(filled.folder / "copy")
    assert filled.ask("script/a", "bucket.get data text", "copy") == "ok value"
    assert len(filled.json("dead", "--data", "copy")) == 1
    records = [json.loads(line) for line in filled.ok("state", "export", "--data", "copy").splitlines()]
    names = {record.get("record") for record in records}
    assert {"setup", "put", "timer-set", "postponed", "died", "born"} <= names
    setups = [json.loads(line) for line in exported.splitlines() if '"setup"' in line]
    assert [record for record in records if record.get("record") == "setup"] == setups, "seals keep their secret"


def test_an_import_goes_into_a_new_directory_only(filled: Radon) -> None:
    exported = filled.ok("state", "export")
    said = filled.fails(1, "state", "import", "-", stdin=exported.encode())
    assert said.endswith(".radon/app: not empty; name a new directory")
    (filled.folder / "empty").mkdir()
    filled.ok("state", "import", "-", "--data", "empty", stdin=exported.encode())


def test_half_an_export_is_refused_and_nothing_is_made(filled: Radon) -> None:
    lines = filled.ok("state", "export").splitlines(keepends=True)
    half = "".join(lines[: len(lines) // 2]).encode()
    said = filled.fails(1, "state", "import", "-", "--data", "new", stdin=half)
    assert said.startswith("invalid: standard input: the export is not whole: it ends after line ")
    assert filled.fails(1, "state", "import", "radon.toml").startswith("invalid: radon.toml: line 1: no part of ")
    assert not (filled.folder / "new").exists()


def test_a_backup_is_taken_while_it_runs_and_opens_like_the_original(filled: Radon) -> None:
    assert filled.ok("backup", "copy") == ""
    filled.ask("script/a", "bucket.put data text later")
    filled.detach("--data", "copy")
    assert filled.ask("script/a", "bucket.get data text", "copy") == "ok value"
    assert filled.fails(1, "backup", "copy", "--data", ".radon/app").endswith(
        "copy: not empty; a backup needs a directory of its own"
    )


def test_a_deployment_in_memory_can_be_exported_but_not_backed_up(radon: Radon, application: Path) -> None:
    radon.detach("--store", "memory")
    radon.ask("script/a", "bucket.put data text value")
    assert "'memory' has no files" in radon.fails(1, "backup", "copy")
    exported = radon.ok("state", "export")
    radon.ok("stop")
    radon.ok("state", "import", "-", "--data", "copy", stdin=exported.encode())
    assert radon.ok("state", "get", "script/a", "data", "text", "--data", "copy") == "value"
