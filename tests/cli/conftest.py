"""The command line as a user has it: real processes, their exit codes and what they print.

`radon(...)` runs a verb to its end, `radon.start(...)` one that serves. All that was started is gone at the end. What
ends at once is forked from a process that has its imports; what serves is a `python -m radon` of its own.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from radon.cli.client import Client
from tests.cli.fork_server import ForkServer
from tests.scripts import ScriptModule, script_module

__all__ = ["script_module"]  # a fixture, found here by its name

COMMAND = (sys.executable, "-m", "radon")
LONG = 50
"""Seconds after which something that was to happen has not."""


Done = subprocess.CompletedProcess[bytes]


PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def keys_of(section: str) -> set[str]:
    """The keys that the page explains under a heading."""
    text = PAGE.partition(f"### {section}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z_]+)`", text, re.MULTILINE))


@pytest.fixture
def not_under_nohup() -> Iterator[None]:
    """Whatever is started hears that it was hung up on, even if these tests do not."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


class Serving:
    """A process in the foreground that is up, until it ends."""

    def __init__(self, process: subprocess.Popen[bytes], facts: dict[str, Any]) -> None:
        self.process = process
        self.facts = facts

    def end(self, number: int) -> int:
        """Send a signal and wait for the exit code."""
        self.process.send_signal(number)
        return self.process.wait(LONG)

    def error_line(self) -> str:
        """The next line on its standard error."""
        assert self.process.stderr is not None
        return self.process.stderr.readline().decode().rstrip("\n")


class Radon:
    """The command, as called in one folder."""

    def __init__(self, folder: Path, fork_server: ForkServer) -> None:
        self.folder = folder
        self._fork_server = fork_server
        self.environment = {**os.environ, "RADON_DEBUG": "", "COLUMNS": "80"}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._detached: dict[int, int] = {}  # process -> descriptor

    def __call__(self, *arguments: str | Path, stdin: bytes = b"") -> Done:
        """Run a verb to its end."""
        words = [*map(str, arguments)]
        return self._fork_server.run(words, self.folder, self.environment, stdin, LONG)

    def anew(self, *arguments: str | Path) -> Done:
        """Run a verb to its end, from the start of the interpreter on, with its own seed of hashes."""
        return subprocess.run(
            [*COMMAND, *map(str, arguments)], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=LONG, check=False,
        )  # fmt: skip

    def ok(self, *arguments: str | Path, stdin: bytes = b"") -> str:
        """Run a verb that must succeed; what it printed."""
        return printed(self(*arguments, stdin=stdin))

    def json(self, *arguments: str | Path) -> Any:
        return json.loads(self.ok(*arguments, "--json"))

    def fails(self, code: int, *arguments: str | Path, stdin: bytes = b"") -> str:
        """Run a verb that must fail with this exit code; the one line that it says."""
        return complaint(self(*arguments, stdin=stdin), code)

    def start(self, *arguments: str | Path, **options: Any) -> Serving:
        """Start `run`, `dev` or `deploy` in the foreground; returns when it is up."""
        process = self.begin(*arguments, "--json", **options)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            pytest.fail(f"it did not come up: {process.communicate()[1].decode()}")
        return Serving(process, json.loads(line))

    def begin(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        """Start a verb and leave it running."""
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip
        self._processes.append(process)
        return process

    def detach(self, *arguments: str | Path) -> dict[str, Any]:
        """`deploy --detach`; the facts."""
        facts: dict[str, Any] = json.loads(printed(self.anew("deploy", *arguments, "--detach", "--json")))
        self._detached[facts["pid"]] = os.pidfd_open(facts["pid"])
        return facts

    def ask(self, address: str, script: str, data: str | Path = ".radon/app") -> str:
        """A call without a process of its own, for what a test is not about."""
        with Client(self.folder / data) as client:
            return client.call(address, script.encode(), int(LONG * 1e9), "").decode()

    def kill(self, facts: dict[str, Any]) -> None:
        """As `kill -9`, and wait until the process is gone."""
        signal.pidfd_send_signal(self._detached[facts["pid"]], signal.SIGKILL)
        assert self.has_ended(facts, LONG)

    def has_ended(self, facts: dict[str, Any], wait: float = 0) -> bool:
        return _is_readable(self._detached[facts["pid"]], wait)

    def clean_up(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        for descriptor in self._detached.values():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                _is_readable(descriptor, LONG)
            os.close(descriptor)


def printed(done: Done, encoding: str = "utf-8") -> str:
    """What a verb printed that succeeded."""
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return done.stdout.decode(encoding)


def complaint(done: Done, code: int) -> str:
    """The one line that a verb said that failed with this exit code."""
    said = done.stderr.decode()
    assert done.returncode == code, said
    assert done.stdout == b""
    assert said.endswith("\n")
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    return said[:-1]


def _is_readable(descriptor: int, wait: float) -> bool:
    """Within so many seconds. Not by `select`, which knows descriptors below 1,024 only."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(1000 * wait))


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.stop()


@pytest.fixture
def radon(tmp_path: Path, fork_server: ForkServer) -> Iterator[Radon]:
    """The command in an empty folder."""
    command = Radon(tmp_path, fork_server)
    yield command
    command.clean_up()


MANIFEST = """\
[application]
name = "{name}"

[kinds.script]
module = "script.wasm"
grants = ["script/*", "other/*", "spawn:script", "publish:*"]
retry = {{attempts = 2, backoff = "1ms"}}
limits = {{message = "64KiB"}}

[kinds.other]
module = "script.wasm"
retry = {{attempts = 1}}
"""


@pytest.fixture
def application(tmp_path: Path, script_module: ScriptModule) -> Path:
    """The manifest of an application "app", whose atoms `script/KEY` and `other/KEY` do what their messages say."""
    return write_application(tmp_path, script_module("fiber"))


def write_application(folder: Path, module: bytes, name: str = "app") -> Path:
    manifest = folder / "radon.toml"
    manifest.write_text(MANIFEST.format(name=name))
    (folder / "script.wasm").write_bytes(module)
    return manifest
