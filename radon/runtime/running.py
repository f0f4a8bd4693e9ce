"""What both runtimes are made of: an application to be, a deployment while entered, and what goes in and out of it.

Owns start and stop, and the checks of what a caller hands over. Waits for nothing but those two.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from radon.abi.delivery import Address
from radon.abi.errors import ErrorCode, Invalid, RadonError, Refused, Timeout
from radon.abi.exchange import Accepted, Reply
from radon.atoms.application import Application, Secrets
from radon.atoms.manifest import Manifest
from radon.backends import Options, deploy
from radon.backends.deployment import Answer
from radon.backends.monolith import Monolith

if TYPE_CHECKING:
    from radon.gateways.egress_thread import EgressThread

FOR_EVER = 1e9
"""Seconds from which on a timeout is none."""

DURABILITIES = ("fsync", "async")

_BYTES = (bytes, bytearray, memoryview)

Resolve = Callable[[Answer], None]
"""Where an answer goes, from whatever thread it comes."""


class Running:
    """What both runtimes are made of: an application to be, and a deployment while entered."""

    def __init__(
        self,
        manifest: Manifest | Application | str | Path,
        *,
        on: str = "monolith",
        store: str | None = None,
        data: str | Path | None = None,
        durability: str | None = None,
        domains: int | None = None,
        forgetful: bool = False,
        record: str | Path | None = None,
    ) -> None:
        """`manifest`: a path of a radon.toml, a Manifest, or an Application that is loaded already.

        `store` "memory" or "lmdb", the latter in the folder `data` (default .radon/APPLICATION); None: "lmdb" if there
        is a `data`, else "memory". `durability` of "lmdb": what is answered outlives a power cut ("fsync", the
        default), or the process ("async"). `domains`: over how many the atoms are
        spread, each with a thread of its own; it stays what it was at first, 1 if nothing was said. `forgetful` drops
        every instance after its turn, to find out what an atom keeps in its memory that belongs into its state.
        `record`: the directory of a recording that `radon replay` runs again, new or to be added to.
        """
        if store is None:
            store = "memory" if data is None else "lmdb"
        if durability is not None and durability not in DURABILITIES:
            raise Invalid(f"unknown durability {durability!r}; known: {', '.join(DURABILITIES)}")
        if store == "memory":
            for name, value in (("data", data), ("durability", durability)):
                if value is not None:
                    raise Invalid(f"{name}={str(value)!r}: memory keeps nothing; say store='lmdb', or leave this out")
        self._given = manifest
        self._on = on
        self._options = Options(
            store=store, data=Path(data) if data is not None else None, fsync=durability != "async",
            domains=domains, forgetful=forgetful, record=Path(record) if record is not None else None,
            failed=self._failed,
        )  # fmt: skip
        self._deployment: Monolith | None = None
        self._egress: EgressThread | None = None
        self._secrets: Secrets
        self._entered = False
        self._changing = threading.Lock()  # whoever stops waits for a start that is under way

    @property
    def deployment(self) -> Monolith:
        """For gateways and tools. Raises RuntimeError outside of `with`."""
        if self._deployment is None:
            raise RuntimeError(f"this {type(self).__name__} is not running; use it as a context manager")
        return self._deployment

    def _failed(self, error: RadonError) -> None:
        """From a thread of the deployment: it cannot go on."""
        raise NotImplementedError

    def _enter(self) -> None:
        if self._entered:
            raise RuntimeError(f"this {type(self).__name__} is running already; make another one")
        self._entered = True

    def _start(self) -> None:
        with self._changing:
            if not self._entered:
                return
            application = load_application(self._given)
            self._secrets = application.read_secrets(os.environ)
            self._deployment = deploy(self._on, application, self._options)
            if application.manifest.egress.http:
                from radon.gateways.egress_thread import EgressThread  # an HTTP client takes long to load

                self._egress = EgressThread(self._deployment, self._secrets)

    def _stop(self) -> None:
        self._entered = False
        with self._changing:
            if self._egress is not None:
                self._egress.stop()
                self._egress = None
            if self._deployment is not None:
                self._deployment.stop()
                self._deployment = None

    def _post(
        self, resolve: Resolve, address: str, body: bytes, wants: bool, timeout: float | None, once: str,
        metadata: Mapping[str, bytes],
    ) -> int:  # fmt: skip
        """Ask an atom; the token of the question."""
        if not isinstance(address, str):
            raise TypeError(f"an address is text, not {type(address).__name__}")
        deployment, to, content = self.deployment, Address.parse(address), in_bytes(body, "the body of a message is")
        if timeout is not None and not timeout > 0:
            raise Timeout(f"the deadline for {address} has passed already; nothing was sent")
        deadline = 0 if timeout is None else time.time_ns() + int(timeout * 1e9)
        pair = "" if wants else f"runtime {id(self)}"
        return deployment.post(
            to, content, resolve, wants=wants, deadline=deadline, pair=pair, once=once,
            metadata=tuple(metadata.items()),
        )  # fmt: skip


def in_bytes(value: object, what: str) -> bytes:
    """Of whatever is bytes; `bytes` itself takes a number for a length. Raises TypeError."""
    if not isinstance(value, _BYTES):
        raise TypeError(f"{what} bytes, not {type(value).__name__}")
    return bytes(value)


def load_application(given: Manifest | Application | str | Path) -> Application:
    """From whatever names one. Raises ManifestError, LoadError."""
    if isinstance(given, Application):
        return given
    return Application.load(given if isinstance(given, Manifest) else Manifest.load(given))


def bounded(timeout: float | None) -> float | None:
    """A timeout in seconds, and None for one that nobody will see the end of."""
    return None if timeout is None or timeout >= FOR_EVER else timeout


def checked(answer: Answer, what: str) -> Reply:
    """The reply, or raised what it was refused with."""
    if isinstance(answer, Accepted):
        return Reply(answer.token, 0, (), b"")
    if isinstance(answer, RadonError):
        raise type(answer)(*answer.args)  # not itself: others may be told the same one
    if answer.code:
        code = ErrorCode(answer.code - 1)
        text = dict(answer.metadata).get("radon.error", b"").decode() or f"{what}: {code.label}"
        raise Refused.of(code, text)
    return answer
