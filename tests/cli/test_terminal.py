"""What reaches a terminal: lines of text, whatever guests, modules, files and callers put into names and texts."""

from __future__ import annotations

import json
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from radon.abi.errors import BuildError, NotFound
from radon.cli.failures import outcome, told
from radon.cli.printing import print_bytes, print_lines, print_table, say, shown_lines
from radon.cli.serving import _Safe
from tests.cli.conftest import COMMAND, Radon, printed
from tests.cli.test_build import plain

EVIL = "a\x1b[2J\r\n\x9bb\u202ec\u2028"
SHOWN = r"a\x1b[2J\r\n\x9bb\u202ec\u2028"


def test_a_line_stays_one_line_and_holds_no_control_code(capsys: pytest.CaptureFixture[str]) -> None:
    print_lines([EVIL, "plain"])
    print_table(("name", "text"), [(EVIL, 1)])
    out = capsys.readouterr().out.split("\n")
    assert out == [SHOWN, "plain", out[2], f"{SHOWN}{' ' * (len(out[2]) - len(SHOWN) - 4)}   1", ""]


def test_a_byte_that_is_no_utf_8_is_shown_as_a_byte(capsys: pytest.CaptureFixture[str]) -> None:
    print_lines([b"a\xff\xc3\xa9\x80".decode(errors="surrogateescape"), "\ud800\udc7f"])
    assert capsys.readouterr().out == "a\\xffé\\x80\n\\ud800\\udc7f\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_what_the_encoding_has_not_is_escaped(radon: Radon, encoding: str) -> None:
    name = b"\xff\xc3\xa9\xe2\x82\xac.wat".decode(errors="surrogateescape")  # no text, é, €
    (radon.folder / name).write_text(plain())
    radon.environment["PYTHONIOENCODING"] = encoding
    shown = {"utf-8": "é€", "ascii": r"\xe9\u20ac", "latin-1": r"é\u20ac"}[encoding]
    lines = printed(radon.anew("inspect", name), encoding).splitlines()
    assert lines[0] == rf"\xff{shown}.wat"
    assert json.loads(printed(radon.anew("inspect", name, "--json"), encoding))["file"] == name


def test_a_table_that_has_no_room_says_where() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*COMMAND, "doctor"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"exhausted: standard output: No space left on device\n")


def test_texts_of_several_lines_keep_their_lines_alone(capsys: pytest.CaptureFixture[str]) -> None:
    say("x.c:1: \x1b[31merror\x1b[m\n\tint x\n")
    assert capsys.readouterr().err == "x.c:1: \\x1b[31merror\\x1b[m\n        int x\n"
    assert outcome(BuildError("x.c\n\x1b[2J"))[1] == "x.c\n\\x1b[2J"
    assert shown_lines("") == ""


def test_an_error_that_quotes_a_name_from_outside_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise NotFound(f"no atom {EVIL}")

    assert outcome(NotFound("\x1b]0;title\x07")) == (1, r"not-found: \x1b]0;title\x07")
    told(fail)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said[:-1].isprintable()


def test_a_traceback_that_was_asked_for_has_no_control_codes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ValueError("\x1b[2J")

    monkeypatch.setenv("RADON_DEBUG", "1")
    told(fail)
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.replace("\n", "").isprintable()


def test_what_libraries_log_is_escaped_and_a_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError(EVIL)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 1, "of %s", (EVIL,), sys.exc_info())
    first, *rest = _Safe().format(record).split("\n")
    assert first == f"of {SHOWN}"
    assert len(rest) > 2
    assert all(line.isprintable() for line in rest)


def test_bytes_are_raw_where_no_terminal_is(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    print_bytes(b"\x1b[2J\xff\n")
    assert capfdbinary.readouterr().out == b"\x1b[2J\xff\n"


def test_no_verb_lets_an_escape_sequence_of_a_guest_through(radon: Radon, application: Path) -> None:
    radon.detach("--store", "memory")
    radon.ask("script/a", "log.write warn 0x1b5b324a0a41\nbucket.put data 0x1b 0x1b5b324a")
    radon.ok("send", "other/bad\x1b[2J\n", "err 0x1b5b324a0a41")
    assert radon.fails(1, "call", "no\x1b[2J\n", "say") != ""
    for verb in (["logs"], ["dead"], ["ps"], ["state", "get", "script/a"], ["call", "other/a\x1b", "say 0x1b5b324a"]):
        screen = on_a_terminal(radon, *verb)
        assert screen.replace("\r\n", "").isprintable(), screen
    assert r"\x1b[2J\nA" in on_a_terminal(radon, "logs")
    assert (radon.folder / ".radon" / "app" / "log").read_text().replace("\n", "").isprintable()
    assert radon("state", "get", "script/a", "data", "0x1b").stdout == b"\x1b[2J"
    assert radon.json("dead")[0]["to"] == "other/bad\x1b[2J\n"


def on_a_terminal(radon: Radon, *arguments: str) -> str:
    """What a verb writes to one."""
    pid, screen = pty.fork()
    if pid == 0:
        os.chdir(radon.folder)
        os.execvpe(COMMAND[0], [*COMMAND, *arguments], {**radon.environment, "TERM": "xterm-256color"})
    seen = b""
    try:
        while more := os.read(screen, 1 << 16):
            seen += more
    except OSError:  # EIO: the other side has closed
        pass
    os.close(screen)
    os.waitpid(pid, 0)
    return seen.decode()
