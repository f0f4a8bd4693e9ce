"""What both clients of a store are: which store of which application, and what is known of it."""

from __future__ import annotations

from typing import Generic, TypeVar

from radon.kv.operations import Operations
from radon.kv.sessions import Session

A = TypeVar("A")
P = TypeVar("P")


class Client(Generic[A, P]):
    """`A`: the application as it needs it. `P`: how transactions wait for each other."""

    def __init__(
        self, app: A, kind: str = "kv", *, shards: int | None = None, timeout: float | None = 5.0,
        coordinators: str = "tx", pause: P | None = None, replicas: int = 1, near: int = 0,
    ) -> None:  # fmt: skip
        """`shards`, `replicas`: as in the manifest; None: the store is asked. `timeout`: of each question, in seconds.

        `coordinators`: the kind whose module is "std:txkv", for transactions over several shards. `pause`: how they
        wait for each other. `near`: the replica that is asked first.
        """
        self._app = app
        self._kind = kind
        self._timeout = timeout
        self._coordinators = coordinators
        self._number_of_coordinators = 0  # not known yet
        self._pause = pause if pause is not None else self._default_pause()
        self._near = near
        self._operations: Operations | None = None
        self._session: Session | None = None
        if shards is not None:
            self._serve(Operations(shards, replicas))

    def _default_pause(self) -> P:
        raise NotImplementedError  # each client has its own

    def _serve(self, operations: Operations) -> Operations:
        self._operations = operations
        self._session = Session(operations.replicas, self._near) if operations.replicas > 1 else None
        return operations

    def move(self, near: int) -> None:
        """Ask another replica from now on, in the same session: after a Timeout, say."""
        self._near = near
        if self._session is not None:
            self._session.move(near)
