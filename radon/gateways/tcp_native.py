"""The TCP gateway whose sockets are C's: Python pays for each time that some are ready, and not for each chunk.

The event loop waits for one file, which is ready when any socket is. C then reads all that are and makes input records
of it; they go to the domains, whose commits come by `_sift`, where C takes out what is for connections and writes it.
Owns when C is called, and the way between it and the deployment. What becomes of a connection is told in
native/connection.c.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import threading
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from radon.abi.errors import RadonError
from radon.abi.exchange import CONNECTION
from radon.backends.deployment import SIEVED, Deployment
from radon.gateways import tcp
from radon.host import native

log = logging.getLogger(__name__)

SILENCE = 60.0
"""Seconds between two complaints that there are no files left."""


class NativeTcpGateway:
    """See `TcpGateway`. Raises RadonError where the process may open no more files."""

    def __init__(self, deployment: Deployment) -> None:
        module = native.module()
        self._ffi, self._lib = module.ffi, module.lib
        self._deployment = deployment
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._prefix = f"{secrets.token_hex(6)}-"  # an address from before a restart must not mean a new connection
        tokens = SIEVED | secrets.randbits(62)  # nor may an answer to a chunk of then
        made = self._lib.radon_tcp_new(self._prefix.encode(), tokens, deployment.domains)
        if made == self._ffi.NULL:
            raise RadonError(f"no sockets for TCP: {os.strerror(self._ffi.errno)}")
        self._sockets = self._ffi.gc(made, self._lib.radon_tcp_free)
        self._listeners: list[socket.socket] = []
        self._kinds: list[str] = []
        self._told: tuple[Any, ...] = ()  # what the limits in C were made of
        self._empty = asyncio.Event()  # set, when there are no connections
        self._silent_until = 0.0
        self._sweeping: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> Collection[str]:
        size = self._lib.radon_tcp_open(self._sockets)
        numbers = self._ffi.new("uint64_t[]", max(size, 1))
        self._lib.radon_tcp_numbers(self._sockets, numbers)
        return [f"{self._prefix}{numbers[at]}" for at in range(size)]

    async def start(self, listeners: Mapping[str, Iterable[socket.socket]]) -> None:
        for kind, sockets in listeners.items():
            for listener in sockets:
                self._listeners.append(listener)
                if why := self._lib.radon_tcp_listen(self._sockets, listener.fileno(), kind.encode()):
                    raise RadonError(f"cannot take connections for {kind!r}: {os.strerror(why)}")
        kinds = [CONNECTION, *listeners]
        self._deployment.attach_sieve(kinds, self._sift)
        self._kinds = kinds
        self._loop.add_reader(self._lib.radon_tcp_file(self._sockets), self._serve)
        self._sweep()

    async def stop(self, grace: float) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._go_on(self._lib.radon_tcp_drain(self._sockets))
        for listener in self._listeners:
            listener.close()
        try:
            async with asyncio.timeout(grace):
                while self._lib.radon_tcp_open(self._sockets):
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            for domain in range(self._deployment.domains):
                self._go_on(self._lib.radon_tcp_cut(self._sockets, domain))
        self._loop.remove_reader(self._lib.radon_tcp_file(self._sockets))
        for kind in self._kinds:
            self._deployment.detach(kind)

    # ---- in the loop ----

    def _serve(self) -> None:
        """Sockets are ready, or another thread has sifted something out."""
        self._tell_limits()
        self._go_on(self._lib.radon_tcp_serve(self._sockets), at_once=True)

    def _sweep(self) -> None:
        self._tell_limits()
        self._go_on(self._lib.radon_tcp_sweep(self._sockets))
        self._sweeping = self._loop.call_later(tcp.WATCH, self._sweep)

    def _go_on(self, found: int, *, at_once: bool = False) -> None:
        """With what is to be looked at after a call of C."""
        if found & self._lib.RADON_TCP_INPUTS:
            for domain in range(self._deployment.domains):
                if records := self._inputs(domain):
                    self._submit(records, domain, at_once)
        if found & self._lib.RADON_TCP_EMPTY:
            self._empty.set()
        if found & self._lib.RADON_TCP_CROWDED and self._loop.time() >= self._silent_until:
            log.warning("no connections are accepted until files are closed; raise the limit (ulimit -n)")
            self._silent_until = self._loop.time() + SILENCE

    def _submit(self, records: bytes, domain: int, at_once: bool) -> None:
        try:
            self._deployment.submit_encoded(records, domain, at_once=at_once)
        except RadonError:  # it is stopping, or its store fails: nobody there hears of these connections
            self._go_on(self._lib.radon_tcp_cut(self._sockets, domain) & ~self._lib.RADON_TCP_INPUTS)
            self._lib.radon_tcp_taken(self._sockets, domain)

    def _inputs(self, domain: int) -> bytes:
        there = self._lib.radon_tcp_inputs(self._sockets, domain)
        if not there.size:
            return b""
        records = bytes(self._ffi.buffer(there.data, there.size))
        self._lib.radon_tcp_taken(self._sockets, domain)
        return records

    def _tell_limits(self) -> None:
        """If they have changed, as a redeployment changes them."""
        sources = (self._deployment.application, tcp.UNREAD, tcp.UNHANDLED, tcp.FLUSH, tcp.STALLED)
        if sources != self._told:
            self._told = sources
            for kind in self._kinds:
                chunk, unread = tcp.chunk_of(self._deployment, kind), tcp.unread_of(self._deployment, kind)
                self._lib.radon_tcp_limits(self._sockets, kind.encode(), chunk, unread)
            self._lib.radon_tcp_patience(self._sockets, int(tcp.FLUSH * 1e9), int(tcp.STALLED * 1e9))
            self._lib.radon_tcp_room(self._sockets, tcp.UNHANDLED)

    # ---- in any thread ----

    def _sift(self, records: bytes) -> bytes:
        """See `Deployment.attach_sieve`."""
        own = threading.get_ident() == self._thread
        rest = self._lib.radon_tcp_sift(self._sockets, records, len(records), not own)
        if rest.size == len(records):
            return records
        others = bytes(self._ffi.buffer(rest.data, rest.size)) if rest.size else b""
        self._lib.radon_tcp_sifted(rest)
        if own:
            self._go_on(self._lib.radon_tcp_settle(self._sockets))
        return others
