"""The readable twin of the TCP gateway: each connection is a protocol of asyncio, each chunk a `Deployment.post`."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import count

from radon.abi.delivery import NOWHERE, Address
from radon.abi.errors import ErrorCode, Exhausted, RadonError
from radon.abi.exchange import CAUSE, CHUNK, CONNECTION, Connect, Disconnect, Hangup, Reply, Sent
from radon.backends.deployment import Answer, Deployment
from radon.gateways import tcp
from radon.gateways.listening import text_of
from radon.gateways.relay import Relay

CROWDED = 0.05
"""Seconds until a chunk that found no room in the deployment is tried again."""

_HANDLED = (0, ErrorCode.CLOSED + 1)  # answered, or not; with a cause it failed


class AsyncioTcpGateway:
    """See `TcpGateway`."""

    def __init__(self, deployment: Deployment) -> None:
        self.connections: dict[str, _Connection] = {}  # by id
        self.deployment = deployment
        self.relay = Relay(asyncio.get_running_loop(), after=self._settle)
        self._ids = count(1)
        self._prefix = secrets.token_hex(6)  # an address from before a restart must not mean a new connection
        self._touched: dict[_Connection, None] = {}  # since the relay began to serve
        self._servers: list[asyncio.Server] = []
        self._kinds: list[str] = []
        self._empty = asyncio.Event()
        self._empty.set()
        self._watching: asyncio.TimerHandle | None = None

    async def start(self, listeners: Mapping[str, Iterable[socket.socket]]) -> None:
        """Take connections from sockets that listen, by kind of their atoms. Raises Invalid."""
        take = partial(self.relay, self._take)
        for kind in (CONNECTION, *listeners):
            self.deployment.attach(kind, take)
            self._kinds.append(kind)
        loop = asyncio.get_running_loop()
        for kind, sockets in listeners.items():
            for listener in sockets:
                self._servers.append(await loop.create_server(partial(_Connection, self, kind), sock=listener))
        self._watch()

    async def stop(self, grace: float) -> None:
        """Take no more connections and chunks, let atoms end and what they wrote leave; `grace` seconds at most."""
        if self._watching is not None:
            self._watching.cancel()
        for server in self._servers:
            server.close()
        for connection in list(self.connections.values()):
            connection.drain()
        try:
            async with asyncio.timeout(grace):
                await self._empty.wait()
        except TimeoutError:
            for connection in list(self.connections.values()):
                connection.abort()
        for kind in self._kinds:
            self.deployment.detach(kind)

    # ---- connections come and go ----

    def begin(self, connection: _Connection) -> str:
        """An id for it, the same nowhere else and never again."""
        id = f"{self._prefix}-{next(self._ids)}"
        self.connections[id] = connection
        self._empty.clear()
        return id

    def end(self, id: str) -> None:
        del self.connections[id]
        if not self.connections:
            self._empty.set()

    def _watch(self) -> None:
        for connection in list(self.connections.values()):
            connection.look()
        self._watching = asyncio.get_running_loop().call_later(tcp.WATCH, self._watch)

    # ---- what atoms send ----

    def touch(self, connection: _Connection) -> None:
        """Let it go on when all that left in this moment is here: answers that belong together are written together,
        and no chunk is sent to an atom of which the next output says that it has ended."""
        self._touched[connection] = None

    def _take(self, output: Sent | Hangup) -> None:
        if isinstance(output, Sent):
            connection = self.connections.get(output.to.key)
            if connection is not None:
                connection.write(output.delivery.body)
        elif output.atom == NOWHERE:
            for connection in list(self.connections.values()):
                connection.lose()
        else:
            connection = self.connections.get(output.atom.key)
            if connection is not None:
                connection.hang_up()

    def _settle(self) -> None:
        touched, self._touched = self._touched, {}
        for connection in touched:
            connection.go_on()


class _Connection(asyncio.Protocol):
    """One connection, between its socket and its atom."""

    def __init__(self, gateway: AsyncioTcpGateway, kind: str) -> None:
        self._gateway = gateway
        self._kind = kind
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._id = ""
        self._atom = self._address = NOWHERE
        self._received = bytearray()
        self._unsent: list[bytes] = []
        self._closing: asyncio.TimerHandle | None = None
        self._given = self._read = 0  # bytes to the transport; of them, what the peer had taken at the last look
        self._since = self._loop.time()  # so many
        self._busy = False  # a chunk is on its way, or waits for room
        self._slow = False  # the peer does not read
        self._no_more = False  # the peer will send nothing more, or is not to be heard
        self._told = False  # the atom has been told, or has ended: there is nobody to tell

    # ---- from the socket ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._id = self._gateway.begin(self)
        self._atom, self._address = Address(self._kind, self._id), Address(CONNECTION, self._id)
        peer = transport.get_extra_info("peername")
        self._submit(Connect(self._atom, text_of(peer).encode() if peer else b""))

    def data_received(self, data: bytes) -> None:
        self._received += data
        self.go_on()

    def eof_received(self) -> bool:
        self._no_more = True
        self.go_on()
        return True  # the peer may still read: the atom ends the connection

    def pause_writing(self) -> None:
        self._slow = True
        self.go_on()

    def resume_writing(self) -> None:
        self._slow = False
        self.go_on()

    def connection_lost(self, error: Exception | None) -> None:
        self._no_more = True
        self._received.clear()  # nobody would hear the answer
        if self._closing is not None:
            self._closing.cancel()
        self._tell()
        self._gateway.end(self._id)

    # ---- to the atom ----

    def go_on(self) -> None:
        """Whatever can be done now: writing, the next chunk, the news that there is no more, reading or not reading."""
        self._flush()
        if self._received and not self._busy and not self._slow and not self._told:
            self._post()
        if self._no_more:
            if not self._received and not self._busy:
                self._tell()
        elif self._slow or len(self._received) >= CHUNK:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _post(self) -> None:
        chunk = bytes(self._received[: tcp.chunk_of(self._gateway.deployment, self._kind)])
        self._busy = True
        try:
            self._gateway.deployment.post(
                self._atom, chunk, partial(self._gateway.relay, self._handled), sender=self._address
            )
        except Exhausted:
            self._loop.call_later(CROWDED, self._try_again)
        except RadonError:  # the deployment is stopping, or its store fails
            self.abort()
        else:
            del self._received[: len(chunk)]

    def _try_again(self) -> None:
        self._busy = False
        self.go_on()

    def _handled(self, answer: Answer) -> None:
        """The turn of the chunk has ended."""
        self._busy = False
        if isinstance(answer, Reply) and answer.code in _HANDLED and CAUSE not in dict(answer.metadata):
            self.write(answer.body)
        else:
            self.abort()  # a chunk is lost, and a stream with a hole is none

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._submit(Disconnect(self._atom))

    def _submit(self, record: Connect | Disconnect) -> None:
        try:
            self._gateway.deployment.submit(record)
        except RadonError:
            self._told = True
            self._transport.abort()

    # ---- from the atom ----

    def write(self, body: bytes) -> None:
        self._unsent.append(body)
        self._gateway.touch(self)

    def hang_up(self) -> None:
        """The atom has ended: close when all is written."""
        self._told = True
        self._flush()
        if not self._transport.is_closing():
            self._transport.close()
            self._closing = self._loop.call_later(tcp.FLUSH, self.abort)

    def lose(self) -> None:
        """A domain is lost, and maybe not that of the atom."""
        told = self._told
        self.hang_up()
        if not told:
            with suppress(RadonError):
                self._gateway.deployment.submit(Disconnect(self._atom))

    def drain(self) -> None:
        """Hear no more; end when what was heard is handled."""
        if not self._no_more:
            self._no_more = True
            self._transport.pause_reading()
            self.go_on()

    def abort(self) -> None:
        self._transport.abort()

    def look(self) -> None:
        """Does it take nothing, or has it broken unnoticed? A peer that left without a word has its system, or ours,
        say so when probed.
        """
        read = self._given - self._transport.get_write_buffer_size()
        if read != self._read or read == self._given:
            self._read, self._since = read, self._loop.time()
        elif self._loop.time() - self._since > tcp.STALLED:
            self.abort()
        deaf = self._no_more or not self._transport.is_reading()
        if deaf and self._transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.abort()

    def _flush(self) -> None:
        body = b"".join(self._unsent)
        self._unsent.clear()
        if body and not self._transport.is_closing():
            self._transport.write(body)
            self._given += len(body)
            if self._transport.get_write_buffer_size() > tcp.unread_of(self._gateway.deployment, self._kind):
                self.abort()
