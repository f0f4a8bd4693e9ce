"""Clients of a simulated cluster: coroutines that run in virtual time, each on a machine of its own."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from radon.abi.delivery import NOWHERE, Address
from radon.abi.errors import ErrorCode, Refused, Timeout, Unavailable
from radon.abi.exchange import Post, Reply
from radon.backends.simulation.host import Host
from radon.backends.simulation.network import Network
from radon.backends.simulation.tcp import connect
from radon.backends.simulation.world import SECOND, Node, World
from radon.testing.history import Call, Recorder
from radon.testing.simulation.connections import Connection
from radon.testing.simulation.waiting import Stopped, Wait

AGAIN = SECOND
"""ns until a client asks another host what may be asked twice, or connects to another one."""


class Client(Node):
    """One client, for a workload. `number` from 0; `random` is its own; `recorder` is all clients'."""

    def __init__(
        self, world: World, network: Network, hosts: Mapping[str, Host], number: int, recorder: Recorder
    ) -> None:
        super().__init__(world, f"c{number}")
        self.number = number
        self.random = Random(world.random.randbytes(16))
        self.calls = 0  # that were answered
        self.open: dict[int | str, str] = {}  # calls, and connections, of which something is awaited
        self._network, self._hosts, self._recorder = network, list(hosts.values()), recorder
        self._keys = 0
        self._connections: list[Connection] = []
        self._is_stopped = False

    # ---- for workloads ----

    @property
    def now(self) -> float:
        """Seconds since the world began."""
        return self.world.now / SECOND

    def begin(self, *input: Any) -> Call:
        """An operation of the history begins: see `radon.testing.history`."""
        if self._is_stopped:  # else the history would have an operation that nobody sees the end of
            raise Stopped
        return self._recorder.begin(self.name, input)

    async def sleep(self, seconds: float) -> None:
        """In virtual time; a millisecond at least, so that whoever sleeps again and again does not stop the world."""
        if not 0 <= seconds < math.inf:
            raise ValueError(f"{seconds} seconds to sleep")
        seconds = max(seconds, 0.001)
        await Wait(lambda resume: self.after(int(seconds * SECOND), resume, None))

    async def every(self, seconds: float) -> AsyncIterator[None]:
        """Once in so many seconds of virtual time, for ever; begun at a random moment of the first.

        A round that takes longer is followed by the next at once.
        """
        await self.sleep(seconds * self.random.random())
        while True:
            begin = self.now
            yield
            await self.sleep(max(0.0, begin + seconds - self.now))

    async def call(
        self, address: str, body: bytes = b"", *, timeout: float = 10.0, once: bool = True,
        metadata: Sequence[tuple[str, bytes]] = (),
    ) -> bytes:  # fmt: skip
        """Ask an atom and wait for its answer, `timeout` seconds of virtual time at most.

        `once`: with a dedup key, so that it is asked again, at other hosts too, until it is answered. Raises Timeout
        and, without a key, Unavailable when nobody knows whether it was handled; a Refused with another code is the
        atom's answer.
        """
        if not 0 < timeout < math.inf:
            raise ValueError(f"{timeout} seconds to wait for an answer")
        kind, _, key = address.partition("/")
        self._keys += 1
        name = f"{self.name}.{self._keys}"
        post = Post(
            0, 0, 1, Address(kind, key), NOWHERE, "", name if once else "", tuple(metadata), memoryview(body).tobytes()
        )
        output = await Wait(partial(self._ask, post, self._keys, self.world.now + int(timeout * SECOND)))
        if isinstance(output, Refused):
            raise output
        self.calls += 1
        if output.code:
            cause = output.body.decode(errors="replace") or ErrorCode(output.code - 1).label
            raise Refused.of(ErrorCode(output.code - 1), f"{address}: {cause}")
        return bytes(output.body)

    async def connect(self, kind: str, *, timeout: float = 10.0) -> Connection:
        """A TCP connection, as [ingress.tcp] offers it: to an atom of its own, of a keyed kind.

        Hosts are tried until one takes it. Raises Unavailable if none does in `timeout` seconds. It is closed when the
        client's coroutine ends.
        """
        if not 0 < timeout < math.inf:
            raise ValueError(f"{timeout} seconds to connect")
        entry = self._hosts[0].cluster.program.kinds.get(kind)
        if entry is None or entry.spread != "keyed":
            raise ValueError(f"connections are atoms of a keyed kind, and {kind!r} is none")
        until = self.world.now + int(timeout * SECOND)
        while self.world.now < until:
            host = self._hosts[self.random.randrange(len(self._hosts))]
            self._keys += 1
            near, far = connect(self._network, self, host, f"{self.name}:{self._keys}", kind)
            far.hear = partial(host.take, far)
            connection = Connection(self, near)
            near.say(kind.encode())
            if await connection.is_taken(min(AGAIN, until - self.world.now) / SECOND):
                self._connections.append(connection)
                return connection
            await self.sleep(0.2)
        raise Unavailable(f"no host takes a connection to {kind}")

    # ---- running them ----

    def run(self, coroutine: Coroutine[Any, Any, None], failed: Callable[[BaseException], None]) -> None:
        """From now on, until it ends. `failed` hears what it raises."""
        self._resume(coroutine, failed, None)

    def stop(self) -> None:
        """Begin nothing more: what the coroutine awaits now is the last."""
        self._is_stopped = True

    def _resume(
        self, coroutine: Coroutine[Any, Any, None], failed: Callable[[BaseException], None], value: Any
    ) -> None:
        try:
            wait: Any = coroutine.send(value)
        except (StopIteration, Stopped):
            self._hang_up()
            return
        except (Exception, SystemExit) as error:
            failed(error)
            return
        if not isinstance(wait, Wait):
            failed(TypeError("a client awaits `call` and `sleep` of its Client, and nothing else"))
        elif self._is_stopped:
            coroutine.close()
            self._hang_up()
        else:
            wait.start(partial(self._resume, coroutine, failed))

    def _hang_up(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections = []

    # ---- a call ----

    def _ask(self, post: Post, call: int, until: int, resume: Callable[[Any], None]) -> None:
        self.open[call] = post.to.text

        def end(output: Any) -> None:
            if self.open.pop(call, None) is not None:
                self.world.note(b"%b %d %b" % (self.name.encode(), call, repr(output).encode()))
                resume(output)

        def hear(asked: Post, output: Reply | None) -> None:
            if output is not None:
                end(output)
            elif not asked.once:
                end(Unavailable("nobody knows whether the message was handled"))

        def attempt() -> None:
            if call not in self.open:
                return
            if self.world.now >= until:
                end(Timeout("no answer came in time"))
                return
            host = self._hosts[self.random.randrange(len(self._hosts))]
            # Over a connection, as TCP's: a message without a dedup key must not be doubled before a host has it.
            doubles = bool(post.once)
            self._network.send(self, host, len(post.body), self._arrive_at, host, post, hear, doubles=doubles)
            wait = AGAIN if post.once else until - self.world.now
            self.after(min(wait, until - self.world.now), attempt)

        attempt()

    def _arrive_at(self, host: Host, post: Post, hear: Callable[..., None]) -> None:
        def answer(output: Any) -> None:
            self._network.send(host, self, 0, hear, post, output)

        host.serve(post, answer)
