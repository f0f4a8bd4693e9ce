"""A deployment that goes on when the terminal is gone: its own session, its log, and word of how its start went.

Forks before any engine or thread exists: neither survives a fork. Knows nothing of what the process then does.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from radon.cli.failures import FAILED, Told, told

LOG = "log"
"""What a detached process writes, in its directory."""

LOG_BYTES = 64 << 20
"""Where a log is put aside as `log.1`, which replaces the one before."""

Announce = Callable[[Mapping[str, Any]], None]


def detached(directory: Path, work: Callable[[Announce], int]) -> dict[str, Any]:
    """Run `work` in a process of its own; returns what it announces, once it does.

    Raises Told with its failure if it ends before. If nobody waits any more, it ends as well.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _leave(directory, work, writer)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader, "rb") as answers:
        line = answers.readline()
    if not line.endswith(b"\n"):
        raise Told(FAILED, f"unavailable: the deployment ended while it started; {directory / LOG} may say why")
    answer: dict[str, Any] = json.loads(line)
    if "line" in answer:
        raise Told(answer["code"], answer["line"])
    return answer


def _leave(directory: Path, work: Callable[[Announce], int], writer: int) -> None:
    """In the child: become the leader of a session, then no leader, so that no terminal can be had again."""
    code = FAILED
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        redirect(Path(os.devnull))

        def say(answer: Mapping[str, Any]) -> None:
            nonlocal writer
            if writer >= 0:  # later news are for the log
                os.write(writer, json.dumps(answer).encode() + b"\n")  # EPIPE ends us: whoever started us gave up
                os.close(writer)
                writer = -1

        def begin() -> int:
            from radon.backends.stores.directory import make

            make(directory)
            redirect(directory / LOG)
            return work(say)

        code = told(begin, lambda code, line: say({"code": code, "line": line}))
    finally:
        os._exit(code)


def redirect(log: Path) -> None:
    """Let standard output and error go to the end of `log`, and let nothing come in."""
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    for descriptor, source in ((0, nothing), (1, target), (2, target)):
        os.dup2(source, descriptor)
    os.close(target)
    os.close(nothing)


def put_aside(log: Path) -> None:
    """Begin a new log when this one has become long."""
    if os.fstat(2).st_size > LOG_BYTES:
        os.replace(log, log.with_name(f"{LOG}.1"))
        redirect(log)
