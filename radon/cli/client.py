"""The command line's side of the control socket: one method for each request of `gateways/control.py`.

Errors that the deployment tells are raised as what they were there. Prints nothing.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from radon.abi.errors import RadonError, Timeout, Unavailable
from radon.gateways.control_socket import socket_path
from radon.gateways.faults import DEFECT, error_of

PATIENCE = 5.0
"""Seconds for an answer to come behind the deadline that the deployment keeps."""

LONGEST = 1e6
"""Seconds. A socket cannot be told to wait for more than twice as long."""

# The standard library's client: a third of what a verb takes would be the import of a larger one.


class Client:
    """The running deployment in `directory`, inside `with`. Methods raise RadonError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._path = self._stack.enter_context(socket_path(self._directory))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def facts(self) -> dict[str, Any]:
        """What it is: application, digest, pid, addresses, ..."""
        return self._json("GET", "/")

    def stats(self) -> dict[str, Any]:
        return self._json("GET", "/stats")

    def call(self, address: str, body: bytes, timeout: int, once: str) -> bytes:
        """The answer. `timeout` in ns."""
        query = {"address": address, "timeout": timeout, "once": once}
        patience = timeout / 1e9 + PATIENCE
        try:
            return self._ask("POST", "/call", query, body, patience if patience < LONGEST else None)
        except TimeoutError:
            raise Timeout(f"{self._directory}: the deployment does not answer; it may or may not have acted") from None

    def send(self, address: str, body: bytes, once: str) -> None:
        """Returns when the message is in its mailbox."""
        self._ask("POST", "/send", {"address": address, "once": once}, body)

    def logs(self, *, follow: bool) -> Iterator[dict[str, Any]]:
        """The lines, oldest first; those that come as well, until the deployment stops.

        Raises Unavailable where it ends in another way.
        """
        with self._response("GET", "/logs", {"follow": int(follow)}) as response:
            begun = b""
            while data := self._next(response):
                *lines, begun = (begun + data).split(b"\n")
                yield from map(json.loads, lines)

    def dead(self) -> list[Any]:
        """Died records, by id."""
        return _records(self._ask("GET", "/dead"))

    def revive(self, id: str | None, *, again: bool) -> int:
        """Deliver a dead letter (None: all) again, or drop it; how many there were."""
        query = {"again": int(again)} | ({"id": id} if id is not None else {})
        letters: int = self._json("POST", "/dead", query)["letters"]
        return letters

    def atom(self, address: str, bucket: str | None, key: bytes | None) -> list[Any]:
        """Put records."""
        query = {"address": address}
        if bucket is not None:
            query["bucket"] = bucket
        if key is not None:
            query["key"] = key.hex()
        return _records(self._ask("GET", "/atom", query))

    def image(self) -> list[Any]:
        """The records of a snapshot of each domain, one behind the other."""
        return _records(self._ask("GET", "/image"))

    def bundle(self) -> bytes:
        return self._ask("GET", "/application")

    def replace(self, bundle: bytes, drop: list[str]) -> dict[str, Any]:
        """Run another application from the next turn on; what changed."""
        return self._json("PUT", "/application", {"drop": drop}, bundle)

    def backup(self, directory: Path) -> None:
        self._ask("POST", "/backup", {"directory": directory.absolute()})

    def stop(self) -> None:
        """Begin to stop."""
        self._ask("POST", "/stop")

    def _next(self, response: HTTPResponse) -> bytes:
        """What came, or b"" at the end. Iterating over lines would take for an end what is a loss."""
        try:
            return response.read1()
        except HTTPException:
            raise Unavailable(f"{self._directory}: the deployment has ended without a word: it was killed") from None

    def _json(self, method: str, path: str, query: Mapping[str, Any] = {}, body: bytes = b"") -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._ask(method, path, query, body))
        return answer

    def _ask(
        self, method: str, path: str, query: Mapping[str, Any] = {}, body: bytes = b"", patience: float | None = None
    ) -> bytes:
        with self._response(method, path, query, body, patience) as response:
            return response.read()

    @contextmanager
    def _response(
        self, method: str, path: str, query: Mapping[str, Any] = {}, body: bytes = b"", patience: float | None = None
    ) -> Iterator[HTTPResponse]:
        """What may last is the deployment's to say, and a dead one closes the connection. One that is suspended says
        nothing: after `patience`, in seconds, that is a TimeoutError; None: one waits.
        """
        connection = _Connection(self._path)
        try:
            connection.connect()
        except OSError:
            connection.close()
            raise Unavailable(f"{self._directory}: the deployment takes no connections; it has ended") from None
        try:
            connection.sock.settimeout(patience)
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before the end of the body
                connection.request(method, f"{path}?{urlencode(query, doseq=True)}" if query else path, body)
            response = connection.getresponse()
            if response.status >= 400:
                raise _told(response)
            yield response
        except TimeoutError:
            raise
        except (HTTPException, OSError):
            raise Unavailable(
                f"{self._directory}: the deployment ended before it answered; it may or may not have acted"
            ) from None
        finally:
            connection.close()


class _Connection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("radon")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


def _told(response: HTTPResponse) -> RadonError:
    content = response.read()
    try:
        fault = json.loads(content)
        label, message = str(fault["error"]), str(fault["message"])
    except (ValueError, KeyError, TypeError):
        label, message = DEFECT, f"the deployment answered {response.status}: {content[:200]!r}"
    if label == DEFECT:
        return Unavailable(f"a defect of Radon in the deployment: {message}; its log says where")
    return error_of(label, message)


def _records(frame: bytes) -> list[Any]:
    from radon.abi.frames import FrameType, decode_all, unseal

    return decode_all(unseal(FrameType.SNAPSHOT, frame))
