"""Sockets that listen: bound all before any gateway begins, so that a port in use leaves nothing half started."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
import ssl
from contextlib import suppress
from pathlib import Path

from radon.abi.errors import ManifestError, RadonError
from radon.atoms.manifest import Tls, split_listen

BACKLOG = 1024
MOST_FILES = 1 << 20
_ABSENT = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)  # a family that a name has an address of, but this machine has not
_KEEP_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
# Seconds and probes: a peer that vanished without a word is noticed after two minutes.


async def bind(address: str, place: str) -> list[socket.socket]:
    """Sockets that listen at every address that HOST:PORT means; all with one port, if PORT is 0.

    `place` says where it is written, for messages. Raises RadonError, ManifestError; then none is open.
    """
    host, port = split_listen(address)
    bound: list[socket.socket] = []
    absent: OSError | None = None
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, _, _, _, where in dict.fromkeys(found):
            try:
                bound.append(_bind(family, (where[0], port or _port(bound), *where[2:])))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
        if absent is not None and not bound:
            raise absent
    except OSError as error:
        for listener in bound:
            listener.close()
        raise RadonError(f"cannot listen on {address}: {_reason(error)}; change {place}") from None
    return bound


def allow_files() -> None:
    """As many as the system lets this process open: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def text_of(where: tuple[object, ...]) -> str:
    """The address of a socket, as `bind` takes it."""
    host, port = where[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def tls_context(tls: Tls, base: Path) -> ssl.SSLContext:
    """For a server. Paths start from `base`. Raises ManifestError."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    certificate, key = base / tls.certificate, base / tls.key
    for path in (certificate, key):
        if not os.access(path, os.R_OK):
            raise ManifestError(f"[ingress.http.tls]: the file {path} cannot be read")
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) and error.reason else error
        raise ManifestError(
            f"[ingress.http.tls]: {certificate} and {key} are not a certificate and its unencrypted key: {reason}"
        ) from None
    return context


def _bind(family: int, where: tuple[object, ...]) -> socket.socket:
    # Without the protocol's number asyncio does not know that it is TCP, and leaves Nagle's algorithm on: 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not a port in use: one that was just left
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEP_ALIVE:
            if hasattr(socket, name):
                listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _port(bound: list[socket.socket]) -> int:
    port: int = bound[0].getsockname()[1] if bound else 0
    return port


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there"
    if error.errno == errno.EACCES:
        return "not permitted; ports below 1024 are for root"
    return (error.strerror or str(error)).lower()


def _no_password() -> str:
    return ""  # else the terminal would be asked
