"""The client over TCP: connects to a server that speaks the Redis protocol, and lets native/ put load on it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack

from radon.abi.errors import Unavailable
from radon.bench import native
from radon.bench.histogram import BUCKETS, Histogram
from radon.bench.load import TALLY, Load, Outcome, outcome_of
from radon.bench.workloads import KINDS

Address = tuple[str, int]

STEP = 100_000_000
"""ns between two looks at signals, and at how far it is."""

CONNECTING = 10.0
"""Seconds."""

Tick = Callable[[int], None]
"""Told now and then how many operations are done."""


def run(address: Address, load: Load, connections: int, tick: Tick = lambda done: None) -> Outcome:
    """One run, each connection with `load.window` operations under way. Raises Unavailable where it cannot begin."""
    lib, ffi = native.module().lib, native.module().ffi
    with ExitStack() as stack:
        sockets = [stack.enter_context(connect(address)) for _ in range(connections)]
        for each in sockets:
            each.setblocking(False)
        mix = ffi.new("load_mix *")
        ffi.buffer(mix)[:] = load.pack()
        client = lib.load_client_new(mix, [each.fileno() for each in sockets], len(sockets))
        if client == ffi.NULL:
            raise Unavailable(f"no memory or descriptors for {connections} connections")
        stack.callback(lib.load_client_free, client)
        tally = lib.load_client_tally(client)
        while not lib.load_client_step(client, STEP):
            tick(sum(tally.done))
        tick(sum(tally.done))
        outcome = outcome_of(bytes(ffi.buffer(tally, TALLY.size)))
        outcome.why = ffi.string(lib.load_client_why(client)).decode(errors="backslashreplace")
        for number, kind in enumerate(KINDS):
            counts = ffi.unpack(lib.load_client_counts(client, number), BUCKETS)
            if any(counts):
                outcome.latencies[kind] = Histogram((bucket, n) for bucket, n in enumerate(counts) if n)
        return outcome


def connect(address: Address) -> socket.socket:
    try:
        made = socket.create_connection(address, CONNECTING)
    except OSError as error:
        raise Unavailable(f"{text_of(address)}: {error.strerror or error}") from None
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def command(address: Address, *words: str) -> str:
    """The first line of the answer to a command, or the text of a bulk. Raises Unavailable."""
    request = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words)
    try:
        with connect(address) as made, made.makefile("rb") as stream:
            made.sendall(request)
            line = stream.readline().decode(errors="replace").rstrip("\r\n")
            if line.startswith("$") and line[1:].isdigit():
                return stream.read(int(line[1:])).decode(errors="replace")
    except (OSError, ValueError) as error:
        raise Unavailable(f"{text_of(address)}: {error}") from None
    if not line:
        raise Unavailable(f"{text_of(address)}: it closed the connection")
    return line


def text_of(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
