"""Connections as tests make them without sockets: std:resp and its shards in a harness, bytes in and bytes out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from radon.abi.delivery import Address
from radon.abi.exchange import Connect, Disconnect, Hangup, Reply, Sent
from radon.atoms.std import STANDARDS
from radon.host.limits import Limits
from radon.testing.harness import Harness, kind

CHUNK = 65536
CLOSED = 6  # ErrorCode.CLOSED as a Reply has it


def redis(
    shards: int = 4, *, config: dict[str, str] | None = None, limits: Limits | None = None,
    shard_limits: Limits | None = None, coordinator: Path = STANDARDS["txkv"].path, **fields: Any,
) -> Harness:  # fmt: skip
    """A harness with the three kinds of a Redis front door; `limits` are those of the connections,
    `shard_limits` of the shards."""
    sharded = {"spread": "sharded", "shards": shards, "config": {"shards": str(shards)}}
    return Harness(
        {
            "resp": kind(
                "resp", STANDARDS["resp"].path, ["keys/*", "tx/*", "subscribe:redis:*"], shared=True,
                config=config or {}, limits=limits or Limits(),
            ),
            "keys": kind(
                "keys", STANDARDS["keyspace"].path, ["publish:redis:*"], limits=shard_limits or Limits(), **sharded,
            ),
            "tx": kind("tx", coordinator, ["keys/*"], **sharded),
        },
        **fields,
    )  # fmt: skip


class Line:
    """The peer of one connection; it does what the gateway does: one chunk at a time."""

    def __init__(self, harness: Harness, name: str = "1") -> None:
        self.harness = harness
        self.atom, self.address = Address("resp", f"line-{name}"), Address("@tcp", f"line-{name}")
        self.unsent = b""
        self.asked: int | None = None  # the token of the chunk that is not answered
        self.seen = 0  # of the harness's outputs
        self.ended = False
        harness.submit(Connect(self.atom, b"127.0.0.1:40312"))
        harness.run()

    def send(self, *chunks: bytes) -> bytes:
        """What comes back of these, each one chunk or more."""
        heard = b""
        for chunk in chunks:
            self.unsent += chunk
            heard += self.listen()
        return heard

    def __call__(self, *words: bytes | str | int) -> bytes:
        return self.send(command(*words))

    def listen(self) -> bytes:
        """What has come meanwhile; goes on with what could not be sent before."""
        heard = self._heard()
        while self.unsent and self.asked is None and not self.ended:
            chunk, self.unsent = self.unsent[:CHUNK], self.unsent[CHUNK:]
            self.asked = self.harness.post(self.atom.text, chunk, sender=self.address)
            heard += self._heard()
        return heard

    def leave(self) -> None:
        self.harness.submit(Disconnect(self.atom))
        self.harness.run()

    @property
    def waits(self) -> bool:
        """Its last chunk is still being handled."""
        return self.asked is not None

    def _heard(self) -> bytes:
        heard = b""
        for output in self.harness.outputs[self.seen :]:
            if isinstance(output, Reply) and output.token == self.asked:
                assert output.code in (0, CLOSED), f"the chunk failed: {output}"
                assert "radon.cause" not in dict(output.metadata), f"the chunk failed: {output}"
                self.asked = None
                heard += output.body
            elif isinstance(output, Sent) and output.to.text == self.address.text:
                heard += output.delivery.body
            elif isinstance(output, Hangup) and output.atom.text == self.atom.text:
                self.ended = True
        self.seen = len(self.harness.outputs)
        return heard


def command(*words: bytes | str | int) -> bytes:
    """As clients send it."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def replies(stream: bytes) -> list[bytes]:
    """The replies in it, each whole."""
    found = []
    while stream:
        length = _length(stream)
        found.append(stream[:length])
        stream = stream[length:]
    return found


def _length(stream: bytes) -> int:
    end = stream.index(b"\r\n") + 2
    kind, text = stream[:1], stream[1 : end - 2]
    if kind in b"$=":
        return end if text == b"-1" else end + int(text) + 2
    if kind not in b"*%~>" or text == b"-1":
        return end
    for _ in range(int(text) * (2 if kind == b"%" else 1)):
        end += _length(stream[end:])
    return end


def all_of(lines: Iterable[Line]) -> list[bytes]:
    return [line.listen() for line in lines]
