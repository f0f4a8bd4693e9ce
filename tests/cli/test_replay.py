"""What was recorded is replayed, shown, and compared; and what is told where that cannot be."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import radon as embedded
from tests.cli.conftest import Radon, keys_of
from tests.scripts import ECHO, ScriptModule

WORK = "bucket.put data k value\nbucket.get data k\nbucket.get data absent"


@pytest.fixture
def recorded(radon: Radon, application: Path) -> Radon:
    """A recording `rec` of a deployment that is stopped."""
    radon.detach("--record", "rec")
    radon.ask("script/a", WORK)
    radon.ask("script/b", "clock.set-timer 0 7\nlog.write info hello")
    radon.ok("send", "other/bad", "trap")
    radon.ok("stop")
    return radon


def test_what_was_recorded_is_the_same_again(recorded: Radon) -> None:
    (line,) = recorded.ok("replay", "rec").splitlines()
    assert line.startswith("domain 0, segment 1 from 20")
    assert line.endswith(": equal")
    found = recorded.json("replay", "rec")
    assert found.keys() == keys_of("radon replay")
    assert (found["application"], found["equal"], found["turns"]) == ("app", True, [])
    (segment,) = found["segments"]
    assert segment.pop("opened") > 10**18
    commits = segment.pop("commits")
    assert commits > 3
    assert segment.pop("turns") >= 5
    assert segment == {"domain": 0, "segment": 1, "stopped": False, "cut": None, "difference": None}
    for name in ("native", "python"):
        recorded.environment["RADON_DOMAIN"] = name
        assert recorded.json("replay", "rec")["segments"][0]["commits"] == commits


def test_a_recording_is_for_its_owner_alone(recorded: Radon) -> None:
    for folder, _, files in os.walk(recorded.folder / "rec"):
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
        assert {stat.S_IMODE(Path(folder, file).stat().st_mode) for file in files} <= {0o600}


def test_the_turns_of_an_atom_are_told(recorded: Radon) -> None:
    lines = recorded.ok("replay", "rec", "--atom", "script/a").splitlines()
    turns = [line for line in lines if line.startswith("turn ")]
    assert all(" of script/a at 20" in turn for turn in turns)
    assert "  start ''  (from outside, attempt 1)" in lines
    message = lines[lines.index(turns[-1]) :]
    body = r"bucket.put data k value\nbucket.get data k\nbucket.get data..."
    assert message[1] == f"  message {body}  (from outside, attempt 1)"
    assert "  state.bucket.put(data, k, value)" in message
    assert "  state.bucket.get(data, k) = value" in message
    assert "  state.bucket.get(data, absent)" in message
    assert "  > put bucket=data key=k value=value" in message
    assert any(line.startswith("  > leaves: reply token=") for line in message)
    assert "  ok" in message
    assert message[-1].endswith(": equal")


def test_an_atom_that_is_not_there_is_named(recorded: Radon) -> None:
    done = recorded("replay", "rec", "--atom", "script/c")
    assert (done.returncode, done.stderr) == (1, b"not-found: rec: script/c takes no turn there\n")


def test_a_replay_stops_at_a_turn_and_shows_it(recorded: Radon) -> None:
    told = recorded.json("replay", "rec", "--atom", "script/b")["turns"]
    assert [(turn["delivery"]["form"], turn["end"]) for turn in told] == [
        ("start", "ok"), ("message", "ok"), ("fired", "ok"),
    ]  # fmt: skip
    _, message, fired = told
    assert [call["name"] for call in message["calls"]][:2] == ["clock.set-timer", "log.write"]
    assert {"atom": "script/b", "record": "timer-set", "token": 7}.items() <= message["changes"][1].items()
    assert "logged" in [output["record"] for output in message["left"]]

    found = recorded.json("replay", "rec", "--until", str(message["turn"]))
    assert found["turns"] == [message]
    assert found["segments"][0]["stopped"]
    moment = datetime.fromtimestamp(fired["time"] // 10**9, UTC) + timedelta(microseconds=fired["time"] // 1000 % 10**6)
    for until in (moment.isoformat(), moment.replace(tzinfo=None).isoformat()):
        found = recorded.json("replay", "rec", "--until", until, "--atom", "script/b")
        assert found["turns"][-1]["time"] >= message["time"]
    begin = found["segments"][0]["opened"]
    found = recorded.json("replay", "rec", "--until", f"{fired['time'] - begin}ns")
    assert found["turns"] == [fired]
    last = recorded.ok("replay", "rec", "--until", str(message["turn"])).splitlines()
    assert last[0].startswith(f"turn {message['turn']} of script/b")
    assert last[-1] == "  stopped there"


def test_a_turn_that_failed_and_one_that_waited_are_told_as_such(radon: Radon, application: Path) -> None:
    radon.detach("--record", "rec")
    radon.ask("script/a", "$to = messaging.open other/x\naddress.call $to say 10s")
    radon.ok("send", "other/bad", "trap")
    radon.ok("stop")
    told = radon.json("replay", "rec", "--atom", "script/a")["turns"]
    assert [(turn["how"], turn["end"]) for turn in told[-2:]] == [("begins", "suspended"), ("goes on", "ok")]
    assert told[-1]["calls"][0]["name"] == "messaging.address.call"
    (failed,) = radon.json("replay", "rec", "--atom", "other/bad")["turns"][-1:]
    assert failed["end"] == "trap: unreachable"
    assert "died" in [change["record"] for change in failed["changes"]]


def test_what_guests_wrote_is_shown_escaped(radon: Radon, application: Path) -> None:
    radon.detach("--record", "rec")
    radon.ok("send", "script/a\x1b[2J", "bucket.put data k \x1b]0;title\x07")
    radon.ok("stop")
    shown = radon.ok("replay", "rec", "--atom", "script/a\x1b[2J")
    assert shown.replace("\n", "").isprintable()
    assert r"of script/a\x1b[2J at" in shown


def test_another_module_is_refused_naming_both_and_replayed_anyway_to_the_first_difference(
    recorded: Radon, application: Path, script_module: ScriptModule
) -> None:
    assert recorded.ok("replay", "rec", "--manifest", ".") == recorded.ok("replay", "rec")

    old = recorded.json("inspect", "script.wasm")["digest"]
    (recorded.folder / "script.wasm").write_bytes(script_module("direct"))
    new = recorded.json("inspect", "script.wasm")["digest"]
    said = recorded.fails(2, "replay", "rec", "--manifest", "radon.toml")
    assert said == (
        f"radon.toml: kind 'other' was recorded with the module {old}, and has {new}; "
        "--anyway replays up to the first difference"
    )
    assert recorded.ok("replay", "rec", "--manifest", ".", "--anyway").splitlines()[0].endswith(": equal")
    assert "name it with --manifest" in recorded.fails(2, "replay", "rec", "--anyway")

    (recorded.folder / "script.wasm").write_bytes(ECHO)
    done = recorded("replay", "rec", "--manifest", ".", "--anyway")
    assert done.returncode == 1
    assert done.stderr == b"invalid: rec: not replayed as it was recorded: domain 0, segment 1\n"
    first, where, then, now = done.stdout.decode().splitlines()
    assert first.endswith(": then a difference")
    assert where.startswith("  commit ")
    assert " of script/a" in where
    assert then.startswith("    recorded ")
    assert now.startswith("    replayed ")
    found = json.loads(recorded("replay", "rec", "--manifest", ".", "--anyway", "--json").stdout)
    assert not found["equal"]
    difference = found["segments"][0]["difference"]
    assert difference["recorded"] != difference["replayed"]
    assert difference["atom"] == "script/a"


def test_another_entry_of_the_manifest_is_another_application(recorded: Radon, application: Path) -> None:
    application.write_text(application.read_text().replace("64KiB", "65KiB"))
    said = recorded.fails(2, "replay", "rec", "--manifest", ".")
    assert "the application" in said
    (name,) = os.listdir(recorded.folder / "rec" / "applications")
    assert name in said


def test_a_killed_process_leaves_all_that_was_answered(radon: Radon, application: Path) -> None:
    for number in range(3):
        facts = radon.detach("--record", "rec")
        assert facts["record"] == str(radon.folder / "rec")
        assert radon.ask("script/a", "bucket.add data n 1") == f"ok {number + 1}"
        radon.kill(facts)
    found = radon.json("replay", "rec")
    assert [segment["segment"] for segment in found["segments"]] == [1, 2, 3]
    assert [segment["cut"]["damaged"] for segment in found["segments"]] == [False] * 3
    assert found["equal"]
    assert "cut off at byte" in radon.ok("replay", "rec", "--segment", "2")
    told = radon.json("replay", "rec", "--atom", "script/a")["turns"]
    added = [call["result"] for turn in told for call in turn["calls"] if call["name"] == "state.bucket.add"]
    assert added == [1, 2, 3]


def test_several_domains_are_replayed_one_by_one(radon: Radon, application: Path) -> None:
    (radon.folder / "script.wasm").write_bytes(ECHO)
    serving = radon.start("run", "--record", "rec", "--domains", "2")
    for key in "abcdef":
        assert radon.ask(f"script/{key}", "word") == "word"
    serving.end(15)
    found = radon.json("replay", "rec")
    assert [(segment["domain"], segment["segment"]) for segment in found["segments"]] == [(0, 1), (1, 1)]
    assert found["equal"]
    assert all(segment["turns"] for segment in found["segments"])
    (turn,) = radon.json("replay", "rec", "--until", "4")["turns"]
    assert turn["turn"] % 2 == 0
    for key in "abcdef":
        told = radon.json("replay", "rec", "--atom", f"script/{key}")
        assert [turn["atom"] for turn in told["turns"]] == [f"script/{key}"]
        assert len(told["segments"]) == 1


def test_a_damaged_recording_is_told_with_the_place(recorded: Radon) -> None:
    path = recorded.folder / "rec" / "domain-0" / "000001"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = recorded("replay", "rec")
    assert done.returncode == 1
    assert done.stderr == b"invalid: rec: not replayed as it was recorded: domain 0, segment 1\n"
    assert b"damaged at byte " in done.stdout
    path.write_bytes(data[:100])
    assert "cut off at byte 0: the file ends in the frame there" in recorded.ok("replay", "rec")


def test_a_redeployment_is_recorded_and_says_no_word_of_another_directory(radon: Radon, application: Path) -> None:
    radon.detach("--record", "rec")
    radon.ask("script/a", "bucket.add data n 1")
    application.write_text(application.read_text().replace("64KiB", "65KiB"))
    radon.ok("deploy")
    radon.ask("script/a", "bucket.add data n 1")
    said = radon.fails(2, "deploy", "--record", "other")
    way = "`radon stop` it to change that"
    assert said.endswith(f"runs with record {radon.folder}/rec, not {radon.folder}/other; {way}")
    radon.ok("stop")
    assert radon.json("replay", "rec")["equal"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["absent"], 1, "unavailable: absent: no recording: it has no recording.json that can be read"),
        (["rec", "--until", "tomorrow"], 2, "--until tomorrow: neither a turn's number nor a time, as 2026-01-31T"),
        (["rec", "--segment", "9"], 2, "rec: nothing is recorded there as segment 9"),
        (["rec", "--segment", "0"], 2, "radon replay: invalid value for '--segment'"),
        (["rec", "--manifest", "absent"], 2, "absent: "),
    ],
)
def test_what_cannot_be_replayed_is_said_in_one_line(
    radon: Radon, application: Path, arguments: list[str], code: int, said: str
) -> None:
    with embedded.BlockingRuntime(application, record=radon.folder / "rec") as app:
        app.call("script/a", b"say")
    assert radon.fails(code, "replay", *arguments).startswith(said)


def test_a_directory_that_holds_something_else_is_refused_before_anything_runs(radon: Radon, application: Path) -> None:
    said = radon.fails(1, "run", "--record", ".")
    assert said == "unavailable: .: not empty, and no recording; name a new directory"
    assert not (radon.folder / "recording.json").exists()
