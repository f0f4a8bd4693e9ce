"""Verbs that talk to a running deployment: call, send, ps, logs, dead. One deployment serves them all."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import pytest

from radon.abi.errors import Invalid, Timeout
from radon.cli import client as client_module
from radon.cli.client import Client
from tests.cli.conftest import Radon, keys_of, write_application
from tests.cli.fork_server import ForkServer
from tests.scripts import ScriptModule


@pytest.fixture(scope="module")
def up(
    tmp_path_factory: pytest.TempPathFactory, script_module: ScriptModule, fork_server: ForkServer
) -> Iterator[Radon]:
    """The command in a folder with a deployment that runs."""
    folder = tmp_path_factory.mktemp("up")
    write_application(folder, script_module("fiber"))
    radon = Radon(folder, fork_server)
    radon.detach("--durability", "async")
    yield radon
    radon.clean_up()


def test_a_call_prints_the_answer_as_it_came_and_nothing_else(up: Radon) -> None:
    assert up.ok("call", "script/a", "say hello") == "ok hello"
    answer = up("call", "script/a", "message.reply $message 0x00ff0a0d").stdout
    assert answer == b"\x00\xff\n\r"


def test_a_body_comes_from_the_command_line_a_file_or_standard_input(up: Radon) -> None:
    (up.folder / "body").write_text("say from-a-file")
    assert up.ok("call", "script/a", "@body") == "ok from-a-file"
    assert up.ok("call", "script/a", "-", stdin=b"say from-a-pipe") == "ok from-a-pipe"
    assert up.fails(1, "call", "script/a", "@nothing") == "not-found: nothing: No such file or directory"
    assert "name of a file" in up.fails(2, "call", "script/a", "@")


def test_a_body_need_not_be_text(up: Radon) -> None:
    assert up.ok("call", "script/a", "-", stdin=b"say \xff\xfe") == "ok 0xfffe"


def test_without_an_answer_in_time_the_line_says_timeout(up: Radon) -> None:
    said = up.fails(1, "call", "script/slow", "clock.sleep 60s", "--timeout", "50ms")
    assert said == "timeout: script/slow has not answered in time; it may or may not have acted"


def test_a_deployment_that_does_not_run_on_is_not_waited_for_longer(up: Radon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PATIENCE", 0.01)
    pid = up.json("ps")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        with Client(up.folder / ".radon" / "app") as client, pytest.raises(Timeout, match="does not answer; it may or"):
            client.call("script/a", b"say hello", 10**7, "")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert up.ok("call", "script/a", "say hello", "--timeout", "100000d") == "ok hello"


def test_a_deadline_of_zero_sends_nothing(up: Radon) -> None:
    said = up.fails(1, "call", "script/never", "say hello", "--timeout", "0s")
    assert said == "timeout: the deadline for script/never has passed already; nothing was sent"
    assert up.fails(1, "state", "get", "script/never").startswith("not-found: ")


def test_a_timeout_without_a_unit_is_refused(up: Radon) -> None:
    said = up.fails(2, "call", "script/a", "say hello", "--timeout", "5")
    assert said.startswith("--timeout '5': the unit is missing")


def test_an_unknown_kind_is_not_found_and_the_known_are_listed(up: Radon) -> None:
    assert up.fails(1, "call", "skript/a", "say") == "not-found: no kind 'skript'; this application has: other, script"
    assert up.fails(1, "send", "skript", "say").startswith("not-found: ")


def test_a_body_over_the_limit_is_too_large(up: Radon) -> None:
    said = up.fails(1, "call", "script/a", "-", stdin=bytes(64 * 1024 + 1))
    assert said.startswith("too-large: ")
    assert up.fails(1, "send", "other/a", "-", stdin=bytes(9 << 20)).startswith("too-large: ")


def test_a_message_that_fails_for_good_is_closed_and_a_dead_letter(up: Radon) -> None:
    assert up.fails(1, "call", "script/bad", "trap").startswith("closed: ")
    up.ok("send", "other/bad", "err no")
    letters = [letter for letter in up.json("dead") if letter["to"].endswith("/bad")]
    assert [(letter["to"], letter["cause"], letter["attempts"], letter["body"]) for letter in letters] == [
        ("script/bad", "trap: unreachable", 2, "trap"),
        ("other/bad", "err", 1, "err no"),
    ]
    assert letters[0].keys() == keys_of("radon dead")
    table = up.ok("dead").splitlines()
    assert table[0].split() == ["ID", "TIME", "TO", "FORM", "ATTEMPTS", "CAUSE", "BODY"]
    assert letters[0]["id"] in table[1]

    assert up.ok("dead", "--retry", letters[0]["id"]) == "1 delivered again\n"
    assert up.json("dead", "--drop", letters[1]["id"]) == {"letters": 1}
    assert up.fails(1, "dead", "--drop", letters[1]["id"]) == f"not-found: no dead letter {letters[1]['id']}"
    up.ok("dead", "--drop", "all")
    assert "exclude" in up.fails(2, "dead", "--drop", "all", "--retry", "all")


def test_send_returns_when_the_message_is_in_the_mailbox(up: Radon) -> None:
    for number in range(3):
        assert up.ok("send", "script/sent", f"bucket.add data n {number}") == ""
    assert up.ask("script/sent", "bucket.add data n 0") == "ok 3"


def test_a_message_that_is_sent_again_under_its_key_has_its_effect_once(up: Radon) -> None:
    answers = [up.ok("call", "script/once", "bucket.add data n 1", "--once", "order 7") for _ in range(2)]
    assert answers == ["ok 1", "ok 1"]
    assert up.ask("script/once", "bucket.add data n 0") == "ok 1"


def test_ps_shows_kinds_queues_and_memory(up: Radon) -> None:
    up.ask("script/ps", "bucket.put data k value")
    found = up.json("ps")
    assert found.keys() == keys_of("Facts of a deployment") - {"change"} | keys_of("radon ps")
    assert (found["application"], found["store"], found["durability"]) == ("app", "lmdb", "async")
    script = next(kind for kind in found["kinds"] if kind["kind"] == "script")
    assert {key: type(value) for key, value in script.items()} == {
        "kind": str, "atoms": int, "instances": int, "queued": int, "suspended": int, "turns": int, "failed": int,
        "state_bytes": int, "turns_per_second": float,
    }  # fmt: skip
    assert script["atoms"] >= 1
    assert script["state_bytes"] >= len("kvalue")

    shown = up.ok("ps")
    assert "\x1b" not in shown
    assert f"process {found['pid']}" in shown
    assert [line.split()[0] for line in shown.splitlines()[-3:]] == ["KIND", "other", "script"]


def test_logs_show_what_atoms_logged_and_nothing_that_a_terminal_would_obey(up: Radon) -> None:
    assert up.ask("script/log", 'log.write warn "first\\nsecond"') == "ok"
    assert up.ask("script/log", "log.write info 0x1b5b324a") == "ok"
    lines = [line for line in map(json.loads, up.ok("logs", "--json").splitlines()) if line["atom"] == "script/log"]
    assert [(line["level"], line["text"], line["attempt"]) for line in lines] == [
        ("warn", "first\nsecond", 0), ("info", "\x1b[2J", 0),
    ]  # fmt: skip
    assert lines[0].keys() == keys_of("radon logs") - {"missed"}
    shown = [line for line in up.ok("logs").splitlines() if " script/log " in line]
    assert [line.split(" ", 1)[1] for line in shown] == [
        r"warn  script/log first\nsecond", r"info  script/log \x1b[2J",
    ]  # fmt: skip


def test_logs_can_be_followed(up: Radon) -> None:
    up.ask("script/follow", "log.write info before")
    following = up.begin("logs", "-f", "--json")
    texts: list[str] = []

    def read_until(text: str) -> None:
        while text not in texts:
            assert following.stdout is not None
            texts.append(json.loads(following.stdout.readline())["text"])

    read_until("before")
    up.ask("script/follow", "log.write info after")
    read_until("after")
    assert texts.count("before") == 1


def test_whoever_stops_reading_hears_no_complaint(up: Radon) -> None:
    """`radon logs | head -n 1`."""
    up.ask("script/pipe", "repeat 3000 log.write info line")
    writing = up.begin("logs")
    assert writing.stdout is not None
    assert writing.stderr is not None
    writing.stdout.readline()
    writing.stdout.close()
    assert writing.stderr.read() == b""


@pytest.mark.parametrize("path", ["/call", "/call?timeout=soon&address=a", "/send", "/dead", "/backup"])
def test_a_request_that_makes_no_sense_is_invalid(up: Radon, path: str) -> None:
    """The control socket serves whatever its owner writes, not this command alone."""
    with Client(up.folder / ".radon" / "app") as client, pytest.raises(Invalid, match="parameter"):
        client._ask("POST", path)


def test_an_address_that_is_no_text_is_refused(up: Radon) -> None:
    assert up.fails(2, "call", b"script/\xff".decode(errors="surrogateescape"), "say") == r"script/\xff is not UTF-8"
