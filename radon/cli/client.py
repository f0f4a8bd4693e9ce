"""The command line's side of the control socket: one method for each request of `gateways/control.py`.

Errors that the deployment tells are raised as what they were there. Prints nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from radon.abi.errors import RadonError, Unavailable
from radon.abi.frames import FrameType, decode_all, unseal
from radon.gateways.control_socket import socket_path
from radon.gateways.faults import DEFECT, error_of


class Client:
    """The running deployment in `directory`, inside `with`. Methods raise RadonError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            path = stack.enter_context(socket_path(self._directory))
            transport = httpx.HTTPTransport(uds=path)
            # No deadline: what may last is the deployment's to say, and a dead one closes the connection.
            self._http = stack.enter_context(httpx.Client(transport=transport, base_url="http://radon", timeout=None))
            self._stack = stack.pop_all()
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
        query = {"address": address, "timeout": str(timeout), "once": once}
        return self._ask("POST", "/call", params=query, content=body).content

    def send(self, address: str, body: bytes, once: str) -> None:
        """Returns when the message is in its mailbox."""
        self._ask("POST", "/send", params={"address": address, "once": once}, content=body)

    def logs(self, *, follow: bool) -> Iterator[dict[str, Any]]:
        """The lines, oldest first; those that come as well, until the deployment stops."""
        with self._telling(), self._http.stream("GET", "/logs", params={"follow": str(int(follow))}) as response:
            for line in response.iter_lines():
                yield json.loads(line)

    def dead(self) -> list[Any]:
        """Died records, by id."""
        return _records(self._ask("GET", "/dead"))

    def revive(self, id: str | None, *, again: bool) -> int:
        """Deliver a dead letter (None: all) again, or drop it; how many there were."""
        query = {"again": str(int(again))} | ({"id": id} if id is not None else {})
        letters: int = self._json("POST", "/dead", params=query)["letters"]
        return letters

    def atom(self, address: str, bucket: str | None, key: bytes | None) -> list[Any]:
        """Put records."""
        query = {"address": address}
        if bucket is not None:
            query["bucket"] = bucket
        if key is not None:
            query["key"] = key.hex()
        return _records(self._ask("GET", "/atom", params=query))

    def image(self) -> list[Any]:
        """The records of a snapshot."""
        return _records(self._ask("GET", "/image"))

    def bundle(self) -> bytes:
        return self._ask("GET", "/application").content

    def replace(self, bundle: bytes, drop: list[str]) -> dict[str, Any]:
        """Run another application from the next turn on; what changed."""
        return self._json("PUT", "/application", params={"drop": drop}, content=bundle)

    def backup(self, directory: Path) -> None:
        self._ask("POST", "/backup", params={"directory": str(directory.absolute())})

    def stop(self) -> None:
        """Begin to stop."""
        self._ask("POST", "/stop")

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask(method, path, **request).json()
        return answer

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        with self._telling():
            response = self._http.request(method, path, **request)
        if response.is_error:
            raise _told(response)
        return response

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError:
            raise Unavailable(f"{self._directory}: the deployment takes no connections; it has ended") from None
        except httpx.TransportError:
            raise Unavailable(
                f"{self._directory}: the deployment ended before it answered; it may or may not have acted"
            ) from None


def _told(response: httpx.Response) -> RadonError:
    try:
        fault = response.json()
        label, message = str(fault["error"]), str(fault["message"])
    except (ValueError, KeyError, TypeError):
        label, message = DEFECT, f"the deployment answered {response.status_code}: {response.text[:200]}"
    if label == DEFECT:
        return Unavailable(f"a defect of Radon in the deployment: {message}; its log says where")
    return error_of(label, message)


def _records(response: httpx.Response) -> list[Any]:
    return decode_all(unseal(FrameType.SNAPSHOT, response.content))
