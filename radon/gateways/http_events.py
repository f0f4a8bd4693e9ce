"""A topic as server-sent events: one stream for each reader, from when it asks until it, or the gateway, goes.

A message that is UTF-8 text without carriage returns is the data of an event; any other is an event `base64`, because
the format has no way to say it. At most once: a reader that was away has missed what was published meanwhile.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import deque

from radon.abi.exchange import Published
from radon.backends.deployment import Deployment
from radon.gateways.http_exchange import Exchange
from radon.gateways.relay import Relay
from radon.host.limits import MIB

BEHIND = 1000
BEHIND_BYTES = 4 * MIB
"""What a stream holds for a slow reader, in messages and in bytes; then it is cut off."""

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment is sent, so that nothing between here and the reader gives up."""

STALLED = 60.0
"""Seconds for which a reader may take nothing of what is sent; then nobody waits for it any more."""

_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy that collects answers would hold events back
]


class EventStreams:
    """Of one gateway. In the event loop."""

    def __init__(self, deployment: Deployment, relay: Relay, keep_alive: float = KEEP_ALIVE) -> None:
        self._deployment = deployment
        self._relay = relay
        self._keep_alive = keep_alive
        self._streams: set[_Stream] = set()
        self._closed = False

    async def serve(self, exchange: Exchange, topic: str) -> None:
        """Until the reader goes, falls behind, or `close`."""
        stream = _Stream()
        listener = self._deployment.listen(topic, lambda published: self._relay(stream.hear, published))
        self._streams.add(stream)
        if self._closed:
            stream.end()
        sending = asyncio.ensure_future(self._send(exchange, stream))
        gone = asyncio.ensure_future(exchange.gone())
        try:
            await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._deployment.unlisten(listener)
            self._streams.discard(stream)
            for task in (sending, gone):
                task.cancel()
            await asyncio.gather(sending, gone, return_exceptions=True)

    async def _send(self, exchange: Exchange, stream: _Stream) -> None:
        await exchange.begin(200, _HEADERS)
        await exchange.send(b": listening\n\n")
        while not stream.ended or stream.events:
            try:
                async with asyncio.timeout(self._keep_alive):
                    await stream.news.wait()
            except TimeoutError:
                stream.hear_nothing()
            piece = stream.take()
            if piece:
                async with asyncio.timeout(STALLED):
                    await exchange.send(piece)
        await exchange.send(b"", more=False)

    def close(self) -> None:
        """End all streams, after what they hold."""
        self._closed = True
        for stream in self._streams:
            stream.end()


class _Stream:
    """What one reader is still to be sent."""

    def __init__(self) -> None:
        self.events: deque[bytes] = deque()
        self.news = asyncio.Event()
        self.ended = False
        self._bytes = 0

    def hear(self, published: Published) -> None:
        if self.ended:
            return
        event = event_of(published.body)
        if len(self.events) >= BEHIND or (self.events and self._bytes + len(event) > BEHIND_BYTES):
            self._append(b"event: overflow\ndata: you read more slowly than is published; messages were lost\n\n")
            self.ended = True
        else:
            self._append(event)

    def hear_nothing(self) -> None:
        self._append(b": keep-alive\n\n")

    def end(self) -> None:
        self.ended = True
        self.news.set()

    def take(self) -> bytes:
        """All that waits, as one piece."""
        piece = b"".join(self.events)
        self.events.clear()
        self._bytes = 0
        if not self.ended:
            self.news.clear()
        return piece

    def _append(self, event: bytes) -> None:
        self.events.append(event)
        self._bytes += len(event)
        self.news.set()


def event_of(body: bytes) -> bytes:
    """A message as an event."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\r"
    if "\r" in text:
        return b"event: base64\ndata: " + b64encode(body) + b"\n\n"
    return b"".join(b"data: " + line + b"\n" for line in body.split(b"\n")) + b"\n"
