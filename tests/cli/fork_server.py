"""A fork server for the command `radon`: each command is a process that has imported already whatever it may need.

The imports take longer than what most commands then do, and the tests run hundreds. What is forked is a process like
any other, with its own folder, environment, streams and exit code, but for two things: it shares the seed of Python's
hashes with the others, and variables that the interpreter reads when it starts come too late. Who needs these starts a
process in earnest.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile

ROOT = Path(__file__).parents[2]
LONGEST = 1 << 20
"""Bytes of a request."""


class ForkServer:
    """The process that forks, until `stop`. One command runs at a time."""

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LONGEST)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())], cwd=ROOT, pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the tests alone
            )  # fmt: skip

    def run(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: bytes, seconds: int
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end; after so many `seconds` that is SIGALRM."""
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            request = json.dumps([arguments, str(folder), dict(environment), seconds]).encode()
            socket.send_fds(self._connection, [request], [given.fileno(), out.fileno(), err.fileno()])
            code = self._connection.recv(16)
            assert code, "the fork server has ended"
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(arguments, int(code), out.read(), err.read())

    def stop(self) -> None:
        self._connection.close()
        self._process.wait()


def wait_for_command(connection: socket.socket) -> None:
    """Return once for each command, in a process of its own that is ready to run it."""
    while True:
        request, streams, _, _ = socket.recv_fds(connection, LONGEST, 3)
        if not request:
            sys.exit()
        child = os.fork()
        if child == 0:
            connection.close()
            return become(streams, *json.loads(request))
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def become(
    streams: Sequence[int], arguments: Sequence[str], folder: str, environment: Mapping[str, str], seconds: int
) -> None:
    """What a process is when `python -m radon` begins."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = folder
    sys.argv = ["radon", *arguments]
    signal.alarm(seconds)


if __name__ == "__main__":
    from radon.__main__ import main

    for file in sorted((ROOT / "radon" / "cli").glob("[a-z]*.py")):
        import_module(f"radon.cli.{file.stem}")
    gc.freeze()
    wait_for_command(socket.socket(fileno=int(sys.argv[1])))
    main()
