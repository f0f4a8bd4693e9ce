"""A server of the Redis protocol that does what a test wants of it: stalls, lies, breaks off."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from radon.bench.tcp import Address

Answer = Callable[["Store", list[bytes]], bytes]


def bulk(data: bytes | None) -> bytes:
    return b"$-1\r\n" if data is None else b"$%d\r\n%s\r\n" % (len(data), data)


class Store:
    """What clients have put, and what was asked. `answer` may be replaced while it runs."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.values: dict[bytes, bytes] = {}
        self.asked = 0
        self._more = threading.Condition()

    def count(self) -> None:
        with self._more:
            self.asked += 1
            self._more.notify_all()

    def wait(self, asked: int) -> None:
        """Until so much was asked."""
        with self._more:
            assert self._more.wait_for(lambda: self.asked >= asked, timeout=50)


def honest(store: Store, words: list[bytes]) -> bytes:
    match words:
        case [b"SET", key, value]:
            store.values[key] = value
            return b"+OK\r\n"
        case [b"GET", key]:
            return bulk(store.values.get(key))
        case [b"PING"]:
            return b"+PONG\r\n"
    return b"-ERR unknown command\r\n"


@contextmanager
def serving(answer: Answer = honest) -> Iterator[tuple[Address, Store]]:
    store = Store(answer)

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while words := self.words():
                store.count()
                reply = store.answer(store, words)
                if not reply:
                    return
                try:
                    self.wfile.write(reply)
                except OSError:
                    return

        def words(self) -> list[bytes]:
            try:
                head = self.rfile.readline()
                lengths = range(int(head[1:])) if head else ()
                return [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2] for _ in lengths]
            except (OSError, ValueError):
                return []

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Connection) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address, store  # type: ignore[misc]
        finally:
            server.shutdown()
            thread.join()
