"""A Redis 7.0 of its own, to compare with: commands in, the bytes of their replies out."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.redis import resp
from tests.redis.keyspaces import Client, Word, encoded

SERVER = shutil.which("redis-server")


class Reference:
    """A connection to it. Its database is emptied first."""

    def __init__(self, path: Path, protocol: int = 2) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.raw("HELLO", protocol)
        self.raw("FLUSHALL")

    def raw(self, *words: Word) -> bytes:
        parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in map(encoded, words)]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(parts))
        data = b""
        while True:
            data += self.socket.recv(1 << 20)
            try:
                resp.parse(data)
            except ValueError:
                continue
            return data

    def close(self) -> None:
        self.socket.close()


# In no order that anybody may rely on, and in another one here.
UNORDERED = {"SMEMBERS", "SINTER", "SUNION", "SDIFF", "SSCAN"}


def ordered(words: Sequence[Word], reply: bytes) -> Any:
    """What is compared of the reply."""
    value = resp.parse(reply)
    if str(words[0]).upper() not in UNORDERED or not isinstance(value, list):
        return reply
    return type(value), sorted(map(repr, value[1] if words[0] == "SSCAN" else value))


def compare(script: Sequence[Sequence[Word]], client: Client, reference: Reference) -> None:
    """Runs it on both, reply by reply."""
    for words in script:
        assert ordered(words, client.raw(*words)) == ordered(words, reference.raw(*words)), words


def script(path: Path) -> list[list[str]]:
    """A command a line; `""` is an empty word, and what begins with `#` a comment."""
    lines = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
    return [[word.replace('""', "") for word in words] for words in lines if words]


@contextmanager
def server() -> Iterator[Path]:
    """Starts one, and answers the path of its socket once it listens."""
    assert SERVER is not None
    with tempfile.TemporaryDirectory(prefix="radon-redis-") as folder:
        path = Path(folder, "socket")
        options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
        with subprocess.Popen([SERVER, *options], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    if "eady to accept connections" in line:
                        break
                yield path
            finally:
                process.kill()
