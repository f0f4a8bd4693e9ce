"""Every error has an exit code and one line."""

from __future__ import annotations

import errno

import pytest

from radon.__main__ import main
from radon.abi import errors
from radon.abi.errors import ErrorCode
from radon.backends.driver import StoreBusy, StoreDamaged, StoreFull, StoreVersion
from radon.cli.failures import Absent, Told, Usage, outcome, told
from radon.gateways.faults import error_of, label_of


@pytest.mark.parametrize("code", ErrorCode)
def test_what_was_refused_is_named_by_its_error_code(code: ErrorCode) -> None:
    error = errors.Refused.of(code, "a reason")
    assert outcome(error) == (1, f"{code.label}: a reason")
    assert type(error_of(label_of(error), "a reason")) is type(error)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (errors.ManifestError("no key"), 2, "no key"),
        (errors.LoadError("no module"), 2, "no module"),
        (errors.BuildError("x.c did not compile\nx.c:1: error"), 2, "x.c did not compile\nx.c:1: error"),
        (Usage("not so"), 2, "not so"),
        (Absent("not here"), 3, "not here"),
        (Told(3, "as told"), 3, "as told"),
        (StoreFull("full"), 1, "exhausted: full"),
        (StoreBusy("busy"), 1, "unavailable: busy"),
        (StoreVersion("old"), 1, "invalid: old"),
        (StoreDamaged("torn"), 1, "invalid: torn"),
        (errors.StoreError("gone"), 1, "unavailable: gone"),
        (errors.RadonError("no port"), 1, "unavailable: no port"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 1, "denied: /x: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "exhausted: No space left on device"),
        (MemoryError(), 1, "exhausted: there is not enough memory"),
        (ConnectionResetError("reset"), 1, "unavailable: reset"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_has_its_exit_code_and_its_line(error: Exception, code: int, line: str) -> None:
    assert outcome(error) == (code, line)


def test_lines_become_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise errors.Closed("first\n  second\n\n")

    heard: list[tuple[int, str]] = []
    assert told(fail, lambda code, line: heard.append((code, line))) == 1
    assert capsys.readouterr() == ("", "closed: first; second\n")
    assert heard == [(1, "closed: first; second")]


def test_an_exit_code_is_that_of_the_work() -> None:
    assert told(lambda: None) == 0
    assert told(lambda: 130) == 130


def test_an_interrupt_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    assert told(interrupt) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_interrupt_while_the_command_begins_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrapped: bool
) -> None:
    """Before there is a command of typer's that could be run."""

    def interrupt(app: object) -> None:
        if wrapped:  # as by Python 3.11, where the last thing begun is a class of some import
            raise RuntimeError("Error calling __set_name__") from KeyboardInterrupt()
        raise KeyboardInterrupt

    monkeypatch.setattr("typer.main.get_command", interrupt)
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr()) == (130, ("", ""))
