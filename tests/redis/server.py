"""The Redis server of Debian, whose replies are what a keyspace's are compared with."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.redis import resp
from tests.redis.keyspaces import Word, encoded


class Server:
    """A server of its own, on a socket in this folder, and a connection to it."""

    def __init__(self, folder: Path) -> None:
        self.path = f"{folder / 'redis.sock'}"
        arguments = ["--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly", "no", "--dir", str(folder)]
        with (folder / "redis.log").open("wb") as log:
            self.process = subprocess.Popen(["redis-server", *arguments], stdout=log)
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            assert self.process.poll() is None, (folder / "redis.log").read_text()
            with suppress(OSError):
                self.socket.connect(self.path)
                break
        self.left = b""

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait()

    def raw(self, *words: Word) -> bytes:
        """The bytes of the reply."""
        (reply,) = self.many([words])
        return reply

    def run(self, *words: Word) -> Any:
        return resp.parse(self.raw(*words))

    def many(self, commands: Sequence[Sequence[Word]]) -> list[bytes]:
        """Those of several commands, sent at once."""
        self.socket.sendall(b"".join(map(request, commands)))
        return [self._next() for _ in commands]

    def _next(self) -> bytes:
        while True:
            with suppress(ValueError):
                _, end = resp.parse_at(self.left, 0)
                reply, self.left = self.left[:end], self.left[end:]
                return reply
            more = self.socket.recv(1 << 20)
            assert more, "the server closed the connection"
            self.left += more


def request(words: Sequence[Word]) -> bytes:
    parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in map(encoded, words)]
    return b"*%d\r\n" % len(parts) + b"".join(parts)
