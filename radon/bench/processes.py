"""Other processes: on which processors they run, how long they have had them, and how they begin and end."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from radon.abi.errors import Invalid, Unavailable

PATIENCE = 30.0
"""Seconds that a server has to come up, and to end."""

_libc = ctypes.CDLL(None)

Used = Mapping[int, int]
"""ns on a processor, of each thread."""


class Pins(NamedTuple):
    """Processors for servers and for the client; None: any."""

    server: frozenset[int] | None = None
    client: frozenset[int] | None = None


def parse_pins(text: str) -> Pins:
    """ "0:1" is the server on processor 0 and the client on 1; "0-1,3:2". Raises Invalid."""
    server, colon, client = text.partition(":")
    try:
        pins = Pins(_processors(server), _processors(client)) if colon else Pins()
    except ValueError:
        pins = Pins()
    if pins.server is None:
        raise Invalid(f"--pin {text}: must be SERVER:CLIENT, processors of each, as in 0:1 or 0-1,3:2")
    there = os.sched_getaffinity(0)
    missing = sorted((pins.server | (pins.client or frozenset())) - there)
    if missing:
        raise Invalid(f"--pin {text}: there is no processor {missing[0]}; there are {_listed(there)}")
    return pins


def _processors(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        span = range(int(first), int(last if dash else first) + 1)
        if not span or span.stop > 4096:
            raise ValueError(part)
        found.update(span)
    return frozenset(found)


def _listed(processors: set[int]) -> str:
    return ", ".join(map(str, sorted(processors)))


@contextmanager
def pinned(processors: frozenset[int] | None) -> Iterator[None]:
    """This thread, and what it starts, runs there."""
    before = os.sched_getaffinity(0)
    if processors is not None:
        os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin(pid: int, processors: frozenset[int] | None) -> None:
    """All threads of a process that runs already. Raises Unavailable where that is not ours to say."""
    if processors is None:
        return
    try:
        for thread in _threads(pid):
            with suppress(ProcessLookupError):
                os.sched_setaffinity(thread, processors)
    except PermissionError:
        raise Unavailable(f"--pin: process {pid} is not yours; start the server with `taskset`") from None


def used_by(pid: int) -> Used:
    """Of a process's threads; empty where it cannot be seen."""
    used: dict[int, int] = {}
    for thread in _threads(pid):
        with suppress(OSError, ValueError):
            used[thread] = int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
    return used


def spent(before: Used, after: Used) -> float | None:
    """Seconds on processors between the two; None where nothing could be seen."""
    if not before or not after:
        return None
    return sum(max(ns - before.get(thread, 0), 0) for thread, ns in after.items()) / 1e9


def _threads(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@contextmanager
def started(command: Sequence[str], name: str, pins: Pins, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block. What it complains of goes to a file, which `failed` quotes.

    In a session of its own: a Ctrl-C at the terminal is ours to handle. It does not outlive us however we end. Raises
    Unavailable where it cannot begin.
    """
    with open(complaints(folder), "wb") as errors, pinned(pins.server):
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=folder,
                start_new_session=True, preexec_fn=_die_with_parent,
            )  # fmt: skip
        except OSError as error:
            raise Unavailable(f"{name}: {command[0]}: {error.strerror}") from None
    try:
        yield process
    finally:
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _die_with_parent() -> None:
    """In the child, before its program begins: prctl(PR_SET_PDEATHSIG)."""
    _libc.prctl(1, signal.SIGTERM)


def complaints(folder: Path) -> Path:
    return folder / "stderr"


def failed(name: str, folder: Path, process: subprocess.Popen[bytes], what: str) -> Unavailable:
    """That a process has ended or says nothing, with the last line of its complaints."""
    lines = complaints(folder).read_text(errors="replace").strip().splitlines()
    code = process.poll()
    ended = f"{what}; it ended with {code}" if code is not None else what
    return Unavailable(f"{name}: {ended}" + (f": {lines[-1]}" if lines else ""))


def line_of(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """The next line that it writes; empty where it has ended, or has written none in time."""
    assert process.stdout is not None
    poll = select.poll()
    poll.register(process.stdout, select.POLLIN)
    return process.stdout.readline() if poll.poll(1000 * seconds) else b""
